"""Several questions in one go, and when each was answered."""

from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from drivers.devices.android.slowshell import SlowShell, parted
from drivers.links.asking import Answer
from tests.rigs.phones.bench import BoxBench
from tests.rigs.phones.phone import Phone
from tests.rigs.phones.pixel import pixel

MARK = "melt-0123456789abcdef "
CLOCK = SystemClock()
Plant = Callable[[Callable[[Path], Phone]], BoxBench]

texts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")), max_size=5)


def told(device_us: list[int], parts: list[str]) -> str:
    stamps = [f"{MARK}{us // 1_000_000}.{us % 1_000_000:06}" for us in device_us]
    return "\n".join(
        [stamps[0], *(f"{part}\n{stamp}" for part, stamp in zip(parts, stamps[1:], strict=True))]
    )


@given(
    parts=texts, steps=st.lists(st.integers(0, 10**7), min_size=6, max_size=6), way_ns=st.integers(0, 10**9)
)
def test_each_answer_has_its_text_and_its_time(parts: list[str], steps: list[int], way_ns: int) -> None:
    device_us = [1_700_000_000_000_000 + us for us in accumulate(steps[: len(parts)], initial=0)]
    span_ns = 1000 * (device_us[-1] - device_us[0])
    whole = Answer(5_000, 5_000 + span_ns + way_ns, told(device_us, parts))
    answers = parted(whole, MARK, len(parts))
    assert [answer.text for answer in answers] == parts
    start_ns = 5_000 + way_ns // 2
    assert [(one.t0_ns - start_ns, one.t1_ns - start_ns) for one in answers] == [
        (1000 * (a - device_us[0]), 1000 * (b - device_us[0])) for a, b in pairwise(device_us)
    ]


@given(st.text(), st.integers(1, 4))
def test_what_came_damaged_tells_nothing(text: str, n: int) -> None:
    assert parted(Answer(1, 2, text), MARK, n) == [Answer(1, 2, "")] * n


@given(st.integers(0, 200))
def test_a_cut_answer_tells_nothing_that_was_not_there(cut: int) -> None:
    parts = ["first\nof two lines", "second"]
    text = told([1_700_000_000_000_000 + us for us in (0, 10, 20)], parts)
    for answer, part in zip(parted(Answer(0, 10**6, text[:cut]), MARK, 2), parts, strict=True):
        assert answer.text in {"", part}


def test_a_clock_that_was_set_between_them_leaves_the_texts() -> None:
    back = told([1_700_000_000_000_000, 1_600_000_000_000_000, 1_600_000_000_000_010], ["a", "b"])
    assert parted(Answer(1, 10**9, back), MARK, 2) == [Answer(1, 10**9, "a"), Answer(1, 10**9, "b")]
    ahead = told([1_600_000_000_000_000, 1_700_000_000_000_000, 1_700_000_000_000_010], ["a", "b"])
    assert parted(Answer(1, 10**9, ahead), MARK, 2) == [Answer(1, 10**9, "a"), Answer(1, 10**9, "b")]


async def test_a_phone_answers_two_questions_at_once(bench: Plant) -> None:
    async with SlowShell(bench(pixel).shell, CLOCK) as slow:
        before_ns = CLOCK.now()
        first, second = await slow.ask_together(
            ["echo one; echo '@ end'\n", "sleep 0.2; echo two"], timeout_s=5
        )
        after_ns = CLOCK.now()
    assert (first.text, second.text) == ("one\n@ end", "two")
    assert before_ns <= first.t0_ns <= first.t1_ns == second.t0_ns
    assert second.t1_ns <= after_ns
    assert second.t1_ns - second.t0_ns >= 200_000_000 > first.t1_ns - first.t0_ns
