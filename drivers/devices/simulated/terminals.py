"""What a simulated meter at a machine's battery terminals writes on its cable: lines of volts and amperes."""

from collections.abc import Iterator

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.simulated.body import Body
from drivers.links.scripted import Play

COLUMNS = "V,A"
WRITE_NS = 50 * MILLISECOND
"""It writes what it has this often, at least a line at a time."""


def terminal_lines(body: Body, start_ns: int, rate_hz: float) -> Iterator[Play]:
    """Endless: ``rate_hz`` lines a second, several in one write; each read at its own moment."""
    period_ns = round(SECOND / rate_hz)
    each = max(1, WRITE_NS // period_ns)
    t_ns = start_ns
    while True:
        lines = []
        for _ in range(each):
            t_ns += period_ns
            body.advance(t_ns)
            volts, amperes = body.terminals(t_ns)
            lines.append(f"{volts:.4f},{amperes:.5f}\n")
        yield Play(t_ns, "".join(lines).encode())
