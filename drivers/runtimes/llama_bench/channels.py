"""The channel of a run on llama-bench: it tells of no token before its test has ended."""

from drivers.model import Channel
from drivers.runs.channels import arrivals_channel


def row_arrivals(device: str) -> Channel:
    """Output tokens so far, counted when the row of a test arrives."""
    return arrivals_channel(device, "our clock, when the row of a test arrived; counts are llama-bench's")
