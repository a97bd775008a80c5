"""The doctor's look at iPhones: usbmuxd, and each phone with what stands in its way and what to do."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.errors import LinkLost
from drivers.links import usbmux
from drivers.model import Found
from melt_tui.workbench import iphonedoctor
from melt_tui.workbench.iphonedoctor import examine_iphones
from tests.rigs.iphone.rig import iphones


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A usbmuxd, as far as a look at its address tells."""
    monkeypatch.setenv(usbmux.USBMUXD, "127.0.0.1:1")


def test_phones_on_the_cable_are_told_each_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with iphones({}, {"paired": False}) as rig:
        monkeypatch.setenv(usbmux.USBMUXD, rig.address)
        daemon, *phones = examine_iphones()
    assert (daemon.subject, daemon.good) == ("usbmuxd", True)
    by_subject = {one.subject: one for one in phones}
    good, shy = by_subject["ios:00008110-001A2B3C4D5E0001"], by_subject["ios:00008110-001A2B3C4D5E0002"]
    assert good.good
    assert good.detail.startswith("iPhone 13; ")
    assert shy.good is False
    assert "does not trust this computer" in shy.detail
    assert "tap Trust" in shy.remedy


def test_without_usbmuxd_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(usbmux.USBMUXD, str(tmp_path / "none"))
    (one,) = examine_iphones()
    assert (one.subject, one.good) == ("usbmuxd", None)
    assert "apt install usbmuxd" in one.remedy


@pytest.mark.usefixtures("answering")
def test_a_usbmuxd_without_phones_is_no_fault() -> None:
    async def look() -> Sequence[Found]:
        return []

    assert [one.good for one in examine_iphones(look)] == [True, None]


@pytest.mark.usefixtures("answering")
@pytest.mark.parametrize("silent", [False, True])
def test_a_usbmuxd_that_does_not_answer_is_a_fault_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, *, silent: bool
) -> None:
    async def look() -> Sequence[Found]:
        if silent:
            await asyncio.Event().wait()
        raise LinkLost("no usbmuxd answers on this computer", remedy="start it")

    monkeypatch.setattr(iphonedoctor, "LOOK_S", 0.01)
    (one,) = examine_iphones(look)
    assert one.good is False
    assert one.remedy
