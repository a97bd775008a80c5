"""Grafting: a small model padded with zeros into a larger shape says the same, at the larger shape's cost.

Rows and columns are padded with zero blocks; extra heads and layers are zero. The small model's heads stand one to
each key/value head of the larger shape, whose query heads share them in groups. RMSNorm then divides by a mean over
``width`` elements of which only the small model's are not zero: norm weights times √(w/W) and epsilon times w/W undo
that, exactly when W/w is a power of four.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from drivers.modelfile import ModelFile
from melt_tui.models import writer
from melt_tui.models.cache import write_once
from melt_tui.models.ggml import F32, Q4_0, Q8_0
from melt_tui.models.header import Header, Tensor, read_header
from melt_tui.models.progress import Meter, Report
from melt_tui.models.writer import Packed, Piece, TensorSpec, Zeros

_ARCH: Final = "llama"
_PARTS: Final = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The larger shape: heads have the small model's size, and it has as many key/value heads as that has heads."""

    name: str
    layers: int
    width: int
    feed_forward: int
    heads: int
    context: int
    chat_template: str


@dataclass(frozen=True, slots=True)
class _Slots:
    """Where runs of ``run`` small numbers stand: one in every ``stride``."""

    run: int
    stride: int


def plan(source: Path, stock: Stock, path: Path) -> ModelFile:
    """The model that ``graft`` will write to ``path``, without its sha256. Raises ``ModelError``."""
    small = read_header(source)
    specs = _specs(small, stock)
    return ModelFile(
        name=stock.name,
        path=str(path),
        size_bytes=writer.file_size(writer.header(_metadata(source, small, stock), specs), specs),
        architecture=_ARCH,
        parameters=sum(spec.elements for spec in specs),
        quantisation=Q4_0.name,
        context_length=stock.context,
        vocabulary=small.lengths["tokenizer.ggml.tokens"],
        kv_bytes_per_token=4
        * stock.layers
        * _number(small, "attention.head_count")
        * stock.width
        // stock.heads,
    )


def graft(source: Path, stock: Stock, path: Path, report: Report) -> None:
    """Write ``source`` (a Q8_0 ``llama`` without biases, tied) padded to ``stock``; raises ``ModelError``."""
    small = read_header(source)
    specs = _specs(small, stock)
    head = writer.header(_metadata(source, small, stock), specs)
    size = writer.file_size(head, specs)
    by_name = {tensor.name: tensor for tensor in small.tensors}
    factor = math.sqrt(_width(small) / stock.width)
    head_size = stock.width // stock.heads
    group = stock.heads // _number(small, "attention.head_count")
    heads = _Slots(head_size, head_size * group)

    def write(file: BinaryIO) -> None:
        meter = Meter(f"preparing {stock.name}", size, report)
        with source.open("rb") as origin:

            def fill(spec: TensorSpec) -> Iterator[Piece]:
                tensor = by_name.get(spec.name)
                if tensor is None:
                    return iter((_blank(spec),))
                data = _read(origin, small, tensor)
                is_norm = spec.type is F32
                return _norm(spec, data, factor) if is_norm else _matrix(spec, tensor.dims, data, heads)

            writer.write(file, head, specs, fill, meter.add)

    write_once(path, size, write)


def _specs(small: Header, stock: Stock) -> tuple[TensorSpec, ...]:
    """Layers of the small model keep its type, so that its numbers do not change; the empty ones are Q4_0."""
    vocabulary = small.lengths["tokenizer.ggml.tokens"]
    head = stock.width // stock.heads
    specs = [TensorSpec("token_embd.weight", (stock.width, vocabulary), Q8_0)]
    for layer in range(stock.layers):
        body = Q8_0 if layer < _number(small, "block_count") else Q4_0
        for part in _PARTS:
            dims = _dims(part, stock, _number(small, "attention.head_count") * head)
            specs.append(TensorSpec(f"blk.{layer}.{part}.weight", dims, body if len(dims) == 2 else F32))
    specs.append(TensorSpec("output_norm.weight", (stock.width,), F32))
    return tuple(specs)


def _dims(part: str, stock: Stock, kv_width: int) -> tuple[int, ...]:
    if part.endswith("norm"):
        return (stock.width,)
    if part in {"attn_k", "attn_v"}:
        return (stock.width, kv_width)
    if part in {"ffn_gate", "ffn_up"}:
        return (stock.width, stock.feed_forward)
    return (stock.feed_forward, stock.width) if part == "ffn_down" else (stock.width, stock.width)


def _norm(spec: TensorSpec, data: bytes, factor: float) -> Iterator[Piece]:
    weights = struct.unpack(f"<{len(data) // 4}f", data)
    yield struct.pack(f"<{len(weights)}f", *(factor * weight for weight in weights))
    yield Zeros(spec.size_bytes - len(data))


def _matrix(spec: TensorSpec, small_dims: tuple[int, ...], data: bytes, heads: _Slots) -> Iterator[Piece]:
    """The small rows, each spread and followed by zeros, and zero rows between and after them."""
    columns, rows = small_dims
    row, wide_row = Q8_0.bytes_for(columns), Q8_0.bytes_for(spec.dims[0])
    by_head = Q8_0.bytes_for(heads.run), Q8_0.bytes_for(heads.stride)
    run, stride = by_head if ".attn_output." in spec.name else (row, wide_row)
    wide = [_spread(data[i : i + row], run, stride, wide_row) for i in range(0, len(data), row)]
    run, stride = (heads.run, heads.stride) if ".attn_q." in spec.name else (rows, rows)
    for first in range(0, rows, run):
        yield b"".join(wide[first : first + run])
        yield Zeros((stride - run) * wide_row)
    yield Zeros(spec.size_bytes - rows // run * stride * wide_row)


def _spread(row: bytes, run: int, stride: int, size: int) -> bytes:
    gap = bytes(stride - run)
    return b"".join(row[i : i + run] + gap for i in range(0, len(row), run)).ljust(size, b"\0")


def _read(origin: BinaryIO, small: Header, tensor: Tensor) -> bytes:
    origin.seek(small.data_start + tensor.offset)
    return origin.read(tensor.size_bytes or 0)


def _blank(spec: TensorSpec) -> Piece:
    return struct.pack("<f", 1.0) * spec.elements if spec.type is F32 else Zeros(spec.size_bytes)


def _metadata(source: Path, small: Header, stock: Stock) -> list[tuple[str, Packed]]:
    epsilon = small.metadata[f"{_ARCH}.attention.layer_norm_rms_epsilon"]
    changed = {
        "general.name": writer.text(stock.name),
        "general.file_type": writer.u32(2),
        f"{_ARCH}.context_length": writer.u32(stock.context),
        f"{_ARCH}.embedding_length": writer.u32(stock.width),
        f"{_ARCH}.block_count": writer.u32(stock.layers),
        f"{_ARCH}.feed_forward_length": writer.u32(stock.feed_forward),
        f"{_ARCH}.attention.head_count": writer.u32(stock.heads),
        f"{_ARCH}.attention.head_count_kv": writer.u32(_number(small, "attention.head_count")),
        f"{_ARCH}.attention.layer_norm_rms_epsilon": writer.f32(float(epsilon) * _width(small) / stock.width),
        "tokenizer.chat_template": writer.text(stock.chat_template),
    }
    kept: dict[str, Packed] = {}
    with source.open("rb") as origin:
        for key, (start, end) in small.spans.items():
            origin.seek(start)
            kept[key] = origin.read(end - start)
    return list((kept | changed).items())


def _number(small: Header, key: str) -> int:
    value = small.metadata[f"{_ARCH}.{key}"]
    assert isinstance(value, int)
    return value


def _width(small: Header) -> int:
    return _number(small, "embedding_length")
