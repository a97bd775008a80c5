import pytest

from melt_tui.ui.commands import (
    BENCH,
    BENCH_KEYS,
    BY_NAME,
    COMMANDS,
    COMPARE,
    DEVICES,
    EVERYWHERE,
    FLEET,
    LIBRARY,
    available,
    bindings,
    keys_of,
    unknown_names,
)


def test_every_command_stands_once() -> None:
    assert len(BY_NAME) == len(COMMANDS)


@pytest.mark.parametrize("where", [BENCH, LIBRARY, FLEET, DEVICES, COMPARE])
def test_no_key_means_two_things_in_one_place(where: str) -> None:
    keys = [key for c in COMMANDS if c.where in {where, EVERYWHERE} for key in c.keys.split(",") if key]
    assert sorted(keys) == sorted(set(keys))


def test_screens_md_keys_are_these() -> None:
    signs = {name: keys_of(BY_NAME[name], {})[0] for group in BENCH_KEYS for name in group[1]}
    assert signs == {
        "run": "r", "stop": "s", "freeze": "space", "mark": "m", "previous_event": "[", "next_event": "]",
        "marker_a": "a", "marker_b": "b", "zoom_in": "+", "zoom_out": "-", "pane_log": "g", "charts": "c",
        "library": "l", "fleet": "f", "devices": "d", "command_palette": ":", "help": "?", "quit": "q",
    }  # fmt: skip


def test_bindings_carry_the_names_as_ids_for_remapping() -> None:
    made = {binding.id: binding for binding in bindings(BENCH) if not isinstance(binding, tuple)}
    assert made["previous_event"].key == "left_square_bracket"
    assert made["previous_event"].action == "command('previous_event')"
    assert "theme" not in {binding.id for binding in bindings(EVERYWHERE) if not isinstance(binding, tuple)}


def test_what_needs_a_session_is_not_offered_in_a_recording() -> None:
    names = {command.name for command in available(BENCH, live=False)}
    assert {"run", "stop", "mark", "remove_device"} & names == set()
    assert {"freeze", "help", "library"} <= names
    assert "rename" not in names


def test_names_that_are_no_commands_are_found() -> None:
    assert unknown_names(["run", "runn", "fly"]) == ["fly", "runn"]
