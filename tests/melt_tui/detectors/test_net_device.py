"""Net device energy live: as a recording of the same session has it, with how far it may be off."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivers.accuracy import Accuracy
from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Samples, reading
from melt_tui.analysis.energy import EnergySummary
from melt_tui.detectors.net_power import NetPower
from melt_tui.events import Wired
from melt_tui.measures import points
from melt_tui.measures.energy import Scope
from tests.melt_tui.detectors.test_marks import OWN, SLOW, TURN, load, offs, played
from tests.rigs.sessions import at, run

USB = replace(SLOW, point=points.USB)
GAUGE = replace(OWN, name="battery power", point=points.GAUGE, rate_hz=None, accuracy=Accuracy(0.03, 0.01))


def usb(hole: range = range(0)) -> Iterator[Samples]:
    random = np.random.default_rng(3)
    for k in (k for k in range(100, 980) if k not in hole):
        yield reading(USB, at(k / 10), 1.0 + load(k / 10, random))


def battery(every_s: float) -> list[Item]:
    """1 W goes into it, and comes out of it in the run."""
    opened = ChannelsOpened(t_ns=at(1), device="desk", channels=(GAUGE,))
    fed = Wired(t_ns=at(2), device="meter", feeds="desk", point=points.USB)
    times = np.arange(8.5, 98, every_s)
    return [fed, opened, *(reading(GAUGE, at(t), 1.5 if t > 72 else -1.0 - t / 500) for t in times.tolist())]


def told(path: Path, every_s: float, hole: range = range(0)) -> tuple[dict[str, float], EnergySummary]:
    live, found = played(
        path, USB, usb(hole), [*battery(every_s), *offs(0.03)], run(TURN, 70.03, 90.04), [NetPower()]
    )
    whole = next(one for one in found.energy if one.scope is Scope.RUN and one.point == points.NET)
    return {name: value for (device, name), value in live.items() if device == "desk"}, whole


def test_what_is_told_live_is_what_the_recording_says(tmp_path: Path) -> None:
    live, whole = told(tmp_path / "x.melt", 1.0)
    assert whole.gross_j
    assert whole.net_j
    assert whole.net_uncertainty_j
    assert live[f"energy {points.NET}"] == pytest.approx(whole.gross_j, rel=1e-4)
    assert live[f"energy ± ours {points.NET}"] == pytest.approx(whole.integration_j, rel=0.02)
    assert live[f"energy ± meter {points.NET}"] == pytest.approx(whole.accuracy_j, rel=0.02)
    assert live[f"energy net {points.NET}"] == pytest.approx(whole.net_j, abs=whole.net_uncertainty_j / 10)
    assert live[f"energy net ± {points.NET}"] == pytest.approx(whole.net_uncertainty_j, rel=0.05)


def test_a_run_shorter_than_ten_refreshes_of_the_gauge_has_no_bound_and_nothing_net(tmp_path: Path) -> None:
    live, whole = told(tmp_path / "x.melt", 2.5)
    assert whole.gross_j is None
    assert f"energy {points.NET}" in live
    assert not [name for name in live if name.endswith(points.NET) and ("±" in name or "net " in name[:12])]
    assert f"energy ± ours {points.USB}" in live


def test_of_a_hole_in_either_as_much_was_measured_as_both_have(tmp_path: Path) -> None:
    live, whole = told(tmp_path / "x.melt", 1.0, range(800, 850))
    assert whole.coverage == pytest.approx(15 / 20, abs=0.01)
    assert live[f"coverage {points.NET}"] == pytest.approx(100 * (whole.coverage or 0.0), abs=0.1)
    assert live[f"energy {points.NET}"] == pytest.approx(whole.gross_j, rel=1e-3)
