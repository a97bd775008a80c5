"""``melt devices``: what there is and what is kept of it; the keys of boards; a phone's way to Wi-Fi."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from drivers.model import DeviceKind, Found
from melt_tui.cli import meters
from melt_tui.cli.options import config_of, session_setup
from melt_tui.cli.orders import Orders, taking_orders
from melt_tui.cli.output import progress, result, result_json, table
from melt_tui.config import DeviceConfig
from melt_tui.errors import UsageError
from melt_tui.format import plain
from melt_tui.ui.series import SERIES, series_of
from melt_tui.workbench import Place

_ONLY_WITH_ADD = ("name", "colour", "feeds", "point")
_PHONE = "phone"
_KINDS = {
    "adb": DeviceKind.PHONE,
    "host": DeviceKind.HOST,
    "serial": DeviceKind.METER,
    "monsoon": DeviceKind.METER,
}

_NOTHING_ON = {
    frozenset(
        {"adb"}
    ): "no phone over adb was found: plug one in, switch on USB debugging in its developer options, "
    "accept the prompt on its screen",
    frozenset({"ios"}): "no iPhone was found: plug one in, unlock it, tap Trust",
    frozenset({"ssh"}): "no board over SSH is kept: melt devices --add ssh://user@host",
    frozenset({"serial", "monsoon"}): "no power meter was found: plug one in by USB",
}
"""By the schemes of a link: what is said where nothing is on it."""


def devices(options: Namespace) -> int:
    """Carry out what was asked for; without anything, list what can be opened, what cannot, why, and the next step."""
    for option in _ONLY_WITH_ADD:
        if getattr(options, option) is not None and options.add is None:
            raise UsageError(
                f"--{option} belongs to --add", remedy="melt devices --add ADDRESS keeps a device"
            )
    act = next((act for name, act in _ACTS.items() if getattr(options, name) is not None), _list)
    config = config_of(options)
    wifi = next((one.address for one in config.devices if one.name == options.wifi), options.wifi)
    opened = (Place(address=wifi, name=_PHONE),) if wifi else ()
    setup = session_setup(options, config, opened=opened, recording=False)
    with taking_orders(setup) as orders:
        told = act(orders, options)
    if options.json:
        result_json(told)
    return 0


def _list(orders: Orders, options: Namespace) -> list[dict[str, Any]]:
    found = orders.wait(orders.bench.scan())
    saved = {one.address: one for one in orders.bench.saved_devices()}
    addresses = {one.address for one in found}
    seen = {_bare(one.address): one for one in found}
    rows = [_row(one, saved.get(one.address)) for one in found]
    for one in saved.values():
        if one.address not in addresses:
            there = seen.get(_bare(one.address))
            rows.append(_row(replace(there, address=one.address), one) if there else _absent(one))
    if not options.json:
        head = ("address", "name", "kind", "what", "state")
        result(table([head, *(_shown(row) for row in rows)]))
        for sentence in _missing(rows):
            progress(sentence)
    return rows


def _add(orders: Orders, options: Namespace) -> dict[str, Any]:
    given = {option: getattr(options, option) or "" for option in _ONLY_WITH_ADD}
    if given["colour"] and series_of(given["colour"]) is None:
        raise UsageError(
            f"there is no colour {plain(given['colour'], 40)!r}",
            remedy=f"give one of {', '.join(SERIES)} or #rrggbb",
        )
    entry = meters.asked(orders, DeviceConfig(address=options.add, **given))
    orders.wait(orders.bench.save_device(entry))
    if said := meters.unknown_fed(orders.bench, entry):
        progress(said)
    return _kept(options, f"{entry.name or entry.address} is kept in the config file", asdict(entry))


def _rename(orders: Orders, options: Namespace) -> dict[str, Any]:
    old, new = options.rename
    entry = next((one for one in orders.bench.saved_devices() if old in {one.name, one.address}), None)
    if entry is None:
        raise UsageError(
            f"no device {old[:60]!r} is in the config file", remedy="melt devices --add ADDRESS keeps one"
        )
    orders.wait(orders.bench.save_device(replace(entry, name=new), old))
    return _kept(options, f"{old} is called {new} from the next session on", {"was": old, "name": new})


def _forget(orders: Orders, options: Namespace) -> dict[str, Any]:
    orders.wait(orders.bench.forget_device(options.forget))
    return _kept(options, f"{options.forget} is no longer in the config file", {"forgotten": options.forget})


def _trust(orders: Orders, options: Namespace) -> dict[str, Any]:
    key = orders.wait(orders.bench.host_key(options.trust))
    if not key.known:
        progress(f"{key.address} shows the key {key.line.split()[1]} {key.fingerprint}")
        if not key.objection and not _accepted(orders, options):
            raise UsageError("the key was not accepted", remedy="nothing was stored")
        orders.wait(orders.bench.trust_host(key))
    said = "was known already" if key.known else "is known from now on"
    return _kept(options, f"{key.fingerprint} {said}", asdict(key) | {"known": True})


def _accepted(orders: Orders, options: Namespace) -> bool:
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked whether this key is right",
            remedy="compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the board, then add --yes",
        )
    return orders.agreed(
        "Does `ssh-keygen -lf` on the board's own /etc/ssh/ssh_host_*.pub show the same? Accept it?"
    )


def _wifi(orders: Orders, options: Namespace) -> dict[str, Any]:
    address = orders.wait(orders.bench.to_wifi(_PHONE))
    entry = next(
        (one for one in orders.bench.saved_devices() if options.wifi in {one.name, one.address}), None
    )
    if entry is not None:
        orders.wait(orders.bench.save_device(replace(entry, address=address), options.wifi))
    return _kept(
        options, f"{options.wifi} is {address} from now on", {"was": options.wifi, "address": address}
    )


_ACTS: dict[str, Callable[[Orders, Namespace], Any]] = {
    "add": _add,
    "rename": _rename,
    "forget": _forget,
    "trust": _trust,
    "wifi": _wifi,
}


def _kept(options: Namespace, sentence: str, told: dict[str, Any]) -> dict[str, Any]:
    if not options.json:
        result(sentence)
    return told


def _row(found: Found, saved: DeviceConfig | None) -> dict[str, Any]:
    return {**asdict(found), "name": saved.name if saved else "", "saved": saved is not None}


def _bare(address: str) -> str:
    return address.partition("?")[0]


def _absent(saved: DeviceConfig) -> dict[str, Any]:
    far = "://" in saved.address and not saved.address.startswith("ssh:")
    found = Found(
        address=saved.address,
        kind=_KINDS.get(saved.address.partition(":")[0], DeviceKind.BOARD),
        title=saved.name or saved.address,
        ready=False,
        reason="it is on another machine" if far else "it is not seen at the moment",
        next_step=f"melt watch --device {saved.name or saved.address}" if far else "plug it in",
    )
    return _row(found, saved)


def _missing(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """For each link on which there is nothing, what to do."""
    schemes = {str(row["address"]).partition(":")[0] for row in rows}
    for own, sentence in _NOTHING_ON.items():
        if not schemes & own:
            yield sentence


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    told = filter(None, ("ready" if row["ready"] else "", row["reason"]))
    reason = ", but ".join(told)
    state = f"{reason}: {row['next_step']}".rstrip(": ")
    return (row["address"], row["name"], row["kind"], row["title"], state)
