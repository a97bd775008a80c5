import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from melt_tui.models import writer
from melt_tui.models.ggml import F32, Q8_0
from melt_tui.models.header import read_header
from melt_tui.models.writer import Piece, TensorSpec, Zeros
from tests.rigs.gguf_files import LLAMA, gguf

SPECS = (TensorSpec("a", (32, 3), Q8_0), TensorSpec("b", (5,), F32))
METADATA = [
    ("general.architecture", writer.text("llama")),
    ("general.name", writer.text("little llama")),
    ("general.file_type", writer.u32(15)),
    ("llama.context_length", writer.u32(4096)),
    ("llama.block_count", writer.u32(2)),
    ("llama.embedding_length", writer.u32(24)),
    ("llama.attention.head_count", writer.u32(3)),
    ("llama.vocab_size", writer.u32(9)),
    ("tokenizer.ggml.tokens", writer.texts(iter(["<unk>", "a", "b"]))),
    ("tokenizer.ggml.scores", writer.f32s([0.0, -1.0, -2.0])),
]


def fill(spec: TensorSpec) -> Iterator[Piece]:
    yield b"\x01" * (spec.size_bytes - 4)
    yield Zeros(2)
    yield memoryview(b"\x02\x02")


def test_header_is_as_packed_by_hand() -> None:
    assert writer.header(METADATA, SPECS) == gguf(LLAMA, [("a", (32, 3), 8, 0), ("b", (5,), 0, 128)])


def test_values_not_in_that_header() -> None:
    assert writer.flag(value=True) == b"\x07\0\0\0\x01"
    assert writer.f32(0.5) == struct.pack("<If", 6, 0.5)
    assert writer.i32s([-1, 2]) == struct.pack("<IIQii", 9, 5, 2, -1, 2)


def test_data_are_padded_and_holes_are_zeros(tmp_path: Path) -> None:
    head = writer.header(METADATA, SPECS)
    told = list[int]()
    with (tmp_path / "x.gguf").open("wb") as file:
        writer.write(file, head, SPECS, fill, told.append)
    content = (tmp_path / "x.gguf").read_bytes()
    a, b = content[len(head) : len(head) + 128], content[len(head) + 128 :]
    assert a == b"\x01" * 98 + b"\0\0\x02\x02" + bytes(26)
    assert b == b"\x01" * 16 + b"\0\0\x02\x02" + bytes(12)
    assert len(content) == writer.file_size(head, SPECS) == sum(told)


def test_read_back(tmp_path: Path) -> None:
    head = writer.header(METADATA, SPECS)
    with (tmp_path / "x.gguf").open("wb") as file:
        writer.write(file, head, SPECS, fill, lambda _n: None)
    header = read_header(tmp_path / "x.gguf")
    assert header.data_start == len(head)
    assert [(t.name, t.dims, t.type_id, t.offset) for t in header.tensors] == [
        ("a", (32, 3), 8, 0),
        ("b", (5,), 0, 128),
    ]


def test_a_file_that_ends_in_a_hole_has_its_full_length(tmp_path: Path) -> None:
    specs = (TensorSpec("a", (32, 3), Q8_0),)
    head = writer.header([], specs)
    with (tmp_path / "x.gguf").open("wb") as file:
        writer.write(file, head, specs, lambda spec: iter([Zeros(spec.size_bytes)]), lambda _n: None)
    assert (tmp_path / "x.gguf").stat().st_size == len(head) + 128


def test_the_wrong_amount_of_data_is_noticed() -> None:
    with pytest.raises(ValueError, match="a takes 102 bytes, not 3"):
        writer.write(io.BytesIO(), b"", SPECS, lambda _spec: iter([b"abc"]), lambda _n: None)
