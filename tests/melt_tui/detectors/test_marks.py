"""How far live energies may be off: the same as a recording of the same session tells afterwards."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivers.accuracy import Accuracy
from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import Channel, ChannelKey, Kind, Quantity, Samples, Unit, block, code_struct, reading
from melt_tui.analysis.energy import EnergySummary, TokenEnergy
from melt_tui.analysis.runs import RunSummary
from melt_tui.analysis.session import summarise
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.events import SELF, Tick, Wired
from melt_tui.measures.energy import PerToken, Scope
from melt_tui.session.bus import Bus, Transform
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from tests.rigs.session_parts import Collected
from tests.rigs.sessions import at, closing, opening, run, turn

POINT = "board-input"
SLOW = Channel(
    device="meter", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0, point=POINT,
    accuracy=Accuracy(0.01, 0.002),
)  # fmt: skip
FAST = replace(SLOW, rate_hz=5000.0)
OWN = replace(SLOW, device="desk", name="VDD_IN", accuracy=None)
OFF = Channel(device="meter", name="time uncertainty", quantity=Quantity.OTHER, unit=Unit.SECOND)
TURN = turn(1, 75.02, [77.03 + k / 10 for k in range(81)])
RUN = run(TURN, 70.03, 90.04)


def load(t_s: float, random: np.random.Generator) -> float:
    """2 W, 5 W in the run, 8 W in the decode, and noise."""
    return (2.0 if t_s < 70 else 8.0 if 77 < t_s <= 85 else 5.0) + float(random.normal(0, 0.5))


def readings(channel: Channel) -> Iterator[Samples]:
    """One by one; a counter's are sums."""
    random, total = np.random.default_rng(3), 0.0
    for k in range(100, 980):
        value = load(k / 10, random)
        total += value / 10
        yield reading(channel, at(k / 10), total if channel.kind is Kind.COUNTER else value)


def restless(channel: Channel) -> Iterator[Samples]:
    """Up and down every 7 s while nothing runs."""
    for one, k in zip(readings(channel), range(100, 980), strict=True):
        value = channel.decoding.value(one.last_code)
        yield reading(channel, one.t0_ns, value + (0.4 if k < 700 and k // 70 % 2 else 0.0))


def blocks(channel: Channel) -> Iterator[Samples]:
    """Of 20 ms."""
    random = np.random.default_rng(3)
    for k in range(500, 4900):
        times = [k / 50 + i / 5000 for i in range(100)]
        yield block(channel, at(times[0]), at(times[-1]), [load(t, random) for t in times])


def played(
    path: Path,
    channel: Channel,
    power: Iterable[Samples],
    more: Iterable[Item],
    the_run: Iterable[Item] = RUN,
    first: Sequence[Transform] = (),
) -> tuple[dict[ChannelKey, float], RunSummary]:
    """The last word of every derived channel, and what the recording says of the run."""
    events = [*opening(), *_singly(the_run), *closing(100)]
    ticks = [Tick(t_ns=at(t / 4), device=SELF) for t in range(4, 400)]
    wires = [Wired(t_ns=at(1), device="meter", feeds="desk", point=POINT)] * (channel.device == "meter")
    beginning: list[Item] = [
        ChannelsOpened(t_ns=at(1), device=channel.device, channels=(channel,)),
        ChannelsOpened(t_ns=at(1), device="meter", channels=(OFF,)),
        *wires,
    ]
    items = sorted([*events, *beginning, *ticks, *power, *more], key=_when)
    collected, recorder = Collected(), Recorder(path)
    bus = Bus([recorder, collected], [*first, LiveEnergy()])
    for item in items:
        bus.publish(item)
    recorder.close()
    told = [one for one in collected.items if isinstance(one, Samples) and one.n == 1]
    (found,) = summarise(Recording(path)).runs
    return {one.key: code_struct(one.dtype).unpack(one.codes)[0] for one in told}, found


def _singly(items: Iterable[Item]) -> Iterator[Item]:
    """Tokens come one by one."""
    for item in items:
        if isinstance(item, Samples) and item.n > 1:
            codes = code_struct(item.dtype).iter_unpack(item.codes)
            for i, (code,) in enumerate(codes):
                t_ns, packed = item.time_at(i), code_struct(item.dtype).pack(code)
                yield Samples(item.device, item.channel, t_ns, t_ns, item.dtype, packed)
        else:
            yield item


def _when(item: Item) -> int:
    return item.t1_ns if isinstance(item, Samples) else item.t_ns


def scoped(found: RunSummary, scope: Scope) -> EnergySummary:
    return next(each for each in found.energy if each.scope is scope and each.point == POINT)


def each_token(found: RunSummary, definition: PerToken) -> TokenEnergy:
    return next(each for each in found.per_token if each.definition is definition and each.point == POINT)


def offs(seconds: float) -> list[Item]:
    """The meter's word of its times, once a second."""
    return [reading(OFF, at(t), seconds) for t in range(5, 98)]


Made = Callable[[Channel], Iterator[Samples]]
CASES: dict[str, tuple[Channel, Made, list[Item]]] = {
    "slow meter, of which nothing is told": (SLOW, readings, []),
    "slow meter of an unknown rate": (replace(SLOW, rate_hz=None), readings, []),
    "slow meter": (SLOW, readings, offs(0.03)),
    "device that is not still": (SLOW, restless, offs(0.02)),
    "fast meter": (FAST, blocks, offs(0.004)),
    "rail of the device": (OWN, readings, []),
    "means of intervals": (replace(SLOW, kind=Kind.INTERVAL_MEAN), readings, offs(0.02)),
    "counter": (
        replace(SLOW, quantity=Quantity.ENERGY, unit=Unit.JOULE, kind=Kind.COUNTER), readings, offs(0.02)
    ),
    "own clock": (
        replace(OWN, own_clock=True), readings,
        [ClockMeasured(t_ns=at(t), device="desk", offset_ns=0, uncertainty_ns=50_000_000, origin="x") for t in (2, 80)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_told_live_is_what_the_recording_says(case: str, tmp_path: Path) -> None:
    channel, made, more = CASES[case]
    live, found = played(tmp_path / "x.melt", channel, made(channel), more)
    whole = scoped(found, Scope.RUN)
    near = 0.03 if made is blocks else 0.01
    assert live["desk", f"energy {POINT}"] == pytest.approx(whole.gross_j, rel=1e-4)
    assert whole.integration_j
    assert live["desk", f"energy ± ours {POINT}"] == pytest.approx(whole.integration_j, rel=near)
    if channel.accuracy is None:
        assert ("desk", f"energy ± meter {POINT}") not in live
    else:
        assert live["desk", f"energy ± meter {POINT}"] == pytest.approx(whole.accuracy_j, rel=1e-3)
    decode, each = each_token(found, PerToken.DECODE), each_token(found, PerToken.WHOLE)
    assert live["desk", f"J/token {POINT}"] == pytest.approx(decode.gross_j, rel=1e-3)
    assert live["desk", f"J/token ± {POINT}"] == pytest.approx(decode.uncertainty_j, rel=2 * near)
    assert live["desk", f"J/token whole ± {POINT}"] == pytest.approx(each.uncertainty_j, rel=2 * near)
