"""Scripts for the board, run by every shell that is here, and what they answer, read back."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from drivers.devices.jetson import protocol, scripts, survey
from drivers.devices.jetson.processes import parse
from tests.rigs.boards import trees
from tests.rigs.boards.planting import Planted

SHELLS = [["sh"], *([shell] for shell in ("dash", "bash", "mksh") if shutil.which(shell))]
if shutil.which("busybox"):
    SHELLS.append(["busybox", "sh"])


@pytest.fixture
def orin(tmp_path: Path) -> Planted:
    return Planted(tmp_path / "a board's", trees.AGX_ORIN)


def shell_run(shell: list[str], script: str, path: Path | None = None) -> str:
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
    done = subprocess.run(
        shell, input=script, capture_output=True, text=True, env=env, timeout=60, check=False
    )
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_survey_finds_what_a_board_has(shell: list[str], orin: Planted) -> None:
    root = str(orin.root)
    done = shell_run([*shell, "-c", scripts.survey(root)], "", orin.bin)
    found = survey.parse(done, root)
    assert found.text("/sys/class/hwmon/hwmon4/in1_label") == "VDD_GPU_SOC"
    assert found.text("/sys/class/hwmon/hwmon4/in1_input") == ""
    assert found.text("/sys/class/thermal/thermal_zone0/type") == "cpu-thermal"
    assert found.text("/proc/stat") == trees.STAT.split("\n")[0]
    assert (found.text("/proc/device-tree/model") or "").strip() == "NVIDIA Jetson AGX Orin Developer Kit"
    assert "nvidia,p3701-0005" not in (found.text("/proc/device-tree/model") or "")
    assert "p3701-0005" in (found.text("/proc/device-tree/compatible") or "")
    assert found.facts["tegrastats"] == str(orin.bin / "tegrastats")
    assert found.facts["pread"] == "1"
    assert found.facts["ticks"].isdecimal()
    assert not any("hwmon*" in path for path in found.files)


def test_what_may_not_be_read_is_told(orin: Planted) -> None:
    path = "sys/class/powercap/intel-rapl:0/energy_uj"
    orin.write(path, "5\n")
    (orin.root / path).chmod(0)
    run = ["sh", "-c", scripts.survey(str(orin.root))]
    if os.getuid() == 0:
        for folder in (orin.root, *orin.root.parents):
            if folder.stat().st_uid == 0 and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o055)
        run = ["setpriv", "--reuid=65534", "--clear-groups", *run]
    found = survey.parse(shell_run(run, ""), str(orin.root))
    assert found.refused == {f"/{path}"}
    assert f"/{path}" not in found.files


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_group_is_told_line_by_line_and_what_fails_is_an_empty_one(shell: list[str], orin: Planted) -> None:
    orin.break_down("sys/class/thermal/thermal_zone2/temp")
    zones = [f"/sys/class/thermal/thermal_zone{i}/temp" for i in (0, 1, 2, 9)]
    paths = [*zones, "/proc/meminfo", "/proc/pressure/memory"]
    script = scripts.functions(str(orin.root), g=paths[:2], h=paths[2:]) + scripts.request(["g", "h"])
    answer = shell_run(shell, script)
    values, rest = protocol.split(answer.removesuffix("\n"), 6) or ([], [])
    assert values == ["44562", "-256000", "", "", "6012345", trees.PRESSURE.split("\n")[0]]
    assert rest == []


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_processes_and_their_descendants(shell: list[str]) -> None:
    code = "import subprocess, sys; print('ready', flush=True); sys.stdin.read()"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        script = scripts.functions("", g=[])
        script += scripts.request(["g"], [child.pid, 999999], [os.getpid(), 999999])
        answer = shell_run(shell, script)
        assert child.stdin is not None
        child.stdin.close()
    _, parts = protocol.split(answer.removesuffix("\n"), 0) or ([], [])
    family = parts[-1].split()
    assert family[0] == "F"
    assert str(child.pid) in family
    assert len(family) >= 3
    seen = parse(parts)
    assert set(seen) == {child.pid}
    assert seen[child.pid].memory.rss > 1 << 20


class Poller:
    """The poller as the board's Python runs it."""

    def __init__(self, root: Path, *paths: str, rate_hz: float = 200, per_line: int = 4) -> None:
        argv = scripts.poller(sys.executable, str(root), paths, rate_hz=rate_hz, per_line=per_line)
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.input.close()
        self.output.close()

    def line(self) -> str:
        return self.output.readline().decode().rstrip("\n")

    def batch(self, files: int) -> protocol.Batch:
        batch = protocol.batch(self.line(), files)
        assert batch is not None
        return batch


def test_the_poller_tells_the_time_begins_and_ends_with_its_input(orin: Planted) -> None:
    with Poller(
        orin.root, "/sys/class/hwmon/hwmon4/in1_input", "/sys/class/hwmon/hwmon4/curr1_input"
    ) as poller:
        poller.input.write(b"?\n")
        first = protocol.board_time(poller.line())
        poller.input.write(b"?\n")
        second = protocol.board_time(poller.line())
        assert first is not None
        assert second is not None
        assert second > first
        poller.input.write(b"g\n")
        assert poller.line() == "G"
        batches = [poller.batch(2) for _ in range(3)]
        poller.input.close()
        assert poller.process.wait(timeout=60) == 0
    times = [t_ns for batch in batches for t_ns in batch.times_ns]
    assert times == sorted(times)
    assert times[0] > second
    assert batches[0].columns == ((19888,) * 4, (118,) * 4)


def test_the_poller_keeps_to_its_grid(orin: Planted) -> None:
    with Poller(orin.root, "/sys/class/hwmon/hwmon4/in1_input", per_line=100) as poller:
        poller.input.write(b"g\n")
        poller.line()
        batch = poller.batch(1)
    assert batch.times_ns[-1] - batch.times_ns[0] >= 99 * 5_000_000 - 4_000_000


def test_the_poller_tells_what_cannot_be_read_as_empty_and_reads_it_when_it_is_back(orin: Planted) -> None:
    path = "sys/class/hwmon/hwmon4/in1_input"
    (orin.root / path).unlink()
    with Poller(orin.root, f"/{path}", per_line=1) as poller:
        poller.input.write(b"g\n")
        poller.line()
        assert poller.batch(1).columns == ((None,),)
        orin.write(path, "5000\n")
        while poller.batch(1).columns != ((5000,),):
            pass
        orin.write(path, "4999\n")
        while poller.batch(1).columns != ((4999,),):
            pass
        poller.input.write(b"?\n")
        while protocol.board_time(poller.line()) is None:
            pass
