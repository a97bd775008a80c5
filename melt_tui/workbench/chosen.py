"""Which runtime a run takes on each of its devices: the one that was asked for, or the best that a device offers. Pure."""

from collections.abc import Mapping, Sequence

from drivers.errors import NotSupported

BEST = ""
"""Each device's best: the first that it offers."""


def runtimes_of(asked: str, devices: Sequence[str]) -> Mapping[str, str]:
    """By device what was asked for: ``NAME`` for all, ``NAME@DEVICE`` for one, separated by commas.

    Devices of which nothing was said take their best. Raises NotSupported for what cannot be meant.
    """
    everywhere, told = BEST, dict[str, str]()
    for one in filter(None, (part.strip() for part in asked.split(","))):
        name, at, device = one.partition("@")
        if not at and everywhere:
            raise NotSupported(
                f"two runtimes were asked for, {everywhere[:40]} and {name[:40]}",
                remedy="say for which device each is: NAME@DEVICE",
            )
        if at and device not in devices:
            raise NotSupported(
                f"{one[:80]} is for a device that is not asked to run anything",
                remedy=f"there are {', '.join(devices)}",
            )
        if at:
            told[device] = name
        else:
            everywhere = name
    return {device: told.get(device, everywhere) for device in devices}


def chosen(asked: str, device: str, offered: Sequence[str]) -> str:
    """The runtime for one device. Raises NotSupported where it does not offer that, or can run nothing."""
    if not offered:
        raise NotSupported(f"{device} cannot run a model")
    if asked and asked not in offered:
        raise NotSupported(
            f"{device} does not offer the runtime {asked[:40]}", remedy=f"it offers {', '.join(offered)}"
        )
    return asked or offered[0]
