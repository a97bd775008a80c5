"""A session without a screen: progress on stderr, results on stdout."""

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from itertools import chain
from pathlib import Path

from drivers.clock import SECOND
from drivers.errors import DriverError
from drivers.model import Quantity
from melt_tui.analysis import summary
from melt_tui.cli.follow import Follower
from melt_tui.cli.interrupts import BEAT_S, INTERRUPTED, Interrupts
from melt_tui.cli.output import progress, result_json, result_text
from melt_tui.cli.passwords import Asker
from melt_tui.cli.plans import REFUSALS, Plan
from melt_tui.events import SELF, DeviceFailed, RunEnded, RunOutcome, SafetyStop
from melt_tui.session.keeping import ENDS_ITSELF
from melt_tui.timeline import DeviceState, Timeline
from melt_tui.workbench import RunRequest, Workbench

LAST_NS = 3 * SECOND // 2
LAST_BEAT_S = 0.02
"""How long, and how often, it is looked whether power was heard once more after the runs."""
LATE_NS = SECOND // 2
"""Meters are heard for so long beyond that: the clock of one may turn out to be late, and with its times corrected the
ends of the last turn and of the run would lack their energy."""
_NOT_KEPT = (
    "no recording was kept: nothing was run or marked, and it was short (see min_minutes and keep_short of [session] in the "
    "config file)"
)


def follow(plan: Plan) -> int:
    """Carry out a plan; the exit code."""
    with Interrupts() as interrupts:
        interrupts.heed()
        session = Workbench(plan.setup)
        try:
            with closing(session):
                good = _worked(session, plan, interrupts)
        except DriverError:
            if (path := _kept(session)) is not None:
                tell_of(path, as_json=False)
            raise
        tell_left(session)
        if (path := _kept(session)) is not None:
            tell_of(path, as_json=plan.as_json)
            if not plan.as_json:
                result_text(summary.text_of_file(path))
    if interrupts.came:
        return INTERRUPTED
    return 0 if good else 1


def _worked(session: Workbench, plan: Plan, interrupts: Interrupts) -> bool:
    """Whether all of it was done. What is refused as wrong usage leaves no recording of nothing."""
    try:
        session.open()
        good = Headless(session, interrupts).work(plan.requests, plan.seconds)
        interrupts.end()
    except KeyboardInterrupt:
        progress("stopping …")
        return False
    except REFUSALS:
        session.discard()
        raise
    return good


def _kept(session: Workbench) -> Path | None:
    """The recording of a session that has ended, if there is one."""
    path = session.status.path
    return path if path is not None and path.exists() else None


def tell_left(session: Workbench) -> None:
    """Which engines an ended session has left running on devices out of its reach, and until when."""
    for ended in session.timeline.events(0, session.now(), kinds=(RunEnded,)):
        if isinstance(ended, RunEnded) and ENDS_ITSELF in ended.reason:
            progress(ended.reason)


def tell_of(path: Path, *, as_json: bool) -> None:
    """Where it was recorded, or that nothing was kept of it; with ``as_json`` the figures too."""
    if not path.exists():
        progress(_NOT_KEPT)
        return
    progress(f"recorded in {path}")
    if as_json:
        result_json(summary.of_file(path))


class Headless:
    """Follows a session, a beat at a time, in the calling thread."""

    def __init__(self, bench: Workbench, interrupts: Interrupts) -> None:
        self._bench = bench
        self._interrupts = interrupts
        self._follower = Follower(lambda: bench.timeline, progress)
        self._asker = Asker(bench, interrupts)
        self._problem = ""

    def work(self, requests: Sequence[RunRequest], seconds: float | None) -> bool:
        """Start what was asked for; follow for ``seconds``, else until the runs end, else until interrupted.

        Whether every run was done and all of it recorded. A request without devices is for all that can run one.
        """
        answers = [self._bench.start_when_up(request) for request in requests]
        ids = [run for of in zip(requests, answers, strict=True) for run in self._started(*of)]
        if ids and seconds is None:
            self._interrupts.wait(self._bench.wait_runs(), self._catch_up)
            self._hear_power_out()
        else:
            self._for_seconds(seconds)
        self._catch_up()
        return not (self._failed(set(ids)) or self._problem or self._all_given_up())

    def _started(self, request: RunRequest, answer: "Future[Sequence[str]]") -> Sequence[str]:
        """Its runs, after whoever knows the passwords of its boards has given them."""
        again = iter(lambda: self._bench.start_when_up(request), None)
        orders = chain((answer,), again)
        return self._asker.let_in(lambda: next(orders), self._catch_up)

    def _for_seconds(self, seconds: float | None) -> None:
        """Follow until the session is that old, or nothing is left to follow."""
        while (seconds is None or self._age_s() < seconds) and not self._over():
            self._bench.check()
            self._interrupts.sleep(
                BEAT_S if seconds is None else min(BEAT_S, max(0.0, seconds - self._age_s()))
            )
            self._catch_up()

    def _hear_power_out(self) -> None:
        """Wait until whatever measures power has told of the moment at which the runs ended, so that none of their
        energies lacks its end."""
        end_ns = self._bench.now()
        while self._bench.now() < end_ns + LAST_NS and _silent_since(self._bench.timeline, end_ns):
            self._interrupts.sleep(LAST_BEAT_S)

    def _over(self) -> bool:
        """Whether nothing is left to follow, after those were asked who know the passwords."""
        return not self._asker.ask_for_all() and self._all_given_up()

    def _all_given_up(self) -> bool:
        now_ns, timeline = self._bench.now(), self._bench.timeline
        if timeline.event_before(now_ns, (DeviceFailed,)) is None:
            return False
        devices = timeline.view(now_ns).devices.values()
        states = {device.state for device in devices if device.device != SELF}
        return states == {DeviceState.FAILED}

    def _age_s(self) -> float:
        began_ns = self._bench.status.started_ns
        return (self._bench.now() - began_ns) / SECOND if began_ns else 0.0

    def _catch_up(self) -> None:
        """Tell what happened, and once why nothing is recorded any more."""
        self._follower.catch_up()
        problem = self._bench.status.problem
        if problem and not self._problem:
            progress(f"melt: {problem}")
        self._problem = problem

    def _failed(self, ids: set[str]) -> set[str]:
        """Those that were stopped for safety count as well."""
        ended = self._bench.timeline.events(0, self._bench.now(), kinds=(RunEnded, SafetyStop))
        return {
            e.run
            for e in ended
            if isinstance(e, SafetyStop) or (isinstance(e, RunEnded) and e.outcome is RunOutcome.FAILED)
        } & ids


def _silent_since(timeline: Timeline, t_ns: int) -> bool:
    """Whether a channel of power has told nothing since, that speaks every second and did so a moment before."""
    view = timeline.view(timeline.span()[1])
    meters = {name for name, device in view.devices.items() if device.feeds}
    heard = [
        (view.readings.get(key), t_ns + LATE_NS * (channel.device in meters))
        for key, channel in view.channels.items()
        if channel.quantity in {Quantity.POWER, Quantity.ENERGY}
        and not channel.derived
        and (channel.rate_hz or 0) >= 1
    ]
    return any(reading is not None and t_ns - LAST_NS < reading.t_ns < due_ns for reading, due_ns in heard)
