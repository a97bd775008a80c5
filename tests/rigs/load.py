"""The whole bench under load: twenty simulated devices of twelve channels at 10 Hz, five of them with a stream of
fifty tokens a second, and a meter of a hundred thousand samples a second."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from melt_tui.errors import MeltError
from melt_tui.store.recording import Recording
from tests.rigs.installed import Home, until

DEVICES, STREAMS, CHANNELS, RATE_HZ = 20, 5, 12, 10
METER_HZ = 100_000
SIZE = (200, 50)
"""Columns and rows of its screen."""

TOKENS_PER_S = 42
"""Of the simulated model that they are made for; the one that is run is lighter and gives some fifty."""


@dataclass(frozen=True, slots=True)
class Load:
    """What ``melt`` is asked for."""

    arguments: tuple[str, ...]
    """Behind the name of the command."""

    @classmethod
    def of(cls, seconds: float, *more: str, extra: Sequence[str] = ()) -> "Load":
        """For so long; ``more`` are options, ``extra`` addresses of further devices."""
        addresses = [*map(_device, range(DEVICES)), f"sim:stream?rate={METER_HZ}", *extra]
        named = (word for address in addresses for word in ("--device", address))
        run = ("--workload", "chat", "--ignore-eos", "--max-tokens", "400", "--repeat", "1000")
        return cls(("run", *named, "--model", "synthetic:gemma-2b", *run, "--seconds", f"{seconds:g}", *more))


def settle(at: Home, seconds: float) -> None:
    """Return when every stream has run for so long: a busy machine begins them late."""
    until(lambda: bool(at.recordings) and _streaming(at.recordings[-1]), step_s=0.2)
    time.sleep(seconds)


def _streaming(path: Path) -> bool:
    try:
        with closing(Recording(path)) as recording:
            readings = recording.view(recording.span()[1]).readings
    except MeltError:  # it is being made
        return False
    return all((f"d{i}", "token_arrivals") in readings for i in range(STREAMS))


def _device(i: int) -> str:
    kind = "jetson" if i < STREAMS else "phone"
    asked = f"name=d{i}&channels={CHANNELS}&rate={RATE_HZ}&seed={i}"
    return f"sim:{kind}?{asked}&tps={TOKENS_PER_S}" if i < STREAMS else f"sim:{kind}?{asked}&idle=1"
