"""Addresses in the config file at which no driver can open anything, named with their line."""

from collections.abc import Iterator

from drivers.clock import SystemClock
from drivers.errors import NotSupported
from drivers.registry import Registry
from melt_tui.cli.lines import place_of
from melt_tui.config import Config
from melt_tui.errors import ConfigError
from melt_tui.workbench import Place
from melt_tui.workbench.devices import chosen_name


def refuse(config: Config, addresses: Iterator[str]) -> None:
    """Raises ConfigError for the first of these that is such a one, if the config file has it."""
    opened = set(addresses)
    for address, said, remedy in _wrong(config):
        if address in opened:
            raise ConfigError(said, remedy)


def wrong_addresses(config: Config) -> tuple[tuple[str, str], ...]:
    """What is wrong with each of them, with its line, and what would be right."""
    return tuple((said, remedy) for _, said, remedy in _wrong(config))


def _wrong(config: Config) -> Iterator[tuple[str, str, str]]:
    registry = Registry(SystemClock())
    for index, device in enumerate(config.devices):
        place = Place(address=device.address, name=device.name, feeds=device.feeds, point=device.point)
        try:
            chosen_name(registry, place, ())
        except NotSupported as error:
            line = place_of(config, "devices", "address", index)
            yield device.address, f"{line}{error.sentence}", error.remedy
