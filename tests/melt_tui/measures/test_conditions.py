"""Conditions on sensors: what is read, what is refused and where, and how the unknown counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.errors import UsageError
from melt_tui.measures.conditions import (
    MOST_CHARACTERS,
    All,
    AnyOf,
    Comparison,
    Condition,
    comparisons,
    judge,
    least,
    parse,
)

SOC = Comparison("soc", "<=", 40.0)
SLOPE = Comparison("soc", "<", 2.0, 60.0)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("soc<=40", SOC),
        (" soc ≤ 40.0 °C ", SOC),
        ("soc<=40 and slope<2/60s", All((SOC, SLOPE))),
        ("slope < 2 C/min", SLOPE),
        ("skin>=3 and slope<.5/2min", All((Comparison("skin", ">=", 3), Comparison("skin", "<", 0.5, 120)))),
        ("slope(cpu-0-0)<1/1h", Comparison("cpu-0-0", "<", 1.0, 3600.0)),
        ('"slope" > -5 or "CPU therm"<40', AnyOf((Comparison("slope", ">", -5), Comparison("CPU therm", "<", 40)))),
        ("soc<=40 or soc<=40 and soc<=40", AnyOf((SOC, All((SOC, SOC))))),
        ("(soc<=40 or soc<=40) and level>80%", All((AnyOf((SOC, SOC)), Comparison("level", ">", 80)))),
    ],
)  # fmt: skip
def test_what_is_written_is_read(text: str, condition: Condition) -> None:
    assert parse(text) == condition


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "the name of a sensor is expected, but it ends there"),
        ("soc", 4, "<=, <, >= or > is expected, but it ends there"),
        ("soc <= warm", 8, "a number is expected, not 'warm'"),
        ("soc=40", 4, "'=' means nothing here"),
        ("soc<=40  ; rm", 10, "';' means nothing here"),
        ("soc<=40 slope<2/60s", 9, "“and”, “or” or the end is expected, not 'slope'"),
        ("40>=soc", 1, "the name of a sensor is expected, not '40'"),
        ("slope<2", 8, "“/” and a time"),
        ("slope<2/60", 11, "s, min or h is expected"),
        ("slope<2/1s", 9, "a slope is taken over 5 s to 60 min"),
        ("(soc<=40", 9, "“)” is expected"),
        ("soc<=40 and", 12, "the name of a sensor"),
        ("soc<=99999999", 6, "a number"),
        ('"soc<=40', 1, "means nothing"),
        ("(" * 9 + "soc<=40" + ")" * 9, 10, "more than 8 brackets"),
        (" and ".join(["s<1"] * 17), 129, "more than 16 comparisons"),
        ("s" * 201, MOST_CHARACTERS + 1, "longer than 200"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_column(text: str, column: int, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert f"at column {column}: " in refused.value.sentence
    assert said in refused.value.sentence
    assert refused.value.remedy == 'write it like "soc<=40 and slope<2/60s"'


@pytest.mark.parametrize(
    ("text", "soc", "skin", "verdict"),
    [
        ("soc<=40 and skin<30", 40.0, None, None),
        ("soc<=40 and skin<30", 40.1, None, False),
        ("soc<=40 or skin<30", 40.0, None, True),
        ("soc<=40 or skin<30", 41.0, None, None),
        ("soc<=40 or skin<30", 41.0, 30.0, False),
        ("soc>=40 and skin>29", 40.0, 30.0, True),
    ],
)
def test_the_unknown_decides_nothing_it_does_not_have_to(
    text: str, soc: float, skin: float | None, verdict: bool | None
) -> None:
    assert judge(parse(text), lambda one: {"soc": soc, "skin": skin}[one.sensor]) is verdict


def test_the_worst_of_all_and_the_best_of_any() -> None:
    parts = {"a": 0.2, "b": 0.5, "c": 0.4}
    assert least(parse("a<1 and (b<1 or c<1)"), lambda one: parts[one.sensor]) == 0.2
    assert least(parse("b<1 and (a<1 or c<1)"), lambda one: parts[one.sensor]) == 0.4


_NUMBERS = st.integers(-99_999, 99_999).map(lambda number: number / 100)
_NAMES = st.one_of(
    st.sampled_from(["soc", "skin", "cpu-0-0", "and", "slope", "C"]),
    st.text(st.characters(exclude_characters='"', exclude_categories=("Cs", "Cc")), min_size=1, max_size=6).filter(str.strip),
)  # fmt: skip
_LEAVES = st.builds(
    Comparison,
    _NAMES,
    st.sampled_from(["<", "<=", ">", ">="]),
    _NUMBERS,
    st.none() | st.integers(5, 3600).map(float),
)


def _joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=2, max_size=3)
    alls = parts.map(lambda some: All(tuple(one for one in some if not isinstance(one, All)) or (SOC, SOC)))
    anys = parts.map(
        lambda some: AnyOf(tuple(one for one in some if not isinstance(one, AnyOf)) or (SOC, SOC))
    )
    return alls.filter(lambda one: len(one.parts) > 1) | anys.filter(lambda one: len(one.parts) > 1)


@settings(max_examples=60, deadline=None)
@given(st.recursive(_LEAVES, _joined, max_leaves=5))
def test_what_is_told_reads_back_the_same(condition: Condition) -> None:
    if len(str(condition)) <= MOST_CHARACTERS:
        assert parse(str(condition)) == condition


@settings(max_examples=120, deadline=None)
@given(st.one_of(st.text(max_size=300), st.text('soclpe<=>()/ 0123456789.andmi"', max_size=60)))
def test_any_text_is_read_or_refused_with_a_column_within_it(text: str) -> None:
    sentence = _refusal(text)
    if sentence is None:
        assert list(comparisons(parse(text)))
        return
    column = int(sentence.rpartition("at column ")[2].partition(":")[0])
    assert 1 <= column <= min(len(text), MOST_CHARACTERS) + 1
    assert sentence.isprintable()


def _refusal(text: str) -> str | None:
    try:
        parse(text)
    except UsageError as refused:
        return refused.sentence
    return None
