"""The two channels of a run: cumulative counts of output tokens, at the engine's times and at ours.

Neither carries a sample at the start of a turn: the first one stands at the first token. So of a turn's samples the
decode rate is (last count - first count) / (last time - first time), whatever came before.
"""

from drivers.model import Channel, DType, Kind, Quantity, Unit


def tokens_channel(device: str, detail: str) -> Channel:
    """Output tokens at the engine's own times; ``detail`` says which."""
    return _counter(device, Quantity.TOKENS, detail)


def arrivals_channel(device: str, detail: str) -> Channel:
    """Output tokens at the times they reached us; ``detail`` says who counted."""
    return _counter(device, Quantity.TOKEN_ARRIVALS, detail)


def _counter(device: str, quantity: Quantity, detail: str) -> Channel:
    return Channel(
        device=device,
        name=quantity.value,
        quantity=quantity,
        unit=Unit.TOKENS,
        kind=Kind.COUNTER,
        dtype=DType.I64,
        detail=detail,
    )
