"""Joules against what was played: meters of three speeds, from their rigs through driver, recorder and recording.

A square wave with edges of 1 ms is integrated as ``melt summary`` does it. A load like that of a model is cut into
windows of 20 ms around tokens: each energy must lie within its own ±, with all of it, and with our part of it alone, for
the rig is an exact meter. And a run is told beside that load whose moments are off by known times: the power edge must
tell by how much.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivers.address import Address
from drivers.base import Device, Item
from drivers.clock import MILLISECOND, SECOND, Clock, SystemClock
from drivers.events import ChannelsOpened, FirstToken, SamplesLost, TurnEnd, TurnEnded, TurnStarted
from drivers.links.usb import UsbLink
from drivers.meters.monsoon.driver import HvpmDriver
from drivers.meters.monsoon.wires import ControlLink
from drivers.model import Quantity, RunSpec
from drivers.registry import Registry
from melt_tui.analysis.alignment import alignments
from melt_tui.analysis.meter import about
from melt_tui.analysis.power import Source
from melt_tui.analysis.recorded import Channels
from melt_tui.analysis.traces import Measured, measured
from melt_tui.events import SELF, DeviceUp, RunEnded, RunOutcome, RunStarted, SessionStarted, Wired
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from tests.rigs.installed import parser, report
from tests.rigs.meters import monsoon_rig, slow_rig
from tests.rigs.meters.currents import current_of
from tests.rigs.meters.pty_end import started

SQUARE = "square:0.12:0.6:0.05"
LLM = "llm"
TURN_S, IDLE_S, PREFILL_S = 8.0, 1.0, 1.0
"""Of that load: a rest, a prompt, then tokens until the turn is over."""

OFF_MS = (0, 12, -80, 350, -1200)
"""By how much the moments of runs are off."""

WINDOW_NS = 20 * MILLISECOND
TRIALS = 1000
POINT = "battery-terminals"
SETTLED_S = 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """A current and when it began."""

    current: str
    volts: float
    started_ns: int

    def joules(self, a_ns: int, b_ns: int) -> float:
        """What it carried, in steps of a few µs."""
        steps = max(4000, (b_ns - a_ns) // 10_000)
        middles = (np.arange(steps) + 0.5) * ((b_ns - a_ns) / steps) + (a_ns - self.started_ns)
        amperes = current_of(self.current)(middles, SECOND)  # type: ignore[arg-type]
        return float(amperes.mean()) * self.volts * (b_ns - a_ns) / SECOND


async def record(device: Device, path: Path, seconds: float) -> None:
    """Record what it gives for so long, as a session does."""
    recorder, now = Recorder(path), time.monotonic_ns()
    items: tuple[Item, ...] = (
        SessionStarted(t_ns=now, device=SELF, wall_ns=time.time_ns(), name="truth", version="0", host=""),
        DeviceUp(t_ns=now, device=device.info.device, info=device.info),
        ChannelsOpened(t_ns=now, device=device.info.device, channels=tuple(device.channels)),
        Wired(t_ns=now, device=device.info.device, feeds="board", point=POINT),
    )
    try:
        for item in items:
            recorder.take(item)
        async with asyncio.timeout(seconds):
            async for item in device.stream():
                recorder.take(item)
    except TimeoutError:
        pass
    finally:
        recorder.close()


async def played(opening: AbstractAsyncContextManager[Device], path: Path, seconds: float) -> None:
    """Open it, and record it."""
    async with opening as device:
        await record(device, path, seconds)


def registered(address: str) -> AbstractAsyncContextManager[Device]:
    """A meter as melt opens it."""
    return Registry(SystemClock()).open(address, "meter")


def ppk2(current: str, path: Path, seconds: float) -> Truth:
    """100 kS/s over a pty."""
    with started("tests.rigs.meters.ppk2_rig", "--current", current, "--noise", "2") as rig:
        address = f"serial:{rig.port}?family=ppk2&point={POINT}"
        asyncio.run(played(registered(address), path, seconds))
        return Truth(current, 3.7, rig.truth()["started_ns"])


def monsoon(current: str, path: Path, seconds: float) -> Truth:
    """5 kS/s behind an injected USB end."""
    end = monsoon_rig.Hvpm(current_of(current))

    @asynccontextmanager
    async def connect(_: Address, clock: Clock) -> AsyncIterator[ControlLink]:
        link = UsbLink(end, clock)
        try:
            yield link
        finally:
            link.stop()
            end.close()

    driver = HvpmDriver(connect, lambda: ["20731"])
    asyncio.run(played(driver.open("monsoon:20731", "meter", SystemClock()), path, seconds))
    return Truth(current, monsoon_rig.VOLTS, end.started_ns)


def um(current: str, path: Path, seconds: float) -> Truth:
    """Twice a second, when it is asked."""
    arguments = ("um", "--current", current, "--link", str(path.with_suffix(".port")))
    with started("tests.rigs.meters.slow_rig", *arguments) as rig:
        address = f"serial:{rig.port}?family=um&point={POINT}"
        asyncio.run(played(registered(address), path, seconds))
        return Truth(current, slow_rig.VOLTS, rig.truth()["start_ns"])


@dataclass(frozen=True, slots=True)
class Known:
    """A recording of one meter, and what was played to it."""

    power: Measured
    truth: Truth
    t0_ns: int
    t1_ns: int
    lost: str
    """What the recording tells of lost samples."""

    def error_percent(self) -> float:
        """Of the energy of all of it but its beginning and its end, in percent of the truth."""
        energy = self.power.energy(self.t0_ns, self.t1_ns)
        assert energy is not None
        assert energy.coverage > 0.999, f"{energy.coverage:.5f} of the window is covered; {self.lost}"
        true_j = self.truth.joules(self.t0_ns, self.t1_ns)
        return 100 * abs(energy.joules.value / true_j - 1)

    def share(self) -> float:
        """How much of its ± that error is."""
        energy = self.power.energy(self.t0_ns, self.t1_ns)
        assert energy is not None
        within_j = energy.joules.integration
        return abs(energy.joules.value - self.truth.joules(self.t0_ns, self.t1_ns)) / within_j

    def outside(self) -> tuple[float, float]:
        """Percent of windows around tokens whose energy is off by more than all of its ±, and than our part of it."""
        rng = np.random.default_rng(3)
        bad = np.zeros(2)
        for at_ns in rng.integers(self.t0_ns, self.t1_ns - WINDOW_NS, TRIALS).tolist():
            energy = self.power.energy(at_ns, at_ns + WINDOW_NS)
            assert energy is not None
            off_j = abs(energy.joules.value - self.truth.joules(at_ns, at_ns + WINDOW_NS))
            bad += (off_j > (energy.joules.uncertainty or 0.0), off_j > energy.joules.integration)
        total, ours = (100 * bad / TRIALS).tolist()
        return total, ours


@contextmanager
def known(path: Path, truth: Truth) -> Iterator[Known]:
    """Open it."""
    with closing(Recording(path)) as recording:
        channels = Channels(recording)
        channel = next(c for c in channels.of("meter") if c.quantity is Quantity.POWER)
        first_ns, last_ns = recording.span()
        trace = about(recording, channels, Source(channel, POINT, meter=True), first_ns, last_ns)
        power = measured(recording, channels, channel, trace, first_ns, last_ns)
        assert power is not None
        ends = [block.t1_ns for block in recording.samples(channel.key, first_ns, last_ns)]
        margin = round(SETTLED_S * SECOND)
        lost = [str(event) for event in recording.events(first_ns, last_ns, kinds=(SamplesLost,))]
        yield Known(power, truth, ends[0] + margin, ends[-1] - margin, "; ".join(lost) or "none lost")


def told(path: Path, truth: Truth, turns: int) -> float:
    """Put runs into the recording whose moments are off by known times; the farthest that the power edge is from it, ms."""
    recording = Recording(path)
    items = list(recording.items())
    recording.close()
    recorder = Recorder(path.with_suffix(".runs.melt"))
    for item in [*items, *(item for off_ms in OFF_MS for item in _run(off_ms, truth, turns))]:
        recorder.take(item)
    recorder.close()
    with closing(Recording(recorder.path)) as recording:
        (one,) = alignments(recording)
    worst = 0.0
    for run in one.runs:
        assert run.offset_ms is not None, f"{run.run}: {run.reason}"
        worst = max(worst, abs(run.offset_ms - float(run.run)))
        print(
            f"moments {run.run:>5} ms off: found {run.offset_ms:8.2f} ± {run.uncertainty_ms:.2f} ms, {run.edges} edges"
        )
    return worst


def _run(off_ms: int, truth: Truth, turns: int) -> Iterator[Item]:
    """A run of the load that was played, all of its moments off by ``off_ms``."""
    name = str(off_ms)

    def at(turn: int, seconds: float) -> int:
        return truth.started_ns + off_ms * MILLISECOND + round((turn * TURN_S + seconds) * SECOND)

    spec = RunSpec(run=name, device="board", runtime="", model=None, workload=None)
    yield RunStarted(t_ns=at(0, 0.5), device="board", run=name, spec=spec)
    for turn in range(turns):
        sent, first, last = at(turn, IDLE_S), at(turn, IDLE_S + PREFILL_S), at(turn + 1, 0)
        yield TurnStarted(t_ns=sent, device="board", run=name, turn=turn)
        yield FirstToken(t_ns=first, device="board", run=name, turn=turn, ttft_s=PREFILL_S)
        yield TurnEnded(
            t_ns=last,
            device="board",
            run=name,
            turn=turn,
            end=TurnEnd.LIMIT,
            first_token_ns=first,
            last_token_ns=last,
        )
    yield RunEnded(t_ns=at(turns, 0.1), device="board", run=name, outcome=RunOutcome.DONE)


Rig = Callable[[str, Path, float], Truth]


def beside_a_run(name: str, rig: Rig, folder: Path, turns: int) -> Iterator[bool]:
    """Windows of tokens, and the power edge, with the load of a model."""
    path = folder / f"{rig.__name__}-llm.melt"
    truth = rig(LLM, path, turns * TURN_S + 4)
    with known(path, truth) as one:
        total, ours = one.outside()
    yield report(f"{name}: 20 ms windows beyond their ±, %", total, 5.0)
    if rig is ppk2:  # noise spreads what the codes of the other one round
        yield report(f"{name}: the same, of our part of it alone, %", ours, 5.0)
    yield report(f"{name}: clock offset by the power edge, ms off", told(path, truth, turns), 5.0)


def main() -> int:
    options = parser(__doc__).parse_args()
    seconds = 8.0 if options.quick else 30.0
    limits: tuple[tuple[str, Rig, float], ...] = (
        ("PPK2 at 100 kS/s", ppk2, 0.1),
        ("Monsoon at 5 kS/s", monsoon, 0.5),
    )
    good: list[bool] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, rig, limit in limits:
            path = folder / f"{rig.__name__}-square.melt"
            with known(path, rig(SQUARE, path, seconds)) as one:
                off = one.error_percent()
            good.append(report(f"{name}: energy of a square wave, % off", off, limit, "{:.4f}"))
            good += beside_a_run(name, rig, folder, 1 if options.quick else 3)
        path = folder / "um.melt"
        with known(path, um(SQUARE, path, max(20.0, seconds))) as one:
            print(f"UM25C at 2 Hz: energy of a square wave {one.error_percent():.2f} % off")
            good.append(report("UM25C at 2 Hz: error over our ±", one.share(), 1.0))
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
