import inspect
from typing import Any

import pytest

import drivers.events
import melt_tui.events
from drivers.events import (
    Absent,
    Event,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    SamplesLost,
    TurnEnd,
    TurnEnded,
)
from drivers.model import ModelFile
from melt_tui.events import (
    ClocksCompared,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    Mark,
    RunEnded,
    RunOutcome,
    SessionEnded,
    Wired,
)
from melt_tui.ui.sentences import JUMP_KINDS, TOLD_KINDS, Severity, model_title, sentence

AT: dict[str, Any] = {"t_ns": 1, "device": "d"}


@pytest.mark.parametrize(
    ("event", "said", "severity"),
    [
        (DeviceLost(**AT, reason="the cable was pulled"), "lost  the cable was pulled", Severity.ERROR),
        (DeviceFailed(**AT, reason="no", remedy="do so"), "failed  no: do so", Severity.ERROR),
        (DeviceConnecting(**AT, address="a"), "connecting to a", Severity.QUIET),
        (DeviceConnecting(**AT, address="a", reason="gone"), "connecting again: gone", Severity.QUIET),
        (Wired(**AT, feeds="p", point="usb-input"), "measures p at usb-input", Severity.QUIET),
        (Mark(**AT, name="fan on"), "mark  fan on", Severity.MARK),
        (LimitEngaged(**AT, limit="cap", reason="thermal", detail="X"), "cap engaged: thermal, X", Severity.WARNING),
        (LimitReleased(**AT, limit="cap"), "cap released", Severity.GOOD),
        (ModelLoaded(**AT, load_s=1.25, backend="CPU", build="b1"), "model loaded in 1.2 s  CPU, b1", Severity.PLAIN),
        (ModelLoaded(**AT, load_s=None), "model loaded", Severity.PLAIN),
        (FirstToken(**AT, turn=1, ttft_s=0.41), "first token  TTFT 0.41 s", Severity.PLAIN),
        (
            TurnEnded(**AT, turn=2, end=TurnEnd.FAILED, output_tokens=3, detail="it died"),
            "turn 2 ended  3 tokens, failed  it died",
            Severity.PLAIN,
        ),
        (RunEnded(**AT, outcome=RunOutcome.DONE), "run done", Severity.PLAIN),
        (
            RunEnded(**AT, outcome=RunOutcome.FAILED, reason="code 139", remedy="see the log"),
            "run failed  code 139: see the log",
            Severity.ERROR,
        ),
        (ProcessEnded(**AT, pid=7, returncode=0), "process 7 ended", Severity.QUIET),
        (ProcessEnded(**AT, pid=7, returncode=-9), "process 7 ended with code -9", Severity.WARNING),
        (
            SamplesLost(**AT, channel="main", count=None, reason="overrun"),
            "lost some samples of main (overrun)",
            Severity.WARNING,
        ),
        (Absent(**AT, what="power", reason="no sensor", remedy="none"), "power: no sensor: none", Severity.QUIET),
        (SessionEnded(**AT, wall_ns=1, reason="left"), "session ended: left", Severity.QUIET),
        (
            ClocksCompared(
                **AT, feeds="board", offset_ns=-37_000_000, uncertainty_ns=2_000_000, confidence=1, edges=3, offered=True
            ),
            "clock 37 ms late of board by the power edge, ± 2.0 ms: melt align corrects the recording",
            Severity.WARNING,
        ),
        (
            ClocksCompared(
                **AT, feeds="board", offset_ns=1000, uncertainty_ns=2_000_000, confidence=1, edges=3, offered=False
            ),
            "clock agrees with board by the power edge, ± 2.0 ms",
            Severity.QUIET,
        ),
        (
            ClocksCompared(
                **AT, feeds="board", offset_ns=None, uncertainty_ns=None, confidence=0, edges=0, offered=False, reason="x"
            ),
            "clock not compared with board: x",
            Severity.QUIET,
        ),
        (Preparing(**AT, step="x", done=0.5), "Preparing", Severity.QUIET),
    ],
)  # fmt: skip
def test_each_event_has_its_sentence(event: Event, said: str, severity: Severity) -> None:
    assert sentence(event) == (said, severity)


def test_what_is_told_and_jumped_to_are_events() -> None:
    known = {
        value
        for module in (drivers.events, melt_tui.events)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Event)
    }
    assert set(TOLD_KINDS) <= known
    assert set(JUMP_KINDS) <= set(TOLD_KINDS)


def test_a_model_never_stands_without_its_note() -> None:
    toy = ModelFile(name="tiny", path="", size_bytes=1, quantisation="q8_0", note="toy model")
    made_up = ModelFile(name="big-Q4_0", path="", size_bytes=1, quantisation="Q4_0", synthetic=True)
    assert model_title(toy) == "tiny q8_0 · toy model"
    assert model_title(made_up) == "big-Q4_0 · synthetic weights"
    assert model_title(None) == "model unknown"
