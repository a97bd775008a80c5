import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melt_tui.config.model import RunConfig
from melt_tui.config.remembered import LastRun, recall, remember

LAST = LastRun(
    ("host", "pixel-8"),
    RunConfig(model="synthetic:gemma-2b", turns=3, pause_s=0.5, runtime_args=("--x",), seed=0),
)


def test_what_was_remembered_is_recalled(tmp_path: Path) -> None:
    path = tmp_path / "state" / "last-run.json"
    assert recall(path) == (None, "")
    assert remember(path, LAST) == ""
    assert recall(path) == (LAST, "")
    assert [p.name for p in path.parent.iterdir()] == ["last-run.json"]
    plain = LastRun((), RunConfig())
    remember(path, plain)
    assert recall(path) == (plain, "")


def test_settings_of_another_version_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "last-run.json"
    path.write_text(json.dumps({"devices": ["host"], "run": {"turns": 3, "warp": 9}}), encoding="utf-8")
    assert recall(path) == (LastRun(("host",), RunConfig(turns=3)), "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"devices": []}',
        b'{"devices": 3, "run": {}}',
        b'{"devices": [], "run": {"turns": 0}}',
        b'{"devices": [], "run": {"model": 3}}',
        b"[" * 60_000,
    ],
)
def test_a_damaged_file_is_not_used_and_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last-run.json"
    path.write_bytes(content)
    last, note = recall(path)
    assert last is None
    assert f"the last choice in {path} is not used" in note


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "not remembered" in remember(tmp_path / "file" / "last-run.json", LAST)
    assert recall(tmp_path)[0] is None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), byte=st.integers(0, 255), cut=st.booleans())
def test_any_damage_is_survived(tmp_path: Path, at: int, byte: int, *, cut: bool) -> None:
    path = tmp_path / "last-run.json"
    remember(path, LAST)
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at] = byte
    path.write_bytes(bytes(content[:at] if cut else content))
    last, note = recall(path)
    assert (last is None) == bool(note)
