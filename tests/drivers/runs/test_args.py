"""What users hand to a runtime."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.runs.args import binary_of, flag_words, json_value, last_number, option


def test_flags_and_words_of_ours() -> None:
    args = ("binary=/a=b/c", "-fa on", "--lora=x=y", "stray", "model=m", "binary=/last")
    assert flag_words(args, ours=("binary", "model")) == ["-fa", "on", "--lora", "x=y", "stray"]
    assert flag_words(args)[-1] == "model=m"
    assert (binary_of(args), option(args, "model"), option(args, "port")) == ("/last", "m", "")


def test_numbers() -> None:
    assert last_number(("-t 1", "--threads", "3"), ("-t", "--threads"), 9) == 3
    assert last_number(("-t", "many"), ("-t",), 9) is None
    assert last_number((), ("-t",), 9) == 9


@given(st.lists(st.text(min_size=1)))
def test_any_words(args: list[str]) -> None:
    assert all(isinstance(word, str) for word in flag_words(args))
    last_number(args, ("-t",), 1)


def test_values_as_json_has_them() -> None:
    texts = ("1", "0.5", "true", '{"a":[1]}', "5m", "NaN", "-Infinity", "1e999", '{"a":-1e999}', "[" * 99_999)
    assert list(map(json_value, texts)) == [1, 0.5, True, {"a": [1]}, *texts[4:]]
