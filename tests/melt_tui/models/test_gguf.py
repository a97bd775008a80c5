from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError
from melt_tui.models.demo import SEED
from melt_tui.models.gguf import read_model
from tests.rigs.gguf_files import LITTLE, LLAMA, gguf

SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ONE = [("w", (32,), 0, 0)]
X: dict[str, object] = {"general.architecture": "x"}


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
        kv_bytes_per_token=2 * 2 * (8 + 8) * 3,
    )


def test_reads_a_file_written_by_another_program() -> None:
    found = read_model(SEED)
    assert (found.name, found.architecture, found.quantisation) == ("tiny-docstrings", "llama", "Q8_0")
    assert (found.parameters, found.context_length, found.vocabulary) == (3_737_856, 256, 2048)


def test_version_2_is_read(tmp_path: Path) -> None:
    assert read_model(written(tmp_path, gguf(LLAMA, ONE, version=2, data=128))).architecture == "llama"


def test_what_is_no_whole_model_is_refused(tmp_path: Path) -> None:
    assert "(adapter)" in refusal(tmp_path, gguf({"general.type": "adapter"}, ONE, data=128))
    assert "part 2 of a split" in refusal(tmp_path, gguf({"split.no": 1, "split.count": 3}, ONE, data=128))
    assert "what architecture" in refusal(tmp_path, gguf({}, ONE, data=128))
    assert "holds no weights" in refusal(tmp_path, gguf(LLAMA, []))


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
    keys = X if file_type is None else X | {"general.file_type": file_type}
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
    path = written(tmp_path, gguf(X | {"general.name": name}, ONE, data=128), "qwen-q4.gguf")
    assert read_model(path).name == "qwen-q4"


@pytest.mark.parametrize(
    ("keys", "kv_bytes"),
    [
        # 32 layers × 8 of 32 heads × 128 wide × 2 bytes × (K and V): Llama 3's known 128 KiB
        (
            {
                "block_count": 32,
                "embedding_length": 4096,
                "attention.head_count": 32,
                "attention.head_count_kv": 8,
            },
            131_072,
        ),
        ({"block_count": 32, "embedding_length": 4096, "attention.head_count": 32}, 524_288),
        (
            {
                "block_count": 18,
                "embedding_length": 2048,
                "attention.head_count": 8,
                "attention.head_count_kv": 1,
                "attention.key_length": 256,
                "attention.value_length": 256,
            },
            18_432,
        ),
        ({"block_count": 32, "embedding_length": 4096}, None),
        (
            {
                "block_count": 2,
                "embedding_length": 64,
                "attention.head_count": 4,
                "attention.head_count_kv": [1, 2],
            },
            None,
        ),
        (
            {
                "block_count": 2,
                "embedding_length": 64,
                "attention.head_count": 4,
                "attention.sliding_window": 512,
            },
            None,
        ),
    ],
)
def test_kv_cache(tmp_path: Path, keys: dict[str, object], kv_bytes: int | None) -> None:
    named = {"general.architecture": "x"} | {f"x.{key}": item for key, item in keys.items()}
    assert read_model(written(tmp_path, gguf(named, ONE, data=128))).kv_bytes_per_token == kv_bytes


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
@given(st.lists(st.tuples(st.integers(0, len(LITTLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_flipped_bytes_are_read_or_refused(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    content = bytearray(LITTLE)
    for at, byte in flips:
        content[at] = byte
    read_or_refuse(written(tmp_path, bytes(content)))


@SETTINGS
@given(tail=st.binary(max_size=600))
def test_any_rubbish_behind_the_magic_is_refused(tmp_path: Path, tail: bytes) -> None:
    assert 10 < len(refusal(tmp_path, b"GGUF\x03\0\0\0" + tail)) < 1000
