"""Parameters of detectors, as they are stored and typed."""

from dataclasses import fields

import pytest

from melt_tui.detectors.parameters import Parameters
from melt_tui.errors import UsageError


def test_the_defaults_are_those_of_the_definition() -> None:
    usual = Parameters()
    assert (usual.window_s, usual.window_tokens, usual.below, usual.deep) == (5, 8, 0.9, 0.75)
    assert (usual.hold_s, usual.hold_turns, usual.near_s) == (10, 2, 30)
    assert (usual.reference_s, usual.reference_tokens) == (5, 32)


def test_what_is_told_sets_the_same_again() -> None:
    changed = Parameters().changed(["below=0.95", "near_s=12.5"])
    assert (changed.below, changed.near_s) == (0.95, 12.5)
    told = changed.told()
    assert [name for name, _ in told] == [field.name for field in fields(Parameters)]
    assert Parameters().changed(f"{name}={value}" for name, value in told) == changed


@pytest.mark.parametrize(
    "setting",
    [
        "below",
        "under=0.9",
        "below=much",
        "below=-1",
        "below=0",
        "below=95",
        "deep=1.5",
        "near_s=inf",
        "near_s=nan",
    ],
)
def test_what_sets_nothing_is_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="sets nothing"):
        Parameters().changed([setting])
