"""Memory and CPU time of the processes that a runtime starts on a phone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.android.watching import PagesService, Settings, Watched
from drivers.events import Absent, ChannelsOpened
from drivers.links.asking import Answer
from drivers.model import Samples
from tests.rigs.phones.bench import Bench, BoxBench
from tests.rigs.phones.phone import Phone
from tests.rigs.phones.xiaomi import xiaomi

Plant = Callable[[Callable[[Path], Phone]], BoxBench]

SETTINGS = Settings(page_size=4096, processors=8, user=2000, builtin=True, children=True)


def times(start: int, cpu: int) -> str:
    """The fields of /proc/PID/stat behind the name."""
    return f"S 1 1 1 0 -1 0 0 0 0 0 {cpu} 0 0 0 20 0 1 0 {start} 0 0"


def told(items: list[Item]) -> dict[str, float]:
    return {item.channel: item.last_code for item in items if isinstance(item, Samples)}


def test_sums_over_the_family() -> None:
    watched = Watched("phone", SETTINGS)
    watched.add(10)
    watched.adopt((11,))
    first = told(watched.take(0, (times(5, 100), "900 300 100 1 0 1 0", times(6, 0), "900 200 50 1 0 1 0")))
    assert first == {"rss": 500 * 4096, "rss_anon": 350 * 4096, "rss_file": 150 * 4096}
    second = told(
        watched.take(SECOND, (times(5, 180), "900 300 100 1 0 1 0", times(6, 80), "900 200 50 1 0 1 0"))
    )
    assert second["process_cpu"] == pytest.approx(20.0), "1.6 s in 1 s, of 8 processors"


def test_the_peak_is_the_kernels_or_the_greatest_seen() -> None:
    watched = Watched("phone", SETTINGS)
    watched.add(10)
    watched.take(0, (times(5, 0), "900 300 100 1 0 1 0"))
    assert told(watched.take_kin(0, ("   5000 , 2000 2000 2000 2000 ", ""))) == {"rss_peak": 5000 * 1024}
    assert told(watched.take_kin(0, (",", ""))) == {"rss_peak": 5000 * 1024}
    watched.take(0, (times(5, 0), "900 3000 100 1 0 1 0"))
    assert told(watched.take_kin(0, (",", ""))) == {"rss_peak": 3000 * 4096}


def test_children_join_and_the_dead_are_forgotten() -> None:
    watched = Watched("phone", SETTINGS)
    watched.add(10)
    watched.take_kin(0, (",2000", " 11 12"))
    assert list(watched.pids) == [10, 11, 12]
    for _ in range(3):
        watched.take(0, (times(5, 0), "9 3 1", "", "", times(5, 0), "9 3 1"))
    assert list(watched.pids) == [10, 12]
    watched.discard(10)
    assert list(watched.pids) == []


def test_a_process_of_the_same_number_is_another() -> None:
    watched = Watched("phone", SETTINGS)
    watched.add(10)
    watched.take(0, (times(5, 0), "9 3 1"))
    assert told(watched.take(SECOND, (times(6, 0), "9 30 1"))) == {}
    assert list(watched.pids) == []


def test_an_app_of_another_user_is_counted_by_the_activity_service_rarely_and_that_is_said() -> None:
    watched = Watched("phone", SETTINGS)
    watched.add(10)
    watched.take_kin(0, (",10234 10234", ""))
    service = PagesService("phone", watched)
    assert service.script().startswith("dumpsys -t 8 meminfo 10 ")
    text = "  TOTAL PSS:  1000            TOTAL RSS:  2000      TOTAL SWAP PSS:        0\n"
    items = service.take(Answer(0, SECOND // 2, text))
    assert told(items) == {"pss": 1000 * 1024, "rss": 2000 * 1024}
    assert service.period_ns == 25 * SECOND
    (absent,) = [item for item in items if isinstance(item, Absent)]
    assert "dumpsys meminfo" in absent.reason
    watched.take(0, (times(5, 0), "9 3 1"))
    assert told(service.take(Answer(0, SECOND // 2, text))) == {"pss": 1000 * 1024}, (
        "the kernel tells its RSS"
    )


def test_pages_are_counted_as_rarely_as_they_cost() -> None:
    watched = Watched("phone", SETTINGS)
    service = PagesService("phone", watched)
    assert service.script() == ""
    watched.add(10)
    watched.adopt((11,))
    assert "smaps_rollup" in service.script()
    text = "Rss: 9 kB\nPss: 5 kB\nRss: 9 kB\nPss: 6 kB\n@ end"
    assert told(service.take(Answer(0, SECOND // 10, text))) == {"pss": 11 * 1024}
    assert service.period_ns == 20 * SECOND
    assert told(service.take(Answer(0, 1000, "Rss: 9 kB\nPss: 5 kB\n"))) == {}, "one of two"


async def test_a_process_and_its_children_on_a_phone(bench: Plant) -> None:
    one = bench(xiaomi)
    async with one.open() as device:
        assert device.shell is not None
        async with device.shell.start(["sh", "-c", "sleep 1000 & sleep 1000 & wait"]) as process:
            device.watch(process.pid)
            expected = [0]

            def story(bench: Bench) -> bool:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                family = [str(process.pid), *children]
                pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in family]
                expected[0] = sum(pages) * os.sysconf("SC_PAGE_SIZE")
                settled = expected[0] in bench.values("rss") if "rss" in bench.channels else False
                return (
                    len(children) == 2
                    and settled
                    and max(bench.values("rss_peak"), default=0) >= max(bench.values("rss"))
                )

            await one.follow(device, story)
            device.unwatch(process.pid)
    assert one.values("rss_peak")[-1] >= max(one.values("rss")) > 0
    assert one.values("rss_anon")[-1] + one.values("rss_file")[-1] == one.values("rss")[-1]
    (opened,) = one.of(ChannelsOpened)
    assert {channel.name for channel in opened.channels} == {
        *("rss", "rss_anon", "rss_file", "rss_peak", "process_cpu", "pss")
    }


async def test_a_process_that_ends_is_no_longer_followed(bench: Plant) -> None:
    one = bench(xiaomi)
    async with one.open() as device:
        assert device.shell is not None
        async with device.shell.start(["sleep", "1000"]) as process:
            device.watch(process.pid)
            await one.follow(device, lambda bench: "rss" in bench.channels and len(bench.values("rss")) > 2)
        seen = len(one.values("rss"))
        fast = len(one.values("frequency policy0"))
        await one.follow(device, lambda bench: len(bench.values("frequency policy0")) > fast + 8)
    assert len(one.values("rss")) - seen <= 1
