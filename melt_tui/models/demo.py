"""The demo model: a tiny model of our own, grafted once into the cache to the size of a small phone model.

Real inference at a phone's pace on any computer, without a download; its text is a toy's.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError
from melt_tui.models.cache import sha256
from melt_tui.models.graft import Stock, graft, plan
from melt_tui.models.progress import Report

NOTE: Final = "toy model"
SEED: Final = Path(__file__).parent / "data" / "tiny-english-q8_0.gguf"
STOCK: Final = Stock(
    name="demo",
    layers=20,
    width=1024,
    feed_forward=2816,
    heads=16,
    context=2048,
    chat_template="{% for message in messages %}{{ message['content'] }}\n\n{% endfor %}",
)
SHA256: Final = "729ad5d02b935bbffd0b69158914e66afd29f0098bd108cc6f9f5a89bcf81fc4"
"""Of the grafted file: the same on every computer."""


def provide(cache_dir: Path, report: Report) -> ModelFile:
    """The demo model, made when it is not there or not what it should be. Raises ``ModelError``."""
    planned = describe(cache_dir)
    path = Path(planned.path)
    if not _is_good(path, report):
        graft(SEED, STOCK, path, report)
        if not _is_good(path, report):
            raise ModelError(
                "the demo model came out wrong", "install melt-tui again, its data file is damaged"
            )
    return planned


def describe(cache_dir: Path) -> ModelFile:
    """What ``provide`` will give, without writing."""
    return replace(plan(SEED, STOCK, cache_dir / "demo-v1.gguf"), sha256=SHA256, note=NOTE)


def _is_good(path: Path, report: Report) -> bool:
    return path.is_file() and sha256(path, report, "checking the demo model") == SHA256
