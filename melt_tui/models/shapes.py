"""The true shapes of known models: layers, widths, heads, vocabulary, and the tensors that follow from them.

Source: the models' public configurations; the parameter counts of the tests are those their makers publish.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from melt_tui.models.ggml import F16, F32, Q4_0, Q6_K, Q8_0, TensorType
from melt_tui.models.writer import TensorSpec


class Quantisation(StrEnum):
    """The mixes that synthetic weights come in."""

    Q4_0 = "q4_0"
    Q8_0 = "q8_0"
    F16 = "f16"


TYPES: Final[Mapping[Quantisation, TensorType]] = {
    Quantisation.Q4_0: Q4_0,
    Quantisation.Q8_0: Q8_0,
    Quantisation.F16: F16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A decoder: everything that fixes its size and its cost per token."""

    name: str
    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocabulary: int
    architecture: str = "llama"
    """In llama.cpp's words: ``llama``, ``gemma``, ``qwen2``, ``stablelm``."""
    head_width: int = 0
    """0: width / heads."""
    rope_width: int = 0
    """0: all of the head."""
    tied: bool = False
    """The output head is the token embedding."""
    context: int = 2048
    rope_base: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        """Elements of one attention head."""
        return self.head_width or self.width // self.heads

    @property
    def layer_norms(self) -> bool:
        """LayerNorm with bias instead of RMSNorm."""
        return self.architecture == "stablelm"

    @property
    def attention_biases(self) -> bool:
        """Biases on query, key and value."""
        return self.architecture == "qwen2"


_ALL: Final = (
    Shape(name="demo-77m", layers=8, width=640, feed_forward=1728, heads=10, kv_heads=5, vocabulary=32_000),
    Shape(name="demo-219m", layers=16, width=960, feed_forward=2560, heads=15, kv_heads=5, vocabulary=32_000),
    Shape(
        name="smollm-135m",
        layers=30,
        width=576,
        feed_forward=1536,
        heads=9,
        kv_heads=3,
        vocabulary=49_152,
        tied=True,
    ),
    Shape(
        name="tinyllama-1.1b",
        layers=22,
        width=2048,
        feed_forward=5632,
        heads=32,
        kv_heads=4,
        vocabulary=32_000,
    ),
    Shape(
        name="zephyr-3b",
        architecture="stablelm",
        layers=32,
        width=2560,
        feed_forward=6912,
        heads=32,
        kv_heads=32,
        vocabulary=50_304,
        rope_width=20,
        context=4096,
    ),
    Shape(
        name="gemma-2b",
        architecture="gemma",
        layers=18,
        width=2048,
        feed_forward=16_384,
        heads=8,
        kv_heads=1,
        head_width=256,
        vocabulary=256_000,
        tied=True,
        context=8192,
        epsilon=1e-6,
    ),
    Shape(
        name="gemma-7b",
        architecture="gemma",
        layers=28,
        width=3072,
        feed_forward=24_576,
        heads=16,
        kv_heads=16,
        head_width=256,
        vocabulary=256_000,
        tied=True,
        context=8192,
        epsilon=1e-6,
    ),
    Shape(
        name="llama-2-7b",
        layers=32,
        width=4096,
        feed_forward=11_008,
        heads=32,
        kv_heads=32,
        vocabulary=32_000,
        context=4096,
    ),
    Shape(
        name="llama-2-13b",
        layers=40,
        width=5120,
        feed_forward=13_824,
        heads=40,
        kv_heads=40,
        vocabulary=32_000,
        context=4096,
    ),
    Shape(
        name="mistral-7b",
        layers=32,
        width=4096,
        feed_forward=14_336,
        heads=32,
        kv_heads=8,
        vocabulary=32_000,
        context=32_768,
    ),
    Shape(
        name="llama-3.2-1b",
        layers=16,
        width=2048,
        feed_forward=8192,
        heads=32,
        kv_heads=8,
        vocabulary=128_256,
        tied=True,
        context=131_072,
        rope_base=500_000.0,
    ),
    Shape(
        name="llama-3.2-3b",
        layers=28,
        width=3072,
        feed_forward=8192,
        heads=24,
        kv_heads=8,
        head_width=128,
        vocabulary=128_256,
        tied=True,
        context=131_072,
        rope_base=500_000.0,
    ),
    Shape(
        name="qwen2.5-0.5b",
        architecture="qwen2",
        layers=24,
        width=896,
        feed_forward=4864,
        heads=14,
        kv_heads=2,
        vocabulary=151_936,
        tied=True,
        context=32_768,
        rope_base=1_000_000.0,
        epsilon=1e-6,
    ),
    Shape(
        name="qwen2.5-1.5b",
        architecture="qwen2",
        layers=28,
        width=1536,
        feed_forward=8960,
        heads=12,
        kv_heads=2,
        vocabulary=151_936,
        tied=True,
        context=32_768,
        rope_base=1_000_000.0,
        epsilon=1e-6,
    ),
)

SHAPES: Final[Mapping[str, Shape]] = {shape.name: shape for shape in _ALL}


def tensors(shape: Shape, quantisation: Quantisation) -> tuple[TensorSpec, ...]:
    """Every tensor in file order, typed as llama.cpp's quantiser types them: norms and biases in F32, the output
    head of a Q4_0 file in Q6_K (Q8_0 where its rows are no multiple of 256), a tied embedding like the head."""
    body = TYPES[quantisation]
    head = _head_type(shape, quantisation)
    embedding = head if shape.tied else body
    specs = [TensorSpec("token_embd.weight", (shape.width, shape.vocabulary), embedding)]
    for layer in range(shape.layers):
        specs += _layer(shape, f"blk.{layer}", body)
    specs += _norm(shape, "output_norm")
    if not shape.tied:
        specs.append(TensorSpec("output.weight", (shape.width, shape.vocabulary), head))
    return tuple(specs)


def parameters(shape: Shape) -> int:
    """How many numbers the model holds."""
    return sum(spec.elements for spec in tensors(shape, Quantisation.F16))


def _head_type(shape: Shape, quantisation: Quantisation) -> TensorType:
    if quantisation is not Quantisation.Q4_0:
        return TYPES[quantisation]
    return Q6_K if shape.width % Q6_K.block == 0 else Q8_0


def _layer(shape: Shape, name: str, body: TensorType) -> Iterator[TensorSpec]:
    query, key = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    yield from _norm(shape, f"{name}.attn_norm")
    for part, rows in (("q", query), ("k", key), ("v", key)):
        yield TensorSpec(f"{name}.attn_{part}.weight", (shape.width, rows), body)
        if shape.attention_biases:
            yield TensorSpec(f"{name}.attn_{part}.bias", (rows,), F32)
    yield TensorSpec(f"{name}.attn_output.weight", (query, shape.width), body)
    yield from _norm(shape, f"{name}.ffn_norm")
    yield TensorSpec(f"{name}.ffn_gate.weight", (shape.width, shape.feed_forward), body)
    yield TensorSpec(f"{name}.ffn_up.weight", (shape.width, shape.feed_forward), body)
    yield TensorSpec(f"{name}.ffn_down.weight", (shape.feed_forward, shape.width), body)


def _norm(shape: Shape, name: str) -> Iterator[TensorSpec]:
    yield TensorSpec(f"{name}.weight", (shape.width,), F32)
    if shape.layer_norms:
        yield TensorSpec(f"{name}.bias", (shape.width,), F32)
