"""What is asked of a part of a recording, in words, and the part that is made of it. The recording stays as it was."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from drivers.clock import SECOND
from melt_tui import format as fmt
from melt_tui.analysis.editing import reckon
from melt_tui.errors import BadRecording, CannotWrite, UsageError
from melt_tui.events import Mark, SessionStarted
from melt_tui.store import library
from melt_tui.store.info import RecordingState
from melt_tui.store.parts import Span, Told, seconds_of, told_of
from melt_tui.store.recording import Recording
from melt_tui.store.reducing import RATES_HZ
from melt_tui.store.trimming import Cut, fast_channels, write_part

Choose = Callable[[SessionStarted], Path]
"""Where the recording of a session that begins like this is to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimRequest:
    """Moments are ``start``, ``end``, ``mark:NAME``, or times from the recording's start on, as ``90``, ``1:30`` or
    ``1:02:03.5``; empty: the start, the end."""

    path: Path
    begin: str = ""
    end: str = ""
    span_ns: tuple[int, int] | None = None
    """In place of both: host time."""
    hz: int | None = None
    """Reduce fast channels to so many means a second."""
    name: str = ""
    """Of the new recording; empty: that of the old one, with the span."""


def trim(request: TrimRequest, choose: Choose) -> Path:
    """The new recording. Raises UsageError, BadRecording, CannotWrite."""
    if library.info(request.path).state is RecordingState.RECORDING:
        raise CannotWrite(f"{request.path} is still being recorded", "take a part of it when it has ended")
    with closing(Recording(request.path)) as recording:
        told = told_of(recording)
        if told is None:
            raise BadRecording(f"{request.path} has no beginning", "take a part of another recording")
        cut = _cut(recording, told, request)
        started = told.started
        wall_ns = started.wall_ns + cut.span.from_ns - started.t_ns
        out = choose(
            SessionStarted(
                t_ns=cut.span.from_ns,
                device=started.device,
                wall_ns=wall_ns,
                name=cut.name,
                version=started.version,
                host=started.host,
            )
        )
        write_part(recording, told, cut, out, reckon)
    return out


def hertz(text: str) -> int:
    """``10Hz`` as a number. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,6}) ?([Hh][Zz]|/s)?", text.strip())
    if found is None or int(found[1]) not in RATES_HZ:
        rates = ", ".join(f"{hz}Hz" for hz in RATES_HZ)
        raise UsageError(
            f"{fmt.plain(text, 40)!r} is no rate that can be downsampled to", f"choose one of {rates}"
        )
    return int(found[1])


def _cut(recording: Recording, told: Told, request: TrimRequest) -> Cut:
    if request.hz is None and not request.begin and not request.end and request.span_ns is None:
        raise UsageError("it is not said what to leave out", "give --from, --to or --downsample")
    first_ns, last_ns = told.begin_ns, recording.span()[1]
    span = Span(*request.span_ns) if request.span_ns else _span(told, request, first_ns, last_ns)
    length = fmt.clock((last_ns - first_ns) / SECOND)
    if span.from_ns >= span.to_ns:
        raise UsageError("nothing lies between these moments", "give a later --to, or an earlier --from")
    if span.from_ns < first_ns or span.to_ns > last_ns:
        raise UsageError(
            f"the span is not within the recording, which is {length} long", "give moments within it"
        )
    if request.hz is not None and not fast_channels(recording, told, request.hz):
        raise UsageError(
            f"no channel of it that can be averaged has more than {request.hz} samples a second",
            "there is nothing to downsample; choose a lower rate",
        )
    return Cut(span=span, name=request.name or _name(recording, told, span, request.hz), hz=request.hz)


def _span(told: Told, request: TrimRequest, first_ns: int, last_ns: int) -> Span:
    ends = {"start": first_ns, "end": last_ns}
    from_ns = _moment(request.begin or "start", told, ends)
    to_ns = _moment(request.end or "end", told, ends)
    near = round(SECOND / 2)  # what was read off a screen is rounded
    return Span(from_ns, last_ns if last_ns < to_ns <= last_ns + near else to_ns)


def _moment(text: str, told: Told, ends: dict[str, int]) -> int:
    if text in ends:
        return ends[text]
    if text.startswith("mark:"):
        return _mark(text.removeprefix("mark:"), told)
    found = re.fullmatch(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,7})(\.\d{1,9})?(?: ?s)?", text.strip())
    if found is None:
        raise UsageError(
            f"{fmt.plain(text, 80)!r} is no moment", "write 90, 1:30, 1:02:03.5, start, end or mark:NAME"
        )
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    fraction_ns = int((found[4] or ".0")[1:].ljust(9, "0"))
    return told.begin_ns + ((hours * 60 + minutes) * 60 + seconds) * SECOND + fraction_ns


def _mark(name: str, told: Told) -> int:
    marks = [event for event in told.events if isinstance(event, Mark)]
    found = [event for event in marks if event.name == name]
    if len(found) == 1:
        return found[0].t_ns
    if found:
        raise UsageError(
            f"{len(found)} marks are called {fmt.plain(name, 80)!r}", f"they are at {_at(found, told)}"
        )
    known = ", ".join(fmt.plain(event.name, 40) for event in marks[:20]) or "none"
    raise UsageError(f"there is no mark {fmt.plain(name, 80)!r} in this recording", f"there is {known}")


def _at(found: list[Mark], told: Told) -> str:
    return ", ".join(f"{seconds_of(told, event.t_ns):.3f}" for event in found[:20])


def _name(recording: Recording, told: Told, span: Span, hz: int | None) -> str:
    whole = span == (told.begin_ns, recording.span()[1])
    begin, end = (fmt.stamp(seconds_of(told, t_ns)) for t_ns in span)
    parts = [recording.meta.name, "" if whole else f"{begin}–{end}", f"{hz}Hz" if hz else ""]
    return " ".join(part for part in parts if part)
