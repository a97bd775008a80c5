"""The two channels of a run on Ollama."""

from dataclasses import dataclass

from drivers.model import Channel
from drivers.runs.channels import arrivals_channel, tokens_channel


@dataclass(frozen=True, slots=True)
class TokenChannels:
    """Both channels of one device."""

    tokens: Channel
    arrivals: Channel


def token_channels(device: str) -> TokenChannels:
    """A piece of text is counted as one token until the last line tells how many there were."""
    return TokenChannels(
        tokens=tokens_channel(
            device, "server's clock (created_at of each piece of text), placed at the first piece's arrival"
        ),
        arrivals=arrivals_channel(device, "our clock; pieces of text, at the end the server's eval_count"),
    )
