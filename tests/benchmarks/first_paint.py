"""First paint against a bare Textual app: spawn until the first text is on the pty, ratio of medians. Run alternately.

``--command`` measures an installed command (``melt``) instead of the app alone.
"""

import argparse
import os
import pathlib
import pty
import select
import shlex
import signal
import struct
import sys
import termios
import time
from fcntl import ioctl
from statistics import median

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static(" melt")
Bare().run()
"""
APP = """
from melt_tui.ui.app import MeltApp
def bench():
    raise SystemExit
MeltApp(bench).run()
"""
DEADLINE_S = 20.0


def first_text(argv: list[str], wanted: bytes) -> tuple[float, float]:
    """Seconds from spawn until ``wanted`` is on the terminal, and CPU seconds of the process by then."""
    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="36", COLORTERM="truecolor")
        os.execvp(argv[0], argv)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    seen = b""
    try:
        while wanted not in seen:
            if time.perf_counter() - started > DEADLINE_S or not select.select([terminal], [], [], 1.0)[0]:
                continue
            seen += os.read(terminal, 65536)
        return time.perf_counter() - started, cpu_s(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


def cpu_s(pid: int) -> float:
    with pathlib.Path(f"/proc/{pid}/stat").open(encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--command", default="")
    options = parser.parse_args()
    ours = shlex.split(options.command) if options.command else [sys.executable, "-c", APP]
    bare = [sys.executable, "-c", BARE]
    times: dict[str, list[tuple[float, float]]] = {"bare": [], "melt": []}
    for _ in range(options.rounds):
        times["bare"].append(first_text(bare, b"melt"))
        times["melt"].append(first_text(ours, b"melt"))
    for name, values in times.items():
        wall, cpu = median(v[0] for v in values), median(v[1] for v in values)
        print(
            f"{name:5}  first text {1e3 * wall:6.0f} ms median, {1e3 * min(v[0] for v in values):6.0f} ms least, cpu {1e3 * cpu:.0f} ms"
        )
    wall = median(v[0] for v in times["melt"]) / median(v[0] for v in times["bare"])
    least = min(v[0] for v in times["melt"]) / min(v[0] for v in times["bare"])
    print(f"ratio {wall:.2f} (median), {least:.2f} (least); bar 1.15")


if __name__ == "__main__":
    main()
