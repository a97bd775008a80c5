"""``melt edit FILE``: what was corrected in a recording; corrects it, or takes that back, when asked."""

from argparse import Namespace
from dataclasses import asdict

from melt_tui.analysis import editing
from melt_tui.analysis.edit_request import EditRequest
from melt_tui.cli.output import result, result_json


def edit(options: Namespace) -> int:
    """Do what was asked for, then list."""
    request = EditRequest(
        path=options.file,
        meter=options.meter or "",
        feeds=options.feeds or "",
        point=options.point or "",
        volts=options.voltage,
        turn=options.exclude,
        run=options.run or "",
        undo=options.undo,
        reason=options.reason or "",
    )
    if request != EditRequest(path=options.file):
        editing.carry_out(request)
    if options.json:
        result_json([asdict(one) for one in editing.listing(options.file)])
    else:
        result("\n".join(editing.lines(options.file)) or "nothing was corrected in it")
    return 0
