"""A meter's capture brought into a session: as a new recording, in which the meter is one device more.

The session that it is brought into stays as it is, byte for byte: what was measured is copied, what is derived is derived again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.foreign import printable
from drivers.model import Channel, DeviceInfo, DeviceKind, Samples
from drivers.points import KNOWN, is_point
from melt_tui import format as fmt
from melt_tui.analysis.recorded import EVERY
from melt_tui.analysis.runevents import run_events
from melt_tui.errors import BadImport, CannotWrite, UsageError
from melt_tui.events import DeviceUp, Imported, SessionStarted, Wired
from melt_tui.importing import capture as captures
from melt_tui.importing.capture import Shape
from melt_tui.importing.choosing import Choose
from melt_tui.importing.draft import moment, transforms
from melt_tui.importing.files import shown, source
from melt_tui.importing.numbers import Losses
from melt_tui.importing.placing import placed, power_of
from melt_tui.session.bus import Bus
from melt_tui.store import library
from melt_tui.store.info import RecordingState
from melt_tui.store.making import making
from melt_tui.store.recording import Recording

BY_HAND_NS = SECOND // 2
WALL_NS = 2 * SECOND
"""± of a time that somebody typed, and of two clocks that nobody brought together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A meter's file, and what is said of it."""

    path: Path
    meter: str = ""
    """What it is called in the session; by its program where that is empty."""
    feeds: str = ""
    point: str = ""
    volts: float | None = None
    """Of a current alone."""
    starts_s: float | None = None
    """When it begins, from the session's start on; None: found out."""


@dataclass(frozen=True, slots=True)
class Added:
    """What came of it."""

    path: Path
    said: str


@dataclass(frozen=True, slots=True)
class _Clock:
    """``session = capture + offset_ns``."""

    offset_ns: int
    uncertainty_ns: int
    origin: str


def add(session: Path, capture: Capture, choose: Choose) -> Added:
    """A new recording of the session and the capture. Raises UsageError, BadImport, BadRecording, CannotWrite."""
    if library.info(session).state is RecordingState.RECORDING:
        raise CannotWrite(f"{session} is still being recorded", "bring the capture in when it has ended")
    shape = captures.shape_of(capture.path)
    with closing(Recording(session)) as recording:
        capture = _completed(recording, capture, shape)
        channels = captures.channels_of(shape, capture.meter, capture.point, capture.volts)
        channels = [replace(channel, own_clock=True) for channel in channels]
        clock = _clock(recording, capture, shape, channels)
        started = _started(recording)
        named = replace(
            started, name=printable(f"{recording.meta.name or started.name} + {capture.meter}", 200)
        )
        path = choose(named)
        _write(path, recording, named, capture, shape, channels, clock)
    return Added(path, _said(capture, clock))


def _completed(recording: Recording, capture: Capture, shape: Shape) -> Capture:
    """With what follows from the session. Raises UsageError for what must be said."""
    if not is_point(capture.point):
        what = (
            f"{capture.point!r} is no reference point"
            if capture.point
            else "it is not said where the meter measured"
        )
        raise UsageError(what, f"add --point, one of {KNOWN}")
    ups = recording.events(*recording.span(), kinds=(DeviceUp,), limit=EVERY)
    devices = list(dict.fromkeys(event.device for event in ups if isinstance(event, DeviceUp)))
    ran = list(dict.fromkeys(run.started.device for run in run_events(recording)))
    feeds = capture.feeds or (ran[0] if len(ran) == 1 else "")
    if feeds not in devices:
        known = ", ".join(fmt.plain(one, 40) for one in ran or devices) or "no device"
        raise UsageError("it is not clear which device the meter fed", f"add --feeds: there is {known}")
    wanted = capture.meter or shape.program.lower().removeprefix("a ").replace("'s program", "").strip()
    names = (wanted, *(f"{wanted}-{i}" for i in range(2, 100)))
    meter = next(name for name in names if name not in devices)
    if capture.meter and meter != capture.meter:
        raise UsageError(
            f"there is a device {fmt.plain(capture.meter, 80)} in the session already", "give another --name"
        )
    return replace(capture, feeds=feeds, meter=meter)


def _clock(recording: Recording, capture: Capture, shape: Shape, channels: Sequence[Channel]) -> _Clock:
    """Where it lies. Raises BadImport where nobody says and its power does not tell."""
    started = _started(recording)
    if capture.starts_s is not None:
        first_ns = round(shape.first_s * SECOND)
        return _Clock(started.t_ns + round(capture.starts_s * SECOND) - first_ns, BY_HAND_NS, "by hand")
    runs = [run for run in run_events(recording) if run.started.device == capture.feeds]

    def watts() -> Iterator[Samples]:
        return power_of(captures.samples(capture.path, shape, channels, capture.volts, Losses()))

    about_ns = started.t_ns - started.wall_ns if shape.epoch else None
    found = placed(watts, runs, about_ns)
    if found is not None and found.found.sure:
        return _Clock(found.offset_ns, found.found.uncertainty_ns or MILLISECOND, "power edge")
    if about_ns is not None:
        return _Clock(about_ns, WALL_NS, "wall clock")
    why = found.found.reason if found is not None else "nothing in it rises and falls as the device worked"
    raise BadImport(
        f"{shown(capture.path)} cannot be placed by its power: {why or 'no edge can be believed'}",
        "say when it begins: --starts SECONDS of the session",
    )


def _started(recording: Recording) -> SessionStarted:
    found = recording.event_after(-(1 << 62), (SessionStarted,))
    if not isinstance(found, SessionStarted):
        raise BadImport(f"{shown(recording.path)} has no beginning", "bring the capture into another session")
    return found


def _write(
    path: Path,
    recording: Recording,
    named: SessionStarted,
    capture: Capture,
    shape: Shape,
    channels: Sequence[Channel],
    clock: _Clock,
) -> None:
    losses = Losses()
    _within(recording, capture, clock, captures.samples(capture.path, shape, channels, capture.volts, losses))
    notes = (
        f"placed by {clock.origin.removeprefix('by ')}, ± {fmt.milliseconds(clock.uncertainty_ns / MILLISECOND)}",
    )
    told = _introduction(
        named.t_ns, capture, shape, channels, clock, (*notes, *losses.told(capture.path.name))
    )
    blocks = captures.samples(capture.path, shape, channels, capture.volts, Losses())
    with making(path) as maker:
        bus = Bus((maker,), transforms())
        for item in _merged(recording.items(derived=False), named, told, blocks, clock.offset_ns):
            bus.publish(item)
        maker.last.append(lambda: _say_again(recording.path, maker.path))


def _within(recording: Recording, capture: Capture, clock: _Clock, blocks: Iterable[Samples]) -> None:
    """Read it all. Raises BadImport where none of it lies in the session: it is of another one."""
    t0_ns, t1_ns = (t_ns - clock.offset_ns for t_ns in recording.span())
    begins_ns: int | None = None
    within = False
    for block in blocks:
        begins_ns = block.t0_ns if begins_ns is None else begins_ns
        within = within or (block.t0_ns <= t1_ns and block.t1_ns >= t0_ns)
    if begins_ns is not None and not within:
        raise BadImport(
            f"{shown(capture.path)} lies outside the session, which lasted {fmt.seconds((t1_ns - t0_ns) / SECOND)}: "
            f"it would begin at {(begins_ns - t0_ns) / SECOND:.0f} s of it",
            "bring it into the session that it is of, or say when it begins: --starts SECONDS of the session",
        )


def _say_again(of: Path, to: Path) -> None:
    """What people said of a session holds for the one that is made of it, but for its name."""
    for annotation in library.annotations(of):
        if annotation.kind != "name":
            library.annotate(to, annotation)


def _introduction(
    t_ns: int,
    capture: Capture,
    shape: Shape,
    channels: Sequence[Channel],
    clock: _Clock,
    notes: tuple[str, ...],
) -> list[Item]:
    meter = capture.meter
    info = DeviceInfo(
        device=meter,
        address=f"imported:{capture.path.name}",
        kind=DeviceKind.METER,
        model=f"{shape.program} capture",
    )
    origin = f"{shape.program} capture, as {meter}"
    return [
        Imported(t_ns=t_ns, device=meter, origin=origin, sources=(source(capture.path),), notes=notes),
        DeviceUp(t_ns=t_ns, device=meter, info=info),
        ChannelsOpened(t_ns=t_ns, device=meter, channels=tuple(channels)),
        Wired(t_ns=t_ns, device=meter, feeds=capture.feeds, point=capture.point),
        ClockMeasured(
            t_ns=t_ns,
            device=meter,
            offset_ns=clock.offset_ns,
            uncertainty_ns=clock.uncertainty_ns,
            origin=clock.origin,
        ),
    ]


def _merged(
    items: Iterator[Item],
    named: SessionStarted,
    told: Sequence[Item],
    blocks: Iterator[Samples],
    offset_ns: int,
) -> Iterator[Item]:
    """The session with the capture: each block of it when its time has come; what is after the session's end is left out."""
    block = next(blocks, None)
    for item in items:
        if isinstance(item, SessionStarted):
            yield named
            yield from told
            continue
        while block is not None and block.t1_ns + offset_ns <= moment(item):
            if block.t0_ns + offset_ns >= named.t_ns:
                yield block
            block = next(blocks, None)
        yield item


def _said(capture: Capture, clock: _Clock) -> str:
    """For the one who asked."""
    off = fmt.milliseconds(clock.uncertainty_ns / MILLISECOND)
    where = f"{capture.meter} feeds {capture.feeds} at {capture.point}"
    return (
        f"{where}; placed by {clock.origin.removeprefix('by ')}, ± {off}; the session itself stays as it was"
    )
