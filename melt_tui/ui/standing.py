"""How a device stands: its state, what it is doing, and what is wrong with it, in a few words. Pure."""

from drivers.model import DeviceKind
from melt_tui.events import RunOutcome, RunWaiting
from melt_tui.format import number, seconds, stamp
from melt_tui.timeline import DeviceState, DeviceView, RunPhase, RunView, View
from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.waits import phase_of_wait

_STATES = {
    DeviceState.CONNECTING: CardState.BUSY,
    DeviceState.LOST: CardState.LOST,
    DeviceState.FAILED: CardState.FAILED,
}


def simulated(view: View, device: str) -> bool:
    """Whether a device is."""
    known = view.devices.get(device)
    return bool(known and known.info and known.info.simulated)


def imported_by(view: View, device: str) -> bool:
    """Whether a device was read from files that others wrote."""
    known = view.devices.get(device)
    return bool(known and known.info and known.info.address.startswith("imported:"))


def state_of(device: DeviceView, run: RunView | None, wait: RunWaiting | None = None) -> CardState:
    """``run``: the one in progress, if there is one; ``wait``: what one waits for that has not begun."""
    if device.state in _STATES:
        return _STATES[device.state]
    if run is not None:
        return CardState.BUSY if run.phase is RunPhase.LOADING else CardState.RUNNING
    if wait is not None:
        return CardState.BUSY
    meter = device.info is not None and device.info.kind is DeviceKind.METER
    return CardState.STREAMING if meter else CardState.IDLE


def phase_of(view: View, device: DeviceView, run: RunView | None, wait: RunWaiting | None = None) -> str:
    """``decode``, ``idle``, ``5 kS/s``, ``away 3 s``."""
    if device.state is DeviceState.LOST:
        return f"away {seconds(float(int((view.t_ns - device.since_ns) / 1e9)))}"
    if device.state is not DeviceState.UP:
        return device.state
    if run is not None:
        return run.phase
    if wait is not None:
        return phase_of_wait(wait)
    if device.info is not None and device.info.kind is DeviceKind.METER:
        rates = [c.rate_hz for c in view.channels.values() if c.device == device.device and c.rate_hz]
        return f"{_sample_rate(max(rates))}" if rates else ""
    return "idle"


def warning_of(view: View, device: DeviceView, origin: int) -> str:
    """Why it is not there, since when it throttles, or which limit is in force; empty when all is well."""
    if device.state in {DeviceState.LOST, DeviceState.FAILED}:
        return f"{device.reason}: {device.remedy}" if device.remedy else device.reason
    onset, limits = view.throttled.get(device.device), view.limits.get(device.device, ())
    if onset is not None:
        return f"throttled since {_minutes(onset.t_ns, origin)}"
    if not limits:
        return ""
    first = min(limits, key=lambda limit: limit.t_ns)
    what = "thermal limit" if first.reason == "thermal" else first.reason
    return f"{what} since {_minutes(first.t_ns, origin)}"


def failure_of(run: RunView | None, origin: int) -> str:
    """That the last run failed, and when: why is told by the run panel."""
    if run is None or run.ended is None or run.ended.outcome is not RunOutcome.FAILED:
        return ""
    return f"run failed at {_minutes(run.ended.t_ns, origin)}"


def _minutes(t_ns: int, origin: int) -> str:
    return stamp((t_ns - origin) / 1e9).partition(".")[0]


def _sample_rate(rate_hz: float) -> str:
    return f"{number(rate_hz / 1000)} kS/s" if rate_hz >= 1000 else f"{rate_hz:g} S/s"
