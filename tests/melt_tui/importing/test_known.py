"""Which recordings are taken for what was read from files of others as a whole."""

from pathlib import Path

import pytest

from drivers.base import Item
from melt_tui.events import Imported, Part, SessionEnded, SessionStarted
from melt_tui.importing.known import Known
from melt_tui.store.making import making

MINE = (("a.csv", "1" * 64), ("b.csv", "2" * 64))
WHOLE = Imported(t_ns=1, device="melt", origin="a folder", sources=MINE)
CAPTURE = Imported(t_ns=2, device="meter", origin="a capture", sources=(("c.csv", "3" * 64),))
SPAN = Part(t_ns=1, device="melt", source="x", name="x", wall_ns=1, from_ns=1, to_ns=2, from_s=0.0, to_s=1.0)


def record(path: Path, *told: Item) -> None:
    begun = SessionStarted(t_ns=0, device="melt", name="x", wall_ns=1, version="1", host="h")
    with making(path) as maker:
        maker.take_all([begun, *told, SessionEnded(t_ns=9, device="melt", wall_ns=10)])


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ((WHOLE,), True),
        ((WHOLE, CAPTURE), False),
        ((WHOLE, SPAN), False),
        ((SPAN, WHOLE), False),
        ((), False),
    ],
)
def test_one_that_says_more_than_what_it_was_read_from_is_another(
    tmp_path: Path, told: tuple[Item, ...], known: bool
) -> None:
    """A span of it, and one that a capture was brought into, are not what a second import would make."""
    path = tmp_path / "one.melt"
    record(path, *told)
    assert Known(tmp_path).recording_of(MINE[::-1]) == (path if known else None)
    assert Known(tmp_path).recording_of(CAPTURE.sources) is None
