"""What is written: text from outside cannot steer the terminal."""

import json
import sys

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


KEY = f"SHA256:{'k' * 43}"


def test_wide_lines_go_on_deeper_and_no_word_is_broken() -> None:
    text = f"run r1\n  note: failed: the key of orin is not {KEY} as it was\n\n  a  b"
    assert output.wrapped(text, 40).split("\n") == [
        "run r1",
        "  note: failed: the key of orin is not",
        f"      {KEY}",
        "      as it was",
        "",
        "  a  b",
    ]
    assert output.wrapped(text, 200) == text


@given(st.text(st.sampled_from("ab -\n"), max_size=80), st.integers(1, 20))
def test_wrapping_leaves_every_word(text: str, columns: int) -> None:
    assert output.wrapped(text, columns).split() == text.split()


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_has_lines_wrapped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    output.result_text("one two three four five six")
    assert capsys.readouterr().out == (
        "one two three four\n    five six\n" if terminal else "one two three four five six\n"
    )
