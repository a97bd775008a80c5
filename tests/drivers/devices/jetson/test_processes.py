"""Memory and CPU time of a runtime's processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.jetson.processes import Processes, parse
from drivers.model import Samples

KB = 1024


def stat(pid: int, cpu: int, start: int, name: str = "llama-server") -> str:
    return f"S {pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {cpu} 0 0 0 20 0 1 0 {start} 1 1"


def block(pid: int, rss: int, *, cpu: int = 0, start: int = 7, peak: int = 0, name: str = "x") -> list[str]:
    memory = [f"VmHWM: {peak or rss} kB", f"VmRSS: {rss} kB", f"RssAnon: {rss - 100} kB", "RssFile: 100 kB"]
    return [f"P {pid}", stat(pid, cpu, start, name), *memory]


def processes() -> Processes:
    return Processes("b", cores=4, ticks_hz=100)


def values(items: list[Item]) -> dict[str, float]:
    return {item.channel: item.last_code for item in items if isinstance(item, Samples)}


def test_a_process_and_its_child_are_one_sum() -> None:
    watched = processes()
    watched.watch(12)
    watched.take(0, ["F 34"])
    assert watched.pids == (12, 34)
    watched.take(0, [*block(12, 5000, cpu=100, peak=9000), *block(34, 3000, cpu=50)])
    told = values(watched.take(SECOND, [*block(12, 5000, cpu=200, peak=9000), *block(34, 3000, cpu=150)]))
    assert told == {
        "rss": 8000 * KB,
        "rss_anon": 7800 * KB,
        "rss_file": 200 * KB,
        "rss_peak": 9000 * KB,
        "process_cpu": 50.0,
    }


def test_the_peak_is_the_greatest_sum_seen() -> None:
    watched = processes()
    watched.watch(12)
    watched.take(0, ["F 34"])
    watched.take(0, [*block(12, 5000), *block(34, 3000)])
    assert values(watched.take(SECOND, block(12, 5000)))["rss_peak"] == 8000 * KB


def test_another_process_under_the_same_number_is_not_followed() -> None:
    watched = processes()
    watched.watch(12)
    watched.take(0, block(12, 5000, start=7))
    assert watched.take(1, block(12, 900, start=8)) == []
    assert list(watched.roots) == []


def test_one_that_is_gone_is_forgotten_and_one_that_begins_late_is_not() -> None:
    watched = processes()
    watched.watch(12)
    assert watched.take(0, ["P 12", "S "]) == []
    assert list(watched.roots) == [12]
    assert values(watched.take(1, block(12, 5000)))["rss"] == 5000 * KB
    watched.take(2, ["P 12", "S "])
    assert list(watched.roots) == []


def test_a_kernel_that_does_not_tell_anonymous_memory_apart() -> None:
    watched = processes()
    watched.watch(12)
    told = values(watched.take(0, ["P 12", stat(12, 0, 7), "VmRSS: 10 kB"]))
    assert set(told) == {"rss", "rss_peak"}


@pytest.mark.parametrize("name", ["a) S 1", "P 99", ")", "kworker/u:0 (x)"])
def test_a_name_may_hold_anything(name: str) -> None:
    assert set(parse(block(12, 500, name=name))) == {12}


def test_unwatched() -> None:
    watched = processes()
    watched.watch(12)
    watched.take(0, ["F 34"])
    watched.unwatch(12)
    assert watched.pids == ()


def test_a_family_is_bounded() -> None:
    watched = processes()
    watched.watch(1)
    watched.take(0, ["F " + " ".join(map(str, range(2, 5000)))])
    assert len(watched.pids) == 64


@given(
    st.lists(
        st.text(max_size=40) | st.sampled_from(["P 12", "F", "F 34 x", "S 1", "VmRSS: 1 kB", stat(12, 0, 7)]),
        max_size=20,
    )
)
def test_any_answer_is_read_without_an_error(lines: list[str]) -> None:
    watched = processes()
    watched.watch(12)
    for item in watched.take(0, lines):
        assert isinstance(item, Samples)
