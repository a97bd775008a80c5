# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker tells of errors, by what has to be done about them, and how it tells values. Pure.

Exceptions are known by their names: those of pymobiledevice3 are not imported for it.
"""

from collections.abc import Mapping
from typing import Any

from drivers.links.usbmuxwire import TEXT_LIMIT, Fault

FAULTS: Mapping[str, Fault] = {
    "ConnectionFailedToUsbmuxdError": Fault.NO_USBMUXD,
    "PasswordRequiredError": Fault.LOCKED,
    "PasscodeRequiredError": Fault.LOCKED,
    "PairingDialogResponsePendingError": Fault.TRUST_PENDING,
    "UserDeniedPairingError": Fault.TRUST_DENIED,
    "InvalidHostIDError": Fault.UNPAIRED,
    "FatalPairingError": Fault.UNPAIRED,
    "NotPairedError": Fault.UNPAIRED,
    "NotTrustedError": Fault.UNPAIRED,
    "IncorrectModeError": Fault.RECOVERY,
    "DeveloperModeIsNotEnabledError": Fault.DEVELOPER_OFF,
    "InvalidServiceError": Fault.NO_IMAGE,
    "StartServiceError": Fault.NO_IMAGE,
    "UserspaceTunnelUnavailableError": Fault.NO_TUNNEL,
    "AppNotInstalledError": Fault.NO_APP,
    "DeviceFeatureNotSupportedError": Fault.UNSUPPORTED,
    "UnrecognizedSelectorError": Fault.UNSUPPORTED,
    "NotificationStateError": Fault.UNSUPPORTED,
    "InvalidVersion": Fault.UNSUPPORTED,
    "NoDeviceConnectedError": Fault.GONE,
    "DeviceNotFoundError": Fault.GONE,
    "MuxException": Fault.GONE,
    "ConnectionTerminatedError": Fault.GONE,
    "QueueShutDown": Fault.GONE,
    "IncompleteReadError": Fault.GONE,
    "ModuleNotFoundError": Fault.NO_PACKAGE,
    "SSLError": Fault.UNPAIRED,
    "TimeoutError": Fault.SILENT,
    "OSError": Fault.GONE,
    "ProtocolError": Fault.GARBLED,
    "PyMobileDevice3Exception": Fault.FAILED,
    "DTXNsError": Fault.FAILED,
    "Exception": Fault.GARBLED,
}
"""By the name of the exception, or of the nearest of those that it is made from."""


class Trouble(Exception):
    """What is known to be wrong."""

    def __init__(self, fault: Fault, said: str = "") -> None:
        super().__init__(said)
        self.fault = fault


def judged(error: BaseException) -> tuple[Fault, str]:
    """What has to be done about an error, and what it says."""
    if isinstance(error, Trouble):
        return error.fault, str(error)
    named = (FAULTS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in FAULTS)
    return next(named, Fault.FAILED), f"{type(error).__name__}: {error}"[:TEXT_LIMIT]


def plain(values: Any, names: list[str] | None = None) -> dict[str, Any]:
    """Of a dictionary those values that JSON has, and no text that is long."""
    some = values.items() if isinstance(values, Mapping) else ()
    return {
        str(key)[:64]: value
        for key, value in some
        if (names is None or key in names) and isinstance(value, int | float | str) and len(str(value)) < 200
    }


def version_of(told: str) -> tuple[int, ...]:
    """``17.4.1`` → (17, 4, 1); empty for what is none."""
    words = told.split(".")
    return (
        tuple(int(word) for word in words) if all(word.isascii() and word.isdigit() for word in words) else ()
    )
