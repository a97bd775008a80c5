import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.model import ModelFile
from melt_tui.errors import ModelError
from melt_tui.models.demo import SEED
from melt_tui.models.gguf import read_header, read_model
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
        read_model(written(folder, content))
    assert caught.value.remedy
    return caught.value.sentence


def test_reads_what_the_header_says(tmp_path: Path) -> None:
    path = written(tmp_path, LITTLE)
    assert read_model(path) == ModelFile(
        name="little llama",
        path=str(path),
        size_bytes=len(LITTLE),
        architecture="llama",
        parameters=1536,
        quantisation="Q4_K_M",
        context_length=4096,
        vocabulary=3,
    )


def test_reads_a_file_written_by_another_program() -> None:
    found = read_model(SEED)
    assert (found.name, found.architecture, found.quantisation) == ("tiny-docstrings", "llama", "Q8_0")
    assert (found.parameters, found.context_length, found.vocabulary) == (3_737_856, 256, 2048)


def test_spans_hold_each_value_as_packed(tmp_path: Path) -> None:
    path = written(tmp_path, LITTLE)
    for key, (start, end) in read_header(path).spans.items():
        assert LITTLE[start:end] == value(LLAMA[key])


def test_version_2_is_read(tmp_path: Path) -> None:
    assert read_model(written(tmp_path, gguf(LLAMA, ONE, version=2, data=128))).architecture == "llama"


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
        read_model(tmp_path)
    with pytest.raises(ModelError, match="there is no file"):
        read_model(tmp_path / "none.gguf")
    with pytest.raises(ModelError, match=r"…a+ cannot be read \(File name too long\)"):
        read_model(tmp_path / ("a" * 5000))


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


def test_what_is_no_whole_model_is_refused(tmp_path: Path) -> None:
    assert "(adapter)" in refusal(tmp_path, gguf({"general.type": "adapter"}, ONE, data=128))
    assert "part 2 of a split" in refusal(tmp_path, gguf({"split.no": 1, "split.count": 3}, ONE, data=128))
    assert "holds no weights" in refusal(tmp_path, gguf(LLAMA, []))


def test_the_first_part_of_a_split_model_claims_no_size(tmp_path: Path) -> None:
    found = read_model(written(tmp_path, gguf({"split.no": 0, "split.count": 3}, ONE, data=128)))
    assert (found.parameters, found.note) == (None, "first of 3 files")


@pytest.mark.parametrize(
    ("file_type", "kinds", "said"),
    [
        (2, (2, 2, 14), "Q4_0"),
        (2, (2, 14, 14), "Q4_0"),  # a large embedding outweighs the layers of a small model
        (1, (8, 8, 8), "Q8_0"),  # a file type that no tensor has is not believed
        (1024 + 7, (8, 8, 0), "Q8_0"),
        (999, (12, 12, 14), "Q4_K"),
        (18, (77, 77, 77), ""),
        (None, (1, 1, 0), "F16"),
    ],
)
def test_quantisation(tmp_path: Path, file_type: int | None, kinds: tuple[int, ...], said: str) -> None:
    keys = {} if file_type is None else {"general.file_type": file_type}
    tensors = [(f"t{i}", (256,), kind, 0) for i, kind in enumerate(kinds)]
    assert read_model(written(tmp_path, gguf(keys, tensors, data=4096))).quantisation == said


def test_hostile_text_is_made_plain(tmp_path: Path) -> None:
    keys = {"general.name": "evil\x1b[2J\u202e" + "x" * 500, "general.architecture": "a\nb"}
    found = read_model(written(tmp_path, gguf(keys, ONE, data=128)))
    assert found.name.startswith("evil?[2J?xx")
    assert len(found.name) <= 120
    assert found.architecture == "a?b"


@pytest.mark.parametrize("name", ["", ".", "hf"])
def test_a_file_without_a_name_is_called_by_its_own(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, gguf({"general.name": name}, ONE, data=128), "qwen-q4.gguf")
    assert read_model(path).name == "qwen-q4"


def test_numbers_of_the_wrong_type_are_unknown(tmp_path: Path) -> None:
    keys = dict(LLAMA) | {
        "llama.context_length": "many",
        "tokenizer.ggml.tokens": [],
        "llama.vocab_size": True,
    }
    found = read_model(written(tmp_path, gguf(keys, ONE, data=128)))
    assert (found.context_length, found.vocabulary) == (None, None)


def read_or_refuse(path: Path) -> None:
    said = ""
    try:
        found = read_model(path)
    except ModelError as error:
        said = str(error)
    assert 10 < len(said) < 1000 if said else found.size_bytes == path.stat().st_size
    assert said.isprintable()


@SETTINGS
@given(cut=st.integers(0, len(LITTLE) - 1))
def test_any_cut_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises(ModelError):
        read_model(written(tmp_path, LITTLE[:cut]))


@SETTINGS
@given(st.lists(st.tuples(st.integers(0, len(LITTLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_flipped_bytes_are_read_or_refused(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    content = bytearray(LITTLE)
    for at, byte in flips:
        content[at] = byte
    read_or_refuse(written(tmp_path, bytes(content)))


@SETTINGS
@given(tail=st.binary(max_size=600))
def test_any_rubbish_behind_the_magic_is_refused(tmp_path: Path, tail: bytes) -> None:
    read_or_refuse(written(tmp_path, HEAD + tail))


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
