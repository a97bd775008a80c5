import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from drivers.devices.host.processes import ProcFiles, PsutilProcesses, Watched
from drivers.devices.host.system import model_name
from drivers.links.base import Completed
from drivers.links.local import LocalShell
from drivers.links.sysfiles import SysFiles


@pytest.mark.parametrize("table", [ProcFiles(SysFiles()), PsutilProcesses()], ids=["proc", "psutil"])
def test_both_tables_see_this_process_as_psutil_does(table: ProcFiles | PsutilProcesses) -> None:
    seen = table.look(os.getpid())
    assert seen is not None
    assert seen.memory.rss == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    times = psutil.Process().cpu_times()
    mine = times.user + times.system
    assert mine - 1 <= seen.cpu_s <= mine + times.children_user + times.children_system + 1
    assert (seen.memory.anon is not None) == table.splits


@pytest.mark.parametrize("table", [ProcFiles(SysFiles()), PsutilProcesses()], ids=["proc", "psutil"])
def test_children_and_theirs_belong(table: ProcFiles | PsutilProcesses) -> None:
    grandchild = "import subprocess as s, sys; c = s.Popen([sys.executable, '-c', 'input()']); print(c.pid, flush=True); c.wait()"
    child = subprocess.Popen(
        [sys.executable, "-c", grandchild], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        watched = Watched(table)
        watched.add(child.pid)
        assert set(watched.look(0)) == {child.pid, pid}
    finally:
        child.communicate(b"\n")
    assert watched.look(1) == {}
    assert list(watched.pids) == []


@pytest.mark.parametrize("table", [ProcFiles(SysFiles()), PsutilProcesses()], ids=["proc", "psutil"])
def test_no_such_process(table: ProcFiles | PsutilProcesses) -> None:
    assert table.look(2**22 + 1) is None
    assert list(table.children(2**22 + 1)) == []


async def test_macos_asks_sysctl_for_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Shell(LocalShell):
        def __init__(self) -> None:
            pass

        async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
            asked.append(argv)
            return Completed(0, "Apple M3 Pro\n", "")

    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert await model_name(SysFiles(tmp_path), Shell()) == "Apple M3 Pro"
    assert asked == [("sysctl", "-n", "machdep.cpu.brand_string")]
