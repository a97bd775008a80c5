# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phones there are."""

import asyncio
import importlib
from typing import Any

from pymobiledevice3 import usbmux

from drivers.devices.ios.worker.faults import judged
from drivers.devices.ios.worker.serving import Tasks, tell, tried
from drivers.foreign import Fields
from drivers.links.usbmuxwire import Fault, Tell

ANSWER_S = 6.0
IDENTIFY_S = 3.0


class Listing:
    """Which phones there are."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._known: dict[str, dict[str, Any]] = {}
        self._asked: set[str] = set()

    async def follow(self) -> Fields:
        """Tell them now and at every change."""
        async with asyncio.timeout(ANSWER_S):
            listed = await usbmux.list_devices()
            mux: Any = await usbmux.create_mux()
            await mux.listen()
        self._changed(listed)
        self._tasks.begin(self._listen(mux))
        return {}

    async def _listen(self, mux: Any) -> None:
        error = await tried(self._updates(mux))
        fault, said = judged(error) if isinstance(error, BaseException) else (Fault.GONE, "")
        tell(Tell.ENDED, fault=Fault.NO_USBMUXD if fault is Fault.GONE else fault, text=said)

    async def _updates(self, mux: Any) -> None:
        async with mux:
            while True:
                await mux.receive_device_state_update()
                self._changed(mux.devices)

    def _changed(self, devices: list[usbmux.MuxDevice]) -> None:
        by_udid: dict[str, usbmux.MuxDevice] = {}
        for device in sorted(devices, key=lambda one: not one.is_usb):
            by_udid.setdefault(device.serial[:64], device)
        gone = self._asked - set(by_udid)
        self._asked -= gone
        self._known = {udid: phone for udid, phone in self._known.items() if udid not in gone}
        for udid, device in by_udid.items():
            if udid not in self._asked:
                self._asked.add(udid)
                self._tasks.begin(self._identify(udid, "USB" if device.is_usb else "Wi-Fi"))
        self._tell()

    async def _identify(self, udid: str, over: str) -> None:
        known = await tried(self._facts(udid))
        if isinstance(known, BaseException):
            fault, said = judged(known)
            known = {
                "fault": Fault.SILENT if fault is Fault.GONE else fault,
                "text": said,
            }  # it is on the cable
        if udid in self._asked:
            self._known[udid] = {"udid": udid, "over": over, **known}
            self._tell()

    async def _facts(self, udid: str) -> dict[str, Any]:
        facts_module = importlib.import_module(
            "drivers.devices.ios.worker.facts"
        )  # heavy: only once there is a phone
        async with asyncio.timeout(IDENTIFY_S):
            facts, paired = await facts_module.identified(udid)
        return {"facts": facts} if paired else {"facts": facts, "fault": Fault.UNPAIRED, "text": ""}

    def _tell(self) -> None:
        tell(Tell.PHONES, phones=list(self._known.values()), settled=len(self._known) == len(self._asked))
