"""Keeping a power meter from the command line: the device that it feeds and where it measures are asked for."""

import sys
from dataclasses import replace

from drivers.address import parse
from drivers.points import KNOWN
from drivers.wiring import measures_power
from melt_tui.cli.orders import Orders
from melt_tui.cli.output import progress
from melt_tui.config import DeviceConfig
from melt_tui.errors import UsageError
from melt_tui.workbench import Workbench

METERS = frozenset({"serial", "monsoon"})
_THIS_COMPUTER = "host"


def asked(orders: Orders, entry: DeviceConfig) -> DeviceConfig:
    """The entry with what was missing of it: family as the port tells, what it feeds and where as the user tells.

    Raises UsageError where nobody can be asked.
    """
    if parse(entry.address).scheme not in METERS:
        return entry
    entry = _with_family(orders, entry)
    address = parse(entry.address)
    if not measures_power(address):
        return entry
    feeds = (
        entry.feeds
        or address.options.get("feeds", "")
        or _ask(orders, "Which device does it feed?", "--feeds DEVICE")
    )
    point = (
        entry.point
        or address.options.get("point", "")
        or _ask(orders, f"Where does it measure? {KNOWN}", f"--point, one of {KNOWN}")
    )
    return replace(entry, feeds=feeds, point=point)


def unknown_fed(bench: Workbench, entry: DeviceConfig) -> str:
    """A word about a device that the config file does not know; empty otherwise, as of this computer, which is always there."""
    names = [one.name for one in bench.saved_devices() if one.name]
    if not entry.feeds or entry.feeds in {*names, _THIS_COMPUTER}:
        return ""
    known = f" (it has {', '.join(names)})" if names else ""
    return f"note: no device named {entry.feeds} is in the config file{known}; a session must have one of that name"


def _with_family(orders: Orders, entry: DeviceConfig) -> DeviceConfig:
    """A port without a family gets the one that its USB id tells, if a look finds it."""
    address = parse(entry.address)
    if address.scheme != "serial" or "family" in address.options:
        return entry
    for one in orders.wait(orders.bench.scan()):
        found = parse(one.address)
        if found.base == address.base:
            options = "&".join(
                f"{name}={text}" for name, text in {**found.options, **address.options}.items()
            )
            progress(f"{one.title}: kept as {address.base}?{options}")
            return replace(entry, address=f"{address.base}?{options}")
    return entry


def _ask(orders: Orders, question: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"a meter's figures need it: {question}", remedy=f"add {option}")
    told = orders.ask(question)
    if not told:
        raise UsageError("the meter was not kept", remedy=f"add {option}")
    return told
