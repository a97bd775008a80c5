"""What a source may tell of a turn: enough of its own samples in it, and all of it measured."""

import pytest

from drivers.events import TurnEnd, TurnEnded
from drivers.model import Channel, Quantity, Unit, reading
from melt_tui.detectors.accounts import WAIT_NS, Account, Run, Turn, figures
from melt_tui.detectors.marks import Source
from melt_tui.detectors.parts import Told
from melt_tui.timeline.clockmap import ClockMap

S = 1_000_000_000


def source(point: str, period_s: float, until_s: float) -> Source:
    """2 W, read every so often."""
    channel = Channel(
        device="phone", name="p", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=1 / period_s, point=point
    )
    made = Source(channel, ClockMap())
    for k in range(round(until_s / period_s) + 1):
        made.integral.take(reading(channel, round(k * period_s * S), 2.0))
    return made


def turn(first_s: int, last_s: int, end: TurnEnd = TurnEnd.EOS, decode_s: float | None = None) -> Turn:
    """11 tokens; the prompt was sent at 1 s."""
    ended = TurnEnded(
        t_ns=last_s * S + 1, device="phone", turn=1, end=end, output_tokens=11, first_token_ns=first_s * S,
        last_token_ns=last_s * S, decode_s=decode_s,
    )  # fmt: skip
    return Turn(1, S, measured=True, first_ns=first_s * S, first_count=1, ended=ended)


def told(made: Source, one: Turn, now_s: float) -> dict[str, float]:
    account = Account(made, figures("phone", made.channel.point, made.channel))
    found = account.tell(Run(S, turns=[one]), round(now_s * S), tokens=True)
    return {channel.name.removesuffix(f" {made.channel.point}"): value for channel, _, value in found}


def test_figures_of_a_turn() -> None:
    found = told(source("board-input", 1.0, 20), turn(4, 9), 20)
    assert found == {
        "energy": 38.0,
        "J/token decode": 1.0,
        "J/token": 1.0,
        "J/token whole": 16 / 11,
        "energy ± ours": pytest.approx(38 * 2**-13),
        "J/token ±": pytest.approx(2**-13),
        "J/token whole ±": pytest.approx(16 / 11 * 2**-13),
        "J/token melt": 1.6,
        "J/token melt ±": pytest.approx(1.6 * 2**-13),
        "energy turn": 16.0,
        "energy turn ±": pytest.approx(16 * 2**-13),
        "energy decode": 10.0,
        "energy decode ±": pytest.approx(10 * 2**-13),
    }


@pytest.mark.parametrize(
    ("point", "period_s", "first_s", "last_s", "can"),
    [
        ("board-input", 1.0, 4, 8, True),
        ("board-input", 1.5, 4, 9, False),
        ("rail:VDD_IN", 0.1, 4, 5, True),
        ("battery-gauge", 1.0, 4, 64, False),
        ("battery-gauge", 1.0, 4, 75, True),
    ],
)
def test_a_span_needs_enough_readings(
    point: str, period_s: float, first_s: int, last_s: int, *, can: bool
) -> None:
    found = told(source(point, period_s, last_s + 2), turn(first_s, last_s), last_s + 1)
    assert ("J/token decode" in found) is can


def test_what_must_not_be_told() -> None:
    made = source("board-input", 0.5, 40)
    assert "J/token decode" not in told(made, turn(4, 9, TurnEnd.TIME), 10)
    assert "J/token decode" not in told(made, turn(4, 9, decode_s=3.0), 10)
    assert "J/token decode" in told(made, turn(4, 9, decode_s=5.1), 10)
    assert "J/token decode" not in told(made, turn(4, 9), 10 + WAIT_NS / S)
    assert "J/token decode" not in told(source("board-input", 0.5, 8), turn(4, 9), 10)


def test_it_is_over_when_the_end_was_told_or_is_waited_for_no_more() -> None:
    run = Run(S, ended_ns=20 * S)
    for until_s, now_s, over in ((30, 21, True), (18, 21, False), (18, 36, True)):
        made = source("board-input", 0.5, until_s)
        account = Account(made, figures("phone", "board-input", made.channel))
        first = list(account.tell(run, now_s * S, tokens=True))
        assert account.over is over
        assert [one.t_ns for one in first] == [min(20, until_s) * S, until_s * S]
        assert (list(account.tell(run, now_s * S + S // 4, tokens=True)) == []) is True


def test_a_run_before_the_first_sample_is_not_covered_until_then() -> None:
    channel = Channel(
        device="phone", name="p", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=1.0, point="board-input"
    )
    made = Source(channel, ClockMap())
    for k in range(11):
        made.integral.take(reading(channel, (10 + k) * S, 2.0))
    found: list[Told] = list(Account(made, figures("phone", "", channel)).tell(Run(0), 20 * S, tokens=True))
    assert [(one.t_ns, one.value) for one in found] == [
        (20 * S, 20.0),
        (20 * S, 50.0),
        (20 * S, 20 * 2**-13),
    ]
