"""The channel of a run on MLC: it tells of no token's time, so only arrivals are seen."""

from drivers.model import Channel
from drivers.runs.channels import arrivals_channel


def chunk_arrivals(device: str) -> Channel:
    """Of a server: a chunk is taken for one token until the usage at the end tells how many there were."""
    return arrivals_channel(
        device, "our clock; chunks of the stream, at the end the server's completion_tokens"
    )


def told_counts(device: str) -> Channel:
    """Of an app: its own count, when its log told it."""
    return arrivals_channel(device, "our clock, when the app's log told its figures; counts are the app's")
