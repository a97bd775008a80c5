"""What happens, as told by drivers: one frozen class per event. Text in them is data from outside, bounded in length.

``t_ns`` is host-monotonic; ``device`` the device's name in the session; ``run`` is stamped by the session.
"""

from dataclasses import dataclass
from enum import StrEnum

from drivers.model import Channel

TEXT_LIMIT = 4096
"""Characters of outside text that one event carries at most."""


def bounded(text: str) -> str:
    """Outside text cut to ``TEXT_LIMIT`` characters, the cut marked by an ellipsis."""
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at one moment on one device."""

    t_ns: int
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsOpened(Event):
    """These channels may carry samples from now on; said before the first sample of each."""

    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent(Event):
    """Something that this device does not give, said once, with the reason and what would help."""

    what: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine(Event):
    """A line of a runtime's output or of the device's log."""

    source: str
    text: str
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEngaged(Event):
    """The platform says that a limit is in force: why, and how deep."""

    limit: str
    """Which one, unique within the device: ``thermal status``, ``cpu cap policy4``."""
    reason: str
    """``thermal``, ``power limit``, ``current limit``, ``operating-system cap``, ``memory pressure``, ``unknown``."""
    detail: str = ""
    """In the platform's words: ``SEVERE``, ``2.84 → 1.80 GHz``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReleased(Event):
    """The limit of that name is no longer in force."""

    limit: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesLost(Event):
    """Samples that a device sent and nobody got, or that came damaged: never silent."""

    channel: str
    count: int | None
    reason: str

    @property
    def what(self) -> str:
        """Of what so many were lost: ``damaged lines``, ``samples of power (not received)``."""
        return self.reason if self.reason == self.channel else f"samples of {self.channel} ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplySet(Event):
    """Somebody has set what the meter ``device`` supplies to what it feeds. None: as it was before."""

    volts: float | None = None
    on: bool | None = None
    """Whether current reaches the device from now on."""

    @property
    def said(self) -> str:
        """In words."""
        if self.on is False:
            return "output cut"
        return "output switched on" if self.volts is None else f"supplies {self.volts:g} V"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMeasured(Event):
    """A device clock against the host's: ``host = device_time + offset_ns``, within ± ``uncertainty_ns``.

    ``t_ns`` is host time, as of every event; it holds for the device's channels of ``own_clock``.
    """

    offset_ns: int
    uncertainty_ns: int
    origin: str
    """How it was found: ``round trip``, ``power edge``, ``by hand``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(Event):
    """Something that belongs to a run."""

    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing(RunEvent):
    """A step before the first prompt that takes its time: pushing, expanding, loading a model."""

    step: str
    done: float
    """Fraction 0…1."""
    eta_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStarted(RunEvent):
    """The runtime's process on the device; the session asks the device to watch it."""

    pid: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnded(RunEvent):
    """That process is gone. ``returncode`` None: it was not ours to wait for."""

    pid: int
    returncode: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoaded(RunEvent):
    """Ready for the first prompt."""

    load_s: float | None
    """Runtime start until ready; None when attached to a server that was already there."""
    build: str = ""
    backend: str = ""
    threads: int | None = None
    context: int | None = None
    batch: int | None = None
    model: str = ""
    """As the runtime itself names it."""


class TurnPurpose(StrEnum):
    """Whether a turn counts."""

    MEASURED = "measured"
    WARMUP = "warmup"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(RunEvent):
    """The prompt was sent."""

    turn: int
    """Counts from 1 within the run, warm-up turns included."""
    conversation: int = 0
    prompt: int = 0
    """Position in its conversation: turns are paired by (conversation, prompt)."""
    repetition: int = 0
    purpose: TurnPurpose = TurnPurpose.MEASURED
    context_tokens: int | None = None
    """Tokens in the context before this prompt."""
    text: str = ""
    """The prompt, bounded; empty for one made of token ids."""
    sent: bool = True
    """Whether the prompt was sent then. Otherwise nobody told when: the turn was noticed by its first token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillProgress(RunEvent):
    """How much of the prompt has been evaluated."""

    turn: int
    processed: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstToken(RunEvent):
    """The first output token reached this computer."""

    turn: int
    ttft_s: float | None
    """None where nobody told when the prompt was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputText(RunEvent):
    """Text that the model wrote since the last one: some tokens at a time, a few times a second."""

    turn: int
    text: str


class TurnEnd(StrEnum):
    """Why a turn ended."""

    LIMIT = "limit"
    EOS = "eos"
    STOPPED = "stopped"
    TIME = "time"
    FAILED = "failed"
    REFUSED = "refused"
    """The engine took no prompt: with it the context would have been full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(RunEvent):
    """The last token came, or the turn was cut. What the engine did not say is None, never 0."""

    turn: int
    end: TurnEnd
    prompt_tokens: int | None = None
    """New ones, evaluated in this turn."""
    cached_tokens: int | None = None
    output_tokens: int | None = None
    """All generated, the first included."""
    first_token_ns: int | None = None
    """Arrival of the first output token."""
    last_token_ns: int | None = None
    """Arrival of the last output token."""
    prompt_s: float | None = None
    """Prompt-evaluation time as the engine tells it."""
    decode_s: float | None = None
    """First to last output token as the engine tells it."""
    output_sha256: str = ""
    approximate: bool = False
    """Times were read off a text stream, not told by the engine."""
    detail: str = ""
