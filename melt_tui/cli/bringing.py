"""The options of the verbs that bring something into the library, and correct it there."""

import argparse
from pathlib import Path

from melt_tui.cli.typed import fraction, number, words


def import_options(into: argparse.ArgumentParser) -> None:
    """``melt import PATH …``."""
    into.add_argument(
        "path",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="result files of llama-bench, MLC and LLMFarmEval, folders of MELT runs; each becomes a recording",
    )
    into.add_argument("--samples", type=Path, metavar="CSV", help="samples that melt exported, with --events")
    into.add_argument("--events", type=Path, metavar="CSV", help="events that melt exported, with --samples")
    into.add_argument(
        "--into",
        type=Path,
        metavar="SESSION",
        help="PATH is a meter's capture (Joulescope, Otii, PowerTool or plain CSV): make a recording of both",
    )
    into.add_argument("--ops", action="store_true", help="PATH is a log of operators: show it as tables")
    into.add_argument(
        "--again", action="store_true", help="make a recording also of what was imported before"
    )
    for name, text in (
        ("feeds", "with --into: the device that the meter fed; needed where there are several"),
        ("point", "with --into: where it measured, as battery-terminals"),
        ("name", "what the recording, or with --into the meter, is called"),
        ("device", "what the device is called"),
    ):
        into.add_argument(f"--{name}", type=words, metavar=name.upper(), help=text)
    into.add_argument(
        "--voltage",
        type=fraction,
        metavar="V",
        help="of a capture of current alone: the voltage that was set",
    )
    into.add_argument(
        "--starts",
        type=signed,
        metavar="S",
        help="with --into: when the capture begins, in seconds of the session; default: found by the power edge",
    )
    into.add_argument(
        "--out", type=Path, metavar="FILE", help="recording to write; default: a new one beside the others"
    )
    into.add_argument("--json", action="store_true", help="results as JSON")


def edit_options(into: argparse.ArgumentParser) -> None:
    """``melt edit FILE``."""
    into.add_argument("file", type=Path, metavar="FILE")
    into.add_argument("--meter", type=words, metavar="NAME", help="whose setting was wrong")
    into.add_argument("--feeds", type=words, metavar="DEVICE", help="the device that it fed")
    into.add_argument("--point", type=words, metavar="POINT", help="where it measured, as usb-input")
    into.add_argument("--voltage", type=fraction, metavar="V", help="what its current is to be multiplied by")
    into.add_argument("--exclude", type=number, metavar="TURN", help="leave this turn out of the figures")
    into.add_argument("--run", type=words, metavar="RUN", help="with --exclude: its number, id or device")
    into.add_argument("--reason", type=words, metavar="TEXT", help="why; kept beside it")
    into.add_argument(
        "--undo", nargs="?", const=0, type=number, metavar="N", help="take back correction N, or the last one"
    )
    into.add_argument("--json", action="store_true", help="results as JSON")


def signed(text: str) -> float:
    """A number of seconds, also before the session."""
    return -fraction(text[1:]) if text.startswith("-") else fraction(text)
