"""Why a run cannot work, device by device, and what it comes to in words."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What speaks against a run on one device."""

    device: str
    sentence: str
    """With the next step."""
    setup: bool = False
    """Setting the device up is the remedy."""


def told(objections: Sequence[Objection]) -> tuple[str, ...]:
    """One sentence each. What is said of several devices alike is said once; where they differ, each is named."""
    sentences: dict[str, list[str]] = {}
    for one in objections:
        sentences.setdefault(one.sentence, []).append(one.device)
    if len(sentences) < 2:
        return tuple(sentences)
    return tuple(f"{', '.join(devices)}: {sentence}" for sentence, devices in sentences.items())
