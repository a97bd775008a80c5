"""From options and settings to what the workbench is asked for: an option that was typed wins over the config file."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from melt_tui.config import Config, DeviceConfig, RunConfig, load, places
from melt_tui.errors import UsageError
from melt_tui.workbench import Place, RunRequest, SessionSetup

DEFAULT_PLACES = (Place(address="host"),)
"""What the bench opens where nothing is configured: this computer."""


def config_of(options: Namespace) -> Config:
    """The settings in force. Raises ConfigError."""
    return load(getattr(options, "config", None))


def session_setup(
    options: Namespace,
    config: Config,
    *,
    opened: tuple[Place, ...] | None = None,
    name: str = "",
    recording: bool = True,
    keep: bool = False,
    script: bool = False,
    plugged: bool = False,
) -> SessionSetup:
    """The session that was asked for. ``keep``: it is kept however short it was; ``plugged``: phones come by themselves,
    unless devices were named."""
    chosen = places_of(getattr(options, "device", ()), config) if opened is None else opened
    minutes = 0.0 if keep or config.session.keep_short else config.session.min_minutes
    return SessionSetup(
        name=name,
        places=chosen,
        folder=recordings_folder(config),
        cache=places.model_cache(),
        record=getattr(options, "record", None),
        recording=recording,
        keep_s=minutes * 60,
        commit_s=config.session.commit_interval_ms / 1000,
        script=script,
        settings=_in_force(options, config),
        downloads=places.download_cache(),
        plugged=plugged and not getattr(options, "device", ()),
        config=config.path or getattr(options, "config", None) or places.config_file(),
        known_hosts=places.known_hosts_file(),
        saved=config.devices,
    )


def recordings_folder(config: Config) -> Path:
    """Where recordings are kept."""
    return config.session.recordings or places.recordings_folder()


def asked_run(options: Namespace, config: Config, devices: tuple[str, ...]) -> RunRequest:
    """The run that was asked for, on these devices of the session."""
    return default_run(replace(config.run, **_typed(options)), devices)


def default_run(settings: RunConfig, devices: tuple[str, ...] = ()) -> RunRequest:
    """What a run takes when nothing else is asked for."""
    return RunRequest(devices=devices, **asdict(settings))


def seconds_of(options: Namespace, config: Config) -> float | None:
    """How long to watch."""
    typed: float | None = options.seconds
    return config.session.seconds if typed is None else typed


def _typed(options: Namespace) -> dict[str, Any]:
    names = {field.name for field in fields(RunConfig)}
    typed = {name: value for name, value in vars(options).items() if name in names and value is not None}
    if options.runtime_arg:
        typed["runtime_args"] = tuple(options.runtime_arg)
    if options.variants:
        typed["variants"] = tuple(options.variants)
    for option, field in (
        ("pause", "pause_s"),
        ("lease", "lease_s"),
        ("baseline", "baseline_s"),
        ("gate_timeout", "gate_timeout_s"),
    ):
        if getattr(options, option) is not None:
            typed[field] = getattr(options, option)
    return typed


_ONE_EACH = "sim:"
"""Simulated devices are made as often as they are named."""


def places_of(addresses: Sequence[str], config: Config) -> tuple[Place, ...]:
    """What is to be opened. Raises UsageError for a device that was named twice: it would be measured twice."""
    if not addresses:
        return tuple(map(_configured, config.devices))
    for address in addresses:
        if addresses.count(address) > 1 and not address.startswith(_ONE_EACH):
            raise UsageError(f"--device {address} was given twice", remedy="name each device once")
    known = {name: device for device in config.devices for name in (device.address, device.name) if name}
    chosen = tuple(
        _configured(known[address]) if address in known else Place(address=address) for address in addresses
    )
    for place in chosen:
        if chosen.count(place) > 1 and not place.address.startswith(_ONE_EACH):
            raise UsageError(f"the device {place.address} was given twice", remedy="name each device once")
    return chosen


def _configured(device: DeviceConfig) -> Place:
    return Place(address=device.address, name=device.name, feeds=device.feeds, point=device.point)


def _in_force(options: Namespace, config: Config) -> tuple[tuple[str, str], ...]:
    """Every option as text, for the recording."""
    tables = {
        "run": asdict(config.run),
        "session": asdict(config.session),
        "screen": asdict(config.screen),
    }
    settings = {f"{table}.{key}": value for table, known in tables.items() for key, value in known.items()}
    typed = {f"option.{key}": value for key, value in vars(options).items() if value is not None}
    return tuple((key, str(value)) for key, value in {**settings, **typed}.items() if value is not None)
