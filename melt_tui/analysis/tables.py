"""A recording as comma-separated tables: one row per sample, or one per event.

Times are seconds since the session's start with nine decimals, device clocks corrected; values are exact: what was
measured reads back to the same number. Rows come in the order in which they were published, so that a recording of
any length passes through in constant memory. Text from devices is quoted so that no spreadsheet takes it for a formula.
"""

import re
from collections.abc import Iterator
from typing import TextIO

from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import IDENTITY, Channel, ChannelKey, Samples, code_struct
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
    channels: dict[ChannelKey, Channel] = {}
    for item in recording.items():
        if isinstance(item, ChannelsOpened):
            channels.update((channel.key, channel) for channel in item.channels)
        elif isinstance(item, Samples) and item.key in channels:
            yield from _rows(item, channels[item.key], clock, zero_ns, before)


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


def _rows(samples: Samples, channel: Channel, clock: ClockMap, zero_ns: int, before: str) -> Iterator[str]:
    middle = ",".join(("", cell(channel.device), cell(channel.name), cell(channel.unit), ""))
    corrected = clock.moves(channel.key)
    exact = channel.decoding == IDENTITY
    for i, (code,) in enumerate(code_struct(samples.dtype).iter_unpack(samples.codes)):
        t_ns = samples.time_at(i)
        if corrected:
            t_ns = clock.to_host(channel.key, t_ns)
        value = code if exact else channel.decoding.value(code)
        yield f"{before}{seconds(t_ns - zero_ns)}{middle}{value!r}\n"
