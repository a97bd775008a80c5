"""What a scan tells of a scheme that failed. Pure."""

from drivers.errors import DriverError
from drivers.model import DeviceKind, Found


def failed(base: str, error: Exception, limit_s: float) -> Found:
    """That it did, why, and the next step; of one that did not answer within ``limit_s`` that it is late."""
    scheme = base.partition(":")[0]
    kind = {
        "host": DeviceKind.HOST,
        "adb": DeviceKind.PHONE,
        "ios": DeviceKind.PHONE,
        "serial": DeviceKind.METER,
        "monsoon": DeviceKind.METER,
    }.get(scheme, DeviceKind.BOARD)
    reason, remedy = f"looking failed: {error!r:.200}", "run with --debug and report it"
    if isinstance(error, TimeoutError):
        reason, remedy = f"did not answer within {limit_s:g} s", "try again"
    elif isinstance(error, DriverError):
        reason, remedy = error.sentence, error.remedy
    return Found(address=base, kind=kind, title=scheme, ready=False, reason=reason, next_step=remedy)
