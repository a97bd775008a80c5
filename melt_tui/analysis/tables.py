"""A recording as comma-separated tables: one row per sample, or one per event.

Times are seconds since the session's start with nine decimals, device clocks corrected; values are exact: what was
measured reads back to the same number. Rows come in the order in which they were published, so that a recording of
any length passes through in constant memory. Text from devices is quoted so that no spreadsheet takes it for a formula.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import IDENTITY, Channel, ChannelKey, Decoding, Samples, code_struct
from melt_tui.analysis.recorded import Recorded
from melt_tui.events import SessionStarted
from melt_tui.store.eventcodec import detail_of
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.model import EVER

SAMPLES_HEAD = "t_s,device,channel,unit,value\n"
EVENTS_HEAD = "t_s,device,kind,detail\n"

_PLAIN = re.compile(r"[\w %°/.:()-]*")
_FORMULA = re.compile(r"[\s\0]*[=+\-@|＝＋－＠]")


def samples_table(recording: Recorded, out: TextIO) -> None:
    """``t_s,device,channel,unit,value``: every sample of every channel."""
    out.write(SAMPLES_HEAD)
    out.writelines(samples_rows(recording))


def events_table(recording: Recorded, out: TextIO) -> None:
    """``t_s,device,kind,detail``: every event but the four ticks a second; ``detail`` is a JSON object."""
    out.write(EVENTS_HEAD)
    out.writelines(event_rows(recording))


def samples_rows(recording: Recorded, before: str = "") -> Iterator[str]:
    """Lines of samples; ``before`` stands before each."""
    zero_ns, clock = start_ns(recording), recording.clock
    open_now: dict[ChannelKey, _Open] = {}
    for item in recording.items():
        if isinstance(item, Samples):
            key = (item.device, item.channel)
            if key in open_now:
                yield from _rows(item, open_now[key], clock, zero_ns, before)
        elif isinstance(item, ChannelsOpened):
            open_now.update((channel.key, _opened(channel, clock)) for channel in item.channels)


def event_rows(recording: Recorded, before: str = "") -> Iterator[str]:
    """Lines of events; ``before`` stands before each."""
    zero_ns = start_ns(recording)
    for event in recording.told():
        cells = (cell(event.device), type(event).__name__, cell(detail_of(event)))
        yield f"{before}{seconds(event.t_ns - zero_ns)},{','.join(cells)}\n"


def cell(text: str) -> str:
    """Text as a cell: quoted unless it is plain; what a spreadsheet would compute gets an apostrophe in front.

    What UTF-8 cannot hold is escaped.
    """
    text = text.encode("utf-8", "backslashreplace").decode()
    if _FORMULA.match(text):
        text = f"'{text}"
    if _PLAIN.fullmatch(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def seconds(t_ns: int) -> str:
    """Nanoseconds as seconds, exactly: ``12.000000345``, ``-0.250000000``."""
    whole, rest = divmod(abs(t_ns), SECOND)
    return f"{'-' if t_ns < 0 else ''}{whole}.{rest:09d}"


def start_ns(recording: Recorded) -> int:
    """The moment from which times are told: the session's start, else the first one known."""
    started = recording.event_after(EVER, (SessionStarted,))
    return started.t_ns if started is not None else recording.span()[0]


class _Open(NamedTuple):
    """What is the same in all rows of a channel."""

    key: ChannelKey
    middle: str
    decoding: Decoding | None
    """None: the codes are the values."""
    moved: bool
    """Its times are not the host's."""


def _opened(channel: Channel, clock: ClockMap) -> _Open:
    middle = ",".join(("", cell(channel.device), cell(channel.name), cell(channel.unit), ""))
    decoding = None if channel.decoding == IDENTITY else channel.decoding
    return _Open(channel.key, middle, decoding, clock.moves(channel.key))


def _rows(samples: Samples, known: _Open, clock: ClockMap, zero_ns: int, before: str) -> Iterator[str]:
    for i, (code,) in enumerate(code_struct(samples.dtype).iter_unpack(samples.codes)):
        t_ns = samples.time_at(i) if i or samples.times else samples.t0_ns
        if known.moved:
            t_ns = clock.to_host(known.key, t_ns)
        value = code if known.decoding is None else known.decoding.value(code)
        yield f"{before}{seconds(t_ns - zero_ns)}{known.middle}{value!r}\n"
