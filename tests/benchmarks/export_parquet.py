"""What it costs to hand an hour of twelve channels on: Parquet, against the same rows read by sqlite3 and written by csv.

All in one run, as seconds of CPU of this process; memory as what an export of ten times as much adds at its peak.

python tests/benchmarks/export_parquet.py [--quick]
"""

import argparse
import csv
import math
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing as closed
from pathlib import Path

import pyarrow.parquet as pq

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, Quantity, Unit, reading
from melt_tui.analysis.export import export
from melt_tui.analysis.export_request import ExportRequest
from tests.rigs.sessions import at, closing, opening
from tests.rigs.written import Writer, folder

HOUR_S, RATE_HZ, CHANNELS = 3600, 10, 12


def main() -> None:
    """Print seconds, sizes and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six minutes instead of an hour")
    options = parser.parse_args()
    length_s = HOUR_S // 10 if options.quick else HOUR_S
    with folder() as place:
        path = recorded(place / "hour.melt", length_s)
        export(ExportRequest(files=(path,), out=place / "warm.parquet"))
        parquet_s = told("Parquet", ExportRequest(files=(path,), out=place / "x.parquet"))
        rows_s, n = by_sqlite(path, place)
        assert pq.read_metadata(place / "x.parquet").num_rows == n
        told("wide Parquet", ExportRequest(files=(path,), out=place / "w.parquet", wide=True))
        told(
            "wide, each second", ExportRequest(files=(path,), out=place / "s.parquet", wide=True, every_s=1.0)
        )
        told("our CSV", ExportRequest(files=(path,), out=place / "own.csv"))
        told("Perfetto", ExportRequest(files=(path,), out=place / "x.pftrace"))
        share = parquet_s / rows_s
        print(
            f"Parquet of {n} rows, share of sqlite3 → csv  {share:.2f}  limit 1.0  {'ok' if share < 1 else 'OVER'}"
        )
        long = recorded(place / "long.melt", 10 * length_s)
        for name, wide in (("long", False), ("wide", True)):
            before = peak_mb()
            export(ExportRequest(files=(long,), out=place / f"long{name}.parquet", wide=wide))
            print(f"ten times as much, {name}: {peak_mb() - before:.0f} MB more at the peak")


def recorded(path: Path, length_s: int) -> Path:
    """Twelve channels for so long; a minute is compacted after its commits."""
    writer = Writer(path, 240)
    writer.write(opening(), 100)
    channels = [
        Channel(
            device="desk", name=f"sensor {i}", quantity=Quantity.OTHER, unit=Unit.CELSIUS, rate_hz=RATE_HZ
        )
        for i in range(CHANNELS)
    ]
    writer.write([ChannelsOpened(t_ns=at(0), device="desk", channels=tuple(channels))], 1)
    for minute in range(0, length_s, 60):
        writer.write(list(readings(channels, minute)), 30)
    writer.write(closing(length_s), 1)
    writer.finish()
    writer.close()
    return path


def readings(channels: list[Channel], from_s: int) -> Iterator[Item]:
    """Of one minute: as sensors read, to a tenth."""
    for k in range(60 * RATE_HZ):
        t_s = from_s + k / RATE_HZ
        for i, channel in enumerate(channels):
            yield reading(channel, at(t_s) + i * 1000, round(50 + 20 * math.sin(t_s / 60 + i), 1))


def by_sqlite(path: Path, place: Path) -> tuple[float, int]:
    """The same rows in a plain table, to CSV; seconds of CPU for that alone, and how many there are."""
    with closed(sqlite3.connect(place / "rows.db")) as rows:
        rows.execute("CREATE TABLE samples (t_s REAL, device TEXT, channel TEXT, unit TEXT, value REAL)")
        export(ExportRequest(files=(path,), out=place / "plain.csv"))
        with (place / "plain.csv").open(encoding="utf-8", newline="") as plain:
            lines = csv.reader(plain)
            next(lines)
            rows.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", lines)
        rows.commit()
        spent_s = cpu_s(lambda: to_csv(rows, place / "rows.csv"))
        (n,) = rows.execute("SELECT count(*) FROM samples").fetchone()
    print(f"{'sqlite3 → csv':18s} {spent_s:6.2f} s {(place / 'rows.csv').stat().st_size / 1e6:7.1f} MB")
    return spent_s, n


def to_csv(rows: sqlite3.Connection, out: Path) -> None:
    """As anybody would do it."""
    with out.open("w", encoding="utf-8", newline="") as stream:
        written = csv.writer(stream)
        written.writerow(["t_s", "device", "channel", "unit", "value"])
        written.writerows(rows.execute("SELECT t_s, device, channel, unit, value FROM samples"))


def told(name: str, request: ExportRequest) -> float:
    """Export, and print what it took."""
    spent_s = cpu_s(lambda: export(request))
    assert request.out is not None
    print(f"{name:18s} {spent_s:6.2f} s {request.out.stat().st_size / 1e6:7.1f} MB")
    return spent_s


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    before = time.process_time()
    work()
    return time.process_time() - before


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
