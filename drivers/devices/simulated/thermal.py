"""Heat as an RC network: nodes that store it, paths that let it pass, surroundings of a fixed temperature."""

from collections.abc import Mapping

AMBIENT = "ambient"
"""Name of the surroundings in a path: any power goes in and their temperature stays."""

_SETTLED_K = 1e-6
_STABLE = 0.2
"""An explicit step is at most this part of the fastest node's time constant."""


class ThermalNetwork:
    """Nodes with capacities in J/K, paths between them (or to ``AMBIENT``) with conductances in W/K."""

    def __init__(
        self,
        capacities: Mapping[str, float],
        conductances: Mapping[tuple[str, str], float],
        ambient_c: float,
    ) -> None:
        self.ambient_c = ambient_c
        self.temperatures: dict[str, float] = dict.fromkeys(capacities, ambient_c)
        """By node, in °C."""
        self._capacities = dict(capacities)
        self._paths: dict[str, list[tuple[str, float]]] = {node: [] for node in capacities}
        self._totals: dict[str, float] = {}
        for (a, b), conductance in conductances.items():
            self._join(a, b, conductance)
            self._join(b, a, conductance)

    def step(
        self, seconds: float, heat_w: Mapping[str, float], contact: Mapping[str, tuple[float, float]]
    ) -> None:
        """Let time pass with that much heat entering each node, in W.

        ``contact`` presses a body of a fixed temperature on a node: ``(temperature in °C, conductance in W/K)``.
        """
        slices = max(1, int(seconds / (_STABLE * self._fastest_s(contact))) + 1)
        for _ in range(slices):
            self._slice(seconds / slices, heat_w, contact)

    def settle(self, heat_w: Mapping[str, float]) -> None:
        """Take the temperatures at which nothing changes any more under that heat (Gauss-Seidel, to 1 µK)."""
        change = 1.0
        while change > _SETTLED_K:
            change = 0.0
            for node, paths in self._paths.items():
                carried = sum(conductance * self._of(other) for other, conductance in paths)
                temperature = (heat_w.get(node, 0.0) + carried) / self._totals[node]
                change = max(change, abs(temperature - self.temperatures[node]))
                self.temperatures[node] = temperature

    def set_conductance(self, a: str, b: str, conductance: float) -> None:
        """Change a path: a fan that turns faster."""
        self._join(a, b, conductance)
        self._join(b, a, conductance)

    def _slice(
        self, seconds: float, heat_w: Mapping[str, float], contact: Mapping[str, tuple[float, float]]
    ) -> None:
        flows = {
            node: heat_w.get(node, 0.0)
            + sum(conductance * (self._of(other) - self.temperatures[node]) for other, conductance in paths)
            for node, paths in self._paths.items()
        }
        for node, (temperature, conductance) in contact.items():
            flows[node] += conductance * (temperature - self.temperatures[node])
        for node, flow in flows.items():
            self.temperatures[node] += flow * seconds / self._capacities[node]

    def _fastest_s(self, contact: Mapping[str, tuple[float, float]]) -> float:
        return min(
            self._capacities[node] / (total + contact.get(node, (0.0, 0.0))[1])
            for node, total in self._totals.items()
        )

    def _join(self, a: str, b: str, conductance: float) -> None:
        if a == AMBIENT:
            return
        self._paths[a] = [path for path in self._paths[a] if path[0] != b] + [(b, conductance)]
        self._totals[a] = sum(conductance for _, conductance in self._paths[a])

    def _of(self, node: str) -> float:
        return self.ambient_c if node == AMBIENT else self.temperatures[node]
