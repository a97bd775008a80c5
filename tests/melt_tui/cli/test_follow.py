"""Progress in words."""

import pytest

from drivers.clock import SECOND
from drivers.events import TurnEnd, TurnEnded
from melt_tui.cli.follow import WORDS, Follower
from melt_tui.detectors.throttling import Throttling
from melt_tui.session.bus import Bus
from tests.rigs.brute import Brute
from tests.rigs.token_traces import Trace, severe


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


def test_an_onset_that_is_dated_back_is_told_once_when_it_is_known() -> None:
    known, lines = Brute(), list[str]()
    follower, bus = Follower(lambda: known, lines.append), Bus((known,), (Throttling(),))
    for item in Trace(lambda t: 20.0 if t < 45 else 12.0, others=[severe(44)], seconds=70).items():
        bus.publish(item)
        if (
            type(item).__name__ in {"LimitEngaged", "RunEnded"}
            or getattr(item, "t_ns", 0) % (5 * SECOND) == 0
        ):
            follower.catch_up()
    told = [line.split("  ", 2)[2] for line in lines]
    (onset,) = [place for place, line in enumerate(told) if line.startswith("THROTTLING: thermal SEVERE, −4")]
    assert told.index("LIMIT thermal status: thermal SEVERE") < onset
    assert [line for line in told if "until the end" in line] == [
        "throttling until the end of the run: −40 %"
    ]
