"""Whether a model fits into memory: weights, KV cache, buffers."""

from drivers.errors import DriverError, NotSupported
from drivers.foreign import printable
from drivers.modelfile import ModelFile
from drivers.sizes import size

OVERHEAD_BYTES = 96 << 20
"""Engine and compute buffers, beside weights and KV cache."""


def memory_objection(
    model: ModelFile, size_bytes: int, context: int, available: int, device: str = ""
) -> DriverError | None:
    """What speaks against a model of that size, given so many bytes of memory; on ``device``, if it is another."""
    needed = memory_needed(model, size_bytes, context)
    if needed <= available:
        return None
    return NotSupported(
        f"{printable(model.name, 80)} needs about {size(needed)} of memory with a context of "
        f"{context} tokens, and {size(available)} are available{f' on {device}' if device else ''}",
        remedy="take a smaller model or context, or end other programs",
    )


def memory_needed(model: ModelFile, size_bytes: int, context: int) -> int:
    """Weights read into memory, KV cache where the model tells its size, and buffers: bytes."""
    return size_bytes + (model.kv_bytes_per_token or 0) * context + OVERHEAD_BYTES
