"""When a cap is a limit, also of a device that was lost and is back."""

from contextlib import suppress

from drivers.base import Item
from drivers.caps import Highest, Judge, Remembered
from drivers.errors import LinkLost
from drivers.events import LimitEngaged, LimitReleased


def play(judge: Judge, *megahertz: int) -> list[tuple[str, str]]:
    items = [item for t_ns, mhz in enumerate(megahertz) for item in judge.take(t_ns, mhz * 1e6)]
    return [told(item) for item in items]


def told(item: Item) -> tuple[str, str]:
    assert isinstance(item, LimitEngaged | LimitReleased)
    return type(item).__name__, item.detail


def test_a_cap_that_a_user_has_lowered_before_is_no_limit() -> None:
    assert play(Judge("d", "cap", 1500e6), 1500, 1500) == []


def test_a_device_that_was_opened_hot_tells_its_next_limit() -> None:
    assert play(Judge("d", "cap", 1500e6), 1500, 2000, 2900, 1800, 2900) == [
        ("LimitEngaged", "2.90 GHz → 1.80 GHz"),
        ("LimitReleased", "1.80 GHz → 2.90 GHz"),
    ]


def test_the_first_that_is_seen_counts_where_the_start_is_not_known() -> None:
    assert play(Judge("d", "cap", None), 2000, 1000) == [("LimitEngaged", "2.00 GHz → 1.00 GHz")]


def test_what_was_not_read_wholly_is_never_the_highest() -> None:
    judge = Judge("d", "cap", 1000e6)
    assert judge.take(0, 3000e6, whole=False) == []
    assert judge.take(1, 1000e6) == []


def test_a_limit_in_force_is_told_again_when_the_device_is_back() -> None:
    remembered = Remembered()
    with suppress(LinkLost), remembered.kept("a") as highest:
        assert play(Judge("d", "cap", 2900e6, highest), 2900, 1800) != []
        raise LinkLost("the cable was pulled")
    with remembered.kept("b") as other:
        assert play(Judge("e", "cap", 1800e6, other), 1800) == [], "another device"
    with remembered.kept("a") as highest:
        assert play(Judge("d", "cap", 1800e6, highest), 1800, 2900) == [
            ("LimitEngaged", "2.90 GHz → 1.80 GHz"),
            ("LimitReleased", "1.80 GHz → 2.90 GHz"),
        ]


def test_a_device_that_was_closed_begins_anew() -> None:
    remembered = Remembered()
    with remembered.kept("a") as highest:
        highest.seen("cap", 2900e6)
    with remembered.kept("a") as highest:
        assert isinstance(highest, Highest)
        assert play(Judge("d", "cap", 1800e6, highest), 1800) == []
