"""Fixtures of these tests."""

from pathlib import Path

import pytest

from melt_tui.models import synthetic
from melt_tui.models.shapes import Quantisation, Shape


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers for seconds: some hundred tokens/s, and a context of 4096. Its text means nothing."""
    shape = Shape(
        name="slow",
        layers=10,
        width=512,
        feed_forward=1408,
        heads=8,
        kv_heads=4,
        vocabulary=2048,
        context=4096,
    )
    path = tmp_path_factory.mktemp("models") / "slow.gguf"
    synthetic.generate(shape, Quantisation.Q4_0, path, lambda _: None)
    return path
