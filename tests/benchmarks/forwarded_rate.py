"""The decode rate of a long turn on a board, over a forwarded port with jitter, against the engine's own figure.

A real engine on synthetic weights behind a real sshd; every piece that passes the cable is late by up to 80 ms.
Needs what ``tests/rigs/ssh_board.py`` needs. Run: ``python -m tests.benchmarks.forwarded_rate [--tokens N] [--quick]``.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from drivers.clock import SECOND
from drivers.events import TurnEnded
from melt_tui.events import RunEnded
from melt_tui.measures import rates
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench
from tests.rigs.installed import report, report_least
from tests.rigs.lab import BOARD_ENGINE, until, up
from tests.rigs.programs import install_real_server
from tests.rigs.ssh_board import SshBoard

JITTER_MS = 80.0
PATIENCE_S = 600.0


def measure(folder: Path, request: RunRequest) -> TurnEnded:
    """The one turn of that run."""
    with SshBoard(folder / "board") as board, board.cable(JITTER_MS) as cable:
        os.environ["HOME"] = str(board.person.home)
        board.person.trust(board.known_host.replace(f":{board.port} ", f":{cable.port} "))
        install_real_server(board.home / BOARD_ENGINE)
        setup = SessionSetup(
            places=(Place(address=f"ssh://{board.user}@127.0.0.1:{cable.port}", name="board"),),
            folder=folder / "recordings",
            cache=folder / "models",
            known_hosts=folder / "known_hosts",
        )
        with Workbench(setup) as bench:
            until(lambda: up(bench, "board"))
            bench.start_run(request).result(PATIENCE_S)
            bench.wait_runs().result(PATIENCE_S)
            told = bench.timeline.events(0, bench.now(), kinds=(TurnEnded, RunEnded))
    for event in told:
        if isinstance(event, RunEnded) and event.reason:
            print(event.reason)
    return next(event for event in told if isinstance(event, TurnEnded))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1500)
    parser.add_argument("--model", default="synthetic:demo-219m")
    parser.add_argument("--quick", action="store_true", help="a short turn: the figure says less")
    options = parser.parse_args()
    tokens = 150 if options.quick else options.tokens
    request = RunRequest(
        devices=("board",),
        model=options.model,
        workload=f"pp16/tg{tokens}",
        context=tokens + 256,
        threads=1,
        repeat=1,
    )
    with tempfile.TemporaryDirectory() as place:
        turn = measure(Path(place), replace(request, ignore_eos=True))
    observed = rates.decode_rate(turn.output_tokens, turn.first_token_ns, turn.last_token_ns)
    engine = rates.reported_decode_rate(turn.output_tokens, turn.decode_s)
    assert observed
    assert engine
    assert turn.first_token_ns is not None
    assert turn.last_token_ns is not None
    lasted_s = (turn.last_token_ns - turn.first_token_ns) / SECOND
    print(
        f"{turn.output_tokens} tokens, {observed:.3f} tok/s observed, {engine:.3f} tok/s as the engine reports"
    )
    good = options.quick or report_least("decode of the turn, s", lasted_s, 20, "{:.1f}")
    return 0 if good & report("apart, %", 100 * abs(observed / engine - 1), 0.5, "{:.3f}") else 1


if __name__ == "__main__":
    sys.exit(main())
