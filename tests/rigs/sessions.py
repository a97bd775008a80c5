"""A session as its items: two devices, a run whose figures can be reckoned by hand."""

from collections.abc import Iterable, Sequence

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    Absent,
    ChannelsOpened,
    FirstToken,
    ModelLoaded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    DType,
    Kind,
    Prompt,
    Quantity,
    RunSpec,
    Samples,
    Unit,
    Workload,
    linear,
    reading,
    uneven_block,
)
from drivers.modelfile import ModelFile
from melt_tui.events import (
    SELF,
    DeviceUp,
    ModelPrepared,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Tick,
)

START = 5_000 * SECOND
"""Host-monotonic ns of the session's start."""
WALL = 1_790_000_000 * SECOND

TEMPERATURE = Channel(
    device="desk",
    name="Package id 0",
    quantity=Quantity.TEMPERATURE,
    unit=Unit.CELSIUS,
    rate_hz=1.0,
    limit=100.0,
)
RSS = Channel(device="desk", name="rss", quantity=Quantity.RSS, unit=Unit.BYTES, rate_hz=1.0, dtype=DType.I64)
TOKENS = Channel(
    device="desk",
    name="tokens",
    quantity=Quantity.TOKENS,
    unit=Unit.TOKENS,
    kind=Kind.COUNTER,
    dtype=DType.I64,
)
ARRIVALS = Channel(
    device="desk",
    name="token_arrivals",
    quantity=Quantity.TOKEN_ARRIVALS,
    unit=Unit.TOKENS,
    kind=Kind.COUNTER,
    dtype=DType.I64,
)
POWER = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    dtype=DType.U16,
    decoding=linear(0.001),
    point="usb-input",
)
CPU = Channel(
    device=SELF,
    name="cpu",
    quantity=Quantity.CPU_USE,
    unit=Unit.PERCENT,
    kind=Kind.INTERVAL_MEAN,
    rate_hz=1.0,
)
OWN_RSS = Channel(
    device=SELF, name="rss", quantity=Quantity.RSS, unit=Unit.BYTES, rate_hz=1.0, dtype=DType.I64
)
LAG = Channel(device=SELF, name="loop_lag", quantity=Quantity.LOOP_LAG, unit=Unit.SECOND, rate_hz=10.0)


def at(seconds: float) -> int:
    """Host-monotonic ns, that many seconds into the session."""
    return START + round(seconds * SECOND)


def opening() -> list[Item]:
    """The session's start, its devices and channels."""
    desk = DeviceInfo(
        device="desk",
        address="host",
        kind=DeviceKind.HOST,
        model="AMD Ryzen 7",
        os="Debian 12",
        facts=(("governor", "powersave"),),
    )
    meter = DeviceInfo(device="meter", address="sim:meter", kind=DeviceKind.METER, simulated=True)
    return [
        SessionStarted(t_ns=START, device=SELF, wall_ns=WALL, name="evening", version="0.1.0", host="lab"),
        ChannelsOpened(t_ns=START, device=SELF, channels=(CPU, OWN_RSS, LAG)),
        DeviceUp(t_ns=START, device="desk", info=desk),
        ChannelsOpened(t_ns=START, device="desk", channels=(TEMPERATURE,)),
        Absent(t_ns=START, device="desk", what="battery", reason="no battery in this host"),
        DeviceUp(t_ns=START, device="meter", info=meter),
        ChannelsOpened(t_ns=START, device="meter", channels=(POWER,)),
    ]


def closing(seconds: float) -> list[Item]:
    """The session's end."""
    return [SessionEnded(t_ns=at(seconds), device=SELF, wall_ns=WALL + round(seconds * SECOND))]


def slow(channel: Channel, values: Iterable[tuple[float, float]]) -> list[Item]:
    """``(s into the session, code)`` of a slow channel."""
    return [reading(channel, at(t_s), code) for t_s, code in values]


def counted(channel: Channel, times_s: Sequence[float], before: int) -> Samples:
    """A token at each of these moments; ``before`` had come already."""
    return uneven_block(channel, [at(t) for t in times_s], range(before + 1, before + 1 + len(times_s)))


def spec(*, synthetic: bool = False, note: str = "") -> RunSpec:
    """What is run."""
    return RunSpec(
        run="r1",
        device="desk",
        runtime="llama_server",
        model=ModelFile(
            name="demo", path="/m/demo.gguf", size_bytes=4_000_000, synthetic=synthetic, note=note
        ),
        workload=Workload(name="chat", conversations=((Prompt("hello"),),), max_tokens=5),
    )


def turn(
    number: int,
    sent_s: float,
    arrivals_s: Sequence[float],
    *,
    before: int = 0,
    purpose: TurnPurpose = TurnPurpose.MEASURED,
    prompt_s: float | None = 0.25,
    decode_s: float | None = None,
    end: TurnEnd = TurnEnd.LIMIT,
    engine_s: Sequence[float] | None = None,
    output_tokens: int | None = -1,
) -> list[Item]:
    """One turn: 50 new prompt tokens, a token at each arrival; ``engine_s`` are the engine's times of them."""
    first = at(arrivals_s[0]) if arrivals_s else None
    last = at(arrivals_s[-1]) if arrivals_s else None
    end_s = arrivals_s[-1] if arrivals_s else sent_s + 1
    items: list[Item] = [
        TurnStarted(t_ns=at(sent_s), device="desk", run="r1", turn=number, purpose=purpose, text="hello")
    ]
    if first is not None:
        items.append(
            FirstToken(t_ns=first, device="desk", run="r1", turn=number, ttft_s=arrivals_s[0] - sent_s)
        )
        items.append(counted(TOKENS, engine_s or arrivals_s, before))
        items.append(counted(ARRIVALS, arrivals_s, before))
    items.append(
        TurnEnded(
            t_ns=at(end_s),
            device="desk",
            run="r1",
            turn=number,
            end=end,
            prompt_tokens=50,
            cached_tokens=0,
            output_tokens=len(arrivals_s) if output_tokens == -1 else output_tokens,
            first_token_ns=first,
            last_token_ns=last,
            prompt_s=prompt_s,
            decode_s=decode_s,
        )
    )
    return items


def run(
    turns: Iterable[Item], t0_s: float, t1_s: float, *, synthetic: bool = False, note: str = ""
) -> list[Item]:
    """A run around these turns."""
    asked = spec(synthetic=synthetic, note=note)
    assert asked.model is not None
    return [
        RunStarted(t_ns=at(t0_s), device="desk", run="r1", spec=asked),
        ChannelsOpened(t_ns=at(t0_s), device="desk", channels=(TOKENS, ARRIVALS, RSS)),
        ModelPrepared(t_ns=at(t0_s), device="desk", run="r1", model=asked.model),
        ProcessStarted(t_ns=at(t0_s), device="desk", run="r1", pid=7, command="server"),
        ModelLoaded(t_ns=at(t0_s + 0.5), device="desk", run="r1", load_s=0.5, build="b1", threads=3),
        *turns,
        RunEnded(t_ns=at(t1_s), device="desk", run="r1", outcome=RunOutcome.DONE),
    ]


def ticks(seconds: int) -> list[Item]:
    """One tick a second."""
    return [Tick(t_ns=at(t), device=SELF) for t in range(seconds)]
