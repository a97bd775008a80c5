"""The two channels of a run: cumulative counts of output tokens, at the engine's times and at ours.

Neither carries a sample at the start of a turn: the first one stands at the first token. So of a turn's samples the
decode rate is (last count - first count) / (last time - first time), whatever came before.
"""

from dataclasses import dataclass

from drivers.model import Channel, DType, Kind, Quantity, Unit


@dataclass(frozen=True, slots=True)
class TokenChannels:
    """Both channels of one device."""

    tokens: Channel
    arrivals: Channel


def token_channels(device: str) -> TokenChannels:
    """Channels of a run whose answers are streamed to us."""
    return TokenChannels(
        tokens=_tokens(device, "engine's clock (timings.predicted_ms), placed at the first token's arrival"),
        arrivals=Channel(
            device=device,
            name="token_arrivals",
            quantity=Quantity.TOKEN_ARRIVALS,
            unit=Unit.TOKENS,
            kind=Kind.COUNTER,
            dtype=DType.I64,
            detail="our clock, when the bytes arrived; counts are the engine's",
        ),
    )


def polled_channel(device: str) -> Channel:
    """The channel of a server that somebody else drives: its own count, read a few times a second."""
    return _tokens(device, "engine's count (/slots n_decoded), at the time it was read")


def _tokens(device: str, detail: str) -> Channel:
    return Channel(
        device=device,
        name="tokens",
        quantity=Quantity.TOKENS,
        unit=Unit.TOKENS,
        kind=Kind.COUNTER,
        dtype=DType.I64,
        detail=detail,
    )
