"""GGUF files packed by hand from the format's description: independent of the project's own writer."""

import struct
from collections.abc import Mapping, Sequence


def string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(item: object) -> bytes:
    """bool, int (u32), float (f32), str, or a list of one of these."""
    if isinstance(item, bool):
        return struct.pack("<I?", 7, item)
    if isinstance(item, int):
        return struct.pack("<II", 4, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, str):
        return struct.pack("<I", 8) + string(item)
    assert isinstance(item, list)
    packed = [value(part) for part in item]
    kind = packed[0][:4] if packed else struct.pack("<I", 8)
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(item)) + b"".join(part[4:] for part in packed)


def gguf(
    keys: Mapping[str, object],
    tensors: Sequence[tuple[str, Sequence[int], int, int]],
    *,
    version: int = 3,
    data: int = 0,
) -> bytes:
    """A file with these keys and ``(name, dims, type id, offset)`` tensors, and ``data`` zero bytes behind."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for key, item in keys.items():
        out += string(key) + value(item)
    for name, dims, kind, offset in tensors:
        out += (
            string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims) + struct.pack("<IQ", kind, offset)
        )
    return out + bytes(-len(out) % 32) + bytes(data)


LLAMA: Mapping[str, object] = {
    "general.architecture": "llama",
    "general.name": "little llama",
    "general.file_type": 15,
    "llama.context_length": 4096,
    "llama.block_count": 2,
    "llama.embedding_length": 24,
    "llama.attention.head_count": 3,
    "llama.vocab_size": 9,
    "tokenizer.ggml.tokens": ["<unk>", "a", "b"],
    "tokenizer.ggml.scores": [0.0, -1.0, -2.0],
}

LITTLE = gguf(
    LLAMA,
    [
        ("token_embd.weight", (256, 3), 14, 0),
        ("blk.0.attn_q.weight", (256, 2), 12, 640),
        ("norm", (256,), 0, 928),
    ],
    data=928 + 1024,
)
"""256·3 elements as Q6_K (630 bytes), 256·2 as Q4_K (288), 256 as F32: 1,536 parameters."""
