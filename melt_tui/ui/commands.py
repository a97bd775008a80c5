"""Every command once: its name, keys, title and help. Bindings, palette, key line and help page follow from here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from textual.binding import Binding, BindingType

BENCH = "bench"
LIBRARY = "library"
FLEET = "fleet"
DEVICES = "devices"
COMPARE = "compare"
EVERYWHERE = "everywhere"


class Command(NamedTuple):
    """Something a user can do. ``name`` is the action's, and what a key of the config file is bound to."""

    name: str
    keys: str
    """Textual's names, separated by commas; the first is shown. Empty: palette only."""
    title: str
    help: str
    where: str = BENCH
    live: bool = False
    """Only where a session is in progress."""


COMMANDS = (
    Command("run", "r", "Run", "Start a run: device, model, workload and options", live=True),
    Command("stop", "s", "Stop", "Stop the run; asks which one when there are several", live=True),
    Command("freeze", "space", "Freeze", "Stop the view, or go on; the recording is never stopped"),
    Command("mark", "m", "Mark", "Put a named mark into the recording, now", live=True),
    Command("previous_event", "left_square_bracket", "Previous event", "Go back to the event before"),
    Command("next_event", "right_square_bracket", "Next event", "Go on to the next event"),
    Command("marker_a", "a", "Marker a", "Put marker a at the cursor, or at the moment shown"),
    Command("marker_b", "b", "Marker b", "Put marker b: i gives the figures of what lies between"),
    Command("clear_markers", "backspace", "Clear markers", "Take away the markers and the cursor"),
    Command("zoom_in", "plus,equals_sign", "Zoom in", "Show less time, in more detail"),
    Command("zoom_out", "minus", "Zoom out", "Show more time, up to the whole session"),
    Command("cursor_left", "left", "Cursor left", "Move the cursor back by one step"),
    Command("cursor_right", "right", "Cursor right", "Move the cursor on by one step"),
    Command("pan_back", "shift+left", "Pan back", "Move back by a tenth of what is shown"),
    Command("pan_on", "shift+right", "Pan on", "Move on by a tenth of what is shown"),
    Command("page_back", "pageup", "Page back", "Move back by all that is shown: an instant replay"),
    Command("page_on", "pagedown", "Page on", "Move on by all that is shown"),
    Command("start", "home", "To the start", "Go to the start of the session"),
    Command("end", "end", "Pin to now", "Follow the newest moment; in a recording, go to its end"),
    Command("slower", "comma", "Slower", "Play slower, down to ×0.25"),
    Command("faster", "full_stop", "Faster", "Play faster, up to ×64"),
    Command("play", "p", "Play", "Play from the moment shown"),
    Command("loop", "o", "Loop a–b", "Play what lies between the markers again and again"),
    Command(
        "snapshot",
        "x",
        "Snapshot of a–b",
        "Keep what lies between the markers as a recording of its own, once the session has ended",
    ),
    Command("first_onset", "L", "First onset", "Go to where throttling began first, or a limit, and play on"),
    Command("select_up", "up", "Device up", "Choose the device above"),
    Command("select_down", "down", "Device down", "Choose the device below"),
    Command("scope", "v", "All or one device", "Charts of all devices overlaid, or of the chosen one alone"),
    Command("charts", "c", "Next charts", "Show the charts that had no room"),
    Command("pane_events", "e", "Events", "Show what happened"),
    Command("pane_log", "g", "Log", "Show the runtime's output, the device's log and the model's text"),
    Command("pane_turns", "t", "Turns", "Show the turns of the runs; again: more columns"),
    Command(
        "pane_figures", "i", "Figures", "Show every channel: at the cursor, from a to b; again: more columns"
    ),
    Command("search", "slash", "Search the log", "Find text in the log; n goes to the next place found"),
    Command("search_next", "n", "Find next", "Go to the next place that was found in the log"),
    Command("supply", "u", "Supply", "Set, switch or cut what a meter supplies; asks first", live=True),
    Command("remove_device", "D", "Remove the device", "Close the chosen device and stop trying", live=True),
    Command("replay_entry", "enter", "Replay", "Look back into the chosen recording", LIBRARY),
    Command("pick", "space", "Pick", "Pick the recording for comparing, or no longer", LIBRARY),
    Command(
        "compare_picked", "c", "Compare", "Lay the runs of the picked recordings over one another", LIBRARY
    ),
    Command("rename", "n", "Rename", "Give the recording another name", LIBRARY),
    Command("tags", "t", "Tags", "Set the recording's tags", LIBRARY),
    Command(
        "edit", "e", "Correct", "Correct what was wrongly set, leave a turn out, or take that back", LIBRARY
    ),
    Command("import", "i", "Import", "Make recordings of what other tools measured", LIBRARY),
    Command("export", "x", "Export", "Write the picked recordings as tables or as a trace", LIBRARY),
    Command("report", "r", "Report", "Write the picked recordings as one page to send", LIBRARY),
    Command("delete", "delete,D", "Delete", "Delete the recording for good; asks first", LIBRARY),
    Command("reload", "f5", "Reload", "Read the list again", LIBRARY),
    Command("fleet_open", "enter", "Open", "Show the chosen device on the bench", FLEET),
    Command("fleet_up", "up", "Device up", "Choose the device above", FLEET),
    Command("fleet_down", "down", "Device down", "Choose the device below", FLEET),
    Command("fleet_page_up", "pageup", "Page up", "Choose a device a screen above", FLEET),
    Command("fleet_page_down", "pagedown", "Page down", "Choose a device a screen below", FLEET),
    Command("fleet_first", "home", "First device", "Choose the first device", FLEET),
    Command("fleet_last", "end", "Last device", "Choose the last device", FLEET),
    Command("sort_before", "left", "Sort by the column before", "Sort by the column at the left", FLEET),
    Command("sort_after", "right", "Sort by the next column", "Sort by the column at the right", FLEET),
    Command("sort_reverse", "space", "Reverse", "Sort the other way round", FLEET),
    Command("filter", "slash", "Filter", "Only devices in which these words stand", FLEET),
    Command(
        "device_open", "enter", "Open", "Open the device; one that is open is shown on the bench", DEVICES
    ),
    Command("device_up", "up", "Device up", "Choose the device above", DEVICES),
    Command("device_down", "down", "Device down", "Choose the device below", DEVICES),
    Command("device_first", "home", "First device", "Choose the first device", DEVICES),
    Command("device_last", "end", "Last device", "Choose the last device", DEVICES),
    Command("add_device", "a", "Add", "Add a device by its address, and keep it", DEVICES),
    Command(
        "wire_meter",
        "m",
        "Meter",
        "Add a power meter, or change what it feeds and where it measures",
        DEVICES,
    ),
    Command("supply_device", "u", "Supply", "Set, switch or cut what a meter supplies; asks first", DEVICES),
    Command("trust_host", "t", "Trust", "Look at a board's host key, and accept it", DEVICES),
    Command("setup_device", "s", "Set up", "Put an engine, and a model, on the device", DEVICES),
    Command("name_device", "n", "Name", "Give the device a name, and keep it", DEVICES),
    Command("colour_device", "c", "Colour", "Give the device a colour of the theme's series", DEVICES),
    Command("to_wifi", "w", "Wi-Fi", "Move an adb phone to Wi-Fi: its cable can go", DEVICES),
    Command("close_device", "x", "Close", "Close the device in this session and stop trying", DEVICES),
    Command("forget_device", "delete,D", "Forget", "Take the device out of the config file", DEVICES),
    Command("rescan", "f5", "Look again", "Look on every link now", DEVICES),
    Command("run_up", "up", "Run up", "Choose the run above", COMPARE),
    Command("run_down", "down", "Run down", "Choose the run below", COMPARE),
    Command(
        "group_a", "a", "Group A", "Put the chosen run into A, which the others are measured against", COMPARE
    ),
    Command("group_b", "b", "Group B", "Put the chosen run into B", COMPARE),
    Command(
        "group_next", "g", "Next group", "Put the chosen run into the next group, also a new one", COMPARE
    ),
    Command("leave_out", "o", "Leave out", "Leave the chosen run out, or take it in again", COMPARE),
    Command("along", "x", "Along", "Along time, tokens or joules", COMPARE),
    Command(
        "align", "n", "Align", "By start, first token, throttling onset, or a mark that all have", COMPARE
    ),
    Command("move_left", "comma", "Move left", "Move the chosen run to the left by one step", COMPARE),
    Command("move_right", "full_stop", "Move right", "Move the chosen run to the right by one step", COMPARE),
    Command("move_far_left", "less_than_sign", "Move far left", "The same by ten steps", COMPARE),
    Command("move_far_right", "greater_than_sign", "Move far right", "The same by ten steps", COMPARE),
    Command("move_back", "backspace", "Move back", "Put the chosen run back; take the cursor away", COMPARE),
    Command("topic", "c", "Next chart", "Another quantity in the large chart", COMPARE),
    Command("means", "v", "Runs or means", "Every run, or the mean of each group before its runs", COMPARE),
    Command("against", "t", "Next figures", "Figures of the next group against A", COMPARE),
    Command("compare_figures", "i", "Figures", "Show the figures with their differences", COMPARE),
    Command("compare_setup", "s", "Set-up", "Show what differs in the set-up", COMPARE),
    Command("compare_care", "w", "With care", "Show what must be read with care", COMPARE),
    Command("compare_in", "plus,equals_sign", "Zoom in", "Show less of the axis, in more detail", COMPARE),
    Command("compare_out", "minus", "Zoom out", "Show more of the axis, up to all of it", COMPARE),
    Command("compare_left", "left", "Cursor left", "Move the cursor back by one step", COMPARE),
    Command("compare_right", "right", "Cursor right", "Move the cursor on by one step", COMPARE),
    Command("compare_back", "shift+left", "Pan back", "Move back by a tenth of what is shown", COMPARE),
    Command("compare_on", "shift+right", "Pan on", "Move on by a tenth of what is shown", COMPARE),
    Command("compare_start", "home", "To the start", "Go to the start of the axis", COMPARE),
    Command("compare_end", "end", "To the end", "Go to the end of the axis", COMPARE),
    Command("scroll_up", "pageup", "Scroll up", "Scroll the figures up", COMPARE),
    Command("scroll_down", "pagedown", "Scroll down", "Scroll the figures down", COMPARE),
    Command("run_open", "enter", "Replay", "Look back into the recording of the chosen run", COMPARE),
    Command("fleet", "f", "Fleet", "All devices in a table, for many", EVERYWHERE),
    Command("devices", "d", "Devices", "What is found on each link; add, name, set up", EVERYWHERE),
    Command("library", "l", "Library", "The saved recordings", EVERYWHERE),
    Command(
        "compare", "", "Compare", "Pick 2 to 8 recordings, and lay their runs over one another", EVERYWHERE
    ),
    Command("command_palette", "colon,ctrl+p", "Command", "Find any command by its name", EVERYWHERE),
    Command("help", "question_mark,f1", "Help", "What every key does", EVERYWHERE),
    Command("theme", "", "Theme", "Choose the colours", EVERYWHERE),
    Command("back", "escape", "Back", "Close what lies on top", EVERYWHERE),
    Command("quit", "q", "Quit", "Leave; asks when a run is in progress", EVERYWHERE),
)

BY_NAME = {command.name: command for command in COMMANDS}

Group = tuple[str, tuple[str, ...]]
"""A label of the key line and the commands whose keys stand before it."""

BENCH_KEYS: tuple[Group, ...] = (
    ("Run", ("run",)),
    ("Stop", ("stop",)),
    ("Freeze", ("freeze",)),
    ("Mark", ("mark",)),
    ("Event", ("previous_event", "next_event")),
    ("Markers", ("marker_a", "marker_b")),
    ("Zoom", ("zoom_in", "zoom_out")),
    ("Fleet", ("fleet",)),
    ("Devices", ("devices",)),
    ("Library", ("library",)),
    ("Log", ("pane_log",)),
    ("Charts", ("charts",)),
    ("Command", ("command_palette",)),
    ("Help", ("help",)),
    ("Quit", ("quit",)),
)
LIBRARY_KEYS: tuple[Group, ...] = (
    ("Replay", ("replay_entry",)),
    ("Pick", ("pick",)),
    ("Compare", ("compare_picked",)),
    ("Rename", ("rename",)),
    ("Tags", ("tags",)),
    ("Export", ("export",)),
    ("Report", ("report",)),
    ("Correct", ("edit",)),
    ("Import", ("import",)),
    ("Delete", ("delete",)),
    ("Back", ("back",)),
    ("Command", ("command_palette",)),
    ("Help", ("help",)),
)

FLEET_KEYS: tuple[Group, ...] = (
    ("Open", ("fleet_open",)),
    ("Sort", ("sort_before", "sort_after")),
    ("Reverse", ("sort_reverse",)),
    ("Filter", ("filter",)),
    ("Devices", ("devices",)),
    ("Back", ("back",)),
    ("Command", ("command_palette",)),
    ("Help", ("help",)),
)
DEVICE_KEYS: tuple[Group, ...] = (
    ("Open", ("device_open",)),
    ("Add", ("add_device",)),
    ("Meter", ("wire_meter",)),
    ("Supply", ("supply_device",)),
    ("Trust", ("trust_host",)),
    ("Set up", ("setup_device",)),
    ("Name", ("name_device",)),
    ("Colour", ("colour_device",)),
    ("Wi-Fi", ("to_wifi",)),
    ("Close", ("close_device",)),
    ("Forget", ("forget_device",)),
    ("Back", ("back",)),
    ("Command", ("command_palette",)),
    ("Help", ("help",)),
)

COMPARE_KEYS: tuple[Group, ...] = (
    ("Group", ("group_a", "group_b", "group_next")),
    ("Along", ("along",)),
    ("Align", ("align",)),
    ("Move", ("move_left", "move_right")),
    ("Zoom", ("compare_in", "compare_out")),
    ("Chart", ("topic",)),
    ("Means", ("means",)),
    ("Figures", ("compare_figures",)),
    ("Set-up", ("compare_setup",)),
    ("Care", ("compare_care",)),
    ("Next", ("against",)),
    ("Replay", ("run_open",)),
    ("Back", ("back",)),
    ("Command", ("command_palette",)),
    ("Help", ("help",)),
)

LAST_TO_GO = frozenset({"Help", "Command", "Run", "Freeze", "Back", "Replay", "Open", "Compare", "Group"})
"""Labels that stay on a key line too short for all."""

_KEY_SIGNS = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "question_mark": "?",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "shift+left": "⇧←",
    "shift+right": "⇧→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "escape": "Esc",
    "enter": "Enter",
    "backspace": "⌫",
    "delete": "Del",
    "f5": "F5",
    "f1": "F1",
}


def bindings(where: str) -> list[BindingType]:
    """Textual's bindings of the commands of one place; remapped by their ids."""
    return [
        Binding(command.keys, f"command('{command.name}')", command.title, id=command.name, show=False)
        for command in COMMANDS
        if command.where == where and command.keys
    ]


def keys_of(command: Command, remapped: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a command as they are written on a keyboard, after remapping."""
    keys = remapped.get(command.name, command.keys)
    return tuple(key_sign(key.strip()) for key in keys.split(",") if key.strip())


def key_sign(key: str) -> str:
    """How Textual's name of a key is shown: ``[`` for ``left_square_bracket``."""
    return _KEY_SIGNS.get(key, key.replace("ctrl+", "^"))


def available(where: str, *, live: bool) -> Iterator[Command]:
    """The commands that can be used in a place, in order; ``live`` says whether a session is in progress there."""
    return (c for c in COMMANDS if c.where in {where, EVERYWHERE} and (live or not c.live))


def unknown_names(remapped: Iterable[str]) -> list[str]:
    """Which of these names are no command's: a config file's mistakes."""
    return sorted(set(remapped) - set(BY_NAME))
