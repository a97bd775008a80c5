import inspect
from dataclasses import replace
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
from drivers.modelfile import ModelFile
from melt_tui.events import (
    ClocksCompared,
    Confidence,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    Mark,
    Phase,
    RunEnded,
    RunOutcome,
    SessionEnded,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    ThrottleSuspected,
    Verdict,
    Wired,
)
from melt_tui.ui.sentences import TOLD_KINDS, Severity, model_title, sentence

AT: dict[str, Any] = {"t_ns": 1, "device": "d"}
ONSET = ThrottleOnset(
    **AT, confirmed_ns=2, phase=Phase.DECODE, reason="thermal", limit="thermal status", detail="SEVERE", mechanism_ns=0,
    confidence=Confidence.HIGH, ratio=0.872, rate_tps=17.4, expected_tps=20.0, temperature_c=74.8, sensor="soc",
    elapsed_s=70.0, tokens=900, turns=3,
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "said", "severity"),
    [
        (DeviceLost(**AT, reason="the cable was pulled"), "lost  the cable was pulled", Severity.ERROR),
        (DeviceFailed(**AT, reason="no", remedy="do so"), "failed  no: do so", Severity.ERROR),
        (DeviceConnecting(**AT, address="a"), "connecting to a", Severity.QUIET),
        (DeviceConnecting(**AT, address="a", reason="gone"), "connecting again: gone", Severity.QUIET),
        (Wired(**AT, feeds="p", point="usb-input"), "measures p at usb-input", Severity.QUIET),
        (Mark(**AT, name="fan on"), "mark  fan on", Severity.MARK),
        (LimitEngaged(**AT, limit="cap_cpu", reason="thermal", detail="X"), "cap cpu engaged: thermal, X", Severity.WARNING),
        (LimitReleased(**AT, limit="cap"), "cap released", Severity.GOOD),
        (
            ONSET,
            "throttling onset: thermal SEVERE, 74.8 °C, −13 %",
            Severity.WARNING,
        ),
        (
            replace(ONSET, temperature_c=None, detail="", disagreement="they differ"),
            "throttling onset: thermal, −13 %: they differ",
            Severity.WARNING,
        ),
        (
            ThrottleSuspected(**AT, phase=Phase.DECODE, ratio=0.893, rate_tps=17.9, expected_tps=20.0),
            "throttling? decode −11 % of what is expected",
            Severity.PLAIN,
        ),
        (
            ThrottleEnded(t_ns=53 * 10**9, device="d", onset_ns=10**9, recovered=True, ratio=0.6, deepest=0.5),
            "throttling over after 52 s, −40 % meanwhile",
            Severity.GOOD,
        ),
        (
            ThrottleEnded(t_ns=53 * 10**9, device="d", onset_ns=10**9, recovered=False, ratio=0.6, deepest=0.5),
            "throttled until the run's end, for 52 s: −40 %",
            Severity.PLAIN,
        ),
        (ThrottleReference(**AT, rate_tps=18.94), "reference rate r0 18.9 tok/s", Severity.QUIET),
        (
            ThrottleReference(**AT, rate_tps=None, reason="warm"),
            "no reference rate, so no throttling can be told: warm",
            Severity.WARNING,
        ),
        (
            ThrottleRuledOut(**AT, verdict=Verdict.UNEXPLAINED, symptom_ns=0, ratio=0.65, detail="no limit"),
            "no throttling: slower, cause unknown, −35 %, no limit",
            Severity.WARNING,
        ),
        (
            ThrottleRuledOut(**AT, verdict=Verdict.CAPPED, mechanism_ns=0, reason="thermal", limit="status", ratio=1.0),
            "no throttling: capped, not slower, status: thermal",
            Severity.PLAIN,
        ),
        (ModelLoaded(**AT, load_s=1.25, backend="CPU", build="b1"), "model loaded in 1.2 s  CPU, b1", Severity.PLAIN),
        (ModelLoaded(**AT, load_s=None), "model loaded", Severity.PLAIN),
        (FirstToken(**AT, turn=1, ttft_s=0.41), "first token  TTFT 0.41 s", Severity.PLAIN),
        (
            TurnEnded(**AT, turn=2, end=TurnEnd.FAILED, output_tokens=3, detail="it died"),
            "turn 2 ended  3 tokens, failed  it died",
            Severity.PLAIN,
        ),
        (
            TurnEnded(t_ns=1, device="d", run="r1", turn=2, end=TurnEnd.REFUSED, detail="no room"),
            "turn 2 refused  no room",
            Severity.WARNING,
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


def test_a_model_never_stands_without_its_note() -> None:
    toy = ModelFile(name="tiny", path="", size_bytes=1, quantisation="q8_0", note="toy model")
    made_up = ModelFile(name="big-Q4_0", path="", size_bytes=1, quantisation="Q4_0", synthetic=True)
    assert model_title(toy) == "tiny q8_0 · toy model"
    assert model_title(made_up) == "big-Q4_0 · synthetic weights"
    assert model_title(None) == "model unknown"
