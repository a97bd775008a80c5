"""Addresses that can never be opened are refused before they are kept: nothing is there to be opened here."""

import pytest

from drivers.clock import SystemClock
from drivers.errors import NotSupported
from drivers.registry import Registry


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("serial:x?family=ppk2&mode=both", "does not say who supplies"),
        ("serial:x?family=ppk2&mode=ampere", "voltage of the supply is not known"),
        ("serial:x?family=ppk2&mode=ampere&voltage=9000", "voltage='9000' is not possible"),
        ("serial:x?family=ppk2&filter=maybe", "filter=maybe is unknown"),
        ("serial:x?family=monsoon&rails=aux", "has no rails 'aux': rails are main, usb"),
        ("serial:x?family=csv&columns=V,Q&point=usb-input", "has no column 'Q'"),
        ("serial:x?family=tc66&rate=often", "rate='often' is not possible"),
        ("serial:x?family=joule", "unknown family 'joule'"),
        ("monsoon:12?rails=rear", "has no rails 'rear': rails are main, usb, aux"),
        ("monsoon:12?voltage=4", "has no option 'voltage'"),
    ],
)
async def test_an_address_that_no_meter_could_fit_is_refused(address: str, words: str) -> None:
    with pytest.raises(NotSupported) as refused:
        await Registry(SystemClock()).judge(address)
    assert words in f"{refused.value}: {refused.value.remedy}"


@pytest.mark.parametrize(
    "address",
    [
        "serial:x?family=ppk2",
        "serial:x?family=ppk2&mode=source",
        "serial:x?family=ppk2&mode=ampere&voltage=3800&logic=off",
        "serial:x?family=monsoon&rails=main,usb",
        "monsoon:12?rails=aux&point=usb-input",
    ],
)
async def test_what_only_the_meter_can_tell_is_left_to_it(address: str) -> None:
    await Registry(SystemClock()).judge(address)
