"""A loop that has nothing else to do, in a process of its own: how late it wakes up is what this machine, as it is now, does
to every process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PROGRAM = """
import asyncio, json, sys, time
async def main():
    lags, end = [], time.perf_counter() + float(sys.argv[1])
    while time.perf_counter() < end:
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        lags.append((time.perf_counter() - due) * 1e3)
    print(json.dumps(sorted(lags)))
asyncio.run(main())
"""


@contextmanager
def idling(seconds: float) -> Iterator[Callable[[], list[float]]]:
    """Begins now; asked for, it waits for its end and gives how late it woke up each time, in ms, sorted."""
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(seconds)], stdout=subprocess.PIPE)

    def lags() -> list[float]:
        found: list[float] = json.loads(process.communicate()[0])
        return found

    try:
        yield lags
    finally:
        process.kill()
        process.wait()
