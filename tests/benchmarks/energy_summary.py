"""The summary of a long recording of a meter at 100 kS/s: how long it takes, how much it holds, how far its joules are off.

A run of many turns is recorded with a PPK2's channel (codes of five ranges) whose load is known: a square wave with edges
of 1 ms, noise of 12 LSB. Of the run and every turn the energy is compared with what was played.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.base import Item
from drivers.events import ChannelsOpened, ModelLoaded, TurnEnd, TurnEnded, TurnStarted
from drivers.model import (
    Channel,
    Decoding,
    DeviceInfo,
    DeviceKind,
    DType,
    Quantity,
    RunSpec,
    Samples,
    Unit,
)
from melt_tui.analysis.session import summarise
from melt_tui.events import (
    SELF,
    DeviceUp,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Wired,
)
from melt_tui.store.recording import Recording
from tests.rigs.installed import report
from tests.rigs.written import Writer

SECOND = 1_000_000_000
RATE_HZ = 100_000
BLOCK = 2500
LEAD_S = 70
PERIOD_S = 0.73
LOW, HIGH = 3000, 11_000
VOLTS_PER_CODE = 5e-4
POWER = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=float(RATE_HZ),
    dtype=DType.U32,
    decoding=Decoding(tuple((0.0, VOLTS_PER_CODE) for _ in range(10)), 14),
    point="battery-terminals",
)


def shape(t_s: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Codes of the load: idle before the run, then up and down."""
    phase = t_s % PERIOD_S
    rise = np.clip(phase / 0.001, 0, 1) - np.clip((phase - PERIOD_S / 2) / 0.001, 0, 1)
    return LOW + (HIGH - LOW) * rise * (t_s >= LEAD_S)


def joules(a_s: float, b_s: float) -> float:
    """What was played from one moment to another."""
    t = np.linspace(a_s, b_s, max(2, round((b_s - a_s) * 20_000)))
    codes = shape(t)
    return float(np.sum((codes[1:] + codes[:-1]) / 2) * (t[1] - t[0])) * VOLTS_PER_CODE


def samples(seconds: int) -> Iterator[list[Item]]:
    """A quarter of a second at a time."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(4_000_037, np.float32) * 12
    n = RATE_HZ // 4
    for quarter in range(seconds * 4):
        first = quarter * n
        t = (first + np.arange(n)) / RATE_HZ
        start = first % (len(noise) - n)
        codes = np.rint(shape(t) + noise[start : start + n]).astype("<u4") | (4 << 14)
        yield [
            Samples(
                "meter",
                "power",
                (first + i) * 10_000,
                (first + i + BLOCK - 1) * 10_000,
                DType.U32,
                codes[i : i + BLOCK].tobytes(),
            )
            for i in range(0, n, BLOCK)
        ]


def write(path: Path, seconds: int, turns: list[tuple[float, float, float]]) -> None:
    """The whole recording."""
    spec = RunSpec(run="r1", device="phone", runtime="simulated", model=None, workload=None)
    infos = [
        DeviceInfo(device=name, address=f"bench:{name}", kind=kind)
        for name, kind in (("phone", DeviceKind.PHONE), ("meter", DeviceKind.METER))
    ]
    head: list[Item] = [
        SessionStarted(t_ns=0, device=SELF, wall_ns=0, name="bench", version="0", host="bench"),
        *(DeviceUp(t_ns=0, device=info.device, info=info) for info in infos),
        ChannelsOpened(t_ns=0, device="meter", channels=(POWER,)),
        Wired(t_ns=0, device="meter", feeds="phone", point="battery-terminals"),
        RunStarted(t_ns=LEAD_S * SECOND, device="phone", run="r1", spec=spec),
        ModelLoaded(t_ns=(LEAD_S + 2) * SECOND, device="phone", run="r1", load_s=2.0),
    ]
    for number, (sent_s, first_s, last_s) in enumerate(turns, 1):
        ns = [round(t * SECOND) for t in (sent_s, first_s, last_s)]
        head.append(TurnStarted(t_ns=ns[0], device="phone", run="r1", turn=number))
        head.append(
            TurnEnded(
                t_ns=ns[2], device="phone", run="r1", turn=number, end=TurnEnd.LIMIT, prompt_tokens=50,
                output_tokens=100, first_token_ns=ns[1], last_token_ns=ns[2],
            )
        )  # fmt: skip
    end_ns = (seconds - 1) * SECOND
    head.append(RunEnded(t_ns=end_ns, device="phone", run="r1", outcome=RunOutcome.DONE))
    writer = Writer(path, 240)
    writer.write(head, len(head))
    for some in samples(seconds):
        writer.write(some, len(some))
    writer.write([SessionEnded(t_ns=seconds * SECOND, device=SELF, wall_ns=0)], 1)
    writer.finish()
    writer.close()


def main() -> None:
    """Write, summarise, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three minutes in place of an hour")
    options = parser.parse_args()
    seconds = 180 if options.quick else 3600
    starts = np.arange(LEAD_S + 5.3, seconds - 12, 10.0)
    turns = [(float(t), float(t) + 0.817, float(t) + 9.113) for t in starts]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.melt"
        write(path, seconds, turns)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        recording = Recording(path)
        (run,) = summarise(recording).runs
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        recording.close()
        size = path.stat().st_size
    known = {(each.scope.value, each.turn): each for each in run.energy}
    worst = {"turn": 0.0, "prefill": 0.0, "decode": 0.0}
    for number, (sent_s, first_s, last_s) in enumerate(turns, 1):
        for scope, a, b in (
            ("turn", sent_s, last_s),
            ("prefill", sent_s, first_s),
            ("decode", first_s, last_s),
        ):
            found = known[scope, number].gross_j
            assert found is not None
            worst[scope] = max(worst[scope], abs(found / joules(a, b) - 1))
    whole = known["run", None]
    assert whole.gross_j is not None
    assert whole.net_j is not None
    truth = joules(LEAD_S, seconds - 1)
    idle = LOW * VOLTS_PER_CODE * (seconds - 1 - LEAD_S)
    print(f"{seconds * RATE_HZ:.3g} samples, {size / seconds / RATE_HZ:.2f} bytes each, {len(turns)} turns")
    report("summary, s of CPU", cpu, 5.0)
    report("summary, s", wall, 8.0)
    report("summary, MiB more at its peak", grown / 1024, 150.0, "{:.0f}")
    report("joules of the run, fraction off", abs(whole.gross_j / truth - 1), 1e-3, "{:.1e}")
    report("the same, net of idle", abs(whole.net_j / (truth - idle) - 1), 1e-3, "{:.1e}")
    for scope, error in worst.items():
        report(f"joules of a {scope}, the worst of all", error, 1e-3, "{:.1e}")


if __name__ == "__main__":
    main()
