"""What a GGUF file is: its header in the words of ``ModelFile``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from drivers.modelfile import ModelFile, ModelPart
from melt_tui.errors import ModelError
from melt_tui.format import plain
from melt_tui.models import split
from melt_tui.models.ggml import FILE_TYPES, TENSOR_TYPES
from melt_tui.models.header import Header, Scalar, Tensor, read_header, shown

_WHOLE: Final = "give a file with the whole model"
_GUESSED: Final = 1024
"""Added to a file type that was not stated but derived."""
_OTHER_CACHES: Final = ("attention.sliding_window", "attention.kv_lora_rank", "ssm.state_size")
"""With one of these keys the cache does not grow by the same amount with every token and layer."""


def read_model(path: Path) -> ModelFile:
    """What the header of this file says, and of a model in several files those of the others, without sha256.

    Raises ``ModelError``.
    """
    header = read_header(path)
    _refuse_what_is_no_model(path, header)
    files = split.files_of(path, header)
    tensors = split.tensors_of(header, files)
    if not tensors:
        raise ModelError(f"{shown(path)} holds no weights", _WHOLE)
    return ModelFile(
        name=_display_name(header, path),
        path=str(path),
        size_bytes=split.size_of(files),
        architecture=_clean(header.metadata.get("general.architecture")),
        parameters=sum(t.elements for t in tensors),
        quantisation=_quantisation(header, tensors),
        context_length=_architecture_number(header, "context_length"),
        vocabulary=header.lengths.get("tokenizer.ggml.tokens") or _architecture_number(header, "vocab_size"),
        kv_bytes_per_token=_kv_bytes(header),
        parts=tuple(ModelPart(str(one), one.stat().st_size) for one in files) if len(files) > 1 else (),
    )


def _refuse_what_is_no_model(path: Path, header: Header) -> None:
    kind = _clean(header.metadata.get("general.type")) or "model"
    if kind != "model":
        raise ModelError(
            f"{shown(path)} holds no model but a part of one ({kind})", "name the model's own file"
        )
    number = split.number_in(header, "split.no")
    if number > 0:
        raise ModelError(f"{shown(path)} is part {number + 1} of a split model", "name its first part")
    if not _clean(header.metadata.get("general.architecture")):
        raise ModelError(f"{shown(path)} does not say of what architecture it is", _WHOLE)


def _quantisation(header: Header, tensors: Sequence[Tensor]) -> str:
    by_type: Counter[int] = Counter()
    for tensor in tensors:
        by_type[tensor.type_id] += tensor.elements
    present = {TENSOR_TYPES[i].name for i in by_type if i in TENSOR_TYPES}
    file_type = split.number_in(header, "general.file_type")
    asked = FILE_TYPES.get(file_type & ~_GUESSED, "")
    is_type = any(t.name == asked for t in TENSOR_TYPES.values())
    if asked and (asked in present or not is_type):
        return asked
    most = TENSOR_TYPES.get(by_type.most_common(1)[0][0])
    return most.name if most else ""


def _architecture_number(header: Header, key: str) -> int | None:
    architecture = header.metadata.get("general.architecture", "")
    value = split.number_in(header, f"{architecture}.{key}")
    return value if 0 < value < 1 << 31 else None


def _kv_bytes(header: Header) -> int | None:
    """Keys and values of one token in every layer, two bytes each; None where the model does otherwise."""
    architecture = header.metadata.get("general.architecture", "")
    if any(f"{architecture}.{key}" in header.metadata for key in _OTHER_CACHES):
        return None
    layers, width = (_architecture_number(header, key) for key in ("block_count", "embedding_length"))
    heads = _architecture_number(header, "attention.head_count")
    if not (layers and width and heads) or f"{architecture}.attention.head_count_kv" in header.lengths:
        return None
    kv_heads = _architecture_number(header, "attention.head_count_kv") or heads
    key_width = _architecture_number(header, "attention.key_length") or width // heads
    value_width = _architecture_number(header, "attention.value_length") or width // heads
    return 2 * layers * kv_heads * (key_width + value_width)


def _display_name(header: Header, path: Path) -> str:
    name = _clean(header.metadata.get("general.name"))
    return name if len(name) > 3 else _clean(path.stem)


def _clean(value: Scalar | None) -> str:
    return plain(value).strip() if isinstance(value, str) else ""
