"""Options of the model that a person gave."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.runtimes.ollama.given import given_options, lets_go, request_fields, strangers, typed, whole


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("20", 20), ("-1", -1), ("0.5", 0.5), (".5", 0.5), ("1e-3", 0.001), ("true", True), ("false", False),
        ("auto", "auto"), ("", ""), ("-", "-"), ("nan", "nan"), ("1" * 40, "1" * 40), ("1_000", "1_000"),
    ],
)  # fmt: skip
def test_types(value: str, meant: object) -> None:
    assert (type(typed(value)), typed(value)) == (type(meant), meant)


def test_names_and_values() -> None:
    args = ("model=a=b", "num_gpu=1", "num_gpu=2", "stop=1")
    assert given_options(args) == {"num_gpu": 2, "stop": ["1"]}
    assert strangers(args) == []
    assert strangers(("--x=1", "word", "Num=1", "num_predict=3")) == [
        "--x=1",
        "word",
        "Num=1",
        "num_predict=3",
    ]
    assert [whole({"a": value}, "a") for value in (3, True, "3", None)] == [3, None, None, None]


@given(st.lists(st.text() | st.from_regex(r"[a-z_]{1,4}=.{0,6}", fullmatch=True)))
def test_whatever_is_given_can_be_sent(args: list[str]) -> None:
    json.dumps([given_options(args), request_fields(args)], allow_nan=False)
    assert all(name.isascii() for name in given_options(args))


def test_fields_of_a_request() -> None:
    args = (
        "keep_alive=5m",
        "think=high",
        "think=false",
        'format={"type":"object"}',
        "truncate=1e999",
        "num_gpu=1",
    )
    assert request_fields(args) == {
        "keep_alive": "5m", "think": False, "format": {"type": "object"}, "truncate": "1e999",
    }  # fmt: skip
    assert request_fields(("format=json", "keep_alive=-1")) == {"format": "json", "keep_alive": -1}
    assert given_options(args) == {"num_gpu": 1}
    assert strangers(args) == []


@pytest.mark.parametrize(
    ("arg", "found"),
    [
        ("keep_alive=0", True), ("keep_alive=0s", True), ("keep_alive=0m0.0s", True), ("keep_alive=0.5s", False),
        ("keep_alive=10", False), ("keep_alive=-1", False), ("keep_alive=", False), ("think=0", False),
    ],
)  # fmt: skip
def test_a_model_that_is_let_go_of_after_each_turn(arg: str, *, found: bool) -> None:
    assert lets_go(request_fields((arg,))) is found
