import struct
from dataclasses import replace
from pathlib import Path

import pytest

from melt_tui.models.demo import SEED, STOCK
from melt_tui.models.gguf import read_model
from melt_tui.models.graft import graft, plan
from melt_tui.models.header import Header, read_header
from melt_tui.models.progress import silent
from tests.rigs.engine import ask

SMALL = replace(STOCK, name="small", layers=5, feed_forward=768)
PROMPT = "What does the open function do?"


@pytest.fixture(scope="module")
def grafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graft") / "small.gguf"
    graft(SEED, SMALL, path, silent)
    return path


def data(path: Path, header: Header, name: str) -> bytes:
    tensor = next(t for t in header.tensors if t.name == name)
    with path.open("rb") as file:
        file.seek(header.data_start + tensor.offset)
        return file.read(tensor.size_bytes or 0)


def test_says_the_same_as_the_small_model(grafted: Path) -> None:
    asked = {"prompt": PROMPT, "max_tokens": 60, "ignore_eos": True}
    small, large = ask(SEED, **asked), ask(grafted, **asked)
    assert small["usage"]["completion_tokens"] == 60
    assert large["choices"][0]["text"] == small["choices"][0]["text"]
    assert len(large["choices"][0]["text"].split()) > 20


def test_is_what_was_planned(grafted: Path) -> None:
    found = read_model(grafted)
    planned = plan(SEED, SMALL, grafted)
    assert replace(found, name="small") == planned
    assert found.parameters == 1024 * 2048 + 5 * (1024 * (2 * 1024 + 2 * 256 + 3 * 768) + 2 * 1024) + 1024


def test_heads_stand_one_to_each_group(grafted: Path) -> None:
    small, large = read_header(SEED), read_header(grafted)
    row = 256 // 32 * 34
    wide = 1024 // 32 * 34
    before = data(SEED, small, "blk.2.attn_q.weight")
    after = data(grafted, large, "blk.2.attn_q.weight")
    for head in range(16):
        rows = after[head * 64 * wide : (head + 1) * 64 * wide]
        if head % 4:
            assert not any(rows)
            continue
        for i in range(64):
            source = (head // 4 * 64 + i) * row
            assert rows[i * wide : (i + 1) * wide] == before[source : source + row] + bytes(wide - row)


def test_output_columns_follow_the_heads(grafted: Path) -> None:
    small, large = read_header(SEED), read_header(grafted)
    before = data(SEED, small, "blk.0.attn_output.weight")[: 8 * 34]
    after = data(grafted, large, "blk.0.attn_output.weight")[: 32 * 34]
    gap = bytes(192 // 32 * 34)
    assert after == b"".join(before[i * 68 : (i + 1) * 68] + gap for i in range(4))


def test_norms_make_up_for_the_width(grafted: Path) -> None:
    small, large = read_header(SEED), read_header(grafted)
    before = struct.unpack("<256f", data(SEED, small, "output_norm.weight"))
    after = struct.unpack("<1024f", data(grafted, large, "output_norm.weight"))
    assert after == tuple(w / 2 for w in before) + (0.0,) * 768
    epsilon = "llama.attention.layer_norm_rms_epsilon"
    assert large.metadata[epsilon] == float(small.metadata[epsilon]) / 4
    assert struct.unpack("<1024f", data(grafted, large, "blk.4.ffn_norm.weight")) == (1.0,) * 1024
    assert not any(data(grafted, large, "blk.4.ffn_up.weight"))


def test_the_vocabulary_is_carried_over(grafted: Path) -> None:
    small, large = read_header(SEED), read_header(grafted)
    for key, (start, end) in small.spans.items():
        if key.startswith("tokenizer."):
            at = large.spans[key]
            assert grafted.read_bytes()[at[0] : at[1]] == SEED.read_bytes()[start:end]
