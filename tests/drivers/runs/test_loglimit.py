"""A talkative engine."""

from drivers.runs.loglimit import BURST, PER_SECOND, LogLimit

SECOND = 1_000_000_000


def test_a_burst_passes_and_the_rest_is_counted() -> None:
    limit = LogLimit()
    assert [limit.admit(0) for _ in range(BURST)] == [0] * BURST
    assert [limit.admit(0) for _ in range(7)] == [None] * 7
    assert limit.admit(SECOND) == 7
    assert limit.admit(SECOND) == 0


def test_the_long_run() -> None:
    limit = LogLimit()
    passed = sum(limit.admit(at * SECOND // 1000) is not None for at in range(10_000))
    assert passed == BURST + PER_SECOND * 10 - 1


def test_time_that_goes_back_earns_nothing() -> None:
    limit = LogLimit()
    for _ in range(BURST):
        limit.admit(10 * SECOND)
    assert limit.admit(0) is None
