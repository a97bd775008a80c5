"""What the doctor finds."""

from pathlib import Path

import pytest

from drivers.errors import MissingExtra
from melt_tui.workbench import doctor
from melt_tui.workbench.doctor import Finding, examine


def found(findings: list[Finding], subject: str) -> Finding:
    (one,) = [finding for finding in findings if finding.subject == subject]
    return one


def test_a_computer_that_has_all(tmp_path: Path) -> None:
    findings = examine({"recordings": tmp_path / "not" / "yet"}, {"TERM": "xterm", "COLORTERM": "truecolor"})
    assert found(findings, "Python").good
    assert found(findings, "llama.cpp engine").good
    assert found(findings, "recordings").good
    assert "truecolor" in found(findings, "terminal").detail
    assert not (tmp_path / "not").exists()


def test_what_is_missing_comes_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = MissingExtra("xllamacpp is not installed", remedy="pip install 'melt-tui[local]'")
    monkeypatch.setattr(doctor, "engine_objection", lambda: missing)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    findings = examine({"recordings": tmp_path}, {})
    engine = found(findings, "llama.cpp engine")
    assert (engine.good, engine.remedy) == (False, "pip install 'melt-tui[local]'")
    assert found(findings, "recordings").good is False
    assert found(findings, "terminal") == Finding("terminal", None, "no terminal", "use --headless")
    assert found(findings, "extra ssh") == Finding(
        "extra ssh", None, "boards over SSH", "pip install 'melt-tui[ssh]'"
    )


def test_a_folder_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", forbidden)
    folder = tmp_path / "recordings"
    assert found(examine({"recordings": folder}, {}), "recordings") == Finding(
        "recordings", good=False, detail=f"{folder} cannot be reached", remedy="change its owner"
    )


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 10**18)
    low = found(examine({"recordings": tmp_path}, {}), "recordings")
    assert low.good is False
    assert "free some space" in low.remedy
