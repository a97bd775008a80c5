"""``melt trim FILE``: a span of a recording, or all of it downsampled, as a recording of its own."""

from argparse import Namespace

from melt_tui.analysis import summary
from melt_tui.analysis.trimming import TrimRequest, hertz, trim
from melt_tui.cli.options import config_of, recordings_folder
from melt_tui.cli.output import progress, result_json, result_text
from melt_tui.workbench.shelf import new_path


def cut(options: Namespace) -> int:
    """Make it, and say what is in it."""
    request = TrimRequest(
        path=options.file,
        begin=options.begin or "",
        end=options.end or "",
        hz=None if options.downsample is None else hertz(options.downsample),
        name=options.name or "",
    )
    folder = recordings_folder(config_of(options))
    made = trim(request, lambda started: options.out or new_path(folder, started))
    progress(f"written to {made}")
    if options.json:
        result_json({"recording": str(made), **summary.of_file(made)})
    else:
        result_text(summary.text_of_file(made))
    return 0
