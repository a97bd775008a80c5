"""A Recording answers as brute force over all items does, while it is written and afterwards."""

from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.store.recording import Recording
from tests.rigs.brute import Brute
from tests.rigs.looks import Look, assert_same, looks
from tests.rigs.random_sessions import Step, session, steps
from tests.rigs.written import Writer, folder, small_scale

sizes = st.sampled_from((1, 3, 10, 1000))


@given(steps(), looks(most=4), sizes, st.sampled_from((1, 2, 1000)))
@settings(max_examples=60, deadline=None)
def test_answers_as_brute_force_does(taken: list[Step], seen: list[Look], size: int, minute: int) -> None:
    items = session(taken)
    with folder() as place, small_scale():
        writer = Writer(place / "a.melt", minute)
        writer.write(items, size)
        with closing(Recording(place / "a.melt")) as recording:
            brute = Brute(items)
            assert_same(recording, brute, items, seen)
            assert recording.span() == brute.span()
            assert list(recording.items()) == items
            writer.finish()
            assert_same(recording, brute, items, seen)
            assert recording.span() == brute.span()
            assert list(recording.items()) == items
        writer.close()


@given(steps(most=40), looks(most=2), sizes, st.sampled_from((1, 2, 5)))
@settings(max_examples=30, deadline=None)
def test_answers_alike_while_it_is_written(
    taken: list[Step], seen: list[Look], size: int, minute: int
) -> None:
    items = session(taken)
    with folder() as place, small_scale(slow_hz=2000.0):
        writer = Writer(place / "a.melt", minute)
        writer.write(items[:2], 2)
        with closing(Recording(place / "a.melt")) as recording:
            for start in range(2, len(items), 7):
                writer.write(items[start : start + 7], size)
                known = items[: start + 7]
                assert_same(recording, Brute(known), known, seen[:1])
                assert list(recording.items()) == known
        writer.close()
