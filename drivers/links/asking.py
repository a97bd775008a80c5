"""A conversation with a shell that stays: requests and answers in order, and what the device's own clock says."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import count

from drivers.clock import SECOND, Clock
from drivers.errors import Garbled, LinkLost, LinkTimeout, NotSupported
from drivers.foreign import printable
from drivers.links.base import PieceProcess, Process, ShellLink

ANSWER_LIMIT = 1 << 20
"""Characters of one answer."""
_AS_IT_COMES = ("{\n", "\n} </dev/null; echo END\n")
_AT_ONCE = (
    'x="$({\n',
    """
} </dev/null)"
case $KSH_VERSION in ?*) print -r -- "$x
END";; *) printf '%s\\n%s\\n' "$x" END;; esac
""",
)
"""mksh has no ``printf`` of its own, dash an ``echo`` that reads escapes."""
_END_LIMIT = 64
"""Characters of an answer's end, at most."""

_REAL_TIME = re.compile(r"([0-9]{9,11})[.,]([0-9]{6})")
_NANOSECONDS = re.compile(r"([0-9]{18,20})")
_UPTIME = re.compile(r"([0-9]{1,11})\.([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script wrote to its standard output, and between which host times it ran."""

    t0_ns: int
    """Before the request was sent."""
    t1_ns: int
    """When the end of the answer arrived."""
    text: str
    """Its lines, joined by line feeds, the last without one."""

    @property
    def middle_ns(self) -> int:
        """The host time at which the answer was most likely true."""
        return (self.t0_ns + self.t1_ns) // 2


class Conversation:
    """One shell at the far end that answers one script after the other.

    Scripts run in the shell itself, with empty input: what they define stays, and builtins cost no process. What they
    write to standard error is dropped, unless they redirect it.
    """

    def __init__(self, process: Process, clock: Clock) -> None:
        self._process = process
        self._clock = clock
        self._whole = isinstance(process, PieceProcess)
        self._pieces = process.pieces() if isinstance(process, PieceProcess) else process.lines()
        self._heard = ""
        """What has come since the last answer's end, and when the last of it came."""
        self._heard_ns = clock.now()
        self._too_long = False
        self._mark = f"melt-{secrets.token_hex(8)}-"
        self._end = re.compile(rf"{self._mark}([0-9]{{1,18}})\r?\n")
        self._numbers = count(1)
        self._turn = asyncio.Lock()

    async def ask(self, script: str, *, timeout_s: float = 5.0, at_once: bool = False) -> Answer:
        """Run ``script`` and give what it wrote; several who ask wait for one another.

        ``at_once`` runs it in a process of its own, and has what it wrote sent in one piece: each piece costs a packet, here
        and on the device.
        Raises LinkTimeout (a late answer is passed over by whoever asks next), LinkLost when the shell is gone,
        Garbled for more than ``ANSWER_LIMIT``.
        """
        try:
            async with asyncio.timeout(timeout_s), self._turn:
                number = next(self._numbers)
                t0_ns = self._clock.now()
                await self._process.write(self._request(script, number, at_once=at_once))
                return await self._answer(t0_ns, number)
        except TimeoutError:
            self._pieces = self._process.lines()  # as before: of one that gives pieces they stay pieces
            raise LinkTimeout(f"the device's shell did not answer within {timeout_s:g} s") from None

    def _request(self, script: str, number: int, *, at_once: bool) -> bytes:
        before, after = _AT_ONCE if at_once else _AS_IT_COMES
        return f"{before}{script}{after.replace('END', f'{self._mark}{number}')}".encode()

    async def _answer(self, t0_ns: int, number: int) -> Answer:
        while True:
            heard, t1_ns, text = await self._next()
            if heard == number:
                if text is None:
                    raise Garbled(f"the device's shell answered more than {ANSWER_LIMIT >> 20} MiB")
                return Answer(t0_ns, t1_ns, text)

    async def _next(self) -> tuple[int, int, str | None]:
        """The number, end and text of the next answer, whoever asked for it; no text when it was too long."""
        looked = 0
        while (end := self._end.search(self._heard, max(0, looked - _END_LIMIT))) is None:
            looked = self._forget_too_much()
            await self._hear()
        text, self._heard = self._heard[: end.start()], self._heard[end.end() :]
        too_long, self._too_long = self._too_long or len(text) > ANSWER_LIMIT, False
        text = text.replace("\r\n", "\n").removesuffix("\n")
        return int(end[1]), self._heard_ns, None if too_long else text

    def _forget_too_much(self) -> int:
        """How many characters are kept that hold no end."""
        if len(self._heard) > ANSWER_LIMIT:
            self._too_long = True
            self._heard = self._heard[-_END_LIMIT:]
        return len(self._heard)

    async def _hear(self) -> None:
        """Wait for more."""
        async for piece in self._pieces:
            if piece.stream == "out":
                self._heard += piece.text if self._whole else f"{piece.text}\n"
                self._heard_ns = piece.t_ns
                return
        raise LinkLost("the device's shell has ended")


@asynccontextmanager
async def converse(
    shell: ShellLink, clock: Clock, argv: Sequence[str] = ("sh",)
) -> AsyncIterator[Conversation]:
    """Start a shell and talk with it; it ends with the block."""
    async with shell.start(argv) as process:
        yield Conversation(process, clock)


class OwnTime(Enum):
    """How a device tells its own time; the value is a word for the shell that expands to it."""

    REAL_TIME = "$EPOCHREALTIME"
    """Wall clock in µs, of mksh and bash, without a process. A step of the clock shows in the next measured offset."""
    DATE = "$(date +%s%N)"
    """Wall clock in ns, at the cost of a process."""
    UPTIME = "$(read -r up _ </proc/uptime; echo $up)"
    """Monotonic, since the start and without time asleep, in steps of 10 ms: where there is nothing finer."""

    @property
    def step_ns(self) -> int:
        """Its resolution."""
        return {OwnTime.REAL_TIME: 1_000, OwnTime.DATE: 1, OwnTime.UPTIME: 10_000_000}[self]

    def read(self, text: str) -> int | None:
        """The device's time in ns from what the word expanded to, also in a comma locale; None for anything else."""
        match self:
            case OwnTime.REAL_TIME:
                found = _REAL_TIME.fullmatch(text)
                return int(found[1]) * SECOND + int(found[2]) * 1_000 if found else None
            case OwnTime.DATE:
                found = _NANOSECONDS.fullmatch(text)
                return int(found[1]) if found else None
            case OwnTime.UPTIME:
                found = _UPTIME.fullmatch(text)
                return int(found[1]) * SECOND + int(found[2]) * 10_000_000 if found else None


@dataclass(frozen=True, slots=True)
class Offset:
    """``host = device + offset_ns``, within ± ``uncertainty_ns``, as it was at host time ``t_ns``."""

    t_ns: int
    offset_ns: int
    uncertainty_ns: int


async def find_own_time(conversation: Conversation) -> OwnTime:
    """The finest clock that the device's shell offers. Raises NotSupported when there is none, and as ``ask``."""
    for own in OwnTime:
        answer = await conversation.ask(f"echo {own.value} 2>/dev/null")
        if own.read(answer.text) is not None:
            return own
    raise NotSupported("the device does not tell its time")


async def measure_offset(conversation: Conversation, own: OwnTime, *, rounds: int = 8) -> Offset:
    """The offset of the device's clock by the shortest of several round trips.

    The device told its time at some moment of the trip: the offset is that of its middle, the uncertainty half the
    trip and one step of the device's clock. Raises Garbled, and as ``ask``.
    """
    measured = [await _round_trip(conversation, own) for _ in range(rounds)]
    return min(measured, key=lambda offset: offset.uncertainty_ns)


async def _round_trip(conversation: Conversation, own: OwnTime) -> Offset:
    answer = await conversation.ask(f"echo {own.value}")
    device_ns = own.read(answer.text)
    if device_ns is None:
        raise Garbled(f"the device told its time as {printable(answer.text, 40)!r}")
    half_ns = (answer.t1_ns - answer.t0_ns + 1) // 2
    return Offset(answer.t1_ns, answer.middle_ns - device_ns, half_ns + own.step_ns)
