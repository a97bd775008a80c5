"""From what the user typed to a model file: ``demo``, ``synthetic:SHAPE`` or the path of a GGUF file."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError
from melt_tui.format import byte_count, plain
from melt_tui.models import demo, synthetic
from melt_tui.models.cache import remembered_sha256, told
from melt_tui.models.gguf import read_model
from melt_tui.models.progress import Report, silent
from melt_tui.models.shapes import SHAPES, Quantisation, Shape, parameters, tensors

DEMO: Final = "demo"
SYNTHETIC: Final = "synthetic:"


class ModelChoice(NamedTuple):
    """A model that can be chosen by name."""

    value: str
    title: str
    remark: str


def resolve(text: str, cache_dir: Path, report: Report = silent) -> ModelFile:
    """The file behind a name, written into ``cache_dir`` first where it is one of ours, its sha256 included.

    May take seconds (hashing, writing), told to ``report``. Raises ``ModelError``.
    """
    with told(cache_dir):
        return _resolved(text, cache_dir, report)


def describe(text: str, cache_dir: Path) -> ModelFile:
    """What ``resolve`` will give, but for the sha256, in milliseconds and without writing. Raises ``ModelError``."""
    with told(cache_dir):
        return _described(text, cache_dir)


def choices() -> Sequence[ModelChoice]:
    """What can be chosen by name, the demo model first; a path may be typed as well."""
    shown = [ModelChoice(DEMO, "demo model", f"{demo.NOTE}, written by the first run")]
    return shown + [_choice(shape) for shape in sorted(SHAPES.values(), key=parameters)]


def parse_synthetic(text: str) -> tuple[Shape, Quantisation]:
    """``synthetic:SHAPE``, ``synthetic:SHAPE:q8_0`` or ``synthetic:SHAPE-q8_0``; Q4_0 when none is named."""
    name = text.removeprefix(SYNTHETIC).lower()
    quantisation = Quantisation.Q4_0
    for known in Quantisation:
        if name.endswith((f":{known}", f"-{known}")):
            name, quantisation = name[: -len(known) - 1], known
    shape = SHAPES.get(name)
    if shape is None:
        raise ModelError(f"there is no synthetic model “{plain(name)}”", _known_shapes(name))
    return shape, quantisation


def _resolved(text: str, cache_dir: Path, report: Report) -> ModelFile:
    if text == DEMO:
        return demo.provide(cache_dir, report)
    if text.startswith(SYNTHETIC):
        shape, quantisation = parse_synthetic(text)
        found = synthetic.provide(shape, quantisation, cache_dir, report)
    else:
        found = read_model(_path(text))
    return _summed(found, cache_dir, report)


def _described(text: str, cache_dir: Path) -> ModelFile:
    if text == DEMO:
        return demo.describe(cache_dir)
    if text.startswith(SYNTHETIC):
        return synthetic.describe(*parse_synthetic(text), cache_dir)
    return read_model(_path(text))


def _summed(model: ModelFile, cache_dir: Path, report: Report) -> ModelFile:
    """With its sha256, and those of its parts."""
    files = [replace(one, sha256=remembered_sha256(Path(one.path), cache_dir, report)) for one in model.files]
    if not model.parts:
        return replace(model, sha256=files[0].sha256)
    told = "".join(f"{one.sha256}\n" for one in files)
    return replace(model, sha256=hashlib.sha256(told.encode()).hexdigest(), parts=tuple(files))


def _path(text: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"“{plain(text)}” is not a path", "give the path of a GGUF file") from error
    if path.suffix or path.exists() or len(Path(text).parts) > 1:
        return path
    known = ", ".join((DEMO, f"{SYNTHETIC}SHAPE"))
    near = get_close_matches(text.lower(), [DEMO, *SHAPES], n=1)
    hint = f"did you mean {SYNTHETIC * (near[0] != DEMO)}{near[0]}? " if near else ""
    raise ModelError(
        f"there is no model “{plain(text)}”", f"{hint}known are {known} and the path of a GGUF file"
    )


def _known_shapes(name: str) -> str:
    near = get_close_matches(name, SHAPES, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}known shapes are {', '.join(SHAPES)}, each with :{', :'.join(Quantisation)}"


def _choice(shape: Shape) -> ModelChoice:
    size = sum(spec.size_bytes for spec in tensors(shape, Quantisation.Q4_0))
    return ModelChoice(f"{SYNTHETIC}{shape.name}", shape.name, f"{synthetic.NOTE}, Q4_0, {byte_count(size)}")
