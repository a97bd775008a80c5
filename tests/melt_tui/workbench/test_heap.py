import ctypes
import gc
import weakref
from collections.abc import Iterator

import pytest

from melt_tui.workbench import heap


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """As Python has it, and at the end as it was."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


class Library:
    """A C library that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def mallopt(self, parameter: int, value: int) -> int:
        self.told.append((parameter, value))
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.told.append((0, pad))
        return 1


def test_one_heap_that_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    heap.tighten()
    assert library.told == [(-8, 1), (-3, 131072), (-1, 131072)]


def test_a_library_without_such_a_choice_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    heap.tighten()
    heap.give_back()


def test_what_is_free_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    heap.give_back()
    assert library.told == [(0, 0)]


def test_what_only_refers_to_itself_is_set_free_however_old_it_is() -> None:
    class Ring:
        """One that holds itself."""

        def __init__(self) -> None:
            self.itself = self

    ring = Ring()
    gone = weakref.ref(ring)
    gc.collect()  # it is of the oldest now
    del ring
    gc.collect(1)
    assert gone() is not None
    heap.search()
    assert gone() is None


def test_garbage_is_not_searched_for_several_times_a_frame() -> None:
    heap.tighten()
    assert gc.get_threshold() == (3_000, 10, 10)


def test_what_has_settled_is_not_searched_again() -> None:
    kept: list[list[int]] = [[] for _ in range(1000)]
    frozen = gc.get_freeze_count()
    try:
        heap.settle()
        assert gc.get_freeze_count() >= frozen + len(kept)
    finally:
        gc.unfreeze()
