"""``melt analyse``: another look for throttling in a recording; what was recorded stays as it is."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from melt_tui import format as fmt
from melt_tui.analysis.report import throttling_lines
from melt_tui.analysis.throttling import Analysed, analyse_file
from melt_tui.cli.output import result_json, result_text


def analyse(options: Namespace) -> int:
    """``melt analyse FILE [--detector NAME] [--set NAME=NUMBER]``: every run, as that detector sees it."""
    runs = analyse_file(options.file, options.detector or "", options.set)
    if options.json:
        named = [{"run": one.run, "device": one.device, "throttling": asdict(one.throttling)} for one in runs]
        result_json({"runs": named})
    else:
        result_text("\n".join(_lines(runs)) or "no run")
    return 0


def _lines(runs: Sequence[Analysed]) -> Iterator[str]:
    for one in runs:
        yield fmt.plain(f"run {one.run}, on {one.device}", 300)
        yield from (f"  {line}" for line in throttling_lines(one.throttling))
