"""Progress in words."""

import pytest

from drivers.clock import SECOND
from drivers.events import TurnEnd, TurnEnded
from melt_tui.cli.follow import WORDS


@pytest.mark.parametrize(
    ("last_s", "decode_s", "words"),
    [
        (1.02, 1.0, "turn 3 limit, 11 tokens, decode 9.80 tok/s"),
        (0.002, 1.0, "turn 3 limit, 11 tokens, decode 10.0 tok/s as the engine reports, 5000 tok/s observed"),
        (2.0, None, "turn 3 limit, 11 tokens, decode 5.00 tok/s"),
        (None, 1.0, "turn 3 limit, 11 tokens"),
    ],
)
def test_rates_that_are_too_far_apart_are_both_told(
    last_s: float | None, decode_s: float | None, words: str
) -> None:
    ended = TurnEnded(
        t_ns=9 * SECOND,
        device="host",
        run="r1",
        turn=3,
        end=TurnEnd.LIMIT,
        output_tokens=11,
        first_token_ns=5 * SECOND,
        last_token_ns=None if last_s is None else 5 * SECOND + round(last_s * SECOND),
        decode_s=decode_s,
    )
    assert WORDS[TurnEnded](ended) == words
