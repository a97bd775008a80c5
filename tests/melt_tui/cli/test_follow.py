"""Progress in words."""

import pytest

from drivers.clock import SECOND
from drivers.events import LogLine, TurnEnd, TurnEnded
from melt_tui.cli.follow import WORDS, Follower
from melt_tui.detectors.throttling import Throttling
from melt_tui.events import RunWaiting, Wait
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


@pytest.mark.parametrize(
    ("source", "told"), [("melt", True), ("adb", True), ("ssh", True), ("tegrastats", False)]
)
def test_what_melt_did_with_a_device_is_told_and_not_what_the_device_writes(source: str, told: bool) -> None:
    line = LogLine(t_ns=1, device="phone", source=source, text="an engine was ended")
    assert WORDS[LogLine](line) == ("an engine was ended" if told else "")


def test_an_onset_that_is_dated_back_is_told_once_when_it_is_known() -> None:
    known, lines = Brute(), list[str]()
    follower, bus = Follower(lambda: known, lines.append), Bus((known,), (Throttling(),))
    for item in Trace(
        lambda t: 20.0 if t < 45 else 12.0, others=[severe(44)], turn_tokens=400, seconds=70
    ).items():
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


def test_a_wait_is_told_every_ten_seconds_and_each_of_its_own() -> None:
    known, lines = Brute(), list[str]()
    follower = Follower(lambda: known, lines.append)
    waits = [("r1", 0), ("r1", 2), ("r1", 4), ("r1", 6), ("r1", 8), ("r1", 10), ("r1", 12), ("r2", 0)]
    for i, (run, waited_s) in enumerate(waits):
        wait = RunWaiting(
            t_ns=2 * i * SECOND, device="phone", run=run, why=Wait.COOLDOWN, wanted="", waited_s=waited_s,
            done=waited_s / 20, eta_s=20.0 - waited_s,
        )  # fmt: skip
        known.take(wait)
        follower.catch_up()
    assert [line.partition("  phone  ")[2] for line in lines] == [
        "cool-down before r1: 0 %, 20 s to go",
        "cool-down before r1: 50 %, 10 s to go",
        "cool-down before r2: 0 %, 20 s to go",
    ]
