"""``melt align FILE``: whether meters' clocks agree with those of the devices that they feed; corrects them when asked."""

from argparse import Namespace
from pathlib import Path

from melt_tui import format as fmt
from melt_tui.analysis import alignment
from melt_tui.cli.output import result, result_json


def align(options: Namespace) -> int:
    """Tell what is known; with ``--apply`` or ``--undo`` do it first."""
    meter: str = options.meter or ""
    done = _done(options, meter)
    if options.json:
        result_json(alignment.of_file(options.file, meter))
    else:
        result("\n".join([*done, *alignment.text_of_file(options.file, meter)]))
    return 0


def _done(options: Namespace, meter: str) -> list[str]:
    path: Path = options.file
    if options.apply:
        names = alignment.apply(path, meter)
        return [f"{fmt.plain(name)}: its times are corrected from now on" for name in names] or [_NOTHING]
    if options.undo:
        names = alignment.take_back(path, meter)
        return [f"{fmt.plain(name)}: its times are as they were measured" for name in names] or [_NOTHING]
    return []


_NOTHING = "nothing to do"
