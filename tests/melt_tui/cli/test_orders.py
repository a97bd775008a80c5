"""Verbs that give a bench a few orders: each can be interrupted, and then ends in order."""

import os
import pty
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from melt_tui.cli.orders import taking_orders
from melt_tui.workbench import Place, RunRequest, SessionSetup
from tests.rigs.melt import environment

PATIENCE_S = 60.0


def test_an_interrupt_while_it_ends_waits_for_the_end_of_the_recording(tmp_path: Path) -> None:
    setup = SessionSetup(
        name="test",
        places=(Place(address="sim:phone?seed=2"),),
        folder=tmp_path / "recordings",
        cache=tmp_path / "models",
    )
    request = RunRequest(devices=("sim-phone",), workload="sustained")
    paths: list[Path | None] = []

    def interrupted() -> None:
        with taking_orders(setup) as orders:
            orders.wait(orders.bench.start_when_up(request))
            paths.append(orders.bench.status.path)
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            orders.wait(Future())

    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    (path,) = paths
    assert path is not None
    with sqlite3.connect(path) as shell:
        assert shell.execute("SELECT value FROM session WHERE key = 'state'").fetchone() == ("ended",)
        assert shell.execute("SELECT outcome FROM runs").fetchall() == [("stopped",)]
    shell.close()


def test_who_is_asked_can_interrupt(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "melt_tui.cli", "devices", "--add", "serial:/dev/none?family=um25c"],
        env=environment(tmp_path),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stderr is not None
        assert asking.stderr.readline() == "Which device does it feed?\n"
        asking.send_signal(signal.SIGINT)
        assert asking.communicate(timeout=PATIENCE_S) == ("", "")
        assert asking.returncode == 130
    os.close(ours)
    os.close(theirs)
