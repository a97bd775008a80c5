"""Detectors by their names."""

import pytest

from melt_tui.detectors.catalog import detector_of
from melt_tui.detectors.throttling import NAME, Throttling
from melt_tui.errors import UsageError


def test_the_usual_one_needs_no_name() -> None:
    assert isinstance(detector_of(), Throttling)
    assert isinstance(detector_of(NAME, ["below=0.95"]), Throttling)


def test_a_name_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no detector 'x': choose two-witnesses"):
        detector_of("x")
