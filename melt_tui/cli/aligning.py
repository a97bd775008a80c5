"""``melt align FILE``: whether meters' clocks agree with those of the devices that they feed; corrects them when asked."""

from argparse import Namespace
from pathlib import Path

from melt_tui import format as fmt
from melt_tui.analysis import alignment, clocks
from melt_tui.analysis.logic_lines import Line, parse_line
from melt_tui.cli.output import result_json, result_text
from melt_tui.errors import UsageError


def align(options: Namespace) -> int:
    """Tell what is known; with ``--apply`` or ``--undo`` do it first."""
    meter: str = options.meter or ""
    line = parse_line(options.line) if options.line else None
    if line and options.undo:
        raise UsageError("a correction is taken back whatever it was found by", "leave --line away")
    done = _done(options, meter, line)
    if options.json:
        result_json(alignment.of_file(options.file, meter, line))
    else:
        result_text("\n".join([*done, *alignment.text_of_file(options.file, meter, line)]))
    return 0


def _done(options: Namespace, meter: str, line: Line | None) -> list[str]:
    path: Path = options.file
    if options.apply:
        names = clocks.apply(path, meter, line)
        return [f"{fmt.plain(name)}: its times are corrected from now on" for name in names] or [_NOTHING]
    if options.undo:
        names = clocks.take_back(path, meter)
        return [f"{fmt.plain(name)}: its times are as they were measured" for name in names] or [_NOTHING]
    return []


_NOTHING = "nothing to do"
