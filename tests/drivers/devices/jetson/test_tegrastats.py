"""Lines of tegrastats, every form that is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.jetson.tegrastats import Core, Engine, Pool, Stats, parse
from tests.rigs.boards import lines

MB = 1 << 20
NAME = st.from_regex(r"[A-Z][A-Z0-9_]{1,12}", fullmatch=True)


def read(line: str) -> Stats:
    parsed = parse(line)
    assert parsed is not None
    return parsed[0]


def read_after(fields: str) -> Stats:
    return read(f"RAM 1/2MB {fields} NEXT off")


@pytest.mark.parametrize("line", lines.ALL.values(), ids=lines.ALL)
def test_every_generation_tells_memory_processors_and_the_gpu(line: str) -> None:
    stats = read(line)
    assert stats.pools["RAM"].total > 2000 * MB
    assert stats.cores
    assert "GR3D" in stats.engines
    assert all(0 < degrees < 100 for degrees in stats.celsius.values())


def test_jetpack_3() -> None:
    assert read(lines.TX1_JP3) == Stats(
        pools={"RAM": Pool(3468 * MB, 3983 * MB, 4 * MB, 48), "SWAP": Pool(873 * MB, 8192 * MB)},
        cores=(Core(17, 408e6), Core(13, 408e6), Core(29, 408e6), Core(5, 408e6)),
        engines={
            "EMC": Engine(1, (408e6,)),
            "APE": Engine(None, (25e6,)),
            "GR3D": Engine(3, (76e6,)),
        },
    )


def test_jetpack_3_edp_limit_is_no_engine() -> None:
    assert set(read(lines.TX1_JP3_EDP).engines) == {"EMC", "AVP", "VDE", "GR3D"}


def test_jetpack_4_nano() -> None:
    stats = read(lines.NANO_JP4)
    assert stats.pools["RAM"] == Pool(1923 * MB, 3964 * MB, 2 * MB, 2)
    assert stats.pools["IRAM"] == Pool(0, 252 * 1024, 252 * 1024, None)
    assert stats.cores[0] == Core(5, 1224e6)
    assert stats.celsius == {"PLL": 37, "CPU": 40, "GPU": 40, "AO": 45, "thermal": 40}
    assert stats.milliwatts == {"POM_5V_IN": 1750, "POM_5V_GPU": 0, "POM_5V_CPU": 366}


def test_jetpack_4_xavier_nx_tells_the_rail_of_now_and_mts_is_no_engine() -> None:
    stats = read(lines.XAVIER_NX_JP4)
    assert stats.milliwatts == {"VDD_IN": 6140, "VDD_CPU_GPU_CV": 2706, "VDD_SOC": 1074}
    assert "fg" not in stats.engines
    assert "bg" not in stats.engines


def test_jetpack_4_agx_xavier_has_rails_named_as_processors_are() -> None:
    stats = read(lines.AGX_XAVIER_JP4)
    assert stats.milliwatts == {"GPU": 0, "CPU": 311, "SOC": 932, "CV": 0, "VDDRQ": 621, "SYS5V": 1482}
    assert stats.celsius["CPU"] == 37.5
    assert stats.cores[3:5] == (Core(0, 1190e6), Core())


def test_jetpack_5_has_a_date_and_milliwatts() -> None:
    stats = read(lines.XAVIER_NX_JP5)
    assert stats.milliwatts == {"VDD_IN": 2763, "VDD_CPU_GPU_CV": 650, "VDD_SOC": 650}
    assert stats.engines["GR3D"] == Engine(0, (114e6,))
    assert stats.engines["VIC"] == Engine(None, (115e6,))


def test_jetpack_5_orin_has_a_second_gpu_part_and_unconnected_rails() -> None:
    stats = read(lines.AGX_ORIN_JP5)
    assert stats.engines["GR3D2"] == Engine(0, (114e6,))
    assert stats.engines["NVJPG1"] == Engine(None, (729e6,))
    assert set(stats.milliwatts) == {"VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"}
    assert "CV0" not in stats.celsius


def test_jetpack_6_engines_that_are_off() -> None:
    stats = read(lines.ORIN_NANO_JP6)
    assert stats.engines["NVDEC"] == Engine()
    assert stats.engines["GR3D"] == Engine(99, (612e6,))
    assert stats.celsius["cpu"] == 57.125


def test_jetpack_7_0_tells_gpu_clocks_without_use() -> None:
    stats = read(lines.THOR_JP70)
    assert stats.engines["GR3D"] == Engine(None, (1e9, 1e9, 1e9))
    assert stats.milliwatts["VIN"] == 26686


def test_jetpack_7_2_tells_now_average_and_peak() -> None:
    stats = read(lines.THOR_JP72)
    assert stats.milliwatts == {
        "VDD_GPU": 37939,
        "VDD_CPU_SOC_MSS": 30059,
        "VIN_SYS_5V0": 15486,
        "VIN": 124486,
    }
    assert stats.celsius["cpu"] == 58.25
    assert stats.engines["NVENC0"] == Engine(None, (1691e6,))
    assert stats.engines["VIC"] == Engine()


def test_jetpack_7_2_idle_tells_one_clock_for_all_cores() -> None:
    stats = read(lines.THOR_JP72_IDLE)
    assert stats.cores == (Core(0, 2601e6), Core(5, 2601e6), Core())
    assert stats.engines["EMC"] == Engine(None, (4266e6,))


@pytest.mark.parametrize(
    ("form", "engine"),
    [
        ("GR3D_FREQ 0%", Engine(0)),
        ("GR3D_FREQ 0%@1109", Engine(0, (1109e6,))),
        ("GR3D_FREQ 0%@[114]", Engine(0, (114e6,))),
        ("GR3D_FREQ 0%@[0]", Engine(0, (0.0,))),
        ("GR3D_FREQ 12%@[1300,1300]", Engine(12, (1300e6, 1300e6))),
        ("GR3D_FREQ 12%@[1300, 0, off]", Engine(12, (1300e6, 0.0))),
        ("GR3D_FREQ @[1000,1000,1000]", Engine(None, (1e9, 1e9, 1e9))),
        ("GR3D_FREQ off", Engine()),
        ("GR3D_FREQ 101%@76", Engine(None, (76e6,))),
    ],
)
def test_forms_of_an_engine(form: str, engine: Engine) -> None:
    assert read_after(form).engines["GR3D"] == engine


@pytest.mark.parametrize(
    ("form", "engine"), [("115", Engine(None, (115e6,))), ("0%@115", Engine(0, (115e6,))), ("off", Engine())]
)
def test_forms_of_vic(form: str, engine: Engine) -> None:
    assert read_after(f"VIC_FREQ {form}").engines["VIC"] == engine


@pytest.mark.parametrize(
    ("form", "pool"),
    [
        ("(lfb 7x4MB)", Pool(MB, 2 * MB, 4 * MB, 7)),
        ("(lfb 1x512kB)", Pool(MB, 2 * MB, 512 << 10, 1)),
        ("", Pool(MB, 2 * MB)),
    ],
)
def test_forms_of_memory(form: str, pool: Pool) -> None:
    assert read(f"RAM 1/2MB {form} CPU [off]").pools["RAM"] == pool


def test_swap_after_the_processors() -> None:
    assert read_after("CPU [1%@2] SWAP 3/4MB (cached 0MB)").pools["SWAP"] == Pool(3 * MB, 4 * MB)


@pytest.mark.parametrize("form", ["CPU@33.5C", "CPU@33,5C", "CPU@33.5C/52.9C"])
def test_forms_of_a_temperature_comma_locale_included(form: str) -> None:
    assert read_after(form).celsius == {"CPU": 33.5}


@pytest.mark.parametrize("form", ["GPU@-256C", "PMIC@100C", "PMIC@50C", "CV0@-256C", "AO@0C", "CPU@300C"])
def test_what_is_no_temperature(form: str) -> None:
    assert read_after(form).celsius == {}


def test_a_pmic_that_does_measure_is_one() -> None:
    assert read_after("PMIC@48.5C").celsius == {"PMIC": 48.5}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "46/7771MB (lfb 7x4MB) CPU [47%@1420]",
        "tegrastats: permission denied",
        "GR3D_FREQ 0%@1109 RAM 5246/7771MB",
        "RAM",
        "RAM 5246/",
        "\x00\x1b[31mRAM",
    ],
)
def test_a_line_that_lost_its_start_is_none(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize("line", lines.ALL.values(), ids=lines.ALL)
def test_a_line_cut_anywhere_tells_nothing_else_than_the_whole_one(line: str) -> None:
    whole, last = parse(line) or (Stats(), "")
    for end in range(len(line)):
        parsed = parse(line[:end], last)
        if parsed is None:
            continue
        part = parsed[0]
        for told, all_told in (
            (part.pools, whole.pools),
            (part.engines, whole.engines),
            (part.celsius, whole.celsius),
            (part.milliwatts, whole.milliwatts),
        ):
            wrong = {name for name, value in told.items() if all_told.get(name) != value}
            assert wrong <= {last.partition(" ")[2].removesuffix("_FREQ")}, line[:end]
        assert part.cores in {(), whole.cores}


def test_the_half_of_a_rail_is_no_engine() -> None:
    _, last = parse(lines.XAVIER_NX_JP4) or (None, "")
    cut = lines.XAVIER_NX_JP4[: lines.XAVIER_NX_JP4.index("/1051") - 2]
    parsed = parse(cut, last)
    assert parsed is not None
    assert "VDD_SOC" not in parsed[0].engines
    assert "VDD_SOC" not in parsed[0].milliwatts


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse(text)
    parse(f"RAM 1/2MB {text}", text)


@given(
    rails=st.dictionaries(
        NAME.filter(lambda name: name not in {"RAM", "SWAP", "IRAM", "NC"}), st.integers(0, 10**6)
    ),
    unit=st.sampled_from(["", "mW"]),
    more=st.integers(1, 2),
)
def test_rails_come_back_in_every_form(rails: dict[str, int], unit: str, more: int) -> None:
    told = " ".join(f"{name} {value}{unit}" + f"/7{unit}" * more for name, value in rails.items())
    assert read(f"RAM 1/2MB {told}").milliwatts == rails


@given(
    cores=st.lists(st.none() | st.tuples(st.integers(0, 100), st.integers(1, 9999)), min_size=1, max_size=64)
)
def test_cores_come_back(cores: list[tuple[int, int] | None]) -> None:
    told = ",".join("off" if core is None else f"{core[0]}%@{core[1]}" for core in cores)
    assert read(f"RAM 1/2MB CPU [{told}]").cores == tuple(
        Core() if core is None else Core(core[0], core[1] * 1e6) for core in cores
    )
