"""A new recording of a span of another one, and with fast channels reduced if asked for. The other one is only read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers.events import ChannelsOpened
from drivers.model import Channel, ChannelKey
from melt_tui.events import Part
from melt_tui.store import library
from melt_tui.store.edits import PER_TOKEN
from melt_tui.store.making import Maker, making
from melt_tui.store.parts import Reduces, Span, Told, Unchanged, part_items, seconds_of
from melt_tui.store.recording import Recording
from melt_tui.store.reducing import Reducing, is_fast

_NOT_TAKEN = {"name", PER_TOKEN}
"""What is said of the whole alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is to be made."""

    span: Span
    name: str
    """Of the new session."""
    hz: int | None = None
    """To how many means a second fast channels are reduced."""


def write_part(recording: Recording, told: Told, cut: Cut, out: Path, reckon: Callable[[Path], None]) -> None:
    """The new recording at ``out``, whole or not at all. Raises CannotWrite, BadRecording.

    ``reckon`` is called with the file before it has its name, when corrections are in force in it.
    """
    part = _part(recording, told, cut)
    said = [note for note in library.annotations(recording.path) if _taken(note, cut.span)]
    with making(out) as maker:
        reduces: Reduces = Unchanged() if cut.hz is None else Reducing(maker, cut.hz, recording.crowded())
        for item in part_items(recording, told, cut.span, part, cut.name, reduces):
            maker.take(item)
        maker.flush()
        maker.last.append(lambda: _annotate(maker, said))
        if recording.edits.standing:
            maker.last.append(lambda: reckon(maker.path))


def fast_channels(recording: Recording, told: Told, hz: float) -> Sequence[Channel]:
    """Those that would be reduced, each as it was announced first."""
    crowded = recording.crowded()
    found: dict[ChannelKey, Channel] = {}
    for event in told.events:
        for channel in event.channels if isinstance(event, ChannelsOpened) else ():
            if is_fast(channel, hz, crowded):
                found.setdefault(channel.key, channel)
    return list(found.values())


def _part(recording: Recording, told: Told, cut: Cut) -> Part:
    earlier = next((event for event in told.events if isinstance(event, Part)), None)
    notes = () if earlier is None else (f"{recording.path.name} is itself a part of {earlier.source}",)
    reduced = earlier.reduced if earlier else ()
    if cut.hz is not None:
        channels = fast_channels(recording, told, cut.hz)
        reduced = tuple(dict.fromkeys((*reduced, *map(_said, channels))))
    return Part(
        t_ns=cut.span.from_ns,
        device=told.started.device,
        source=recording.path.name,
        name=recording.meta.name,
        wall_ns=told.begin_wall_ns,
        from_ns=cut.span.from_ns,
        to_ns=cut.span.to_ns,
        from_s=seconds_of(told, cut.span.from_ns),
        to_s=seconds_of(told, cut.span.to_ns),
        hz=cut.hz if cut.hz is not None else earlier.hz if earlier else None,
        reduced=reduced,
        notes=notes,
    )


def _said(channel: Channel) -> str:
    rate = f"{channel.rate_hz:g} Hz" if channel.rate_hz else "an unsteady rate"
    return f"{channel.device}.{channel.name} of {rate}"


def _taken(note: library.Annotation, span: Span) -> bool:
    if note.kind in _NOT_TAKEN:
        return False
    after = note.t0_ns is not None and note.t0_ns > span.to_ns
    ended_ns = note.t1_ns if note.t1_ns is not None else note.t0_ns
    return not after and (ended_ns is None or ended_ns >= span.from_ns)


def _annotate(maker: Maker, said: Sequence[library.Annotation]) -> None:
    maker.connection.executemany(library.ANNOTATE, [library.row_of(note) for note in said])
