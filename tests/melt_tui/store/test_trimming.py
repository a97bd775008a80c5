"""A part of a recording holds exactly what lay in its span: by brute force over all items of the whole."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured, Event, LimitEngaged, LimitReleased
from drivers.model import (
    Channel,
    ChannelKey,
    DeviceInfo,
    DeviceKind,
    DType,
    Kind,
    Quantity,
    Samples,
    Unit,
    block,
    linear,
    reading,
)
from melt_tui.errors import CannotWrite
from melt_tui.events import SELF, DeviceUp, Part, SessionEnded, SessionStarted, Tick
from melt_tui.store import library
from melt_tui.store.making import Maker
from melt_tui.store.parts import Span, told_of
from melt_tui.store.recording import Recording
from melt_tui.store.trimming import Cut, fast_channels, write_part
from melt_tui.timeline.clockmap import ClockMap, ClockRow
from melt_tui.timeline.columns import times_of, values_of
from tests.rigs.random_sessions import ALL_UP, START_NS, Step, session, steps
from tests.rigs.written import folder, small_scale, write

Points = dict[ChannelKey, list[tuple[int, bytes]]]


def made(path: Path, out: Path, span: tuple[int, int], hz: int | None = None) -> Recording:
    with closing(Recording(path)) as recording:
        told = told_of(recording)
        assert told is not None
        write_part(recording, told, Cut(span=Span(*span), name="part", hz=hz), out, lambda _: None)
    return Recording(out)


def points(items: Sequence[Item], clock: ClockMap, span: tuple[int, int]) -> Points:
    """Every sample of the span, at host time, in order of publication."""
    found: Points = {}
    for one in (item for item in items if isinstance(item, Samples)):
        size = len(one.codes) // one.n
        within = (
            (t_ns, one.codes[i * size : (i + 1) * size])
            for i, t_ns in enumerate(times_of(one).tolist())
            if span[0] <= clock.to_host(one.key, t_ns) <= span[1]
        )
        kept = list(within)
        if kept:
            found.setdefault(one.key, []).extend(kept)
    return found


def happened(items: Sequence[Item], span: tuple[int, int]) -> list[Event]:
    passed = (Samples, SessionStarted, SessionEnded, Part)
    return [item for item in items if not isinstance(item, passed) and span[0] <= item.t_ns <= span[1]]


PAST_THE_END = [*ALL_UP, Step("value", "board", 0, 0), Step("limit", "phone", 0, 1)]
"""With its clock moved by hand, a sample lies behind the end of the session."""


@example(taken=PAST_THE_END, begin=34, length=1, size=1, moved=True)
@given(steps(), st.integers(0, 100), st.integers(1, 100), st.sampled_from((1, 10, 1000)), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_span_holds_what_lay_in_it(
    taken: list[Step], begin: int, length: int, size: int, moved: bool
) -> None:
    items = session(taken)
    with folder() as place, small_scale():
        write(place / "a.melt", items, size=size)
        if moved:
            library.correct_clock(place / "a.melt", "board", ClockRow(0, 3 * SECOND, 0, "by hand"))
        before = (place / "a.melt").read_bytes()
        with closing(Recording(place / "a.melt")) as whole:
            first, last = whole.span()
            a = first + (last - first) * begin // 101
            span = (a, max(a + 1, a + (last - a) * length // 100))
            with closing(made(place / "a.melt", place / "b.melt", span)) as part:
                holds_the_span(part, whole, items, span)
        assert (place / "a.melt").read_bytes() == before


def holds_the_span(part: Recording, whole: Recording, items: Sequence[Item], span: tuple[int, int]) -> None:
    got = list(part.items())
    assert points(got, part.clock, span) == points(items, whole.clock, span)
    assert points(got, part.clock, (-(1 << 60), 1 << 60)) == points(got, part.clock, span)
    started = next(item for item in got if isinstance(item, SessionStarted))
    kept = [event for event in happened(got, span) if event.t_ns > span[0]]
    assert kept == [event for event in happened(items, span) if event.t_ns > span[0]]
    for t_ns in {span[0], (span[0] + span[1]) // 2} - {span[1]}:  # there its session ends
        same_view(part, whole, t_ns)
    assert part.span()[0] == started.t_ns <= span[0]
    ended = next(item for item in got if isinstance(item, SessionEnded))
    assert ended.t_ns <= part.span()[1] <= span[1]
    assert ended in items or ended.t_ns == span[1]


def same_view(part: Recording, whole: Recording, t_ns: int) -> None:
    ours, theirs = part.view(t_ns), whole.view(t_ns)
    assert ours.channels == theirs.channels
    for device, known in theirs.devices.items():
        mine = ours.devices[device]
        assert (mine.state, mine.info, mine.feeds, mine.point) == (
            known.state,
            known.info,
            known.feeds,
            known.point,
        )
    assert {d: {e.limit for e in of} for d, of in ours.limits.items()} == {
        d: {e.limit for e in of} for d, of in theirs.limits.items()
    }
    for device, run in theirs.runs.items():
        if run.ended is None:
            assert ours.runs[device].spec == run.spec
            assert ours.runs[device].started_ns == run.started_ns
            assert ours.runs[device].turn == run.turn or run.turn is None or run.turn.ended


FAST = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=2500.0,
    dtype=DType.U16,
    decoding=linear(1e-3, 0.5),
    own_clock=True,
    provenance="current × 5 V",
)
TEMPERATURE = Channel(
    device="meter", name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=1.0, dtype=DType.F64
)
OFFSET_NS = 7 * SECOND


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of a fast meter on its own clock, with a hole of three seconds and a spike."""
    chance = np.random.default_rng(5)
    items: list[Item] = [
        SessionStarted(t_ns=START_NS, device=SELF, wall_ns=1, name="n", version="1", host="h"),
        ChannelsOpened(t_ns=START_NS, device="meter", channels=(FAST, TEMPERATURE)),
        ClockMeasured(t_ns=START_NS, device="meter", offset_ns=OFFSET_NS, uncertainty_ns=1, origin="by hand"),
    ]
    for step in range(120):
        t_ns = START_NS + step * SECOND // 4
        if not 40 <= step < 52:
            codes = chance.integers(1000, 3000, 625)
            codes[300] = 60_000 if step == 20 else codes[300]
            items.append(block(FAST, t_ns - OFFSET_NS, t_ns - OFFSET_NS + 624 * 400_000, codes.tolist()))
        if step % 4 == 0:
            items.append(reading(TEMPERATURE, t_ns, step))
        items.append(Tick(t_ns=t_ns + SECOND // 4, device=SELF))
    path = tmp_path_factory.mktemp("metered") / "a.melt"
    write(path, items, size=40, minute=4)
    return path


@pytest.mark.parametrize("hz", [1, 10, 1000])
def test_downsampled_windows_are_those_of_all_samples(metered: Path, tmp_path: Path, hz: int) -> None:
    with closing(Recording(metered)) as whole:
        first, last = whole.span()
        span = (first + 2 * SECOND, last)
        with closing(made(metered, tmp_path / "b.melt", span, hz)) as part:
            width = 6 * max(SECOND, 5 * SECOND // hz)
            for begin in range(first + 3 * SECOND, last - width, width // 2):
                theirs = whole.window(FAST.key, begin, begin + width, 6)
                ours = part.window(FAST.key, begin, begin + width, 6)
                assert ours.starts_ns == theirs.starts_ns
                assert ours.counts == theirs.counts
                assert ours.minima == theirs.minima
                assert ours.maxima == theirs.maxima
                assert ours.means == pytest.approx(theirs.means, rel=1e-12)
            told = {key: list(part.samples(key, -(1 << 60), 1 << 60)) for key in (FAST.key, TEMPERATURE.key)}
            assert sum(map(len, told[TEMPERATURE.key])) > 0
            assert told[TEMPERATURE.key] == list(whole.samples(TEMPERATURE.key, span[0], span[1]))


def test_means_stand_at_the_end_of_their_steps(metered: Path, tmp_path: Path) -> None:
    with closing(Recording(metered)) as whole:
        span = whole.span()
        raw = list(whole.samples(FAST.key, -(1 << 60), 1 << 60))
        times = np.concatenate([times_of(one) for one in raw])
        values = np.concatenate([values_of(one.codes, one.dtype, FAST.decoding) for one in raw])
    with closing(made(metered, tmp_path / "b.melt", span, 10)) as part:
        got = list(part.samples(FAST.key, -(1 << 60), 1 << 60))
        at = np.concatenate([times_of(one) for one in got])
        means = np.concatenate([np.frombuffer(one.codes, "<f8") for one in got])
        steps = times // (SECOND // 10)
        expected = [values[steps == step].mean() for step in dict.fromkeys(steps.tolist())]
        assert means.tolist() == pytest.approx(expected, rel=1e-12)
        assert at[:-1].tolist() == [(s + 1) * SECOND // 10 for s in dict.fromkeys(steps.tolist())][:-1]
        channel = part.view(span[1] - 1).channels[FAST.key]
        assert (channel.rate_hz, channel.kind) == (10.0, Kind.INTERVAL_MEAN)
        assert "downsampled: means at 10 Hz of 2500 Hz" in channel.detail
        assert channel.provenance == "current × 5 V; downsampled: means at 10 Hz of 2500 Hz"
    told = library.info(tmp_path / "b.melt")
    assert (told.downsampled_hz, told.part_of[:6]) == (10, "a.melt")
    assert told.size_bytes < metered.stat().st_size


def test_seconds_of_what_was_downsampled_are_those_of_all_samples(metered: Path, tmp_path: Path) -> None:
    with closing(Recording(metered)) as whole:
        made(metered, tmp_path / "b.melt", whole.span(), 10).close()
    ours, theirs = _seconds(tmp_path / "b.melt"), _seconds(metered)
    assert len(ours) == len(theirs) > 20
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, rel=1e-12)


def _seconds(path: Path) -> list[tuple[float, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT second, n, min, mean, max FROM seconds JOIN channels ON channels.id = channel"
            " WHERE name = 'power' ORDER BY second"
        ).fetchall()


def test_a_part_of_a_part_says_what_both_are(metered: Path, tmp_path: Path) -> None:
    with closing(Recording(metered)) as whole:
        first, last = whole.span()
    made(metered, tmp_path / "b.melt", (first, last), 10).close()
    span = (first + 5 * SECOND, first + 20 * SECOND)
    with closing(made(tmp_path / "b.melt", tmp_path / "c.melt", span)) as part:
        told = [event for event in part.told() if isinstance(event, Part)]
        assert [(one.source, one.hz, one.reduced) for one in told] == [
            ("b.melt", 10, ("meter.power of 2500 Hz",))
        ]
        assert told[0].notes == ("b.melt is itself a part of a.melt",)
        assert part.span() == span


def test_a_disk_that_fills_leaves_nothing_behind(
    metered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Maker, "flush", full)
    with closing(Recording(metered)) as whole:
        span = whole.span()
    with pytest.raises(CannotWrite, match="disk is full"):
        made(metered, tmp_path / "b.melt", span)
    assert not list(tmp_path.iterdir())


def test_fast_channels_are_found(metered: Path) -> None:
    with closing(Recording(metered)) as whole:
        told = told_of(whole)
        assert told is not None
        assert fast_channels(whole, told, 10) == [FAST]
        assert fast_channels(whole, told, 2500) == []


def test_what_was_before_is_known_and_the_edges_belong_to_it(tmp_path: Path) -> None:
    def at(t_s: float) -> int:
        return START_NS + round(t_s * SECOND)

    info = DeviceInfo(device="meter", address="x", kind=DeviceKind.METER)
    items: list[Item] = [
        SessionStarted(t_ns=at(0), device=SELF, wall_ns=1, name="n", version="1", host="h"),
        DeviceUp(t_ns=at(0), device="meter", info=info),
        ChannelsOpened(t_ns=at(0), device="meter", channels=(FAST, TEMPERATURE)),
        *(
            ClockMeasured(t_ns=at(t), device="meter", offset_ns=t * 1_000_000, uncertainty_ns=1, origin="x")
            for t in (0, 7, 20)
        ),
        LimitEngaged(t_ns=at(2), device="meter", limit="cap", reason="thermal"),
        LimitEngaged(t_ns=at(2), device="meter", limit="gone", reason="thermal"),
        LimitReleased(t_ns=at(3), device="meter", limit="gone"),
        *(reading(TEMPERATURE, t_ns, 1) for t_ns in (at(5) - 1, at(5), at(10), at(10) + 1)),
        SessionEnded(t_ns=at(30), device=SELF, wall_ns=1),
    ]
    write(tmp_path / "a.melt", items)
    with (
        closing(Recording(tmp_path / "a.melt")) as whole,
        closing(made(tmp_path / "a.melt", tmp_path / "b.melt", (at(5), at(10)))) as part,
    ):
        held = [one.t0_ns for one in part.samples(TEMPERATURE.key, 0, 1 << 60)]
        assert held == [at(5), at(10)]
        assert part.span() == (at(5), at(10))
        assert [one.limit for one in part.view(at(5)).limits["meter"]] == ["cap"]
        assert part.view(at(5)).devices["meter"].info == info
        whole.span()
        assert [part.clock.to_host(FAST.key, at(t)) for t in range(25)] == [
            whole.clock.to_host(FAST.key, at(t)) for t in range(25)
        ]
    told = library.info(tmp_path / "b.melt")
    assert (told.duration_s, told.part_of) == (5.0, "a.melt 00:05.0–00:10.0")
