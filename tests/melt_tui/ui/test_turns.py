from typing import Any

import pytest

from drivers.events import FirstToken, TurnEnd, TurnEnded, TurnPurpose, TurnStarted
from melt_tui.ui.turns import turns_of

S = 1_000_000_000


def ended(**more: Any) -> TurnEnded:
    values: dict[str, Any] = {
        "t_ns": 9 * S, "device": "d", "run": "r", "turn": 1, "end": TurnEnd.EOS, "prompt_tokens": 50,
        "output_tokens": 21, "first_token_ns": 4 * S, "last_token_ns": 8 * S, "prompt_s": 0.5, "decode_s": 3.9, **more,
    }  # fmt: skip
    return TurnEnded(**values)


START = TurnStarted(t_ns=3 * S, device="d", run="r", turn=1)


def test_the_figures_of_a_turn_by_their_definitions() -> None:
    [turn] = turns_of([START, FirstToken(t_ns=4 * S, device="d", run="r", turn=1, ttft_s=1.0), ended()])
    assert turn.ttft_s == 1.0
    assert turn.prefill_tps == 100.0
    assert turn.decode_tps == 5.0
    assert turn.reported_tps == pytest.approx(20 / 3.9)
    assert not turn.flagged
    assert not turn.warmup


def test_what_is_not_known_is_none() -> None:
    [turn] = turns_of([START])
    assert (turn.ttft_s, turn.prefill_tps, turn.decode_tps, turn.reported_tps) == (None,) * 4
    [short] = turns_of([START, ended(output_tokens=1, prompt_tokens=None)])
    assert (short.decode_tps, short.prefill_tps) == (None, None)


def test_observed_and_reported_that_differ_flag_the_turn() -> None:
    [turn] = turns_of([START, ended(decode_s=3.0)])
    assert turn.flagged


def test_turns_of_two_runs_are_kept_apart_and_ends_without_a_start_are_passed_over() -> None:
    warm = TurnStarted(t_ns=S, device="d", run="q", turn=1, purpose=TurnPurpose.WARMUP)
    turns = turns_of([ended(run="x"), warm, START, ended()])
    assert [(turn.started.run, turn.ended is not None, turn.warmup) for turn in turns] == [
        ("q", False, True),
        ("r", True, False),
    ]
