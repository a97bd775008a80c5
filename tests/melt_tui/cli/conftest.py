"""Fixtures of these tests."""

from pathlib import Path

import pytest

from tests.rigs.melt import environment
from tests.rigs.typed import Typed


@pytest.fixture
def typed(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """``melt`` in this process, for a user who lives in the test file's ``home``."""
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    return Typed(capsys)
