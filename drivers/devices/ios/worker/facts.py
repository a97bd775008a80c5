# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a phone is, as lockdownd tells it."""

from typing import Any

from pymobiledevice3.lockdown import UsbmuxLockdownClient, create_using_usbmux

from drivers.devices.ios.worker.faults import plain

FACTS = [
    *("DeviceName", "ProductType", "ProductVersion", "BuildVersion", "HardwareModel"),
    *("CPUArchitecture", "DeviceClass"),
]


async def identified(udid: str) -> tuple[dict[str, Any], bool]:
    """What it tells anybody, and whether it trusts this computer."""
    async with await create_using_usbmux(serial=udid, autopair=False) as lockdown:
        return facts_of(lockdown), bool(lockdown.paired)


def facts_of(lockdown: UsbmuxLockdownClient) -> dict[str, Any]:
    """Who a phone is; ``title`` is what its maker sells it as."""
    return {**plain(lockdown.all_values, FACTS), "title": str(lockdown.display_name or "")[:64]}
