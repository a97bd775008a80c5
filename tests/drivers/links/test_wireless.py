"""Which of a phone's addresses leads to it without a cable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.links.wireless import wireless_address
from tests.rigs.phone_network import LOOPBACK, MOBILE, MOBILE_ROUTE


def line(name: str, address: str, number: int = 30) -> str:
    return f"{number}: {name}    inet {address}/24 brd 192.168.1.255 scope global {name}\\       valid_lft forever preferred_lft forever"


def route(name: str) -> str:
    return f"default via 192.168.1.1 dev {name} table 1030 proto static mtu 1500"


WLAN0, WLAN1, SWLAN0 = (
    line("wlan0", "192.168.1.5"),
    line("wlan1", "192.168.2.5"),
    line("swlan0", "192.168.43.1"),
)
ETH0 = line("eth0", "192.168.1.9")
OTHERS = (
    LOOPBACK, MOBILE, line("rndis0", "192.168.42.129"), line("p2p-wlan0-0", "192.168.49.1"), line("tun0", "10.8.0.2"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("addresses", "routes", "address"),
    [
        ([WLAN0], [], "192.168.1.5"),
        ([WLAN0], [MOBILE_ROUTE, route("wlan0")], "192.168.1.5"),
        ([WLAN0, WLAN1], [route("wlan1")], "192.168.2.5"),
        ([WLAN1], [MOBILE_ROUTE], "192.168.2.5"),
        ([SWLAN0], [MOBILE_ROUTE], "192.168.43.1"),
        ([ETH0], [route("eth0")], "192.168.1.9"),
        ([ETH0, WLAN0], [route("eth0")], "192.168.1.5"),
        ([ETH0], [], None),
        ([line("wlan0@if7", "192.168.1.5")], ["default dev wlan0 scope link"], "192.168.1.5"),
        ([line("wlan0", "169.254.7.7")], [route("wlan0")], None),
        ([WLAN0, line("wlan0", "192.168.1.6")], [], "192.168.1.5"),
        ([], [MOBILE_ROUTE, route("tun0"), route("wlan0")], None),
    ],
)
def test_the_address(addresses: list[str], routes: list[str], address: str | None) -> None:
    assert wireless_address("\n".join([*OTHERS, *addresses]), "\n".join(routes)) == address


@given(st.text(), st.text())
def test_no_text_is_too_odd(addresses: str, routes: str) -> None:
    wireless_address(addresses, routes)
