"""Kernel files, properties and services of phones as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import linux
from drivers.devices.android import protocol
from drivers.devices.android.protocol import AppMemory, Rail

GETPROP = """[ro.build.id]: [BP1A.250505.005]
[ro.build.version.release]: [15]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 8]
[ro.soc.manufacturer]: [Google]
[ro.soc.model]: [Tensor G3]
[persist.odd]: [a
b]
[empty]: []
"""
ODPM = """t=349894
CH0(T=349894)[S10M_VDD_TPU], 5578756
CH1(T=349894)[VSYS_PWR_MODEM], 29110940
CH42(T=349890)[S2M_VDD_CPUCL2], 30203502
"""
STAT = """cpu  100 0 0 900 0 0 0 0 0 0
cpu0 50 0 10 400 40 0 0 0 7 0
cpu1 40 0 0 460 0 0 0 0 0 0
cpu7 10 0 0 40 0 0 0 0 0 0
"""
MEMINFO_14 = """Applications Memory Usage (in Kilobytes):
Uptime: 356123 Realtime: 356123

** MEMINFO in pid 9876 [ai.mlc.mlcchat] **
                   Pss  Private  Private  SwapPss      Rss     Heap     Heap     Heap
                 Total    Dirty    Clean    Dirty    Total     Size    Alloc     Free
                ------   ------   ------   ------   ------   ------   ------   ------
  Native Heap   812345   812300        0        0   813000  1200000   900000   300000
        TOTAL  1234567   834000   300000        0  1345678  1210000   905000   305000

 App Summary
           TOTAL PSS:  1234567            TOTAL RSS:  1345678      TOTAL SWAP PSS:        0
"""
MEMINFO_9 = """** MEMINFO in pid 9876 [ai.mlc.mlcchat] **
        TOTAL    98765    80000    10000        0   120000   100000    20000

 App Summary
               TOTAL:    98765       TOTAL SWAP PSS:        0
"""


def test_who_a_phone_is() -> None:
    props = protocol.properties(GETPROP)
    assert protocol.model(props) == "Google Pixel 8"
    assert protocol.system(props) == "Android 15 (BP1A.250505.005)"
    assert protocol.soc(props) == "Google Tensor G3"
    assert "persist.odd" not in props
    assert protocol.first(props, "empty", "ro.product.model") == "Pixel 8"


def test_a_market_name_that_holds_the_maker_is_not_doubled() -> None:
    props = {
        "ro.product.manufacturer": "Xiaomi",
        "ro.product.marketname": "Xiaomi 14",
        "ro.product.model": "23127PN0CC",
    }
    assert protocol.model(props) == "Xiaomi 14"
    assert protocol.soc({"ro.board.platform": "pineapple"}) == "pineapple"
    assert protocol.system({}) == ""
    assert protocol.model({}) == ""


@pytest.mark.parametrize(
    ("text", "word"), [("1\n", "on"), ("0", "off"), ("null\n", ""), ("", ""), ("$(rm)", "")]
)
def test_switches(text: str, word: str) -> None:
    assert protocol.switch(text) == word


def test_use_of_a_cluster() -> None:
    before = protocol.processor_ticks(STAT)
    assert before == {0: linux.Ticks(500, 440), 1: linux.Ticks(500, 460), 7: linux.Ticks(50, 40)}
    after = {0: linux.Ticks(510, 440), 1: linux.Ticks(510, 470), 7: linux.Ticks(60, 45)}
    assert linux.use(before, after, (0, 1)) == pytest.approx(50.0)
    assert linux.use(before, after, (7,)) == pytest.approx(50.0)
    assert linux.use(before, before, (0, 1)) is None
    assert linux.use(before, after, (3,)) is None


def test_a_processor_that_is_off_does_no_work() -> None:
    before, after = {0: linux.Ticks(0, 0), 1: linux.Ticks(0, 0)}, {0: linux.Ticks(10, 0)}
    assert linux.use(before, after, (0, 1)) == pytest.approx(50.0)


def test_pages_of_a_process() -> None:
    memory = protocol.statm("765 436 409 5 0 123 0\n", 4096)
    assert memory is not None
    assert (memory.rss, memory.file, memory.anon) == (436 * 4096, 409 * 4096, 27 * 4096)
    large = protocol.statm("765 436 409 5 0 123 0", 16384)
    assert large is not None
    assert large.rss == 436 * 16384
    assert protocol.statm("765 0 0 5 0 123 0", 4096) is None
    assert protocol.statm("", 4096) is None


def test_memory_of_an_app() -> None:
    assert protocol.app_memory(MEMINFO_14) == AppMemory(1234567 * 1024, 1345678 * 1024)
    assert protocol.app_memory(MEMINFO_9) == AppMemory(98765 * 1024, None)
    assert protocol.app_memory("No process found for: 9876\n") is None


def test_memory_of_an_app_with_thousands_apart() -> None:
    apart = "  TOTAL PSS:  1,234,567            TOTAL RSS:  1,345,678      TOTAL SWAP PSS:        0\n"
    assert protocol.app_memory(apart) == AppMemory(1234567 * 1024, 1345678 * 1024)
    assert protocol.app_memory(apart.replace("1,234,567", "1,23")) == AppMemory(None, 1345678 * 1024)


def test_shares_and_owners() -> None:
    assert protocol.shares("Rss: 12 kB\nPss:      100 kB\nPss_Anon: 3 kB\nRss: 1 kB\nPss: 7 kB\n") == [
        102400,
        7168,
    ]
    assert protocol.owner("Name:\tx\nUid:\t10234\t10234\t10234\t10234\n") == 10234
    assert protocol.owner("Uid: root") is None


def test_a_family_by_ps() -> None:
    text = "  PID  PPID\n  100     1\n  200   100\n  300   200\n  400     1\n  100   300\n"
    assert protocol.family(text, 100) == (100, 200, 300)
    assert protocol.family("ps: not found", 7) == (7,)


def test_power_rails() -> None:
    assert protocol.rails(ODPM) == (
        Rail("S10M_VDD_TPU", 349894, 5578756),
        Rail("VSYS_PWR_MODEM", 349894, 29110940),
        Rail("S2M_VDD_CPUCL2", 349890, 30203502),
    )
    assert protocol.uptime_ms("349.91 1234.56\n") == 349910
    assert protocol.uptime_ms("up") is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("  mWakefulness=Awake\nDisplay Power: state=ON\n", protocol.SCREEN_ON),
        ("  mWakefulness=Awake\nDisplay Power: state=OFF\n", protocol.SCREEN_OFF),
        ("Display Power: state=DOZE_SUSPEND\n", protocol.SCREEN_DOZING),
        ("  mWakefulness=Asleep\n", protocol.SCREEN_OFF),
        ("  mWakefulness=Dozing\n", protocol.SCREEN_DOZING),
        ("Display Power: state=NEW\n", None),
        ("", None),
    ],
)
def test_screen(text: str, state: int | None) -> None:
    assert protocol.screen(text) == state


@pytest.mark.parametrize(
    ("text", "value"), [("102\n", 102), ("2780", 2780), ("null", None), ("-1", None), ("0.4", None)]
)
def test_brightness(text: str, value: int | None) -> None:
    assert protocol.brightness(text) == value


def test_clocks_of_a_gpu() -> None:
    assert protocol.hertz("680000000\n") == 680e6
    assert protocol.hertz("0") == 0.0
    assert protocol.cap_hertz("0") is None
    assert protocol.hertz("680") is None, "MHz"
    assert protocol.busy_percent("43 %\n") == 43.0
    assert protocol.busy_percent("43,5 %") == 43.5
    assert protocol.busy_percent("143") is None


def test_a_survey() -> None:
    seen = protocol.survey("= /a/policy10/x 5\n= /a/policy2/x 6 7\n! /sys/class/thermal\njunk\n= /cut 1")
    assert seen.matching("/a/policy[0-9]+/x") == ["/a/policy2/x", "/a/policy10/x"]
    assert seen.values["/a/policy2/x"] == "6 7"
    assert seen.refused("/sys/class")
    assert not seen.refused("/a")
    assert "/cut" not in seen.values


def test_sections_of_an_answer() -> None:
    assert protocol.sections("a\n@ one\nb\nc\n@ end") == {"": "a\n", "one": "b\nc\n", "end": ""}
    assert protocol.sections("cut@ end") == {"": "cut@ end"}


def test_columns_of_a_round() -> None:
    assert protocol.columns("1||3|\n", 3) == ("1", "", "3")
    assert protocol.columns("1||3", 3) is None
    assert protocol.columns("1|3|", 3) is None
    assert protocol.columns("", 0) == ()


@given(st.lists(st.text(st.characters(exclude_characters="|"))))
def test_columns_come_back(texts: list[str]) -> None:
    assert protocol.columns("".join(f"{text}|" for text in texts), len(texts)) == tuple(texts)


@given(st.sampled_from([ODPM, STAT, MEMINFO_14, GETPROP]), st.data())
def test_an_output_cut_anywhere_tells_nothing_false(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))] + "@ end\n"
    assert set(protocol.rails(cut)) <= set(protocol.rails(text))
    assert protocol.processor_ticks(cut).items() <= protocol.processor_ticks(text).items()
    assert protocol.properties(cut).items() <= protocol.properties(text).items()
    memory, whole = protocol.app_memory(cut), protocol.app_memory(text)
    if memory is not None and whole is not None:
        assert memory.pss in {None, whole.pss}
        assert memory.rss in {None, whole.rss}


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for read in (
        protocol.properties,
        protocol.processor_ticks,
        protocol.app_memory,
        protocol.shares,
        protocol.owner,
        protocol.rails,
        protocol.uptime_ms,
        protocol.screen,
        protocol.brightness,
        protocol.hertz,
        protocol.busy_percent,
        protocol.survey,
        protocol.sections,
    ):
        read(text)
    protocol.statm(text, 4096)
    protocol.family(text, 1)
    protocol.columns(text, 3)
    assert protocol.switch(text) in {"on", "off", ""}


@given(
    st.dictionaries(st.integers(0, 99), st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=12)
)
def test_use_lies_between_0_and_100(ticks: dict[int, tuple[int, int]]) -> None:
    before = {cpu: linux.Ticks(0, 0) for cpu in ticks}
    after = {cpu: linux.Ticks(busy + idle, idle) for cpu, (busy, idle) in ticks.items()}
    share = linux.use(before, after, tuple(ticks))
    assert share is None or 0 <= share <= 100
