"""Every state of every screen as a picture: fixed clock, no animation. Walks through the app take several each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from drivers.links.serialports import PortSeen
from drivers.metering.guessing import found
from melt_tui.ui.app import MeltApp
from tests.rigs.pictures import Picture
from tests.rigs.pilots import press, settle

SAVED = Path("/r/night run.melt")
REFUSAL = (
    "tinyllama-1.1b needs 0.9 GB and pixel-8 has 0.4 GB free: close other apps or choose a smaller model"
)
FULL = "the disk is full: nothing is recorded any more; free some space and start again"

Stop = tuple[str, Sequence[str | tuple[int, int]]]
"""Name of a picture, and the keys and sizes that lead to it."""


METERS = tuple(
    found(port)
    for port in (
        PortSeen("/dev/ttyACM0", 0x1915, 0xC00A, "PPK2"),
        PortSeen("/dev/ttyUSB0", 0x10C4, 0xEA60, "CP2102 USB to UART"),
        PortSeen("/dev/ttyACM1", 0x28E9, 0x018A, holder="minicom (process 4711)"),
    )
)

WALKS: dict[str, tuple[dict[str, Any], Sequence[Stop]]] = {
    "sizes": (
        {},
        (
            ("120x36", ()),
            ("80x24", ((80, 24),)),
            ("200x50", ((200, 50),)),
            ("100x30", ((100, 30),)),
            ("20x5", ((20, 5),)),
            ("120x36", ((120, 36),)),
            ("80x24-other-charts", ((80, 24), "c", "c")),
        ),
    ),
    "looking": (
        {},
        (
            ("frozen-with-cursor", ("space", "left", "left", "left")),
            ("panned-back", ("pageup", "plus")),
            ("event-jump", ("end", "left_square_bracket", "left_square_bracket")),
            ("one-device", ("end", "v")),
            ("log", ("v", "g")),
            ("log-searched", ("slash", *"boats", "enter")),
            ("turns", ("end", "t")),
            ("figures", ("minus", "left", "a", "pageup", "left", "b", "i")),
            ("figures-of-a-span", ("end", "plus", "left", "a", *["left"] * 30, "b")),
        ),
    ),
    "orders": (
        {},
        (
            ("run-dialog", ("r",)),
            ("stop-dialog", ("escape", "s")),
            ("mark-dialog", ("escape", "m")),
            ("quit-dialog", ("escape", "q")),
            ("help", ("escape", "question_mark")),
            ("palette", ("escape", "colon", *"mar")),
            ("library", ("escape", "l")),
            ("library-recovered", ("down",)),
            ("library-export", ("x",)),
            ("library-edit", ("escape", "e")),
            ("library-rename", ("escape", "n")),
            ("library-delete", ("escape", "delete")),
        ),
    ),
    "fleet": (
        {},
        (
            ("hole-in-the-power", ("down",)),
            ("fleet", ("up", "f", "down")),
            ("fleet-filtered", ("left", "slash", *"llama")),
            ("fleet-80x24", ("escape", (80, 24))),
        ),
    ),
    "devices": (
        {},
        (
            ("devices", ("d", "down")),
            ("device-add", ("a",)),
            ("device-key", (*"ssh://me@orin", "enter")),
            ("device-colour", ("escape", "up", "c")),
            ("device-setup", ("escape", "s")),
            ("devices-80x24", ("escape", (80, 24))),
        ),
    ),
    "meters": (
        {"found": METERS},
        (
            ("meters", ("d", "end")),
            ("meter-add", ("m",)),
            ("meter-problem", ("tab", "tab", "tab", "tab", "tab", "enter")),
            ("supply", ("escape", "up", "u")),
            ("supply-confirm", (*"4.2", "enter")),
            ("meters-80x24", ("escape", (80, 24))),
            ("meter-add-80x24", ("m",)),
        ),
    ),
    "refusal": ({"refusal": REFUSAL}, (("run-refused", ("r",)), ("run-refused-80x24", ((80, 24),)))),
    "replay": (
        {"replay": SAVED},
        (("replay", ("space", "pagedown", "pageup")), ("replay-80x24", ("end", (80, 24)))),
    ),
    "notice": (
        {"replay": SAVED, "notices": True},
        (("replay-notice", ("space", "end", "r")), ("replay-notice-80x24", ((80, 24),))),
    ),
    "nothing-yet": ({"story": {"until_s": 0.05, "runs": False}}, (("no-device-yet", ()),)),
    "idle": ({"story": {"until_s": 20.0, "runs": False}}, (("idle", ()),)),
    "waiting": (
        {"story": {"until_s": 40.0, "runs": False, "waits": True}},
        (("waiting", ("down", "up")), ("waiting-80x24", ((80, 24),))),
    ),
    "loading": ({"story": {"until_s": 3.4, "loading": True}}, (("loading", ()),)),
    "charging": ({"story": {"until_s": 64.0, "charger": True}}, (("charging-unknown", ()),)),
    "limit": ({"story": {"until_s": 80.0}}, (("limit-engaged", ()),)),
    "lost": ({"story": {"until_s": 112.0, "lost": True}}, (("device-lost", ("down",)),)),
    "failed": ({"story": {"until_s": 100.0, "failed": True}}, (("run-failed", ("down", "down", "v")),)),
    "problem": ({"problem": FULL}, (("not-recording", ()),)),
    "light": ({"theme": "textual-light"}, (("light", ()), ("light-dialog", ("r",)))),
    "ansi": ({"theme": "ansi-dark"}, (("sixteen-colours", ()),)),
}


@pytest.mark.parametrize("walk", WALKS)
async def test_pictures(
    walk: str,
    desk: Any,
    make_app: Callable[..., MeltApp],
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, stops = WALKS[walk]
    pictures = snapshot.use_extension(Picture)
    bench = desk(asked.get("problem", ""), asked.get("refusal", ""), **asked.get("story", {}))
    bench.meters = asked.get("found", ())
    app = make_app(bench, replay=asked.get("replay"), theme=asked.get("theme", "textual-dark"))
    monkeypatch.setattr(MeltApp, "NOTIFICATION_TIMEOUT", 600)
    async with app.run_test(size=(120, 36), notifications=asked.get("notices", False)) as pilot:
        await settle(pilot)
        for name, ways in stops:
            for way in ways:
                await (press(pilot, way) if isinstance(way, str) else pilot.resize_terminal(*way))
            await settle(pilot)
            assert app.export_screenshot(title=name) == pictures(name=name)
