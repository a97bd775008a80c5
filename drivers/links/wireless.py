"""Under which address a phone is reached without its cable, by what its ``ip`` says. Pure.

Phones keep the default route of each network in a table of its own, and the mobile network's beside it: an interface is
known by its name. ``wlan0`` on most, ``wlan1`` and ``swlan0`` where there are two or the phone is the access point.
"""

import re
from collections.abc import Iterator

ADDRESSES = ("ip", "-4", "-o", "addr", "show")
ROUTES = ("ip", "-4", "route", "show", "table", "all")

_ADDRESS = re.compile(r"[0-9]+: ([^ @:]{1,32})(?:@\S+)?\s+inet ([0-9]{1,3}(?:\.[0-9]{1,3}){3})/[0-9]{1,2} .*")
_DEFAULT = re.compile(r"default (?:.* )?dev (\S{1,32})(?: .*)?")
_WIRELESS = re.compile(r"(?:s?wlan|wifi|ap)[0-9]+|wlp\S+")
_WIRED = re.compile(r"eth[0-9]+")
_OF_NO_NETWORK = "169.254."


def wireless_address(addresses: str, routes: str) -> str | None:
    """By the answers to ``ADDRESSES`` and ``ROUTES``: that of the interface over which the phone reaches all else, if it is
    a wireless one; else of any wireless one; else of the socket over which it does. None without one: the mobile network,
    a tunnel and the cable itself lead nowhere."""
    found = dict(_found(addresses))
    default = [match[1] for line in routes.splitlines() if (match := _DEFAULT.fullmatch(line.strip()))]
    wireless = [name for name in (*default, *found) if _WIRELESS.fullmatch(name)]
    wired = [name for name in default if _WIRED.fullmatch(name)]
    return next((found[name] for name in (*wireless, *wired) if name in found), None)


def _found(addresses: str) -> Iterator[tuple[str, str]]:
    """Interfaces with their first addresses."""
    seen: set[str] = set()
    for line in addresses.splitlines():
        match = _ADDRESS.fullmatch(line.strip().rstrip("\\"))
        if match and match[1] not in seen and not match[2].startswith(_OF_NO_NETWORK):
            seen.add(match[1])
            yield match[1], match[2]
