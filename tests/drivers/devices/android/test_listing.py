"""What the adb server's list means for a user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.android.listing import Listed, found, over


def test_a_phone_that_is_ready() -> None:
    one = found(Listed("39121FDJH00A2B", "device", "Pixel_8"))
    assert (one.address, one.title, one.ready, one.reason) == (
        "adb:39121FDJH00A2B",
        "Pixel 8 (39121FDJH00A2B)",
        True,
        "",
    )


@pytest.mark.parametrize(
    ("state", "reason", "step"),
    [
        ("unauthorized", "does not trust this computer", "allow USB debugging"),
        ("authorizing", "not yet answered", "allow USB debugging"),
        ("offline", "does not answer", "plug it in again"),
        ("no permissions (missing udev rules?); see [http://x]", "may not open", "udev rules"),
        ("bootloader", "bootloader", "fastboot reboot"),
        ("recovery", "recovery", "adb reboot"),
        ("sideload", "system image", "adb reboot"),
        ("brand new", "'brand new'", "plug it in again"),
    ],
)
def test_a_phone_that_cannot_be_used_has_a_reason_and_a_next_step(state: str, reason: str, step: str) -> None:
    one = found(Listed("R5CT", state))
    assert not one.ready
    assert reason in one.reason
    assert step in one.next_step


@pytest.mark.parametrize(
    ("serial", "way"),
    [
        ("39121FDJH00A2B", "USB"),
        ("192.168.1.5:5555", "Wi-Fi"),
        ("adb-39121FDJH00A2B-vWgJpq._adb-tls-connect._tcp", "Wi-Fi"),
        ("emulator-5554", "USB"),
    ],
)
def test_how_a_phone_is_reached(serial: str, way: str) -> None:
    assert over(serial) == way


@given(st.text(), st.text(), st.text())
def test_any_words_of_the_server_are_bounded_and_printable(serial: str, state: str, model: str) -> None:
    one = found(Listed(serial, state, model))
    assert one.title.isprintable()
    assert one.reason.isprintable()
    assert len(one.title) < 120
