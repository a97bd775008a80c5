"""The adb link against the real server and a phone's device end, both on this computer: ratios of one run.

Model push against ``adb push`` of the same file; how soon a lost phone is noticed; what is left on the phone after each way
in which a link ends; the round trip of a conversation. ``--quick`` sends a smaller file.
"""

import argparse
import asyncio
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from drivers.clock import SystemClock
from drivers.errors import LinkError
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
from drivers.links.asking import Conversation, converse
from drivers.links.summing import remember
from tests.rigs.adb_phone import Phone, Server, adb_server, phone
from tests.rigs.installed import report_least

CLOCK = SystemClock()
SILENT = ["sh", "-c", "trap '' HUP INT TERM PIPE; sleep 4711.5 & sleep 4711.5"]
TARGET = "/data/local/tmp/melt/model.gguf"
THEIRS = "/data/local/tmp/theirs"
CLIENT = """
import asyncio, sys
from drivers.clock import SystemClock
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
async def main():
    async with AdbShell(AdbServer(port=int(sys.argv[1])), sys.argv[2], SystemClock()).start(sys.argv[3:]) as process:
        print(process.pid, flush=True)
        await process.wait()
asyncio.run(main())
"""


def shell_of(server: Server, pixel: Phone) -> AdbShell:
    return AdbShell(AdbServer(port=server.port), pixel.serial, CLOCK)


async def push(rounds: int, megabytes: int) -> bool:
    """Each way in turn first, and nothing kept of the push before: who writes second into a memory that holds the first's
    file takes pages that the computer has to find, which costs more than to send them.

    A run knows the sum of a model before it pushes it; a file of which nobody knows it is told of, too.
    """
    took: dict[str, list[float]] = {"adb": [], "melt": [], "melt, sum unknown": []}
    with tempfile.TemporaryDirectory() as folder, adb_server() as server, phone(server) as pixel:
        source = Path(folder) / "model.gguf"
        digest = await asyncio.to_thread(written, source, megabytes)

        async def ours(known: str) -> None:
            source.touch()  # what was summed up of it counts no more
            remember(source, known)
            await shell_of(server, pixel).push(source, TARGET, lambda _: None)

        ways: list[tuple[str, Callable[[], object]]] = [
            ("adb", lambda: asyncio.to_thread(their_push, server, pixel, source)),
            ("melt", lambda: ours(digest)),
            ("melt, sum unknown", lambda: ours("")),
        ]
        for _ in range(rounds):
            for name, way in ways:
                took[name].append(await timed(way))
                await shell_of(server, pixel).run(["rm", "-rf", "/data/local/tmp/melt", THEIRS])
            told = ", ".join(f"{name} {megabytes / times[-1]:.0f} MB/s" for name, times in took.items())
            print(f"push of {megabytes} MB: {told}")
            ways.reverse()
    ratio = statistics.median(took["adb"]) / statistics.median(took["melt"])
    return report_least(f"push, checked, against adb push, medians of {rounds}", ratio, 0.6)


def written(source: Path, megabytes: int) -> str:
    """The sum of what was written there."""
    content = os.urandom(megabytes * 1_000_000)
    source.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def their_push(server: Server, pixel: Phone, source: Path) -> None:
    said = server.adb("-s", pixel.serial, "push", str(source), THEIRS, timeout_s=600)
    assert "1 file pushed" in said, said


async def timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    done = work()
    assert asyncio.iscoroutine(done)
    await done
    return time.perf_counter() - before


async def endings(rounds: int) -> None:
    for how in ("stop", "link cut", "adb server killed"):
        left = 0
        noticed: list[float] = []
        gone: list[float] = []
        for _ in range(rounds):
            with adb_server() as server, phone(server) as pixel:
                await ending(how, server, pixel, noticed)
                before = time.perf_counter()
                left += len(await asyncio.to_thread(pixel.wait_until_gone))
                gone.append(time.perf_counter() - before)
        print(
            f"{how}: {left} processes left in {rounds} rounds; "
            f"noticed after {max(noticed) * 1e3:.1f} ms at most, gone {max(gone) * 1e3:.0f} ms later at most"
        )


async def ending(how: str, server: Server, pixel: Phone, noticed: list[float]) -> None:
    try:
        async with shell_of(server, pixel).start(SILENT) as process:
            await asyncio.to_thread(pixel.wait_until_there, "sleep 4711.5")
            before = time.perf_counter()
            if how == "stop":
                await process.kill()
            elif how == "link cut":
                pixel.cue("drop")
            else:
                server.kill()
            await process.wait()
    except LinkError:
        pass
    noticed.append(time.perf_counter() - before)


def killed_client(rounds: int) -> None:
    left = 0
    with adb_server() as server, phone(server) as pixel:
        for _ in range(rounds):
            words = [sys.executable, "-c", CLIENT, str(server.port), pixel.serial, *SILENT]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as client:
                assert client.stdout is not None
                client.stdout.readline()
                pixel.wait_until_there("sleep 4711.5")
                client.kill()
            left += len(pixel.wait_until_gone())
    print(f"client kill -9: {left} processes left in {rounds} rounds")


async def trips(count: int) -> None:
    with adb_server() as server, phone(server) as pixel:
        async with converse(shell_of(server, pixel), CLOCK) as conversation:
            await measured_trips(conversation, "read -r x </proc/loadavg; echo $x", count)
            await measured_trips(conversation, "cat /proc/uptime; cat /proc/loadavg", count)


async def measured_trips(conversation: Conversation, script: str, count: int) -> None:
    took = []
    before = time.process_time()
    for _ in range(count):
        answer = await conversation.ask(script)
        took.append((answer.t1_ns - answer.t0_ns) / 1e6)
    cost = (time.process_time() - before) / count * 1e3
    took.sort()
    told = f"median {took[count // 2]:.2f} ms, p99 {took[count * 99 // 100]:.2f} ms, CPU {cost:.2f} ms"
    print(f"{script!r}: {told}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick: bool = parser.parse_args().quick
    asyncio.run(trips(100 if quick else 1000))
    asyncio.run(endings(2 if quick else 10))
    killed_client(2 if quick else 10)
    return 0 if asyncio.run(push(4 if quick else 8, 200 if quick else 1000)) else 1


if __name__ == "__main__":
    sys.exit(main())
