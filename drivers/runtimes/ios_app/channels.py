"""The channels of a run of an app on an iPhone."""

from drivers.model import Channel, DType, Quantity, Unit
from drivers.runs.channels import arrivals_channel, tokens_channel


def arrivals(device: str) -> Channel:
    """Tokens as their lines reached this computer."""
    return arrivals_channel(device, "our clock, when the app's line arrived; counts are the app's")


def tokens(device: str) -> Channel:
    """Tokens at the app's own times, where it tells them."""
    return tokens_channel(
        device, "the app's clock (t of its token lines), placed at the first token's arrival"
    )


def thermal_state(device: str) -> Channel:
    """What iOS tells the app."""
    return Channel(
        device=device,
        name="thermal state",
        quantity=Quantity.LIMIT_LEVEL,
        unit=Unit.NONE,
        dtype=DType.U8,
        detail="ProcessInfo.thermalState as the app printed it: 0 nominal, 1 fair, 2 serious, 3 critical",
    )
