"""A session with one of everything."""

from typing import Any

from drivers.accuracy import Accuracy
from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
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
    Prompt,
    Quantity,
    RunSpec,
    Unit,
    Workload,
    linear,
    reading,
)
from drivers.modelfile import ModelFile
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceLost,
    DeviceUp,
    Mark,
    ModelPrepared,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Tick,
    Wired,
)

SOC = Channel(
    device="phone",
    name="soc",
    quantity=Quantity.TEMPERATURE,
    unit=Unit.CELSIUS,
    rate_hz=10.0,
    dtype=DType.I16,
    decoding=linear(0.1),
    limit=95.0,
    detail="thermal zone 3",
    own_clock=True,
    accuracy=Accuracy(0.01, 0.5),
)
COST = Channel(device=SELF, name="cpu", quantity=Quantity.CPU_USE, unit=Unit.PERCENT)
MODEL = ModelFile(name="asked", path="/m.gguf", size_bytes=9)
READY = ModelFile(name="tiny", path="/t.gguf", size_bytes=9, quantisation="Q4_0", synthetic=True)
SPEC = RunSpec(
    run="r1",
    device="phone",
    runtime="llama",
    model=MODEL,
    workload=Workload(name="chat", conversations=((Prompt(text="hi"),),), max_tokens=8),
)
RUN: dict[str, Any] = {"device": "phone", "run": "r1"}
INFO = DeviceInfo(
    device="phone",
    address="sim:phone",
    kind=DeviceKind.PHONE,
    model="P1",
    simulated=True,
    runtimes=("llama", "mlc"),
    facts=(("governor", "schedutil"), ("ü", "°")),
)


def night() -> list[Item]:
    """The items, in order of publication."""
    s = SECOND
    return [
        SessionStarted(
            t_ns=1 * s,
            device=SELF,
            wall_ns=1_700_000_000 * s,
            name="night",
            version="0.1.0",
            host="desk",
            settings=(("fps", "10"), ("theme", "dark")),
        ),
        ChannelsOpened(t_ns=1 * s, device=SELF, channels=(COST,)),
        DeviceConnecting(t_ns=1 * s, device="phone", address="sim:phone"),
        DeviceUp(t_ns=2 * s, device="phone", info=INFO),
        ChannelsOpened(t_ns=2 * s, device="phone", channels=(SOC,)),
        Wired(t_ns=2 * s, device="meter", feeds="phone", point="battery-terminals"),
        ClockMeasured(t_ns=3 * s, device="phone", offset_ns=500, uncertainty_ns=20, origin="round trip"),
        *(reading(SOC, 3 * s + k * s // 10, 400 + k) for k in range(25)),
        reading(COST, 3 * s, 2.5),
        RunStarted(t_ns=4 * s, spec=SPEC, **RUN),
        ModelPrepared(t_ns=4 * s, model=READY, **RUN),
        ModelLoaded(t_ns=5 * s, load_s=0.75, build="b1", backend="CPU", threads=4, **RUN),
        TurnStarted(t_ns=6 * s, turn=1, conversation=2, prompt=3, context_tokens=5, **RUN),
        FirstToken(t_ns=7 * s, turn=1, ttft_s=1.0, **RUN),
        LimitEngaged(t_ns=7 * s, device="phone", limit="thermal", reason="thermal", detail="SEVERE"),
        TurnEnded(
            t_ns=9 * s,
            turn=1,
            end=TurnEnd.EOS,
            prompt_tokens=7,
            cached_tokens=1 << 70,
            output_tokens=5,
            first_token_ns=7 * s,
            last_token_ns=9 * s,
            prompt_s=0.9,
            decode_s=1.9,
            output_sha256="ab",
            **RUN,
        ),
        TurnStarted(t_ns=10 * s, turn=2, purpose=TurnPurpose.WARMUP, **RUN),
        TurnEnded(t_ns=11 * s, turn=2, end=TurnEnd.STOPPED, **RUN),
        LimitReleased(t_ns=12 * s, device="phone", limit="thermal"),
        RunEnded(t_ns=13 * s, outcome=RunOutcome.FAILED, reason="gone", **RUN),
        DeviceLost(t_ns=14 * s, device="phone", reason="unplugged"),
        Tick(t_ns=15 * s, device=SELF),
        Mark(t_ns=15 * s, device=SELF, name="here"),
        SessionEnded(t_ns=16 * s, device=SELF, wall_ns=1_700_000_015 * s, reason="quit"),
    ]
