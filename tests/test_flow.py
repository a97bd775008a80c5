"""One session the whole way: devices and runs → bus → recording → replay. What comes back is what went in."""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, Event, LimitEngaged, LogLine, OutputText, TurnEnded
from drivers.model import ChannelKey, Prompt, RunSpec, Samples, Workload, code_struct
from drivers.modelfile import ModelFile
from drivers.registry import Registry
from melt_tui.analysis import summary
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.detectors.net_power import NetPower
from melt_tui.detectors.throttling import Throttling
from melt_tui.detectors.token_rate import TokenRate
from melt_tui.events import (
    SELF,
    DeviceLost,
    DeviceUp,
    Mark,
    SessionStarted,
    ThrottleEnded,
    ThrottleOnset,
    Tick,
)
from melt_tui.live import LiveState
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.sampler import Sampler
from melt_tui.session.session import Session
from melt_tui.store import library
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from melt_tui.store.replay import Replay
from melt_tui.timeline import Timeline
from tests.rigs.session_parts import Collected
from tests.rigs.virtual_clock import VirtualClock

pytestmark = pytest.mark.xdist_group("flow")
"""On one worker: the session is made once."""

ADDRESSES = ("sim:phone", "sim:jetson", "sim:meter")
SHOWN = (("sim-phone", "soc"), ("sim-phone", "token_rate"), ("sim-meter", "power"), ("sim-jetson", "VDD_IN"))
WORKLOAD = Workload(
    name="w", conversations=((Prompt("How?"), Prompt("Why?")),), max_tokens=200, repeat=0, ignore_eos=True
)
MODEL = ModelFile(name="m", path="/m.gguf", size_bytes=1_600_000_000, synthetic=True)


class Recorded:
    """A session of the demo's script in virtual time, kept in three ways."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen = Collected()
        self.live = LiveState()

    async def make(self, clock: VirtualClock, seconds: float) -> None:
        recorder = Recorder(self.path)
        bus = Bus((recorder, self.live, self.seen), (TokenRate(), NetPower(), LiveEnergy(), Throttling()))
        registry = Registry(clock, seed=7, script=True)
        started = SessionStarted(
            t_ns=clock.now(), device=SELF, wall_ns=clock.wall(), name="flow", version="0", host="h"
        )
        async with Session(bus, clock, started) as session:
            samplers = {name: self._sampler(registry, address, clock) for address, name in _named(registry)}
            for name, sampler in samplers.items():
                session.add(name, sampler)
            await clock.run_for(1)
            for name in ("sim-phone", "sim-jetson"):
                session.add(f"run {name}", _run(registry, samplers[name], clock))
            await clock.run_for(seconds)
            bus.publish(Mark(t_ns=clock.now(), device=SELF, name="the end"))
        recorder.close()

    def _sampler(self, registry: Registry, address: str, clock: VirtualClock) -> Sampler:
        name = registry.default_name(address)
        return Sampler(
            name, address, partial(registry.open, address, name), clock, wire=registry.wired(address).wire
        )


def _named(registry: Registry) -> list[tuple[str, str]]:
    return [(address, registry.default_name(address)) for address in ADDRESSES]


def _run(registry: Registry, sampler: Sampler, clock: VirtualClock) -> RunSource:
    assert sampler.device is not None
    assert sampler.device.shell is not None
    spec = RunSpec(
        run=f"r-{sampler.name}", device=sampler.name, runtime="simulated", model=MODEL, workload=WORKLOAD
    )
    return RunSource(spec, registry.runtime("simulated"), sampler.device, sampler.device.shell, clock)


async def replayed(path: Path) -> tuple[Collected, LiveState]:
    """The recording through a bus of its own."""
    seen, live = Collected(), LiveState()
    await Replay(path).run(Bus((seen, live), (TokenRate(), NetPower(), LiveEnergy(), Throttling())))
    return seen, live


def measured(items: Iterable[Item]) -> list[Item]:
    """Without what transforms derived."""
    derived: set[ChannelKey] = set()
    kept: list[Item] = []
    for item in items:
        if isinstance(item, ChannelsOpened):
            derived |= {channel.key for channel in item.channels if channel.derived}
        if not (isinstance(item, Samples) and item.key in derived):
            kept.append(item)
    return kept


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """All tests look at it and none changes it."""
    session = Recorded(tmp_path_factory.mktemp("flow") / "flow.melt")
    asyncio.run(session.make(VirtualClock(), 90))
    return session


async def test_the_session_has_what_it_is_to_show(recorded: Recorded) -> None:
    assert {up.device for up in recorded.seen.of(DeviceUp)} == {"sim-phone", "sim-jetson", "sim-meter"}
    assert any(limit.reason == "thermal" for limit in recorded.seen.of(LimitEngaged))
    assert [lost.device for lost in recorded.seen.of(DeviceLost)] == ["sim-phone"]
    (onset,) = recorded.seen.of(ThrottleOnset)
    assert (onset.device, onset.reason, onset.detail) == ("sim-phone", "thermal", "SEVERE")
    assert [ended.recovered for ended in recorded.seen.of(ThrottleEnded)] == [False]
    assert len(recorded.seen.of(TurnEnded)) > 10
    assert len(recorded.seen.of(Tick)) == 91 * 4


async def test_what_is_replayed_is_what_was_published(recorded: Recorded) -> None:
    again, _ = await replayed(recorded.path)
    assert len(recorded.seen.items) > 10_000
    assert measured(again.items) == measured(recorded.seen.items)
    assert again.items == recorded.seen.items


async def test_live_recorded_and_replayed_show_the_same(recorded: Recorded) -> None:
    start_ns, end_ns = recorded.live.span()
    recording = Recording(recorded.path)
    _, again = await replayed(recorded.path)
    others: tuple[Timeline, ...] = (recording, again)
    for other in others:
        for t_ns in range(recorded.live.view_from(), end_ns, SECOND // 3):
            assert other.view(t_ns) == recorded.live.view(t_ns)
        assert list(other.intervals(start_ns, end_ns)) == list(recorded.live.intervals(start_ns, end_ns))
        assert _told(other, start_ns, end_ns) == _told(recorded.live, start_ns, end_ns)
    recording.close()


@pytest.mark.parametrize("columns", [3, 40, 200])
async def test_windows_agree_at_every_zoom(recorded: Recorded, columns: int) -> None:
    start_ns, end_ns = recorded.live.span()
    recording = Recording(recorded.path)
    for key in SHOWN:
        for t0_ns, t1_ns in ((start_ns, end_ns), (start_ns + 40 * SECOND, start_ns + 50 * SECOND)):
            ours = recording.window(key, t0_ns, t1_ns, columns)
            live = recorded.live.window(key, t0_ns, t1_ns, columns)
            assert len(ours.starts_ns) > 1
            assert ours.width_ns == live.width_ns
            assert list(ours.starts_ns) == list(live.starts_ns)
            assert list(ours.minima) == list(live.minima)
            assert list(ours.maxima) == list(live.maxima)
            assert list(ours.means) == pytest.approx(list(live.means), rel=1e-9)
    recording.close()


async def test_live_energy_is_what_the_summary_makes_of_the_recording(recorded: Recorded) -> None:
    runs = {run["device"]: run for run in summary.of_file(recorded.path)["runs"]}
    for device, point, turns in (("sim-phone", "battery-terminals", 5), ("sim-jetson", "rail:VDD_IN", 12)):
        for definition in ("decode", "whole"):
            live = _values(recorded, device, f"J/token {definition} {point}")
            told = [
                one["gross_j"]
                for one in runs[device]["per_token"]
                if (one["definition"], one["point"]) == (definition, point) and one["gross_j"] is not None
            ]
            assert len(live) == turns
            assert live == pytest.approx(told, rel=1e-6)
        assert _parts(recorded, device, point) == pytest.approx(_summed_parts(runs[device], point), rel=1e-6)
    phone = runs["sim-phone"]
    whole = next(e for e in phone["energy"] if (e["scope"], e["point"]) == ("run", "battery-terminals"))
    energy = _values(recorded, "sim-phone", "energy battery-terminals")
    assert energy[-1] == pytest.approx(whole["gross_j"])
    kept = library.info(recorded.path)
    decode = _values(recorded, "sim-phone", "J/token decode battery-terminals")
    assert kept.joules_per_token == pytest.approx(fmean(decode))
    assert kept.joules_point == "battery-terminals"


def _parts(recorded: Recorded, device: str, point: str) -> list[float]:
    """Live: the load, and every turn's energy and that of its decode."""
    scopes = ("load", "turn", "decode")
    return [value for scope in scopes for value in _values(recorded, device, f"energy {scope} {point}")]


def _summed_parts(run: dict[str, Any], point: str) -> list[float]:
    whole = {
        one["turn"]
        for one in run["per_token"]
        if one["definition"] == "decode" and one["gross_j"] is not None
    }
    return [
        one["gross_j"]
        for scope in ("load", "turn", "decode")
        for one in run["energy"]
        if (one["scope"], one["point"]) == (scope, point) and one["turn"] in {None, *whole}
    ]


def _values(recorded: Recorded, device: str, name: str) -> list[float]:
    blocks = [item for item in recorded.seen.items if isinstance(item, Samples)]
    return [code_struct(b.dtype).unpack(b.codes)[0] for b in blocks if b.key == (device, name)]


def _told(timeline: Timeline, t0_ns: int, t1_ns: int) -> list[Event]:
    plentiful = (Tick, OutputText, LogLine)
    events = timeline.events(t0_ns, t1_ns, limit=100_000)
    return [event for event in events if not isinstance(event, plentiful)]
