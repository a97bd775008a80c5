"""What could keep melt from reaching iPhones, each with a remedy. A worker looks, and ends; no phone is asked for trust."""

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Sequence

from drivers.errors import DriverError
from drivers.links import usbmux
from drivers.links.usbmuxfaults import error_of
from drivers.links.usbmuxwire import Fault
from drivers.model import Found
from melt_tui.workbench.doctor import EXTRAS, Finding

Look = Callable[[], Awaitable[Sequence[Found]]]

LOOK_S = 8.0
DAEMON = "usbmuxd"
DEVELOPING = (
    "processes, memory, GPU and apps also need Developer Mode and its image: opening it says which is missing"
)


def examine_iphones(look: Look | None = None) -> list[Finding]:
    """usbmuxd, and each iPhone with what stands in its way."""
    plugged = usbmux.plugged_in()
    if importlib.util.find_spec(EXTRAS["ios"][0]) is None:
        return [_missing(Fault.NO_PACKAGE, "iPhone")] if plugged else []
    if not usbmux.present():
        return [_missing(Fault.NO_USBMUXD, DAEMON, good=False if plugged else None)]
    try:
        phones = asyncio.run(_looked(look or _scan()))
    except TimeoutError:
        return [_finding(error_of(Fault.SILENT, "", DAEMON), DAEMON, remedy="restart it")]
    except DriverError as error:
        return [_finding(error, DAEMON)]
    answers = Finding(DAEMON, good=True, detail="it answers")
    if not phones:
        return [answers, Finding("iPhones", None, "none is plugged in", "plug one in, unlock it, tap Trust")]
    return [answers, *map(_phone, phones)]


def _scan() -> Look:
    """As ``melt devices`` looks for them."""
    scan: Look = importlib.import_module("drivers.devices.ios.driver").IosDriver().scan
    return scan


async def _looked(look: Look) -> Sequence[Found]:
    async with asyncio.timeout(LOOK_S):
        return await look()


def _phone(phone: Found) -> Finding:
    if phone.ready:
        return Finding(phone.address, good=True, detail=f"{phone.title}; {DEVELOPING}")
    return Finding(phone.address, good=False, detail=f"{phone.title}: {phone.reason}", remedy=phone.next_step)


def _missing(fault: Fault, subject: str, *, good: bool | None = False) -> Finding:
    error = error_of(fault, "", subject)
    return Finding(subject, good, error.sentence, error.remedy)


def _finding(error: DriverError, subject: str, *, remedy: str = "") -> Finding:
    return Finding(subject, good=False, detail=error.sentence, remedy=remedy or error.remedy)
