import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melt_tui.errors import ModelError
from melt_tui.models.demo import SEED
from melt_tui.models.header import read_header
from tests.rigs.gguf_files import LITTLE, LLAMA, gguf, string, value

SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ONE = [("w", (32,), 0, 0)]


def written(folder: Path, content: bytes, name: str = "model.gguf") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        read_header(written(folder, content))
    assert caught.value.remedy
    return caught.value.sentence


def test_spans_hold_each_value_as_packed(tmp_path: Path) -> None:
    path = written(tmp_path, LITTLE)
    for key, (start, end) in read_header(path).spans.items():
        assert LITTLE[start:end] == value(LLAMA[key])


def test_missing_bytes_are_counted(tmp_path: Path) -> None:
    said = refusal(tmp_path, LITTLE[:-1000])
    assert "1,000 bytes (1.0 kB) of its weights are missing" in said


def test_half_of_a_real_file_is_told(tmp_path: Path) -> None:
    whole = SEED.read_bytes()
    said = refusal(tmp_path, whole[: len(whole) // 2])
    # the data start at 46,560 (46,529 padded to 32), the last tensor ends 3,977,216 + 1,024 after
    missing = 46_560 + 3_977_216 + 1_024 - len(whole) // 2
    assert f"{missing:,} bytes" in said


def test_a_cut_within_the_header_is_told(tmp_path: Path) -> None:
    assert "cut off within its header, after 100 bytes" in refusal(tmp_path, LITTLE[:100])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 and more", "zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"tjgg\x03\0\0\0", "format before GGUF"),
        (b"GGU", "not a GGUF file"),
        (bytes(64), "not a GGUF file"),
    ],
)
def test_what_is_not_gguf_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (b"\x00\x00\x00\x03", "big-endian"),
        (struct.pack("<I", 1), "older than"),
        (struct.pack("<I", 4), "newer than"),
    ],
)
def test_versions_that_are_not_read(tmp_path: Path, version: bytes, why: str) -> None:
    assert why in refusal(tmp_path, b"GGUF" + version + bytes(100))


def test_a_directory_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a directory"):
        read_header(tmp_path)
    with pytest.raises(ModelError, match="there is no file"):
        read_header(tmp_path / "none.gguf")
    with pytest.raises(ModelError, match=r"…a+ cannot be read \(File name too long\)"):
        read_header(tmp_path / ("a" * 5000))


HEAD = b"GGUF" + struct.pack("<I", 3)
HUGE = 2**64 - 1


@pytest.mark.parametrize(
    "content",
    [
        HEAD + struct.pack("<QQ", HUGE, 0),
        HEAD + struct.pack("<QQ", 0, HUGE),
        HEAD + struct.pack("<QQ", 0, 1) + struct.pack("<Q", HUGE),
        HEAD + struct.pack("<QQ", 0, 1) + string("k") + struct.pack("<IQ", 8, HUGE),
        HEAD + struct.pack("<QQ", 0, 1) + string("k") + struct.pack("<IIQ", 9, 8, HUGE),
        HEAD + struct.pack("<QQ", 0, 1) + string("k") + struct.pack("<IIQ", 9, 5, HUGE),
        HEAD + struct.pack("<QQ", 0, 1) + string("k") + struct.pack("<IIQ", 9, 9, 1),
        HEAD + struct.pack("<QQ", 0, 1) + string("k") + struct.pack("<I", 77),
        HEAD + struct.pack("<QQ", 1, 0) + string("w") + struct.pack("<I", 4_000_000_000),
        gguf(LLAMA, [("w", (HUGE, HUGE, HUGE, HUGE), 0, 0)], data=64),
        gguf(LLAMA, [("w", (0,), 0, 0)], data=64),
        gguf(LLAMA, [("w", (32,), 0, HUGE)], data=64),
        gguf({"general.alignment": 0}, ONE, data=256),
        gguf({"general.alignment": 2**31}, ONE, data=256),
    ],
)
def test_absurd_claims_cost_nothing(tmp_path: Path, content: bytes) -> None:
    content += bytes(4096)
    tracemalloc.start()
    try:
        refusal(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (struct.pack("<IQ", 8, 200 << 20), "claims a text of 209715200 bytes"),
        (struct.pack("<IIQ", 9, 8, 3_000_000), "claims an array of 3000000 strings"),
        (struct.pack("<IIQ", 9, 0, 280 << 20), "a header of more than 268 MB"),
    ],
)
def test_a_large_file_does_not_make_claims_true(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path, HEAD + struct.pack("<QQ", 0, 1) + string("k") + content)
    with path.open("r+b") as file:
        file.truncate(300 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=said):
            read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@SETTINGS
@given(cut=st.integers(0, len(LITTLE) - 1))
def test_any_cut_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises(ModelError):
        read_header(written(tmp_path, LITTLE[:cut]))


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_VALUE = st.one_of(
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.floats(width=32, allow_nan=False),
    _TEXT,
    st.lists(_TEXT, max_size=5),
)


@SETTINGS
@given(keys=st.dictionaries(_TEXT.map(lambda t: "x." + t), _VALUE, max_size=6))
def test_any_keys_come_back_as_packed(tmp_path: Path, keys: dict[str, object]) -> None:
    header = read_header(written(tmp_path, gguf(keys, ONE, data=128)))
    lists = {key: len(item) for key, item in keys.items() if isinstance(item, list)}
    assert dict(header.lengths) == lists
    assert dict(header.metadata) == {key: item for key, item in keys.items() if key not in lists}
