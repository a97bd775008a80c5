"""What a fault of an iPhone means to people: what happened, and what to do about it. Pure."""

from collections.abc import Callable

from drivers.errors import (
    DriverError,
    Garbled,
    LinkError,
    LinkLost,
    LinkTimeout,
    MissingExtra,
    NotSupported,
    Refused,
    RunFailed,
)
from drivers.foreign import printable
from drivers.links.usbmuxwire import Fault

WAITING = "melt goes on by itself"
_TRUST = "unplug it, plug it in again, unlock it and tap Trust"

_Kind = Callable[..., DriverError]

_MEANINGS: dict[Fault, tuple[_Kind, str, str]] = {
    Fault.NO_USBMUXD: (
        LinkLost,
        "no usbmuxd answers on this computer",
        "install and start it (Debian, Ubuntu: apt install usbmuxd)",
    ),
    Fault.NO_PACKAGE: (
        MissingExtra,
        "iPhones need the Python package pymobiledevice3",
        "pip install 'melt-tui[ios]'",
    ),
    Fault.GONE: (LinkLost, "{} is not connected", "plug it in"),
    Fault.SILENT: (LinkTimeout, "{} does not answer", "unlock it, or unplug it and plug it in again"),
    Fault.LOCKED: (LinkError, "{} is locked", f"unlock it; {WAITING}"),
    Fault.TRUST_PENDING: (
        LinkError,
        "{} asks whether to trust this computer",
        f"unlock it and tap Trust; {WAITING}",
    ),
    Fault.TRUST_DENIED: (Refused, "{} was told not to trust this computer", _TRUST),
    Fault.UNPAIRED: (Refused, "{} does not know this computer's pairing record", _TRUST),
    Fault.RECOVERY: (NotSupported, "{} is in recovery mode", "restart it"),
    Fault.DEVELOPER_OFF: (
        NotSupported,
        "developer mode is off on {}",
        "switch on Settings > Privacy & Security > Developer Mode (shown after: pymobiledevice3 amfi reveal-developer-mode)",
    ),
    Fault.NO_IMAGE: (
        NotSupported,
        "the developer image is not mounted on {}",
        "mount it, which fetches it once: pymobiledevice3 mounter auto-mount",
    ),
    Fault.NO_TUNNEL: (
        NotSupported,
        "{} gives no tunnel",
        "iOS 17.4 or later over USB gives one: update an older one, take the cable, or restart it",
    ),
    Fault.NO_APP: (
        NotSupported,
        "{} could not start that app",
        "install it signed for development, open it once by hand, and check its bundle identifier",
    ),
    Fault.NO_DEVELOPER: (
        NotSupported,
        "{} has not told yet whether it lets developers in",
        "try again in a few seconds",
    ),
    Fault.UNSUPPORTED: (NotSupported, "{} cannot do this", "take another version of iOS"),
    Fault.GARBLED: (Garbled, "{} answered nonsense", "restart it; if that does not help, report it"),
    Fault.FAILED: (RunFailed, "{} refused", "restart it; if that does not help, report it"),
}
_SAYING = frozenset({Fault.UNSUPPORTED, Fault.GARBLED, Fault.FAILED})
"""Of these what was said is part of what happened."""


def error_of(fault: Fault, text: str, about: str) -> DriverError:
    """The error behind a fault of the phone called ``about``."""
    kind, sentence, remedy = _MEANINGS[fault]
    said = f" ({printable(text, 200)})" if fault in _SAYING and text else ""
    return kind(sentence.format(about) + said, remedy=remedy)
