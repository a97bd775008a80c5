"""Which limits are in force on a simulated machine, told when they change, in its platform's words."""

from collections.abc import Iterator

from drivers.devices.simulated.body import Body
from drivers.devices.simulated.governor import Status
from drivers.events import Event, LimitEngaged, LimitReleased

THERMAL = "thermal status"


class Limits:
    """Compares what is in force with what was told since the device was opened."""

    def __init__(self, body: Body, device: str) -> None:
        self._body = body
        self._device = device
        self._told: dict[str, str] = {}

    def changes(self, t_ns: int) -> Iterator[Event]:
        """A limit that engaged, or is deeper or less deep than before, and those that were released."""
        force = self._in_force()
        for limit, (reason, detail) in force.items():
            if self._told.get(limit) != detail:
                yield LimitEngaged(t_ns=t_ns, device=self._device, limit=limit, reason=reason, detail=detail)
        for limit in [limit for limit in self._told if limit not in force]:
            yield LimitReleased(t_ns=t_ns, device=self._device, limit=limit)
        self._told = {limit: detail for limit, (_, detail) in force.items()}

    def _in_force(self) -> dict[str, tuple[str, str]]:
        status = self._body.status
        if status is Status.NONE:
            return {}
        force = {THERMAL: ("thermal", status.name)}
        for i, policy in enumerate(self._body.governor.policies):
            cap = self._body.governor.cap(i)
            if cap < policy.top:
                name = f"cpu cap {policy.name}" if policy.name.startswith("policy") else f"{policy.name} cap"
                force[name] = ("operating-system cap", f"{policy.top / 1e9:.2f} → {cap / 1e9:.2f} GHz")
        return force
