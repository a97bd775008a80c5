"""Reading what others wrote."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import foreign
from drivers.errors import Garbled

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.text())
def test_any_text_is_json_or_garbled(text: str) -> None:
    with suppress(Garbled):
        foreign.read_json(text, "it")


@given(JSON)
def test_fields_of_any_value_are_of_their_type(value: Any) -> None:
    owner = {"x": value}
    number, count, text = foreign.number(owner, "x"), foreign.count(owner, "x"), foreign.text(owner, "x")
    assert number is None or (type(number) is float and math.isfinite(number))
    assert count is None or (type(count) is int and 0 <= count <= foreign.LARGEST)
    text.encode()
    assert type(foreign.fields(value)) is dict
    assert type(foreign.items(value)) is list


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, "{'a': 1}", "\x00", "nul"],
    ids=range(8),
)
def test_nonsense_is_garbled_in_a_short_sentence(text: str) -> None:
    with pytest.raises(Garbled) as raised:
        foreign.read_json(text, "the server")
    assert len(str(raised.value)) < 150
    assert str(raised.value).isprintable()


def test_an_object_is_asked_for() -> None:
    assert foreign.read_fields('{"a": 1}', "it") == {"a": 1}
    with pytest.raises(Garbled, match="not an object"):
        foreign.read_fields("[1]", "it")


def test_numbers_that_are_none() -> None:
    told = foreign.read_fields(
        '{"a": NaN, "b": Infinity, "c": 1e999, "d": true, "e": "7", "f": 1.5, "g": -1}', "it"
    )
    assert [foreign.number(told, key) for key in "abcde"] == [None] * 5
    assert [foreign.count(told, key) for key in "defg"] == [None] * 4
    assert foreign.count({"a": 9.0}, "a") == 9
    assert foreign.number({"a": 1 << 60}, "a") is None


def test_half_characters_are_replaced() -> None:
    assert foreign.text(json.loads('{"a": "x\\ud800y"}'), "a") == "x?y"


def test_printable_shows_and_cuts() -> None:
    assert foreign.printable("a\tb\x1b[31m\u202ec\n") == "a b\\x1b[31m\\x202ec"
    assert foreign.printable("x" * 400) == "x" * 299 + "…"
    assert foreign.printable("y" * 300) == "y" * 300


@given(st.text(), st.integers(1, 50))
def test_printable_is_printable(text: str, limit: int) -> None:
    shown = foreign.printable(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
