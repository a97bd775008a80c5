"""Our decoder of PPK2 samples against that of the public package ``ppk2-api``: same values, how many times as quick.

That package is GPL-2 and no dependency: install it in an environment of its own and name it::

    python -m venv /tmp/theirs && /tmp/theirs/bin/pip install ppk2-api
    python -m tests.benchmarks.ppk2_decoder --theirs /tmp/theirs/bin/python

Without ``--theirs`` only our own figure is printed. Both read the same bytes, in the blocks that 0.1 s brings, on one core;
figures are CPU time of the process. Values are compared sample by sample, spike filter included.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.meters.ppk2.channels import pieces
from drivers.meters.ppk2.frames import FrameReader
from drivers.meters.ppk2.protocol import parse_metadata
from drivers.meters.ppk2.spikes import SpikeFilter, amperes
from tests.rigs.meters.currents import llm, square
from tests.rigs.meters.ppk2_rig import METADATA, RATE_HZ, Player

BLOCK = RATE_HZ // 10 * 4
TARGET = 100
SUPPLY_MV = 3700

THEIRS = """
import sys, time
from array import array
from ppk2_api.ppk2_api import PPK2_API
meter = PPK2_API.__new__(PPK2_API)
try:
    PPK2_API.__init__(meter, "loop://")
except Exception:
    import serial
    serial.Serial = lambda port, **_: type("Port", (), {"baudrate": 0, "close": lambda self: None})()
    PPK2_API.__init__(meter, "none")
meter._parse_metadata(open(sys.argv[1], encoding="ascii").read())
meter.current_vdd = int(sys.argv[4])
data, block = open(sys.argv[2], "rb").read(), int(sys.argv[5])
values = array("d")
begun = time.process_time()
for at in range(0, len(data), block):
    got = meter.get_samples(data[at : at + block])
    values.extend(got[0] if isinstance(got, tuple) else got)
print(time.process_time() - begun)
with open(sys.argv[3], "wb") as out:
    values.tofile(out)
"""


def ours(data: bytes) -> tuple[float, NDArray[np.float64]]:
    """CPU seconds, and microamperes."""
    told = parse_metadata(METADATA)
    table = amperes(pieces(told.fits, SUPPLY_MV))
    reader, spikes, values = FrameReader(), SpikeFilter(table), []
    begun = time.process_time()
    for at in range(0, len(data), BLOCK):
        values += [spikes.values(run.codes) for run in reader.feed(data[at : at + BLOCK]).runs]
    spent = time.process_time() - begun
    return spent, np.concatenate(values) * 1e6


def theirs(python: str, data: bytes) -> tuple[float, NDArray[np.float64]]:
    """The same by the public package, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        metadata, samples, values = (Path(folder, name) for name in ("metadata", "samples", "values"))
        metadata.write_bytes(METADATA)
        samples.write_bytes(data)
        arguments = [python, "-c", THEIRS, *map(str, (metadata, samples, values)), str(SUPPLY_MV), str(BLOCK)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"ppk2-api could not be run by {python}: {done.stderr.strip().splitlines()[-1]}")
        return float(done.stdout.split()[-1]), np.fromfile(values.open("rb"), np.float64)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--theirs", default="", help="python of an environment that has ppk2-api")
    asked.add_argument("--quick", action="store_true", help="5 s of samples instead of 20")
    options = asked.parse_args()
    n = RATE_HZ * (5 if options.quick else 20)
    for name, current in (
        ("one range", llm(idle=0.2, decode=0.6)),
        ("40 changes of range a second", square(0.02, 0.5, 0.05)),
    ):
        data = Player(current, noise=12).words(n).tobytes()
        mine_s, mine = min((ours(data) for _ in range(5)), key=lambda one: one[0])
        print(f"{name}: ours {n / mine_s / 1e6:.1f} MS/s")
        if not options.theirs:
            print("  ppk2-api is not compared: install it in an environment of its own, name it by --theirs")
            continue
        their_s, their = theirs(options.theirs, data)
        np.testing.assert_allclose(mine, their, rtol=1e-9, atol=1e-9)
        verdict = "met" if their_s / mine_s >= TARGET else "missed"
        print(
            f"  ppk2-api {n / their_s / 1e6:.3f} MS/s, same {n} values; {their_s / mine_s:.0f} times ({TARGET}: {verdict})"
        )


if __name__ == "__main__":
    main()
