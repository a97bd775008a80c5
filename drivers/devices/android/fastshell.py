"""The shell that reads files ten times a second: by itself where it can wait without a process, else asked each time."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

from drivers.base import Item
from drivers.clock import SECOND, Clock, pause
from drivers.devices.android import scripts
from drivers.devices.android.channels import FAST_HZ, SLOW_HZ, STEADY_HZ
from drivers.devices.android.opening import Opening
from drivers.devices.android.protocol import columns
from drivers.devices.android.ticking import Cutter, Placing, Tick
from drivers.devices.android.watching import Watched
from drivers.errors import LinkLost, LinkTimeout
from drivers.events import SamplesLost
from drivers.joining import Moments, joined
from drivers.links.asking import Answer, Conversation, converse
from drivers.links.base import Line, PieceProcess, Process, ShellLink
from drivers.model import Channel
from drivers.ticks import ticks

FAST_S = 5.0
"""How long the phone's shell may take to begin, and for one answer."""
BEAT_S = 0.5
QUIET_BEATS, SILENT_BEATS = 5, 7
"""A phone that says nothing for so long is looked at, and when it goes on for so long taken to be lost: it owes ten ticks a
second. The last ones are counted as beats of ours, so that a computer that slept, or had no time for us, does not blame the
phone."""

TURNS = 10
"""Phones tell their ticks in so many groups, one after the other within a second: together they wake us least often, but what
dozens say at one moment keeps the loop from all else for longer than 10 ms."""

_TICK_NS = SECOND // FAST_HZ


class FastShell:
    """Rounds of files, and of what is watched."""

    def __init__(
        self,
        opening: Opening,
        watched: Watched,
        shell: ShellLink,
        clock: Clock,
        opened: Callable[[int, Sequence[Channel]], list[Item]],
        together: Callable[[], int] = lambda: 1,
    ) -> None:
        """``opened`` gives the event for channels that were not open before, ``together`` how many ticks are told at once."""
        self._opening = opening
        self._watched = watched
        self._shell = shell
        self._clock = clock
        self._opened = opened
        self._together = together
        self._told_together = 0
        self._device = opening.info.device
        self._key = 0
        self._asked_of: Sequence[int] = ()
        """The processes for which the shell's functions are written."""
        self._heard_ns = clock.now()

    def rounds(self) -> AsyncGenerator[list[Item], None]:
        """What each tick gave. Raises LinkError."""
        return self._paced() if self._opening.paced else self._asked()

    async def watch_over(self) -> None:
        """Raise LinkTimeout when nothing was heard for too long, or nothing at all."""
        patience, silent, heard_ns = round(FAST_S / BEAT_S), 0, self._heard_ns
        while silent < patience:
            await pause(self._clock, BEAT_S)
            silent += 1
            while heard_ns != self._heard_ns:
                patience, silent, heard_ns = SILENT_BEATS, QUIET_BEATS, self._heard_ns
                await self._clock.sleep_until(heard_ns + round(QUIET_BEATS * BEAT_S * SECOND))
        raise LinkTimeout(f"{self._device} has said nothing for {silent * BEAT_S:g} s")

    # --- by itself

    async def _paced(self) -> AsyncGenerator[list[Item], None]:
        definitions = (self._opening.fast.definition, self._opening.steady.definition)
        self._told_together = self._together()
        script = scripts.paced(
            definitions,
            period_us=_TICK_NS // 1000,
            phase_us=_phase_us(self._opening),
            together=self._told_together,
            steady=FAST_HZ // STEADY_HZ,
            kin=FAST_HZ // SLOW_HZ,
        )
        starting = self._shell.start(["sh", "-c", script])
        async with starting as process, aclosing(self._told(process)) as told:
            async for items in told:
                yield items
                await self._order(process)
        raise LinkLost(f"the shell on {self._device} has ended")

    async def _told(self, process: Process) -> AsyncGenerator[list[Item], None]:
        """The items of what was told at once; at the end those of the last whole ticks. Raises LinkLost."""
        pieces = process.pieces() if isinstance(process, PieceProcess) else _pieces(process.lines())
        cutter, placing = Cutter(), Placing()
        told: list[Tick] = []
        try:
            async for piece in pieces:
                cuts = cutter.feed(piece.t_ns, piece.text) if piece.stream == "out" else ()
                for items in self._whole(cuts, piece.t_ns, placing, told):
                    yield items
        except LinkLost:
            yield self._ticks(told, placing)
            raise
        yield self._ticks(told, placing)

    def _whole(
        self, cuts: Sequence[Tick | str], t_ns: int, placing: Placing, told: list[Tick]
    ) -> Iterator[list[Item]]:
        """The items of what is whole now; in ``told`` the ticks that others are told with."""
        for cut in cuts:
            self._heard_ns = t_ns
            if not isinstance(cut, str):
                told.append(cut)
                if not cut.last:
                    continue
            items = self._ticks(told, placing)
            yield items if not isinstance(cut, str) else items + self._lost(t_ns)
            told.clear()

    def _ticks(self, ticks: Sequence[Tick], placing: Placing) -> list[Item]:
        """The items of ticks that were told at once, each channel's together."""
        placed = [(placing.place(tick.device_ns, tick.arrival_ns), tick) for tick in ticks]
        if len(placed) > 1:
            moments = Moments.of(tuple(t_ns for t_ns, _ in placed))
            fast = self._opening.fast.gather(moments, [tick.fast for tick in ticks])
            if fast is not None:
                followed = [self._followed(t_ns, tick) for t_ns, tick in placed] if self._asked_of else ()
                return fast + joined(followed) + self._steady(placed)
        return joined([self._tick(t_ns, tick) for t_ns, tick in placed])

    def _tick(self, t_ns: int, tick: Tick) -> list[Item]:
        items = self._files(self._opening.fast.take(t_ns, tick.fast), tick.arrival_ns)
        return items + self._followed(t_ns, tick) + self._steady([(t_ns, tick)])

    def _steady(self, placed: Sequence[tuple[int, Tick]]) -> list[Item]:
        """What ticks tell of files that change slowly: some bring them."""
        steady = self._opening.steady
        told = [(t_ns, tick.steady, tick.arrival_ns) for t_ns, tick in placed if tick.steady is not None]
        if len(told) > 1:
            moments = Moments.of(tuple(t_ns for t_ns, _, _ in told))
            items = steady.gather(moments, [text for _, text, _ in told])
            if items is not None:
                return items
        return joined([self._files(steady.take(t_ns, text), arrival_ns) for t_ns, text, arrival_ns in told])

    def _followed(self, t_ns: int, tick: Tick) -> list[Item]:
        """What a tick tells of the processes that are watched."""
        if not self._asked_of:
            return []
        items: list[Item] = self._opened(tick.arrival_ns, self._watched.announced)
        for keyed, take in ((tick.mine, self._watched.take), (tick.kin, self._watched.take_kin)):
            if keyed is not None and keyed[0] == f"k{self._key}":
                items += self._files(self._of_watched(take, t_ns, keyed[1]), tick.arrival_ns)
        return items

    async def _order(self, process: Process) -> None:
        """Have the shell read what is watched now, and tell as many ticks at once as it shall, unless it does."""
        orders: list[str] = []
        if self._watched.pids != self._asked_of:
            self._asked_of = self._watched.pids
            self._key += 1
            key = f"k{self._key}" if self._asked_of else ""
            orders.append(scripts.follow(key, self._watched.readings(), self._watched.kin_readings()))
        together = self._together()
        if together != self._told_together:
            self._told_together = together
            orders.append(scripts.tell(together))
        if orders:
            await process.write(f"{'; '.join(orders)}\n".encode())

    # --- asked

    async def _asked(self) -> AsyncGenerator[list[Item], None]:
        async with converse(self._shell, self._clock) as conversation:
            definitions = (scripts.NEW_LINE, self._opening.fast.definition, self._opening.steady.definition)
            await conversation.ask("\n".join(definitions), timeout_s=FAST_S)
            step = 0
            async for _ in ticks(self._clock, _TICK_NS):
                yield await self._question(conversation, step)
                step += 1

    async def _question(self, conversation: Conversation, step: int) -> list[Item]:
        items: list[Item] = []
        names, takes = [self._opening.fast.name], [self._opening.fast.take]
        if self._watched.pids:
            items += self._opened(self._clock.now(), self._watched.announced)
            await self._write_readings(conversation)
            names.append("melt_mine")
            takes.append(lambda t_ns, text: self._of_watched(self._watched.take, t_ns, text))
        if self._watched.pids and step % (FAST_HZ // SLOW_HZ) == 0:
            names.append("melt_kin")
            takes.append(lambda t_ns, text: self._of_watched(self._watched.take_kin, t_ns, text))
        if step % (FAST_HZ // STEADY_HZ) == 0:
            names.append(self._opening.steady.name)
            takes.append(self._opening.steady.take)
        answer = await conversation.ask(scripts.rounds(names), timeout_s=FAST_S)
        self._heard_ns = answer.t1_ns
        return items + self._answered(answer, takes)

    def _answered(
        self, answer: Answer, takes: Sequence[Callable[[int, str], list[Item] | None]]
    ) -> list[Item]:
        texts = answer.text.split("\n", len(takes) - 1)
        texts += [""] * (len(takes) - len(texts))
        items: list[Item] = []
        for take, text in zip(takes, texts, strict=True):
            items += self._files(take(answer.middle_ns, text), answer.t1_ns)
        return items

    async def _write_readings(self, conversation: Conversation) -> None:
        """Write the shell's functions for the processes that are watched, unless they are written."""
        if self._watched.pids != self._asked_of:
            self._asked_of = self._watched.pids
            order = scripts.follow("1", self._watched.readings(), self._watched.kin_readings())
            await conversation.ask(order, timeout_s=FAST_S)

    # --- both

    def _of_watched(
        self, take: Callable[[int, Sequence[str]], list[Item]], t_ns: int, text: str
    ) -> list[Item] | None:
        """What is watched; nothing when that is no longer what was asked for."""
        if self._watched.pids != self._asked_of:
            return []
        texts = columns(text, 2 * len(self._asked_of))
        return None if texts is None else take(t_ns, texts)

    def _files(self, items: list[Item] | None, t_ns: int) -> list[Item]:
        return self._lost(t_ns) if items is None else items

    def _lost(self, t_ns: int) -> list[Item]:
        reason = "a round of the phone's shell came damaged"
        return [SamplesLost(t_ns=t_ns, device=self._device, channel="", count=None, reason=reason)]


async def _pieces(lines: AsyncIterator[Line]) -> AsyncIterator[Line]:
    """Lines with their ends."""
    async for line in lines:
        yield replace(line, text=f"{line.text}\n")


def _phase_us(opening: Opening) -> int:
    """When in a second of ours the phone tells its ticks, by its own clock."""
    second_us = SECOND // 1000
    return (opening.lead_ns // 1000 + int(opening.turn * TURNS) * second_us // TURNS) % second_us
