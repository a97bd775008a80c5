"""Whether something that speaks adb is plugged into this computer, told without adb.

Source: an adb interface has USB class 0xff, subclass 0x42, protocol 1 (AOSP packages/modules/adb, adb.h).
"""

import sys
from contextlib import suppress
from pathlib import Path

DEVICES = Path("/sys/bus/usb/devices")

_FILES = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
_ADB = ("ff", "42", "01")


def plugged_in(devices: Path = DEVICES) -> bool | None:
    """Whether there is one; None where this system does not tell. Reads small files."""
    if not sys.platform.startswith("linux"):
        return None
    return any(_triple(interface) == _ADB for interface in devices.glob("*:*"))


def _triple(interface: Path) -> tuple[str, ...]:
    with suppress(OSError, UnicodeDecodeError):
        return tuple((interface / name).read_text().strip() for name in _FILES)
    return ()
