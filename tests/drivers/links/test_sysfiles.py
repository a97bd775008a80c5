import os
from pathlib import Path

import pytest

from drivers.errors import Refused
from drivers.links.sysfiles import SysFiles


def test_reads_below_its_root(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/value").write_text("42\n")
    assert SysFiles(tmp_path).read("/sys/value") == "42\n"


@pytest.mark.parametrize("path", ["/sys/none", "/sys", "/sys/value/below", "/nul\0", "/" + "x" * 5000])
def test_what_has_no_text_is_none(tmp_path: Path, path: str) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/value").write_text("1")
    assert SysFiles(tmp_path).read(path) is None


def test_undecodable_bytes_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"core\xfftemp\n")
    assert SysFiles(tmp_path).read("/name") == "core�temp\n"


def test_a_pipe_that_nobody_writes_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert SysFiles(tmp_path).read("/pipe") == ""


def test_long_texts_are_read_whole() -> None:
    lines = len(Path("/proc/self/maps").read_bytes().splitlines())  # longer than the page that one read gives
    text = SysFiles().read("/proc/self/maps") or ""
    assert len(text.splitlines()) >= lines - 5
    assert len(text) > 4096


def test_permission_denied_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Refused, match=r"sudo chmod a\+r /sys/secret"):
        SysFiles(tmp_path).read("/sys/secret")


def test_glob_counts_and_stays_below(tmp_path: Path) -> None:
    for name in ("cpu10", "cpu2", "cpufreq"):
        (tmp_path / name).mkdir()
    assert SysFiles(tmp_path).glob("/cpu[0-9]*") == ["/cpu2", "/cpu10"]
    assert SysFiles(tmp_path).glob("/none/*") == []
