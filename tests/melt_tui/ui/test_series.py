import pytest

from melt_tui.config import DeviceConfig
from melt_tui.ui.renderables.cells import DEVICE_COLOURS
from melt_tui.ui.series import SERIES, chosen, series_of


@pytest.mark.parametrize(
    ("colour", "series"),
    [("cyan", 0), ("silver", 7), ("#4fd6e8", 0), ("#ff88ee", 1), ("#5577ff", 3), ("#ffffff", 7), ("orange", None),
     ("", None), ("#12", None)],
)  # fmt: skip
def test_a_series_by_its_name_or_by_a_colour_like_it(colour: str, series: int | None) -> None:
    assert series_of(colour) == series


def test_every_device_colour_has_a_name_of_its_own() -> None:
    assert len(set(SERIES)) == DEVICE_COLOURS


def test_what_was_chosen_is_found_by_name_and_by_address() -> None:
    saved = (
        DeviceConfig(address="adb:X1", name="pixel", colour="blue"),
        DeviceConfig(address="host", colour="silver"),
        DeviceConfig(address="adb:X2", name="other", colour="orange"),
    )
    assert chosen(saved) == {"adb:X1": 3, "pixel": 3, "host": 7}
