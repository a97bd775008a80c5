"""Tokens of a run, counted since its start: by the engine's times and by ours."""

from drivers.model import Channel, DType, Kind, Quantity, Unit


def token_channels(device: str) -> tuple[Channel, Channel]:
    """``tokens`` and ``token_arrivals``."""
    return (_counter(device, Quantity.TOKENS), _counter(device, Quantity.TOKEN_ARRIVALS))


def _counter(device: str, quantity: Quantity) -> Channel:
    return Channel(
        device=device,
        name=quantity.value,
        quantity=quantity,
        unit=Unit.TOKENS,
        kind=Kind.COUNTER,
        dtype=DType.I64,
    )
