"""What a run waits for, in words, and until when it is told."""

from dataclasses import replace

from melt_tui.events import RunEnded, RunOutcome, RunWaited, RunWaiting, Sensed, Wait
from melt_tui.ui.waits import waited_words, waiting, waiting_words
from tests.rigs.brute import Brute

S = 1_000_000_000
SOC = Sensed(what="soc", unit="°C", value=43.14, wanted="<=40")
WAIT = RunWaiting(
    t_ns=2 * S, device="phone", run="r1", why=Wait.GATE, wanted="soc<=40", waited_s=2.0, done=0.62, sensed=(SOC,)
)  # fmt: skip
WAITED = RunWaited(
    t_ns=9 * S, device="phone", run="r1", why=Wait.GATE, wanted="soc<=40", waited_s=76.4, met=True, sensed=(SOC,)
)  # fmt: skip


def test_a_wait_is_said_with_what_is_and_how_long_it_takes() -> None:
    assert waiting_words(WAIT) == "waiting for the gate soc<=40 before r1: soc 43.1 °C, 62 %"
    foretold = replace(WAIT, eta_s=40.0, sensed=(replace(SOC, value=None),), note="soc silent for 12 s")
    assert waiting_words(foretold) == (
        "waiting for the gate soc<=40 before r1: soc – °C, 62 %, 40 s to go, soc silent for 12 s"
    )
    idle = replace(WAIT, why=Wait.IDLE, wanted="", sensed=(), eta_s=58.0, done=0.03)
    assert waiting_words(idle) == "idle time before r1: 3 %, 58 s to go"


def test_its_end_is_said_with_how_it_ended() -> None:
    assert waited_words(WAITED) == "gate met after 76 s: soc 43.1 °C"
    assert waited_words(replace(WAITED, waited_s=0.05)) == "gate met at once: soc 43.1 °C"
    assert waited_words(replace(WAITED, met=False, sensed=(), reason="stopped")) == (
        "gate given up after 76 s: stopped"
    )
    cooled = replace(WAITED, why=Wait.COOLDOWN, wanted="", sensed=(), waited_s=30.0)
    assert waited_words(cooled) == "cool-down over after 30 s"


def test_who_waits_is_known_while_it_is_told() -> None:
    board = replace(WAIT, device="board", t_ns=4 * S)
    ended = RunEnded(t_ns=7 * S, device="board", run="r1", outcome=RunOutcome.STOPPED)
    timeline = Brute((WAIT, board, replace(WAIT, t_ns=6 * S), ended, WAITED))
    assert waiting(timeline, 1 * S) == {}
    assert waiting(timeline, 3 * S) == {"phone": WAIT}
    assert set(waiting(timeline, 6 * S)) == {"phone", "board"}
    assert set(waiting(timeline, 8 * S)) == {"phone"}
    assert waiting(timeline, 9 * S) == {}
    assert waiting(Brute((WAIT,)), 9 * S) == {}
