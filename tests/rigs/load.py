"""The whole bench under load: twenty simulated devices of twelve channels at 10 Hz, five of them with a stream of
fifty tokens a second, and a meter of a hundred thousand samples a second."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def _device(i: int) -> str:
    kind = "jetson" if i < STREAMS else "phone"
    asked = f"name=d{i}&channels={CHANNELS}&rate={RATE_HZ}&seed={i}"
    return f"sim:{kind}?{asked}&tps={TOKENS_PER_S}" if i < STREAMS else f"sim:{kind}?{asked}&idle=1"
