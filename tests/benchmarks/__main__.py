"""Runs the benchmarks one after another and tells their figures in one table: ``python -m tests.benchmarks``.

Each is a program of its own: ``python -m tests.benchmarks.NAME --help``. Nothing else should run beside them.
"""

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.rigs.compiled import keep_compiled

_FIGURE = re.compile(r"^(?P<what>\S.*?) +(?P<value>\S+) +limit +(?P<limit>\S+) +(?P<state>ok|OVER)$")
_FORM = "{:<20} {:<64} {:>9} {:>9}  {}"


@dataclass(frozen=True, slots=True)
class Figure:
    """What a benchmark says of one thing that must hold."""

    what: str
    value: str
    limit: str
    state: str


def names() -> list[str]:
    """Every benchmark."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def run(name: str, *, quick: bool) -> tuple[int, list[Figure]]:
    """Run one, its output passed on; its exit code and figures."""
    argv = [sys.executable, "-m", f"tests.benchmarks.{name}", *(["--quick"] if quick else [])]
    print(f"── {name}", flush=True)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        figures = list(_figures(process.stdout))
    return process.returncode, figures


def _figures(lines: Iterator[str]) -> Iterator[Figure]:
    for line in lines:
        print(line, end="", flush=True)
        found = _FIGURE.match(line.rstrip())
        if found:
            yield Figure(**found.groupdict())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--list", action="store_true", help="tell their names")
    options = parser.parse_args()
    keep_compiled()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in a shell's background it is ignored, and so by what we start
    if unknown := set(options.names) - set(names()):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if options.list:
        print("\n".join(names()))
        return 0
    told = {name: run(name, quick=options.quick) for name in options.names or names()}
    print("\n" + _FORM.format("benchmark", "what", "figure", "limit", ""))
    for name, (code, figures) in told.items():
        for one in figures:
            print(_FORM.format(name, one.what, one.value, one.limit, one.state))
        if code and not any(one.state == "OVER" for one in figures):
            print(_FORM.format(name, f"ended with {code}", "", "", "FAILED"))
    return int(any(code for code, _ in told.values()))


if __name__ == "__main__":
    raise SystemExit(main())
