"""A workbench for screens whose recordings are real ones: they are opened, read and compared where it is asked for."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from melt_tui.analysis.compare import Comparison, compare_runs
from melt_tui.analysis.compare_open import OpenRuns
from melt_tui.analysis.compare_request import CompareRequest
from melt_tui.analysis.compare_runs import read_figures
from melt_tui.errors import MeltError
from tests.rigs.fake_bench import FakeBench, done, failed

T = TypeVar("T")


class CompareBench(FakeBench):
    """``waiting``: figures are asked for and not told, as while they are being read."""

    waiting = False

    def open_runs(self, request: CompareRequest) -> "Future[OpenRuns]":
        self.calls.append(("open_runs", request))
        return _tried(lambda: OpenRuns(request))

    def read_figures(self, path: Path) -> "Future[None]":
        self.calls.append(("read_figures", path))
        return Future() if self.waiting else _tried(lambda: read_figures(path))

    def compare(self, request: CompareRequest) -> "Future[Comparison]":
        self.calls.append(("compare", request))
        return _tried(lambda: compare_runs(request))


def _tried(work: Callable[[], T]) -> "Future[T]":
    try:
        return done(work())
    except MeltError as error:
        return failed(error)
