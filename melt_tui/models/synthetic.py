"""Synthetic weights in a model's true shape: for measuring speed, memory, power and heat without a download.

Speed, memory traffic and file size are those of the real model; text is not. Every weight row is drawn from one
pool of random blocks per type and spread, so that writing costs little more than the disk. The same shape,
quantisation and version give the same bytes on every computer.
"""

import hashlib
import math
import struct
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import BinaryIO, Final

from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError
from melt_tui.models import writer
from melt_tui.models.cache import write_once
from melt_tui.models.ggml import F16, F32, Q4_0, Q6_K, Q8_0, TensorType
from melt_tui.models.gguf import read_model
from melt_tui.models.progress import Meter, Report
from melt_tui.models.shapes import Quantisation, Shape, parameters, tensors
from melt_tui.models.writer import Packed, TensorSpec

NOTE: Final = "synthetic weights"
_VERSION: Final = 1
"""Rises with every change of the bytes that are written: older files of the cache are then not used."""
_FILE_TYPES: Final[Mapping[Quantisation, int]] = {
    Quantisation.F16: 1,
    Quantisation.Q4_0: 2,
    Quantisation.Q8_0: 7,
}
_POOL_BYTES: Final = 1 << 20
_CONTROLS: Final = ("<unk>", "<s>", "</s>")
_SYLLABLES: Final = tuple(c + v for c in "bdfghjklmnprstvwz" for v in "aeiou")
_TEMPLATE: Final = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"

# Spread of the random codes below, in units of the block's scale.
_Q4_0_SPREAD: Final = math.sqrt(2 * sum(q * q for q in range(1, 8)) / 16)
_Q8_0_SPREAD: Final = math.sqrt(2 * sum(q * q for q in range(1, 128)) / 256)
_Q6_K_SPREAD: Final = 16 * math.sqrt(sum((q - 32) ** 2 for q in range(64)) / 64)

# Without these the codes would lean to one side: nibble 0 and byte 0x80 have no opposite.
_BALANCED_NIBBLES: Final = bytes((b if b & 0x0F else b | 8) | (0 if b & 0xF0 else 0x80) for b in range(256))
_BALANCED_BYTES: Final = bytes(0 if b == 0x80 else b for b in range(256))


def provide(shape: Shape, quantisation: Quantisation, cache_dir: Path, report: Report) -> ModelFile:
    """The file of this shape, written into the cache when it is not there or not whole. Without its sha256."""
    planned = describe(shape, quantisation, cache_dir)
    path = Path(planned.path)
    if not _is_whole(path, planned.size_bytes):
        generate(shape, quantisation, path, report)
    return planned


def describe(shape: Shape, quantisation: Quantisation, cache_dir: Path) -> ModelFile:
    """What ``provide`` will give, without writing."""
    specs = tensors(shape, quantisation)
    path = cache_dir / f"synthetic-v{_VERSION}-{shape.name}-{quantisation}.gguf"
    return ModelFile(
        name=shape.name,
        path=str(path),
        size_bytes=writer.file_size(writer.header(_metadata(shape, quantisation), specs), specs),
        architecture=shape.architecture,
        parameters=parameters(shape),
        quantisation=quantisation.upper(),
        context_length=shape.context,
        vocabulary=shape.vocabulary,
        kv_bytes_per_token=4 * shape.layers * shape.kv_heads * shape.head_size,
        synthetic=True,
        note=NOTE,
    )


def generate(shape: Shape, quantisation: Quantisation, path: Path, report: Report, seed: int = 0) -> None:
    """Write the file, whole or not at all. Raises ``ModelError``."""
    specs = tensors(shape, quantisation)
    head = writer.header(_metadata(shape, quantisation), specs)
    size = writer.file_size(head, specs)
    weights = _Weights(f"{seed} {shape.name}", _embedding_sigma(shape))

    def write(file: BinaryIO) -> None:
        meter = Meter(f"writing {shape.name} {quantisation} ({NOTE})", size, report)
        writer.write(file, head, specs, weights.fill, meter.add)

    write_once(path, size, write)


def _is_whole(path: Path, size_bytes: int) -> bool:
    try:
        return read_model(path).size_bytes == size_bytes
    except ModelError:
        return False


class _Weights:
    """Fills tensors from pools of random blocks, one pool for each type and spread."""

    def __init__(self, seed: str, embedding_sigma: float) -> None:
        self._seed = seed
        self._embedding_sigma = embedding_sigma
        self._pools: dict[tuple[str, float], memoryview] = {}
        self._state = int.from_bytes(_random_bytes(seed, 8), "little")

    def fill(self, spec: TensorSpec) -> Iterator[writer.Piece]:
        """Norms are 1, biases 0, everything else random with a spread that keeps activations near 1."""
        if spec.type is F32:
            one = struct.pack("<f", 0.0 if spec.name.endswith(".bias") else 1.0)
            yield one * spec.elements
            return
        is_embedding = spec.name == "token_embd.weight"
        sigma = self._embedding_sigma if is_embedding else 1.0 / math.sqrt(spec.dims[0])
        pool = self._pool(spec.type, sigma)
        left = spec.size_bytes
        while left:
            start = self._next() % (len(pool) // spec.type.size // 2) * spec.type.size
            piece = pool[start : start + left]
            left -= len(piece)
            yield piece

    def _pool(self, packing: TensorType, sigma: float) -> memoryview:
        key = (packing.name, sigma)
        if key not in self._pools:
            seed = f"{self._seed} {packing.name} {sigma!r}"
            blocks = _POOL_BYTES // packing.size
            self._pools[key] = memoryview(_PACKERS[packing.name](seed, blocks, sigma))
        return self._pools[key]

    def _next(self) -> int:
        """The next number of a linear congruential sequence, its lower half left out."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self._state >> 32


def _random_bytes(seed: str, n: int) -> bytes:
    """The same for the same seed, on every computer and in every version of Python."""
    return hashlib.shake_128(seed.encode()).digest(n)


def _embedding_sigma(shape: Shape) -> float:
    """1, or for a tied head so little that it does not find its own input again and say one token for ever.

    Gemma multiplies the embedding by √width.
    """
    if not shape.tied:
        return 1.0
    return (0.1 if shape.architecture == "gemma" else 1.0) / math.sqrt(shape.width)


def _q4_0(seed: str, blocks: int, sigma: float) -> bytes:
    codes = _random_bytes(seed, 16 * blocks).translate(_BALANCED_NIBBLES)
    return _with_scale(codes, 16, sigma / _Q4_0_SPREAD)


def _q8_0(seed: str, blocks: int, sigma: float) -> bytes:
    codes = _random_bytes(seed, 32 * blocks).translate(_BALANCED_BYTES)
    return _with_scale(codes, 32, sigma / _Q8_0_SPREAD)


def _q6_k(seed: str, blocks: int, sigma: float) -> bytes:
    """192 bytes of codes −32…31, 16 scales whose alternating sign evens out the lean of the codes, one factor."""
    tail = struct.pack("<16be", *(16, -16) * 8, sigma / _Q6_K_SPREAD)
    codes = _random_bytes(seed, 192 * blocks)
    return b"".join(codes[i : i + 192] + tail for i in range(0, len(codes), 192))


def _f16(seed: str, blocks: int, sigma: float) -> bytes:
    """Evenly spread over ±√3 sigma."""
    factor = math.sqrt(3) * sigma / 32_768
    numbers = struct.unpack(f"<{blocks}h", _random_bytes(seed, 2 * blocks))
    return struct.pack(f"<{blocks}e", *(factor * number for number in numbers))


def _with_scale(codes: bytes, width: int, scale: float) -> bytes:
    packed = struct.pack("<e", scale)
    return b"".join(packed + codes[i : i + width] for i in range(0, len(codes), width))


_PACKERS: Final = {Q4_0.name: _q4_0, Q8_0.name: _q8_0, Q6_K.name: _q6_k, F16.name: _f16}


def _metadata(shape: Shape, quantisation: Quantisation) -> list[tuple[str, Packed]]:
    arch = shape.architecture
    norm = "layer_norm_epsilon" if shape.layer_norms else "layer_norm_rms_epsilon"
    return [
        ("general.architecture", writer.text(arch)),
        ("general.name", writer.text(f"{shape.name} ({NOTE})")),
        ("general.file_type", writer.u32(_FILE_TYPES[quantisation])),
        (f"{arch}.context_length", writer.u32(shape.context)),
        (f"{arch}.embedding_length", writer.u32(shape.width)),
        (f"{arch}.block_count", writer.u32(shape.layers)),
        (f"{arch}.feed_forward_length", writer.u32(shape.feed_forward)),
        (f"{arch}.attention.head_count", writer.u32(shape.heads)),
        (f"{arch}.attention.head_count_kv", writer.u32(shape.kv_heads)),
        (f"{arch}.attention.key_length", writer.u32(shape.head_size)),
        (f"{arch}.attention.value_length", writer.u32(shape.head_size)),
        (f"{arch}.attention.{norm}", writer.f32(shape.epsilon)),
        (f"{arch}.rope.dimension_count", writer.u32(shape.rope_width or shape.head_size)),
        (f"{arch}.rope.freq_base", writer.f32(shape.rope_base)),
        (f"{arch}.use_parallel_residual", writer.flag(value=False)),
        (f"{arch}.vocab_size", writer.u32(shape.vocabulary)),
        *_tokenizer(shape.vocabulary),
    ]


def _tokenizer(vocabulary: int) -> list[tuple[str, Packed]]:
    """A SentencePiece-like vocabulary of made-up words: three controls, 256 bytes, then syllables by rank."""
    words = vocabulary - len(_CONTROLS) - 256
    scores = chain(repeat(0.0, len(_CONTROLS) + 256), (-float(rank) for rank in range(words)))
    kinds = chain((2, 3, 3), repeat(6, 256), repeat(1, words))
    return [
        ("tokenizer.ggml.model", writer.text("llama")),
        ("tokenizer.ggml.tokens", writer.texts(tokens(words))),
        ("tokenizer.ggml.scores", writer.f32s(scores)),
        ("tokenizer.ggml.token_type", writer.i32s(kinds)),
        ("tokenizer.ggml.bos_token_id", writer.u32(1)),
        ("tokenizer.ggml.eos_token_id", writer.u32(2)),
        ("tokenizer.ggml.unknown_token_id", writer.u32(0)),
        ("tokenizer.ggml.add_bos_token", writer.flag(value=True)),
        ("tokenizer.chat_template", writer.text(_TEMPLATE)),
    ]


def tokens(words: int) -> Iterator[str]:
    """Every token's text: the controls, the bytes, then ``words`` made-up words, no two alike."""
    yield from _CONTROLS
    yield from (f"<0x{byte:02X}>" for byte in range(256))
    for rank in range(words):
        word = _word(rank // 2)
        yield word if rank % 2 else f"▁{word}"


def _word(rank: int) -> str:
    """Syllables as the digits of a number without a zero: every rank has a word of its own."""
    out, left = [], rank + 1
    while left:
        left, digit = divmod(left - 1, len(_SYLLABLES))
        out.append(_SYLLABLES[digit])
    return "".join(out)
