"""Reference points that there are, and what a typo is told."""

import pytest

from drivers.address import parse
from drivers.errors import NotSupported
from drivers.points import KNOWN, POINTS, is_point


def test_every_point_is_one() -> None:
    assert all(is_point(point) for point in POINTS)
    assert is_point("rail:VDD_CPU_CV")
    assert parse("serial:x?point=rail:VDD_IN").point() == "rail:VDD_IN"
    assert parse("serial:x").point("usb-input") == "usb-input"


@pytest.mark.parametrize("typo", ["usb", "battery", "rail:", "rail:a b", "Package", "usb-input ", "rail:a\n"])
def test_a_typo_is_told_what_there_is(typo: str) -> None:
    assert not is_point(typo)
    with pytest.raises(NotSupported) as caught:
        parse("serial:x").__class__("serial:x", {"point": typo}).point()
    assert caught.value.remedy == f"there are {KNOWN}"
