"""A session made up for pictures: four devices, three runs, a throttled phone, a pulled cable. The same every time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from math import sin
from random import Random
from typing import Any

from drivers.base import Item
from drivers.events import (
    Absent,
    ChannelsOpened,
    Event,
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
    TurnStarted,
)
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    Kind,
    Prompt,
    Quantity,
    RunSpec,
    Unit,
    Workload,
    reading,
)
from drivers.modelfile import ModelFile
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.events import (
    SELF,
    Confidence,
    DeviceLost,
    DeviceUp,
    Mark,
    Phase,
    RunEnded,
    RunOutcome,
    RunStarted,
    RunWaited,
    RunWaiting,
    Sensed,
    SessionStarted,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    Tick,
    Wait,
    Wired,
)
from melt_tui.live import LiveState
from tests.rigs.brute import Brute

S = 1_000_000_000
T0 = 1_000 * S
WALL = 1_790_000_000 * S
PHONE, BOARD, HOST, METER = "pixel-8", "orin-nano", "this-pc", "hvpm"
HZ = 4
THROTTLED_S, RELEASED_S = 72.0, 150.0
LOST_S, BACK_S = 100.0, 106.0

TOY = ModelFile(
    name="tiny-english", path="/m/tiny.gguf", size_bytes=4 << 20, quantisation="q8_0", note="toy model"
)
BIG = ModelFile(
    name="tinyllama-1.1b", path="/m/tl.gguf", size_bytes=637 << 20, quantisation="Q4_0", synthetic=True,
    note="synthetic weights",
)  # fmt: skip
CHAT = Workload(name="chat", conversations=tuple((Prompt(text=f"q{i}"),) for i in range(48)), max_tokens=64)


def channel(device: str, name: str, quantity: Quantity, unit: Unit, **more: Any) -> Channel:
    values: dict[str, Any] = {"rate_hz": float(HZ), **more}
    return Channel(device=device, name=name, quantity=quantity, unit=unit, **values)


CHANNELS = {
    PHONE: (
        channel(PHONE, "token_rate", Quantity.TOKEN_RATE, Unit.TOKENS_PER_SECOND, rate_hz=None),
        channel(PHONE, "soc", Quantity.TEMPERATURE, Unit.CELSIUS, limit=75.0),
        channel(PHONE, "skin", Quantity.SKIN_TEMPERATURE, Unit.CELSIUS),
        channel(PHONE, "rss", Quantity.RSS, Unit.BYTES),
        channel(PHONE, "cpu", Quantity.CPU_USE, Unit.PERCENT, kind=Kind.INTERVAL_MEAN),
        channel(PHONE, "policy4", Quantity.FREQUENCY, Unit.HERTZ),
        channel(
            PHONE, "token_arrivals", Quantity.TOKEN_ARRIVALS, Unit.TOKENS, kind=Kind.COUNTER, rate_hz=None
        ),
    ),
    BOARD: (
        channel(BOARD, "token_rate", Quantity.TOKEN_RATE, Unit.TOKENS_PER_SECOND, rate_hz=None),
        channel(BOARD, "tj", Quantity.TEMPERATURE, Unit.CELSIUS, limit=95.0),
        channel(BOARD, "VDD_IN", Quantity.POWER, Unit.WATT, point="board-input"),
        channel(BOARD, "rss", Quantity.RSS, Unit.BYTES),
        channel(BOARD, "cpu", Quantity.CPU_USE, Unit.PERCENT, kind=Kind.INTERVAL_MEAN),
    ),
    HOST: (
        channel(HOST, "token_rate", Quantity.TOKEN_RATE, Unit.TOKENS_PER_SECOND, rate_hz=None),
        channel(HOST, "rss", Quantity.RSS, Unit.BYTES),
        channel(HOST, "cpu", Quantity.CPU_USE, Unit.PERCENT, kind=Kind.INTERVAL_MEAN),
        channel(HOST, "cpu0", Quantity.FREQUENCY, Unit.HERTZ),
    ),
    METER: (channel(METER, "main", Quantity.POWER, Unit.WATT, point="battery-terminals"),),
    SELF: (channel(SELF, "cpu", Quantity.CPU_USE, Unit.PERCENT, rate_hz=1.0),),
}
INFOS = {
    PHONE: DeviceInfo(
        device=PHONE, address="sim:phone", kind=DeviceKind.PHONE, model="Pixel 8", os="Android 15", simulated=True,
        runtimes=("simulated",),
    ),
    BOARD: DeviceInfo(
        device=BOARD, address="sim:jetson", kind=DeviceKind.BOARD, model="Orin Nano", os="L4T 36", simulated=True,
        runtimes=("simulated",),
    ),
    HOST: DeviceInfo(
        device=HOST, address="host", kind=DeviceKind.HOST, model="x86-64, 2 cores", os="Debian 12",
        runtimes=("llama_server",),
    ),
    METER: DeviceInfo(device=METER, address="sim:meter", kind=DeviceKind.METER, model="meter", simulated=True),
    SELF: DeviceInfo(device=SELF, address=SELF, kind=DeviceKind.SELF),
}  # fmt: skip
SPECS = {
    PHONE: RunSpec(run="r1", device=PHONE, runtime="simulated", model=BIG, workload=CHAT),
    BOARD: RunSpec(run="r2", device=BOARD, runtime="simulated", model=BIG, workload=CHAT),
    HOST: RunSpec(run="r3", device=HOST, runtime="llama_server", model=TOY, workload=CHAT),
}
SENTENCES = (
    "Once upon a time there was a small house by the sea. ",
    "Every morning a girl went down to the water\nand counted the boats. ",
    "One day there was one more than yesterday. ",
)


def at(seconds: float) -> int:
    return T0 + round(seconds * S)


@dataclass(frozen=True)
class Story:
    """Which session it is: how long, and what happens in it."""

    until_s: float = 180.0
    loading: bool = False
    """Only as far as loading the models."""
    lost: bool = False
    """Ends while the board is away."""
    runs: bool = True
    failed: bool = False
    """This computer's run ends with an error."""
    charger: bool = False
    """The meter sits in the phone's charging cable."""
    waits: bool = False
    """The second of four runs waits for the phone to cool."""


def items(story: Story) -> list[Item]:
    """The session's items by time, cut at its end."""
    found: list[tuple[int, int, Item]] = []
    order = count()
    for item in _all(story):
        t_ns = item.t_ns if isinstance(item, Event) else item.t0_ns
        found.append((t_ns, next(order), item))
    end = at(story.until_s)
    return list(_with_energy([f for f in sorted(found, key=lambda f: f[:2]) if f[0] <= end]))


@cache
def timeline(story: Story) -> Brute:
    """The session as it is at its end; nothing is added to it any more."""
    return Brute(items(story))


@cache
def live(story: Story) -> LiveState:
    """The same, as the screen of a session in progress asks it."""
    state = LiveState()
    for item in items(story):
        state.take(item)
    return state


def _with_energy(found: list[tuple[int, int, Item]]) -> Iterator[Item]:
    """With what the bus derives of power, at ticks that nobody else sees."""
    energy, tick_ns = LiveEnergy(), T0
    for t_ns, _, item in found:
        while tick_ns < t_ns:
            tick_ns += S // 4
            yield from energy.feed(Tick(t_ns=tick_ns, device=SELF))
        yield item
        energy.feed(item)


def _all(story: Story) -> Iterator[Item]:
    yield SessionStarted(t_ns=T0, device=SELF, wall_ns=WALL, name="night-run", version="0.1.0", host="desk")
    for i, (device, info) in enumerate(INFOS.items()):
        yield DeviceUp(t_ns=at(0.1 + 0.1 * i), device=device, info=info)
        opened = CHANNELS[device]
        if story.charger and device == METER:
            opened = tuple(replace(one, point="usb-input") for one in opened)
        yield ChannelsOpened(t_ns=at(0.1 + 0.1 * i), device=device, channels=opened)
    point = "usb-input" if story.charger else "battery-terminals"
    yield Wired(t_ns=at(0.6), device=METER, feeds=PHONE, point=point)
    for what, reason in (
        ("temperature", "no temperature sensor on this host"),
        ("power", "no power sensor on this host"),
    ):
        yield Absent(t_ns=at(0.4), device=HOST, what=what, reason=reason, remedy="")
    yield from _samples(story)
    if story.runs:
        for device in SPECS:
            yield from _run(device, story)
    yield from _happenings(story)
    if story.waits:
        yield from _waits(story.until_s)


def _waits(until_s: float) -> Iterator[Item]:
    sensed = (
        Sensed(what="soc", unit="°C", value=46.2, wanted="<=40"),
        Sensed(what="slope(soc)/60s", unit="°C", value=11.4, wanted="<2"),
    )
    wanted, titled = "soc<=40 and slope(soc)<2/60s", "B · 2 of 4 · tinyllama-1.1b · chat"
    yield RunWaited(
        t_ns=at(until_s - 30), device=PHONE, run="r2", why=Wait.COOLDOWN, wanted="", waited_s=30.0, met=True
    )
    for waited_s in range(0, 30, 2):
        yield RunWaiting(
            t_ns=at(until_s - 29 + waited_s), device=PHONE, run="r2", why=Wait.GATE, wanted=wanted, title=titled,
            waited_s=float(waited_s), done=waited_s / 45, eta_s=48.0, sensed=sensed,
        )  # fmt: skip


def _happenings(story: Story) -> Iterator[Item]:
    yield LimitEngaged(
        t_ns=at(THROTTLED_S), device=PHONE, limit="thermal status", reason="thermal", detail="SEVERE"
    )
    yield LimitReleased(t_ns=at(RELEASED_S), device=PHONE, limit="thermal status", detail="LIGHT")
    yield from _throttling(story)
    yield DeviceLost(t_ns=at(LOST_S), device=BOARD, reason="the cable was pulled")
    if not story.lost:
        yield DeviceUp(t_ns=at(BACK_S), device=BOARD, info=INFOS[BOARD])
        yield ChannelsOpened(t_ns=at(BACK_S), device=BOARD, channels=CHANNELS[BOARD])
    yield Mark(t_ns=at(48.0), device=SELF, name="fan on")
    for second in range(2, int(story.until_s), 7):
        yield LogLine(
            t_ns=at(second + 0.5), device=HOST, source="server", text=f"slot 0: task {second} released"
        )


def _throttling(story: Story) -> Iterator[Item]:
    if not story.runs or story.loading:
        return
    told: dict[str, Any] = {"device": PHONE, "run": "r1"}
    share = channel(PHONE, "rate/r0", Quantity.RATE_SHARE, Unit.PERCENT, rate_hz=None, derived=True)
    yield ChannelsOpened(t_ns=at(10.0), device=PHONE, channels=(share,))
    for second in range(10, int(story.until_s) + 1):
        hot = THROTTLED_S < second <= RELEASED_S
        yield reading(share, at(second - 0.1), 72.0 if hot else 100.0)
    yield ThrottleReference(
        t_ns=at(10.0), rate_tps=18.4, tokens=92, seconds=5.0, context_tokens=110.0, **told
    )
    crossed, ended = at(THROTTLED_S + 0.9), at(RELEASED_S + 2.0)
    yield ThrottleOnset(
        t_ns=crossed, confirmed_ns=crossed + 10 * S, phase=Phase.DECODE, reason="thermal", limit="thermal status",
        detail="SEVERE", mechanism_ns=at(THROTTLED_S), confidence=Confidence.HIGH, ratio=0.72, rate_tps=16.4,
        expected_tps=18.4, temperature_c=74.8, sensor="soc", elapsed_s=70.9, tokens=640, turns=8, **told,
    )  # fmt: skip
    yield ThrottleEnded(t_ns=ended, onset_ns=crossed, recovered=True, ratio=0.72, deepest=0.7, **told)


def _run(device: str, story: Story) -> Iterator[Item]:
    spec, started = SPECS[device], 2.0
    yield RunStarted(t_ns=at(started), device=device, run=spec.run, spec=spec)
    for step in range(1, 6):
        yield Preparing(
            t_ns=at(started + 0.3 * step), device=device, run=spec.run, step="expanding the model", done=step / 6,
            eta_s=6.0 - step,
        )  # fmt: skip
    if story.loading:
        return
    yield ModelLoaded(
        t_ns=at(4.0), device=device, run=spec.run, load_s=2.0, build="b10549", backend="CPU", threads=1
    )
    tokens = 0
    for turn in range(1, 60):
        begun = 4.2 + (turn - 1) * 8.0
        if begun > story.until_s:
            break
        yield from _turn(device, spec.run, turn, begun, tokens)
        tokens += 64
    if story.failed and device == HOST:
        yield RunEnded(
            t_ns=at(90.0), device=HOST, run=spec.run, outcome=RunOutcome.FAILED,
            reason="llama-server ended with code 139", remedy="the log above says where",
        )  # fmt: skip


def _turn(device: str, run: str, turn: int, begun: float, tokens: int) -> Iterator[Item]:
    yield TurnStarted(t_ns=at(begun), device=device, run=run, turn=turn, prompt=0, conversation=turn - 1)
    yield PrefillProgress(t_ns=at(begun + 0.4), device=device, run=run, turn=turn, processed=32, total=64)
    yield FirstToken(t_ns=at(begun + 0.8), device=device, run=run, turn=turn, ttft_s=0.8)
    last = begun + 7.2
    for i in range(6):
        text = SENTENCES[i % 3] if device == HOST else f"{SENTENCES[i % 3]}"
        yield OutputText(t_ns=at(begun + 1.0 + i), device=device, run=run, turn=turn, text=text)
    if device == PHONE:
        arrivals = CHANNELS[PHONE][6]
        for i in range(8):
            yield reading(arrivals, at(begun + 0.8 + 0.9 * i), tokens + 8.0 * (i + 1))
    yield TurnEnded(
        t_ns=at(last + 0.1), device=device, run=run, turn=turn, end=TurnEnd.LIMIT, prompt_tokens=64,
        cached_tokens=0, output_tokens=64, first_token_ns=at(begun + 0.8), last_token_ns=at(last), prompt_s=0.72,
        decode_s=6.4,
    )  # fmt: skip


def _samples(story: Story) -> Iterator[Item]:
    noise = Random(7)
    for i in range(int(story.until_s * HZ) + 1):
        t = i / HZ
        away = t >= LOST_S and (story.lost or t < BACK_S)
        for one in (c for device, found in CHANNELS.items() if not (away and device == BOARD) for c in found):
            value = _value(one, t, noise.gauss(0.0, 1.0), story)
            if value is not None:
                yield reading(one, at(max(t, 0.7)), value)


def _value(one: Channel, t: float, jitter: float, story: Story) -> float | None:
    working = story.runs and not story.loading and t >= 5.0 and (t - 4.2) % 8.0 >= 0.9
    hot = THROTTLED_S <= t < RELEASED_S
    warm = 1 - 2.0 ** (-t / 30.0)
    rates = {PHONE: 13.2 if hot else 18.4, BOARD: 24.1, HOST: 41.0}
    watts = {BOARD: 9.5 if working else 4.8, METER: (2.9 if hot else 4.1) if working else 1.2}
    peaks = {PHONE: 78.0, BOARD: 58.0}
    sizes = {PHONE: 1.9e9, BOARD: 1.4e9, HOST: 0.3e9}
    busy = 1.8 if one.device == SELF else (88.0 if working else 6.0) + jitter
    clock = (1.8e9 if hot else 2.85e9) if one.device == PHONE else 3.4e9
    values: dict[Quantity, float | None] = {
        Quantity.TOKEN_RATE: max(0.0, rates.get(one.device, 0.0) * (1 + 0.02 * jitter)) if working else None,
        Quantity.TEMPERATURE: 31.0 + (peaks.get(one.device, 31.0) - 31.0) * warm + 0.2 * jitter,
        Quantity.SKIN_TEMPERATURE: 31.0 + 13.0 * warm + 0.2 * jitter,
        Quantity.POWER: watts.get(one.device, 0.0) * (1 + 0.03 * jitter),
        Quantity.RSS: sizes.get(one.device, 0.0) * (min(1.0, t / 4.0) + 0.004 * sin(t)),
        Quantity.CPU_USE: busy,
        Quantity.FREQUENCY: clock,
    }
    return values.get(one.quantity)
