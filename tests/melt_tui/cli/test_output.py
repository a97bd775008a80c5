"""What is written: text from outside cannot steer the terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.cli import output


@given(st.text())
def test_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    shown = output.harmless(text)
    assert all(char.isprintable() for char in shown)
    assert len(shown) == len(text)


def test_columns_are_aligned_and_escapes_are_shown() -> None:
    rows = [("name", "n"), ("a\x1b[31mb", "12"), ("c", "3")]
    assert output.table(rows, right=frozenset({1})) == "name      n\na�[31mb  12\nc         3"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    output.result_json({"é": None})
    assert json.loads(capsys.readouterr().out) == {"é": None}
