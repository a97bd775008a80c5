"""The link over SSH against a real sshd: pushing beside ``scp``, the loop beside a push, a death in silence, what is left.

``scp`` and the push send the same file by turns, each to a new name, so that both pay for what else the computer does;
the push's time holds its checksums on both ends. Loop lag is how late a wake-up of 5 ms comes, with and without a push.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

from drivers.clock import SECOND, SystemClock
from drivers.errors import LinkLost
from drivers.links.ssh import SshShell, ssh_shell
from drivers.links.sshroute import SshSettings
from tests.rigs.installed import report
from tests.rigs.ssh_board import SshBoard

CLOCK = SystemClock()
SETTINGS = SshSettings(Path("none"))
LAG_PERIOD_NS = 5_000_000

LEAST_OF_SCP = 0.6
NOTICED_S = 5.0


def scp_s(board: SshBoard, source: Path, name: str) -> float:
    """Seconds that ``scp`` takes."""
    begun = time.monotonic()
    known = f"UserKnownHostsFile={board.person.known_hosts}"
    where = f"{board.user}@{board.host}:{board.home}/{name}"
    command = [
        "scp",
        "-q",
        "-F",
        "none",
        "-i",
        str(board.person.key),
        "-o",
        known,
        "-P",
        str(board.port),
        str(source),
        where,
    ]
    subprocess.run(command, check=True)
    return time.monotonic() - begun


async def push_s(shell: SshShell, board: SshBoard, source: Path, name: str) -> float:
    """Seconds that a push takes, until the copy has been checked."""
    begun = time.monotonic()
    await shell.push(source, f"{board.home}/{name}", lambda _: None)
    return time.monotonic() - begun


async def lags_ms(until: Awaitable[object]) -> list[float]:
    """How late each tick of this loop was while something went on."""
    lags, work = [], asyncio.get_running_loop().create_task(_whole(until))
    while not work.done():
        due_ns = CLOCK.now() + LAG_PERIOD_NS
        await CLOCK.sleep_until(due_ns)
        lags.append((CLOCK.now() - due_ns) / 1e6)
    return sorted(lags)


async def _whole(work: Awaitable[object]) -> None:
    await work


def p99(values: list[float]) -> float:
    return values[int(0.99 * (len(values) - 1))]


async def pushing(board: SshBoard, source: Path, size_mb: float, rounds: int) -> bool:
    """Speed and lag."""
    scps, pushes = [], []
    async with ssh_shell(board.address, SETTINGS, CLOCK) as shell:
        for i in range(rounds):
            await asyncio.to_thread(source.touch)  # what was summed up of it counts no more
            scps.append(await asyncio.to_thread(scp_s, board, source, f"scp{i}"))
            pushes.append(await push_s(shell, board, source, f"push{i}"))
        again_s = await push_s(shell, board, source, "push0")
        quiet = await lags_ms(asyncio.sleep(2))
        beside = await lags_ms(push_s(shell, board, source, "lag"))
    print(
        f"scp {size_mb / median(scps):.0f} MB/s, push {size_mb / median(pushes):.0f} MB/s, {size_mb:.0f} MB by turns"
    )
    print(f"push of what is there: {again_s:.2f} s")
    print(f"loop lag p50/p99/worst: quiet {_lag(quiet)} ms, beside a push {_lag(beside)} ms")
    return report("push's time in times of scp's", median(pushes) / median(scps), 1 / LEAST_OF_SCP)


def _lag(lags: list[float]) -> str:
    return f"{median(lags):.1f}/{p99(lags):.1f}/{lags[-1]:.1f}"


async def silent_death(board: SshBoard, rounds: int) -> bool:
    """How long until a stalled server is a lost link."""
    noticed = [await noticed_s(board) for _ in range(rounds)]
    return report("death in silence → noticed, longest (s)", max(noticed), NOTICED_S)


async def noticed_s(board: SshBoard) -> float:
    """Once."""
    async with ssh_shell(board.address, SETTINGS, CLOCK) as shell, shell.start(["sleep", "1000"]) as process:
        board.stall()
        begun_ns = CLOCK.now()
        with suppress(LinkLost):
            await anext(aiter(process.lines()))
        taken_s = (CLOCK.now() - begun_ns) / SECOND
    board.resume()
    board.drop()
    return taken_s


CLIENT = """
import asyncio, sys
from pathlib import Path
from drivers.clock import SystemClock
from drivers.links.ssh import ssh_shell
from drivers.links.sshroute import SshSettings
async def main():
    async with ssh_shell(sys.argv[1], SshSettings(Path("none")), SystemClock()) as shell:
        async with shell.start(["sh", "-c", "trap '' HUP TERM INT PIPE; sleep 1000; sleep 1000"]) as process:
            print(process.pid, flush=True)
            sys.stdin.readline()
asyncio.run(main())
"""


def left_after(board: SshBoard, end: Callable[[subprocess.Popen[str]], None]) -> int:
    """Processes on the board 3 s after a client that ran a silent child there has ended in some way."""
    command = [sys.executable, "-c", CLIENT, board.address]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as client:
        assert client.stdout is not None
        client.stdout.readline()
        end(client)
        time.sleep(3)
        left = len(board.processes())
        client.kill()
    board.wait_until_empty()
    return left


def life_cycle(board: SshBoard) -> bool:
    """What is left after each way to end."""

    def stop(client: subprocess.Popen[str]) -> None:
        assert client.stdin is not None
        client.stdin.close()

    ends: dict[str, Callable[[subprocess.Popen[str]], None]] = {
        "stop": stop,
        "client killed (-9)": lambda client: client.kill(),
        "sshd's process killed": lambda _: board.drop(),
    }
    left = {name: left_after(board, end) for name, end in ends.items()}
    for name, count in left.items():
        report(f"left on the board after: {name}", count, 0, "{:.0f}")
    return not any(left.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a file of 100 MB instead of 1 GB, fewer rounds")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="melt-ssh-") as folder, SshBoard(Path(folder) / "board") as board:
        os.environ["HOME"] = str(board.person.home)
        os.environ.pop("SSH_AUTH_SOCK", None)
        source = Path(folder) / "model.gguf"
        with source.open("wb") as file:
            for _ in range(100 if quick else 1000):
                file.write(os.urandom(1_000_000))
        good = asyncio.run(pushing(board, source, source.stat().st_size / 1e6, 2 if quick else 5))
        good &= asyncio.run(silent_death(board, 1 if quick else 5))
        good &= life_cycle(board)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
