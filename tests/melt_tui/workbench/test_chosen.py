"""Which runtime each device takes."""

import pytest

from drivers.errors import NotSupported
from melt_tui.workbench.chosen import chosen, runtimes_of


def test_what_was_said_of_one_device_goes_before_what_was_said_of_all() -> None:
    devices = ("a", "b", "c@d")
    assert runtimes_of("", devices) == {"a": "", "b": "", "c@d": ""}
    assert runtimes_of("cli", devices) == {"a": "cli", "b": "cli", "c@d": "cli"}
    assert runtimes_of("ollama@b, cli, mlc@c@d", devices) == {"a": "cli", "b": "ollama", "c@d": "mlc"}
    assert runtimes_of("ollama@b", devices) == {"a": "", "b": "ollama", "c@d": ""}


@pytest.mark.parametrize(
    ("asked", "why"),
    [("x,y", "two runtimes were asked for, x and y"), ("x@z", "x@z is for a device that is not asked")],
)
def test_what_cannot_be_meant_is_refused(asked: str, why: str) -> None:
    with pytest.raises(NotSupported, match=why):
        runtimes_of(asked, ("a", "b"))


def test_a_device_offers_its_best_first_and_nothing_else() -> None:
    assert chosen("", "a", ["x", "y"]) == "x"
    assert chosen("y", "a", ["x", "y"]) == "y"
    with pytest.raises(NotSupported, match="a does not offer the runtime z: it offers x, y"):
        chosen("z", "a", ["x", "y"])
    with pytest.raises(NotSupported, match="a cannot run a model"):
        chosen("", "a", [])
