"""Fixtures that every test may use."""

import pytest

from tests.rigs.virtual_clock import VirtualClock


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """A clock whose time passes only when every task waits for it."""
    return VirtualClock()
