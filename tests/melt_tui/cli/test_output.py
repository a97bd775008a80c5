"""What is written: text from outside cannot steer the terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.cli import output
from melt_tui.errors import UsageError


@given(st.text())
def test_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    shown = output.harmless(text)
    assert all(char.isprintable() for char in shown)
    assert len(shown) == len(text)


def test_columns_are_aligned_and_escapes_are_shown() -> None:
    rows = [("name", "n"), ("a\x1b[31mb", "12"), ("c", "3")]
    assert output.table(rows, right=frozenset({1})) == "name      n\na�[31mb  12\nc         3"


def test_a_closed_stdout_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    with pytest.raises(UsageError, match="stdout is closed"):
        output.result("x")
    output.progress("nobody hears it")


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    output.result_json({"é": None})
    assert json.loads(capsys.readouterr().out) == {"é": None}
