"""Random sessions: what the bus could carry, drawn by hypothesis as a list of steps that shrinks well."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    LogLine,
    ModelLoaded,
    OutputText,
    PrefillProgress,
    Preparing,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import (
    Channel,
    Decoding,
    DeviceInfo,
    DeviceKind,
    DType,
    Kind,
    Quantity,
    RunSpec,
    Unit,
    block,
    linear,
    reading,
    uneven_block,
)
from melt_tui.events import (
    SELF,
    Confidence,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    Mark,
    Phase,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    ThrottleEnded,
    ThrottleOnset,
    Tick,
    Wired,
)

START_NS = 1_000 * SECOND
DEVICES = ("phone", "board", "meter")
NAMES = ("soc", "adc", "tokens")

LEAPS_NS = (0, 1, 250_000, MILLISECOND, 30 * MILLISECOND, 250 * MILLISECOND, SECOND, 7 * SECOND, 90 * SECOND)
"""How far a step may lie after the one before it."""

ADC = Decoding(pieces=((-1.0, 0.125), (0.0, 2.0, 1e-3)), bits=12)
SOC = (linear(0.5, -3.0), linear(0.25))


@dataclass(frozen=True)
class Step:
    """One thing that happens: what, to which device, how long after the last, and a number to vary it by."""

    what: str
    device: str
    leap_ns: int
    by: int


ALL_UP = [Step("up", device, 0, 0) for device in DEVICES]
ALL_RUN = [*ALL_UP, *(Step(what, device, 0, 1) for device in DEVICES for what in ("run", "begin"))]


def steps(*, most: int = 60, what: Sequence[str] = ()) -> st.SearchStrategy[list[Step]]:
    """Steps of these kinds, or of any."""
    one = st.builds(
        Step,
        st.sampled_from(tuple(what) or tuple(ACTIONS)),
        st.sampled_from(DEVICES),
        st.sampled_from(LEAPS_NS),
        st.integers(0, 1 << 16),
    )
    beginnings = st.sampled_from((ALL_UP, ALL_RUN, []))
    return st.builds(list[Step].__add__, beginnings, st.lists(one, max_size=most))


def session(taken: Sequence[Step]) -> list[Item]:
    """The items of a session that went so, in order of publication. Steps that cannot be at their time are left out."""
    return list(Script().play(taken))


def channels(device: str, soc: Decoding = SOC[0]) -> tuple[Channel, Channel, Channel]:
    """Of every device: a slow one, a bulk one, and one that comes when it comes; some by the device's own clock."""
    return (
        Channel(
            device=device,
            name="soc",
            quantity=Quantity.TEMPERATURE,
            unit=Unit.CELSIUS,
            rate_hz=10.0,
            dtype=DType.I16,
            decoding=soc,
            own_clock=device != "meter",
        ),
        Channel(
            device=device,
            name="adc",
            quantity=Quantity.POWER,
            unit=Unit.WATT,
            rate_hz=1000.0,
            dtype=DType.U16,
            decoding=ADC,
            own_clock=device != "meter",
        ),
        Channel(
            device=device,
            name="tokens",
            quantity=Quantity.TOKENS,
            unit=Unit.TOKENS,
            kind=Kind.COUNTER,
            dtype=DType.I64,
            own_clock=device == "board",
        ),
    )


class Script:
    """Plays steps: knows just enough of what is going on to publish nothing that no session could."""

    def __init__(self) -> None:
        self.t_ns = START_NS
        self.up: dict[str, tuple[Channel, Channel, Channel]] = {}
        self.runs: dict[str, str] = {}
        self.turns: dict[str, int] = {}
        self.open_turns: set[str] = set()
        self.tokens: dict[str, int] = {}
        self.offsets: dict[str, int] = {}
        self.measured: dict[str, int] = {}
        self.started = 0
        self.throttled: dict[str, tuple[int, bool]] = {}

    def play(self, taken: Sequence[Step]) -> Iterator[Item]:
        yield SessionStarted(t_ns=self.t_ns, device=SELF, wall_ns=5, name="s", version="1", host="h")
        for step in taken:
            self.t_ns += step.leap_ns
            yield from ACTIONS[step.what](self, step)
        yield SessionEnded(t_ns=self.t_ns + SECOND, device=SELF, wall_ns=9)

    def connect(self, step: Step) -> Iterator[Item]:
        if step.device not in self.up:
            reason = ("", "no cable", "busy")[step.by % 3]
            yield DeviceConnecting(t_ns=self.t_ns, device=step.device, address="x", reason=reason)

    def bring_up(self, step: Step) -> Iterator[Item]:
        if step.device in self.up:
            return
        info = DeviceInfo(device=step.device, address="x", kind=DeviceKind.BOARD, os=f"os {step.by % 3}")
        self.up[step.device] = channels(step.device, SOC[step.by % 2])
        yield DeviceUp(t_ns=self.t_ns, device=step.device, info=info)
        yield ChannelsOpened(t_ns=self.t_ns, device=step.device, channels=self.up[step.device])

    def lose(self, step: Step) -> Iterator[Item]:
        if self.up.pop(step.device, None):
            yield DeviceLost(t_ns=self.t_ns, device=step.device, reason=f"pulled {step.by % 3}")

    def fail(self, step: Step) -> Iterator[Item]:
        self.up.pop(step.device, None)
        yield DeviceFailed(t_ns=self.t_ns, device=step.device, reason="no permission", remedy="ask")

    def wire(self, step: Step) -> Iterator[Item]:
        yield Wired(t_ns=self.t_ns, device=step.device, feeds=DEVICES[step.by % 3], point="usb-input")

    def mark(self, step: Step) -> Iterator[Item]:
        yield Mark(t_ns=self.t_ns, device=SELF, name=f"m{step.by}")

    def tick(self, step: Step) -> Iterator[Item]:
        yield Tick(t_ns=self.t_ns, device=SELF)

    def log(self, step: Step) -> Iterator[Item]:
        yield LogLine(t_ns=self.t_ns, device=step.device, source="log", text=f"line {step.by}")

    def limit(self, step: Step) -> Iterator[Item]:
        name = ("thermal", "cap")[step.by % 2]
        if step.by % 3:
            yield LimitEngaged(
                t_ns=self.t_ns, device=step.device, limit=name, reason="thermal", detail=str(step.by % 5)
            )
        else:
            yield LimitReleased(t_ns=self.t_ns, device=step.device, limit=name)

    def throttle(self, step: Step) -> Iterator[Item]:
        """Told late, and dated back; onset and end take turns."""
        last_ns, on = self.throttled.get(step.device, (START_NS - 1, False))
        t_ns = max(last_ns + 1, self.t_ns - step.by * SECOND // 10)
        if t_ns > self.t_ns:
            return
        self.throttled[step.device] = (t_ns, not on)
        if on:
            yield ThrottleEnded(
                t_ns=t_ns, device=step.device, onset_ns=last_ns, recovered=True, ratio=0.7, deepest=0.6
            )
            return
        yield ThrottleOnset(
            t_ns=t_ns, device=step.device, confirmed_ns=self.t_ns, phase=Phase.DECODE, reason="thermal",
            limit="thermal", mechanism_ns=t_ns, confidence=Confidence.LOW, ratio=0.8, rate_tps=8.0,
            expected_tps=10.0, elapsed_s=1.0, tokens=5, turns=step.by % 3,
        )  # fmt: skip

    def run(self, step: Step) -> Iterator[Item]:
        if step.device in self.runs:
            return
        self.started += 1
        run = self.runs[step.device] = f"r{self.started}"
        self.turns[step.device] = 0
        self.tokens[step.device] = 0
        spec = RunSpec(run=run, device=step.device, runtime="x", model=None, workload=None, context=step.by)
        yield RunStarted(t_ns=self.t_ns, device=step.device, run=run, spec=spec)

    def prepare(self, step: Step) -> Iterator[Item]:
        if (run := self.runs.get(step.device)) and not self.turns[step.device]:
            done = (step.by % 11) / 10
            yield Preparing(t_ns=self.t_ns, device=step.device, run=run, step="push", done=done, eta_s=1.5)

    def load(self, step: Step) -> Iterator[Item]:
        if (run := self.runs.get(step.device)) and not self.turns[step.device]:
            yield ModelLoaded(t_ns=self.t_ns, device=step.device, run=run, load_s=0.5)

    def begin(self, step: Step) -> Iterator[Item]:
        run = self.runs.get(step.device)
        if not run or step.device in self.open_turns:
            return
        self.open_turns.add(step.device)
        self.turns[step.device] += 1
        purpose = TurnPurpose.WARMUP if step.by % 4 == 0 else TurnPurpose.MEASURED
        turn = self.turns[step.device]
        yield TurnStarted(t_ns=self.t_ns, device=step.device, run=run, turn=turn, purpose=purpose)

    def prefill(self, step: Step) -> Iterator[Item]:
        if step.device in self.open_turns:
            yield PrefillProgress(
                t_ns=self.t_ns,
                device=step.device,
                run=self.runs[step.device],
                turn=self.turns[step.device],
                processed=step.by % 100,
                total=0 if step.by % 7 == 0 else 100,
            )

    def first(self, step: Step) -> Iterator[Item]:
        if step.device in self.open_turns:
            run, turn = self.runs[step.device], self.turns[step.device]
            yield FirstToken(t_ns=self.t_ns, device=step.device, run=run, turn=turn, ttft_s=0.25)
            yield OutputText(t_ns=self.t_ns, device=step.device, run=run, turn=turn, text="so")

    def finish(self, step: Step) -> Iterator[Item]:
        if step.device in self.open_turns:
            self.open_turns.remove(step.device)
            yield TurnEnded(
                t_ns=self.t_ns,
                device=step.device,
                run=self.runs[step.device],
                turn=self.turns[step.device],
                end=TurnEnd.EOS,
                last_token_ns=None if step.by % 3 == 0 else self.t_ns - step.by % 5 * MILLISECOND,
            )

    def end(self, step: Step) -> Iterator[Item]:
        if run := self.runs.pop(step.device, None):
            self.open_turns.discard(step.device)
            yield RunEnded(t_ns=self.t_ns, device=step.device, run=run, outcome=RunOutcome.DONE)

    def value(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            yield reading(opened[0], self._own(opened[0]), step.by % 200 - 50)

    def late_value(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            yield reading(opened[0], self._own(opened[0]) - step.by * 40_000, step.by % 200 - 50)

    def values(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            times = _times(self._own(opened[0]), step.by)
            yield uneven_block(opened[0], times, [(step.by * k) % 77 for k in range(len(times))])

    def bulk(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            n, t_ns = 1 + step.by % 150, self._own(opened[1])
            codes = [(step.by * (k + 7)) % 8192 for k in range(n)]
            yield block(opened[1], t_ns, t_ns + (n - 1) * MILLISECOND + step.by % 999 * (n > 1), codes)

    def late_bulk(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            n, t_ns = 1 + step.by % 20, self._own(opened[1]) - step.by * 30_000
            yield block(opened[1], t_ns, t_ns + (n - 1) * MILLISECOND, [k % 8192 for k in range(n)])

    def bulk_uneven(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            times = _times(self._own(opened[1]), step.by)
            yield uneven_block(opened[1], times, [(step.by + k) % 8192 for k in range(len(times))])

    def count(self, step: Step) -> Iterator[Item]:
        if opened := self.up.get(step.device):
            self.tokens[step.device] = self.tokens.get(step.device, 0) + step.by % 4
            yield reading(opened[2], self._own(opened[2]), self.tokens[step.device])

    def clock(self, step: Step) -> Iterator[Item]:
        """A clock that wanders by some per cent at most: the map stays close to one second a second."""
        since = self.t_ns - self.measured.get(step.device, START_NS - SECOND)
        if since >= 30 * MILLISECOND:
            wander = since // 50 * (step.by % 5 - 2) // 2
            yield self._measured(step, self.offsets.get(step.device, 77 * MILLISECOND) + wander)

    def jump(self, step: Step) -> Iterator[Item]:
        """A clock that is set, forwards or backwards."""
        yield self._measured(step, self.offsets.get(step.device, 0) + (step.by - 30_000) * 100_000)

    def _measured(self, step: Step, offset_ns: int) -> ClockMeasured:
        self.offsets[step.device] = offset_ns
        self.measured[step.device] = self.t_ns
        return ClockMeasured(
            t_ns=self.t_ns, device=step.device, offset_ns=offset_ns, uncertainty_ns=1000, origin="round trip"
        )

    def _own(self, channel: Channel) -> int:
        return self.t_ns - self.offsets.get(channel.device, 0) * channel.own_clock


def _times(t_ns: int, by: int) -> list[int]:
    times = [t_ns]
    for k in range(by % 6):
        times.append(times[-1] + (0, 1, 333_333, 4 * MILLISECOND, 90 * MILLISECOND)[(by >> k) % 5])
    return times


ACTIONS: dict[str, Callable[[Script, Step], Iterator[Item]]] = {
    "up": Script.bring_up,
    "connect": Script.connect,
    "value": Script.value,
    "values": Script.values,
    "bulk": Script.bulk,
    "bulk_uneven": Script.bulk_uneven,
    "late_value": Script.late_value,
    "late_bulk": Script.late_bulk,
    "count": Script.count,
    "run": Script.run,
    "prepare": Script.prepare,
    "load": Script.load,
    "begin": Script.begin,
    "prefill": Script.prefill,
    "first": Script.first,
    "finish": Script.finish,
    "end": Script.end,
    "limit": Script.limit,
    "throttle": Script.throttle,
    "lose": Script.lose,
    "fail": Script.fail,
    "wire": Script.wire,
    "mark": Script.mark,
    "tick": Script.tick,
    "log": Script.log,
    "clock": Script.clock,
    "jump": Script.jump,
}

STEADY = tuple(name for name in ACTIONS if name != "jump")
"""All but clocks that are set."""
