"""What the adb server's list of devices means for a user. Pure."""

from dataclasses import dataclass

from drivers import linux
from drivers.foreign import printable
from drivers.model import DeviceKind, Found

READY = "device"

_AUTHORISE = "unlock the phone and allow USB debugging from this computer"
_STATES = {
    "unauthorized": ("the phone does not trust this computer", _AUTHORISE),
    "authorizing": ("the phone has not yet answered whether it trusts this computer", _AUTHORISE),
    "offline": (
        "the phone does not answer",
        "unplug it and plug it in again, or turn USB debugging off and on",
    ),
    "connecting": ("the phone is being connected", "wait a moment"),
    "bootloader": ("the phone is in its bootloader", "start Android on it: fastboot reboot"),
    "recovery": ("the phone is in recovery", "start Android on it: adb reboot"),
    "sideload": ("the phone waits for a system image", "start Android on it: adb reboot"),
    "rescue": ("the phone is in rescue mode", "start Android on it: adb reboot"),
    "host": ("it is another computer's adb", "plug in a phone"),
    "detached": ("another program has taken the phone", "adb attach, or end that program"),
}
_NO_PERMISSION = (
    "this user may not open the phone's USB device",
    "install the udev rules (Debian: android-sdk-platform-tools-common), join the group plugdev, plug it in again",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the server's list."""

    serial: str
    state: str
    """``device``, ``offline``, ``unauthorized``, ``no permissions …`` …"""
    model: str = ""


def found(listed: Listed) -> Found:
    """The device, or why it cannot be used and what comes next."""
    reason, next_step = why_not(listed.state)
    model = linux.name(listed.model.replace("_", " "))
    serial = linux.name(listed.serial)
    return Found(
        address=f"adb:{serial}",
        kind=DeviceKind.PHONE,
        title=f"{model} ({serial})" if model else serial,
        ready=listed.state == READY,
        reason=reason,
        next_step=next_step,
    )


def why_not(state: str) -> tuple[str, str]:
    """Reason and next step of a state; empty for one that is ready."""
    if state == READY:
        return "", ""
    if state.startswith("no permissions"):
        return _NO_PERMISSION
    unknown = (f"adb says {printable(state, 40)!r}", "unplug it and plug it in again")
    return _STATES.get(state, unknown)


def over(serial: str) -> str:
    """How a phone of that serial is reached: ``Wi-Fi`` for a host and port or a name of mDNS, ``USB`` otherwise."""
    host, colon, port = serial.rpartition(":")
    return "Wi-Fi" if (host and colon and port.isdecimal()) or "._adb" in serial else "USB"
