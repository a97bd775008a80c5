"""The words that travel: what a device is, what a channel means, and blocks of samples. All frozen.

Times are host-monotonic nanoseconds (``clock.now()``) unless the channel's device keeps a clock of its own;
stored times are never rewritten, a clock map corrects them on reading.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from drivers.accuracy import Accuracy
from drivers.fair import Fair
from drivers.modelfile import ModelFile


class Quantity(StrEnum):
    """What a channel measures; transforms and charts choose by it."""

    TOKENS = "tokens"
    """Output tokens of the run so far, at the engine's own times."""
    TOKEN_ARRIVALS = "token_arrivals"
    """Output tokens of the run so far, at the times they reached this computer."""
    TOKEN_RATE = "token_rate"
    RATE_SHARE = "rate_share"
    """The decode rate as a part of what is expected, cool, at the same context."""
    RSS = "rss"
    RSS_ANON = "rss_anon"
    RSS_FILE = "rss_file"
    RSS_PEAK = "rss_peak"
    FOOTPRINT = "footprint"
    GPU_MEMORY = "gpu_memory"
    MEMORY_AVAILABLE = "memory_available"
    MEMORY_PRESSURE = "memory_pressure"
    CPU_USE = "cpu_use"
    FREQUENCY = "frequency"
    FREQUENCY_CAP = "frequency_cap"
    TEMPERATURE = "temperature"
    """Of the SoC, a core or a package."""
    SKIN_TEMPERATURE = "skin_temperature"
    BATTERY_TEMPERATURE = "battery_temperature"
    AMBIENT_TEMPERATURE = "ambient_temperature"
    OTHER_TEMPERATURE = "other_temperature"
    """Of a disk, a wireless card, a regulator."""
    FAN = "fan"
    POWER = "power"
    VOLTAGE = "voltage"
    CURRENT = "current"
    ENERGY = "energy"
    ENERGY_PER_TOKEN = "energy_per_token"
    BATTERY_LEVEL = "battery_level"
    THROTTLE_COUNT = "throttle_count"
    LIMIT_LEVEL = "limit_level"
    """How deep a platform's own limit is in force: thermal status, cooling state."""
    LOSS_COUNT = "loss_count"
    """Samples or frames lost or damaged so far."""
    LOOP_LAG = "loop_lag"
    LOGIC = "logic"
    OTHER = "other"


class Unit(StrEnum):
    """SI where there is one; ``NONE`` for a plain number."""

    TOKENS = "tok"
    TOKENS_PER_SECOND = "tok/s"
    BYTES = "B"
    PERCENT = "%"
    HERTZ = "Hz"
    CELSIUS = "°C"
    RPM = "rpm"
    WATT = "W"
    VOLT = "V"
    AMPERE = "A"
    JOULE = "J"
    JOULES_PER_TOKEN = "J/tok"
    SECOND = "s"
    NONE = "1"


class Kind(StrEnum):
    """How a value relates to time."""

    INSTANT = "instant"
    INTERVAL_MEAN = "interval_mean"
    """The mean over one period that *ends* at the sample's time."""
    COUNTER = "counter"
    """Only differences mean something; a fall is a restart."""


class DType(StrEnum):
    """Type of a code in a buffer: ``struct`` letters, little endian."""

    F64 = "d"
    F32 = "f"
    I64 = "q"
    I32 = "i"
    U32 = "I"
    I16 = "h"
    U16 = "H"
    U8 = "B"


@cache
def code_struct(dtype: str) -> struct.Struct:
    """The ``struct.Struct`` of one little-endian code of this type."""
    return struct.Struct("<" + dtype)


@dataclass(frozen=True, slots=True)
class Decoding:
    """From a code to a value: ``value = Σ pieces[p][k] · x**k``.

    Without ``bits`` there is one piece and ``x`` is the code. With it ``p = code >> bits`` and
    ``x = code & (2**bits - 1)``: a meter's range switch in the high bits and its ADC reading in the low ones.
    """

    pieces: tuple[tuple[float, ...], ...] = ((0.0, 1.0),)
    bits: int | None = None

    def value(self, code: float) -> float:
        """The value of one code, in the channel's unit."""
        if self is IDENTITY:
            return float(code)
        piece, x = 0, code
        if self.bits is not None:
            piece, x = int(code) >> self.bits, int(code) & ((1 << self.bits) - 1)
        total = 0.0
        for coefficient in reversed(self.pieces[piece]):
            total = total * x + coefficient
        return total


IDENTITY = Decoding()


def linear(scale: float, offset: float = 0.0) -> Decoding:
    """The decoding ``value = offset + scale · code``."""
    return Decoding(pieces=((offset, scale),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One measured or derived series of one device, with everything needed to read its codes."""

    device: str
    name: str
    """Unique within the device, in the device's own words: ``x86_pkg_temp``, ``rss``, ``VDD_IN``."""
    quantity: Quantity
    unit: Unit
    kind: Kind = Kind.INSTANT
    rate_hz: float | None = None
    """Nominal samples per second; None where samples come when they come."""
    dtype: DType = DType.F64
    decoding: Decoding = IDENTITY
    point: str = ""
    """Reference point of a power or energy: ``battery-terminals``, ``usb-input``, ``rail:VDD_IN``, ``package`` …"""
    limit: float | None = None
    """Threshold in the channel's unit past which the device protects itself, where it can be read."""
    provenance: str = ""
    """Of a value that was computed: from what, by which formula; of one that the device kept: how it was read there."""
    derived: bool = False
    """Made on the bus by a transform, from samples that are recorded beside it: a replay makes it again."""
    detail: str = ""
    """Of a sensor: who answers for it, and what the device's documents call it."""
    own_clock: bool = False
    """Its times are those of the device's own clock; the clock map of the device (``ClockMeasured``) corrects them on
    reading. Of every other channel the times are the host's."""
    fills: tuple[str, ...] = ()
    """Of what a device kept by itself while its link was away: the channel whose hole it fills, the first it has."""
    accuracy: Accuracy | None = None
    """None where nobody states one; of a computed value what follows for it from what it is computed of."""

    @property
    def key(self) -> "ChannelKey":
        """``(device, name)``: how a channel is named across the floors."""
        return (self.device, self.name)


ChannelKey = tuple[str, str]


class Samples(NamedTuple):
    """A block of one channel: ``n`` codes in time order, evenly spaced or each with a time of its own.

    ``t0_ns`` and ``t1_ns`` are the times of the first and the last sample. Without ``times`` sample ``i`` stands
    at ``t0_ns + (t1_ns - t0_ns) * i // (n - 1)``; with it, ``times`` holds n little-endian int64.
    Buffers are ``bytes``, so that nothing is rounded on the way and ``==`` compares what was measured.
    """

    device: str
    channel: str
    t0_ns: int
    t1_ns: int
    dtype: DType
    codes: bytes
    times: bytes | None = None

    @property
    def n(self) -> int:
        """How many samples the block holds."""
        return len(self.codes) // code_struct(self.dtype).size

    @property
    def key(self) -> ChannelKey:
        """``(device, channel)``."""
        return (self.device, self.channel)

    @property
    def last_code(self) -> float:
        """The newest code of the block."""
        coder = code_struct(self.dtype)
        code: float = coder.unpack_from(self.codes, len(self.codes) - coder.size)[0]
        return code

    def time_at(self, i: int) -> int:
        """Time of sample ``i`` (0-based), in ns."""
        if self.times is not None:
            t_ns: int = code_struct("q").unpack_from(self.times, 8 * i)[0]
            return t_ns
        return self.t0_ns if self.n == 1 else self.t0_ns + (self.t1_ns - self.t0_ns) * i // (self.n - 1)


def reading(channel: Channel, t_ns: int, code: float) -> Samples:
    """A block of one: a single reading of a slow channel."""
    return Samples(
        channel.device, channel.name, t_ns, t_ns, channel.dtype, code_struct(channel.dtype).pack(code)
    )


def block(channel: Channel, t0_ns: int, t1_ns: int, codes: Sequence[float]) -> Samples:
    """An evenly spaced block; ``codes`` holds at least one."""
    packed = struct.pack(f"<{len(codes)}{channel.dtype}", *codes)
    return Samples(channel.device, channel.name, t0_ns, t1_ns, channel.dtype, packed)


def uneven_block(channel: Channel, times_ns: Sequence[int], codes: Iterable[float]) -> Samples:
    """A block whose samples each have a time of their own; times do not fall."""
    n = len(times_ns)
    packed, times = struct.pack(f"<{n}{channel.dtype}", *codes), struct.pack(f"<{n}q", *times_ns)
    return Samples(channel.device, channel.name, times_ns[0], times_ns[-1], channel.dtype, packed, times)


class DeviceKind(StrEnum):
    """What stands on the desk."""

    HOST = "host"
    PHONE = "phone"
    BOARD = "board"
    METER = "meter"
    SELF = "self"
    """melt itself: its own cost is a device of every session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """Who a device is, as found when it was opened. Unknown text is empty, never guessed."""

    device: str
    """Its name in the session: unique, chosen by the user or the driver."""
    address: str
    kind: DeviceKind
    model: str = ""
    os: str = ""
    simulated: bool = False
    runtimes: tuple[str, ...] = ()
    """Names of the runtimes that could run on it, best first; empty when it cannot run a model."""
    facts: tuple[tuple[str, str], ...] = ()
    """Set-up as told by the device: governor, power mode, kernel, cores, memory …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a scan saw: one that can be opened, or not; the reason, or a remark what it lacks; and the next step."""

    address: str
    kind: DeviceKind
    title: str
    ready: bool = True
    reason: str = ""
    next_step: str = ""
    asks: bool = False
    """It is there and waits for somebody to allow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """The key that an SSH server shows, and what is known of it."""

    line: str
    """``host algorithm base64``, as files of known hosts have it."""
    fingerprint: str
    """``SHA256:…``."""
    known: bool = False
    """It was accepted before."""
    objection: str = ""
    """Why it must not be accepted: another key is known, or it was revoked."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one turn sends: text, or exact token ids where a count must be exact."""

    text: str = ""
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. None is not asked for: the engine cannot be told it."""

    temperature: float | None = 0.0
    top_k: int | None = 40
    top_p: float | None = 0.95
    seed: int | None = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Conversations and how often: turns of one conversation share a context, conversations do not.

    Order: the warm-up turns (repeats of the first prompt, each in a fresh context), then every conversation,
    the whole list ``repeat`` times; ended early by ``turns`` or ``seconds``. ``repeat`` 0 goes on until stopped.
    """

    name: str
    conversations: tuple[tuple[Prompt, ...], ...]
    max_tokens: int
    share_context: bool = True
    """Prompt cache on within a conversation; off for pp/tg and sustained work."""
    chat: bool = True
    """Wrap prompts by the model's chat template; raw completion otherwise."""
    ignore_eos: bool = False
    repeat: int = 1
    warmup: int = 0
    pause_s: float = 0.0
    turns: int | None = None
    seconds: float | None = None


class OnLinkLoss(StrEnum):
    """What becomes of a run when the link to its device goes."""

    STOP = "stop"
    """It ends at once, and nothing is left on the device."""
    KEEP = "keep"
    """It goes on under its lease, and is taken up again when the device is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One runtime, one model, one workload on one device: everything a runtime needs to know."""

    run: str
    device: str
    runtime: str
    model: ModelFile | None
    """None when a server that somebody else started is watched."""
    workload: Workload | None
    """None when only watching."""
    sampling: Sampling = Sampling()
    threads: int | None = None
    """None: all but one of the device's cores, at least one."""
    context: int = 2048
    batch: int = 256
    args: tuple[str, ...] = ()
    """Flags passed to the runtime as they are (``--runtime-arg``)."""
    url: str = ""
    """Of a server to attach to; it is left running."""
    on_link_loss: OnLinkLoss = OnLinkLoss.STOP
    lease_s: float = 900.0
    """With ``keep``: how long it goes on without us before it ends itself."""
    baseline_s: float = 0.0
    """Waited before it, idle: the time that its energies above idle are reckoned from. 0: not waited."""
    home: str = ""
    """Where melt keeps its things on another device, ``~/`` being the home directory there; empty for this computer."""
    fair: Fair = field(default_factory=Fair)
    """What it waits for, when it is stopped, its place among others."""
