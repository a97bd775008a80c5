from melt_tui.models.progress import Meter, Progress, silent


class StepClock:
    def __init__(self) -> None:
        self.t_ns = 0

    def now(self) -> int:
        return self.t_ns

    def wall(self) -> int:
        return 0

    async def sleep_until(self, t_ns: int) -> None:
        self.t_ns = t_ns


def test_tells_ten_times_a_second_and_at_the_end() -> None:
    clock, told = StepClock(), list[Progress]()
    meter = Meter("writing", 1000, told.append, clock)
    for _ in range(100):
        clock.t_ns += 10_000_000
        meter.add(10)
    assert len(told) == 11
    assert told[0] == Progress("writing", 0.01, 0.01 * 0.99 / 0.01)
    assert told[-1] == Progress("writing", 1.0, 0.0)
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)


def test_eta_is_unknown_until_time_has_passed() -> None:
    told = list[Progress]()
    Meter("x", 10, told.append, StepClock()).add(5)
    assert told == [Progress("x", 0.5, None)]
    silent(told[0])
