"""The two channels of a run on llama-server."""

from dataclasses import dataclass

from drivers.model import Channel
from drivers.runs.channels import arrivals_channel, tokens_channel


@dataclass(frozen=True, slots=True)
class TokenChannels:
    """Both channels of one device."""

    tokens: Channel
    arrivals: Channel


def token_channels(device: str) -> TokenChannels:
    """Channels of a run whose answers are streamed to us."""
    return TokenChannels(
        tokens=tokens_channel(
            device, "engine's clock (timings.predicted_ms), placed at the first token's arrival"
        ),
        arrivals=arrivals_channel(device, "our clock, when the bytes arrived; counts are the engine's"),
    )


def polled_channel(device: str) -> Channel:
    """The channel of a server that somebody else drives: its own count, read a few times a second."""
    return tokens_channel(device, "engine's count (/slots n_decoded), at the time it was read")
