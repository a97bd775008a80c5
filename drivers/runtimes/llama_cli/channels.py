"""The channel of a run on a terminal program: it tells of no token's time, so only arrivals are seen."""

from drivers.model import Channel
from drivers.runs.channels import arrivals_channel


def piece_arrivals(device: str) -> Channel:
    """A piece of output is taken for one token until the timing block tells how many there were."""
    return arrivals_channel(
        device, "our clock, estimated: pieces of output; at the end of a turn the engine's count"
    )
