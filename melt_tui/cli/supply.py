"""``melt supply METER``: what a meter supplies to the device that it feeds; asked first, with the device and the voltage."""

import sys
from argparse import Namespace
from dataclasses import asdict

from melt_tui.cli.options import config_of, places_of, session_setup
from melt_tui.cli.orders import Orders, taking_orders
from melt_tui.cli.output import progress, result, result_json
from melt_tui.config import Config
from melt_tui.errors import UsageError
from melt_tui.workbench import Place, SupplyCheck, SupplyRequest

UP_S = 10.0
"""How long the meter may take to come up."""


def supply(options: Namespace) -> int:
    """Ask, and carry it out."""
    config = config_of(options)
    (meter,) = places_of([options.meter], config)
    name = meter.name or options.meter
    meter = Place(address=meter.address, name=name, feeds=meter.feeds, point=meter.point)
    opened = (meter, *_fed(meter, config))
    session = session_setup(options, config, opened=opened, recording=False)
    request = SupplyRequest(meter=name, millivolts=_millivolts(options.voltage), on=_on(options))
    with taking_orders(session) as orders:
        check = orders.wait(orders.bench.check_supply(request, UP_S))
        _agree(orders, options, check)
        orders.wait(orders.bench.set_supply(request))
    if options.json:
        result_json({**asdict(request), "warnings": list(check.warnings)})
    else:
        result(f"{options.meter} is set")
    return 0


def _fed(meter: Place, config: Config) -> tuple[Place, ...]:
    """The device that it feeds, where the config file knows it: its battery is compared with the voltage."""
    known = (one for one in config.devices if meter.feeds and one.name == meter.feeds)
    return tuple(Place(address=one.address, name=one.name) for one in known)


def _millivolts(volts: float | None) -> int | None:
    return None if volts is None else round(volts * 1000)


def _on(options: Namespace) -> bool | None:
    if options.off and options.voltage is not None:
        raise UsageError("--off and --voltage do not go together", remedy="give one of them")
    return False if options.off else True if options.on else None


def _agree(orders: Orders, options: Namespace, check: SupplyCheck) -> None:
    for warning in check.warnings:
        progress(f"note: {warning}")
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can be asked: {check.question}", remedy="add --yes if it is right")
    if not orders.agreed(check.question):
        raise UsageError("nothing was set", remedy="answer y to set it")
