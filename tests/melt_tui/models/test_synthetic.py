import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from melt_tui.errors import ModelError
from melt_tui.models import synthetic
from melt_tui.models.gguf import read_model
from melt_tui.models.header import read_header
from melt_tui.models.progress import Progress, silent
from melt_tui.models.shapes import SHAPES, Quantisation, Shape, parameters
from tests.rigs.engine import ask

TINY = Shape(
    name="tiny", layers=2, width=256, feed_forward=512, heads=4, kv_heads=2, vocabulary=1000, context=512
)
VARIANTS = {
    "llama": TINY,
    "gemma": replace(TINY, name="gemma", architecture="gemma", tied=True, head_width=128),
    "qwen2": replace(TINY, name="qwen2", architecture="qwen2", tied=True),
    "stablelm": replace(TINY, name="stablelm", architecture="stablelm", rope_width=16),
}


def test_same_bytes_everywhere(tmp_path: Path) -> None:
    synthetic.generate(TINY, Quantisation.Q4_0, tmp_path / "x.gguf", silent)
    digest = hashlib.sha256((tmp_path / "x.gguf").read_bytes()).hexdigest()
    assert digest == "138a93cc54e6e8ea3aac6e78650de006dd394a5dda852eacbb99b65c2e99afa9"


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    synthetic.generate(TINY, Quantisation.Q4_0, tmp_path / "a.gguf", silent)
    synthetic.generate(TINY, Quantisation.Q4_0, tmp_path / "b.gguf", silent, seed=1)
    a, b = (tmp_path / "a.gguf").read_bytes(), (tmp_path / "b.gguf").read_bytes()
    start = read_header(tmp_path / "a.gguf").data_start
    assert a[:start] == b[:start]
    assert a[start:] != b[start:]


def test_provide_writes_once_and_says_what_it_is(tmp_path: Path) -> None:
    told = list[Progress]()
    made = synthetic.provide(TINY, Quantisation.Q8_0, tmp_path, told.append)
    assert told[-1].fraction == 1.0
    assert "synthetic weights" in told[-1].what
    assert (made.synthetic, made.note, made.name) == (True, "synthetic weights", "tiny")
    found = read_model(Path(made.path))
    assert (
        (found.architecture, found.quantisation)
        == (made.architecture, made.quantisation)
        == ("llama", "Q8_0")
    )
    assert found.parameters == made.parameters == parameters(TINY)
    assert (found.context_length, found.vocabulary) == (made.context_length, made.vocabulary) == (512, 1000)
    assert found.size_bytes == made.size_bytes
    assert found.kv_bytes_per_token == made.kv_bytes_per_token == 2 * 2 * 2 * 2 * 64
    assert found.name == "tiny (synthetic weights)"
    told.clear()
    assert synthetic.provide(TINY, Quantisation.Q8_0, tmp_path, told.append) == made
    assert told == []


def test_describing_writes_nothing(tmp_path: Path) -> None:
    planned = synthetic.describe(SHAPES["tinyllama-1.1b"], Quantisation.Q4_0, tmp_path)
    assert planned.size_bytes == pytest.approx(636.7e6, rel=1e-4)
    assert list(tmp_path.iterdir()) == []


def test_a_cut_file_is_written_again(tmp_path: Path) -> None:
    path = Path(synthetic.provide(TINY, Quantisation.Q4_0, tmp_path, silent).path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100_000])
    synthetic.provide(TINY, Quantisation.Q4_0, tmp_path, silent)
    assert path.read_bytes() == whole


def test_an_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    def stop(_progress: Progress) -> None:
        raise ModelError("stopped")

    with pytest.raises(ModelError, match="stopped"):
        synthetic.provide(TINY, Quantisation.Q4_0, tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


def halves(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    values: NDArray[np.float32] = raw.copy().view("<f2").astype(np.float32)
    return values


def q4_0(raw: NDArray[np.uint8]) -> Any:
    blocks = raw.reshape(-1, 18)
    codes = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
    return halves(blocks[:, :2]) * codes


def q8_0(raw: NDArray[np.uint8]) -> Any:
    blocks = raw.reshape(-1, 34)
    return halves(blocks[:, :2]) * blocks[:, 2:].copy().view(np.int8).astype(np.float32)


def q6_k(raw: NDArray[np.uint8]) -> Any:
    """Per half of 128: low nibbles in 64 bytes twice used, two high bits each in 32 bytes four times used."""
    blocks = raw.reshape(-1, 210)
    out = []
    for half in range(2):
        low = blocks[:, 64 * half : 64 * half + 64]
        high = blocks[:, 128 + 32 * half : 160 + 32 * half]
        nibbles = [low[:, :32] & 15, low[:, 32:] & 15, low[:, :32] >> 4, low[:, 32:] >> 4]
        out += [nibble | (high >> 2 * i & 3) << 4 for i, nibble in enumerate(nibbles)]
    codes = np.concatenate(out, axis=1).astype(np.float32) - 32
    scales = np.repeat(blocks[:, 192:208].copy().view(np.int8).astype(np.float32), 16, axis=1)
    return halves(blocks[:, 208:]) * scales * codes


UNPACK: dict[int, Callable[[NDArray[np.uint8]], Any]] = {1: halves, 2: q4_0, 8: q8_0, 14: q6_k}


@pytest.mark.parametrize("quantisation", Quantisation)
def test_weights_have_the_spread_of_a_fresh_model(tmp_path: Path, quantisation: Quantisation) -> None:
    path = tmp_path / "x.gguf"
    synthetic.generate(TINY, quantisation, path, silent)
    content = np.fromfile(path, dtype=np.uint8)
    header = read_header(path)
    seen = set()
    for tensor in header.tensors:
        start = header.data_start + tensor.offset
        raw = content[start : start + (tensor.size_bytes or 0)]
        if tensor.type_id == 0:
            assert (raw.view("<f4") == 1.0).all()
            continue
        values = UNPACK[tensor.type_id](raw)
        sigma = 1.0 if tensor.name == "token_embd.weight" else tensor.dims[0] ** -0.5
        assert values.std() == pytest.approx(sigma, rel=0.03)
        assert abs(values.mean()) < 0.02 * sigma
        seen.add(tensor.type_id)
    assert seen == {Quantisation.Q4_0: {2, 14}, Quantisation.Q8_0: {8}, Quantisation.F16: {1}}[quantisation]


def test_tokens_are_unique_and_as_many_as_said(tmp_path: Path) -> None:
    assert len(set(synthetic.tokens(50_000))) == 3 + 256 + 50_000
    first = list(synthetic.tokens(3))
    assert first[:4] == ["<unk>", "<s>", "</s>", "<0x00>"]
    assert first[-3:] == ["▁ba", "ba", "▁be"]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_engine_loads_and_generates(tmp_path: Path, name: str) -> None:
    made = synthetic.provide(VARIANTS[name], Quantisation.Q4_0, tmp_path, silent)
    answer = ask(
        Path(made.path),
        messages=[{"role": "user", "content": "hello"}],
        max_tokens=24,
        ignore_eos=True,
        logprobs=True,
    )
    assert answer["usage"]["completion_tokens"] == 24
    chances = [token["logprob"] for token in answer["choices"][0]["logprobs"]["content"]]
    assert np.isfinite(chances).all()
    assert len({token["token"] for token in answer["choices"][0]["logprobs"]["content"]}) > 5
    assert -20 < min(chances) < max(chances) < 0
