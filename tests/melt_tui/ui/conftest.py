"""A desk on a made-up session: nothing moves by itself, every look is taken where it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from rich.color import ColorSystem
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from melt_tui.analysis.compare_request import Axis, CompareRequest
from melt_tui.ui.app import MeltApp
from melt_tui.ui.demo import Cue
from melt_tui.ui.opening import Opening
from melt_tui.ui.settings import ScreenSettings
from tests.rigs.fake_bench import FakeBench, Inline
from tests.rigs.night_run import Story
from tests.rigs.pilots import idle

Desk = Callable[..., FakeBench]
MakeApp = Callable[..., MeltApp]


@pytest.fixture(scope="session", autouse=True)
def patient_pilots() -> Iterator[None]:
    """A pilot waits for the app, however little of the machine that gets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.pilot.wait_for_idle", idle)
        yield


@pytest.fixture(scope="session", autouse=True)
def styles_parsed_once() -> Iterator[None]:
    """One text under the same colours gives the same rules, whichever app of this process it dresses."""
    parsed: dict[tuple[object, ...], list[RuleSet]] = {}
    parse = Stylesheet._parse_rules

    def known(sheet: Stylesheet, *of: Any, **more: Any) -> list[RuleSet]:
        under = (*of, *sorted(more.items()), *sorted(sheet._variables.items()))
        if under not in parsed:
            parsed[under] = parse(sheet, *of, **more)
        return parsed[under]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", known)
        yield


@pytest.fixture
def desk() -> Desk:
    """Makes a workbench on a story."""

    def make(problem: str = "", refusal: str = "", **story: Any) -> FakeBench:
        bench = FakeBench(Story(**story), problem)
        bench.refusal = refusal
        return bench

    return make


@pytest.fixture
def make_app() -> MakeApp:
    """Makes the app on a workbench; what is not said is still."""

    def make(
        bench: FakeBench | Callable[[], FakeBench],
        *,
        replay: Path | None = None,
        script: Sequence[Cue] = (),
        theme: str = "textual-dark",
        seconds: float | None = None,
        compare: tuple[CompareRequest, Axis] | None = None,
        **settings: Any,
    ) -> MeltApp:
        chosen = ScreenSettings(**{"frames_per_s": 0, "zone": UTC, "theme": theme, **settings})

        def opened() -> Opening:
            made = bench() if callable(bench) else bench
            return Opening(
                bench=made, replay=replay, script=script, settings=chosen, seconds=seconds, compare=compare
            )

        app = MeltApp(opened, executor=Inline())
        app.animation_level = "none"
        app.console._color_system = ColorSystem.TRUECOLOR
        return app

    return make
