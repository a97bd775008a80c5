import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.errors import WorkloadError
from melt_tui.workloads import fixed


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("pp512/tg128", (512, 128)),
        ("PP512+TG128", (512, 128)),
        ("pp1,tg1", (1, 1)),
        ("pp512", (512, 0)),
        ("tg128", (0, 128)),
        ("pp131072", (131_072, 0)),
    ],
)
def test_names(name: str, counts: tuple[int, int]) -> None:
    assert fixed.parse(name) == counts


@pytest.mark.parametrize(
    "name",
    ["", "chat", "pp", "tg", "/", "pp512/", "/tg128", "pp512tg128", "tg128/pp512", "pp-1", "pp5.0", "pp５"],
)
def test_what_is_no_such_name(name: str) -> None:
    assert fixed.parse(name) is None


@pytest.mark.parametrize("name", ["pp0", "tg0", "pp512/tg0", "pp131073", "pp999999999/tg1"])
def test_counts_out_of_bounds(name: str) -> None:
    with pytest.raises(WorkloadError, match="give counts from 1 to 131,072"):
        fixed.parse(name)


@given(st.integers(1, 3000), st.one_of(st.none(), st.integers(2, 300_000)))
def test_ids_are_in_the_vocabulary_and_repeat_late(count: int, vocabulary: int | None) -> None:
    ids = fixed.token_ids(count, vocabulary)
    assert len(ids) == count
    assert min(ids) >= 1
    assert max(ids) < (vocabulary or 2000)
    assert ids == fixed.token_ids(count, vocabulary)
    span = len(set(fixed.token_ids(3000, vocabulary)))
    assert len(set(ids)) == min(count, span)


def test_ids_keep_away_from_controls() -> None:
    ids = fixed.token_ids(512, 32_000)
    assert min(ids) >= 300
    assert max(ids) < 28_800
    assert len(set(ids)) == 512
