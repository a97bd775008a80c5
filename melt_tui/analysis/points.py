"""The reference points at which a run was measured, each ready to tell the energy of any part of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from melt_tui.analysis.baseline import Baseline
from melt_tui.analysis.meter import Clipping, about
from melt_tui.analysis.power import Source, has_battery, sources
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.traces import Measured, measured
from melt_tui.measures.energy import Amount, Energy, net_device, together
from melt_tui.measures.metering import BEYOND_NS
from melt_tui.measures.points import GAUGE, LEAST_REFRESHES, NET, USB, tells_tokens


@dataclass(frozen=True, slots=True)
class Point:
    """One reference point, as one source measured it."""

    point: str
    source: str
    measured: Measured
    idle: Amount | str
    """Mean power of the baseline, W, or why it is not known."""
    tokens: str = ""
    """Why none of its energies is divided by tokens; empty where they are."""


class Clipped:
    """A source whose meter counts the samples at the end of its range by itself."""

    def __init__(self, inner: Measured, clipping: Clipping) -> None:
        self._inner = inner
        self._clipping = clipping

    @property
    def least_ns(self) -> float:
        """As of the source."""
        return self._inner.least_ns

    def energy(self, a_ns: int, b_ns: int) -> Energy | None:
        """As of the source, with that count."""
        energy = self._inner.energy(a_ns, b_ns)
        counted = self._clipping.within(a_ns, b_ns)
        return energy and replace(energy, clipped=energy.clipped + counted)


class Together:
    """Several meters that feed one device side by side."""

    def __init__(self, parts: Sequence[Measured]) -> None:
        self._parts = parts

    @property
    def least_ns(self) -> float:
        """The longest of theirs."""
        return max(part.least_ns for part in self._parts)

    def energy(self, a_ns: int, b_ns: int) -> Energy | None:
        """Their sum; None where one of them has none."""
        found = [part.energy(a_ns, b_ns) for part in self._parts]
        known = [energy for energy in found if energy is not None]
        return together(known) if len(known) == len(found) else None


class NetDevice:
    """What a device takes over USB, less what goes into its battery."""

    def __init__(self, usb: Measured, battery: Measured) -> None:
        self._usb = usb
        self._battery = battery

    @property
    def least_ns(self) -> float:
        """Refresh periods of the gauge, and of the meter."""
        return max(self._usb.least_ns, LEAST_REFRESHES * self._battery.least_ns)

    def energy(self, a_ns: int, b_ns: int) -> Energy | None:
        """An upper bound; None where either is unknown, or the window too short."""
        usb, battery = self._usb.energy(a_ns, b_ns), self._battery.energy(a_ns, b_ns)
        if usb is None or battery is None:
            return None
        return net_device(usb, battery, self._battery.least_ns)


def points_of(
    recording: Recorded,
    channels: Channels,
    device: str,
    span: tuple[int, int],
    idle: Baseline,
    added: Collection[str],
) -> list[Point]:
    """Every point at which the device was measured; meters at one point apart, and their sum if it is among ``added``.

    A meter that was wired to something else when the run began is none of them.
    """
    wide = (min(span[0], idle.t0_ns) - BEYOND_NS, span[1] + BEYOND_NS)
    found: list[Found] = []
    for source in sources(recording, channels, device, span[1]):
        looked = _measured(recording, channels, source, wide)
        if looked is not None and source.since_ns <= span[0]:
            found.append((source, looked))
    battery = has_battery(channels.of(device))
    return [_point(some, idle, battery=battery) for some in _groups(found, added)] + _net(found, idle, added)


def charging_unknown(points: Sequence[Point], channels: Channels, device: str) -> str:
    """Why it is not known what the battery takes of a device that is measured where it is charged, and what would help;
    empty where it is known, or there is no battery."""
    seen = [point.point for point in points]
    if USB not in seen or NET in seen or not has_battery(channels.of(device)):
        return ""
    if GAUGE in seen and seen.count(USB) > 1:
        return f"several meters measured there, and nobody said whether they are parts of it: --sum {USB} sums them up"
    return "nothing tells what goes into the battery"


Found = tuple[Source, Measured]


def _measured(
    recording: Recorded, channels: Channels, source: Source, wide: tuple[int, int]
) -> Measured | None:
    looked = measured(recording, channels, source.channel, about(recording, channels, source, *wide), *wide)
    if looked is None or not source.meter:
        return looked
    return Clipped(looked, Clipping(recording, channels, source.channel.device, *wide))


def _groups(found: Sequence[Found], added: Collection[str]) -> list[Sequence[Found]]:
    """Each by itself, then those that are to be added."""
    together = [[one for one in found if one[0].point == point] for point in added]
    return [*([one] for one in found), *(some for some in together if len(some) > 1)]


def _point(some: Sequence[Found], idle: Baseline, *, battery: bool) -> Point:
    point, looked = some[0][0].point, _joined(some)
    tells = tells_tokens(point, battery=battery)
    why = "" if tells else "it sees what the charger takes, not what the device does"
    return Point(point, _names(some), looked, _idle(some, looked, idle), why)


def _net(found: Sequence[Found], idle: Baseline, added: Collection[str]) -> list[Point]:
    """Where the device is measured at its USB input, by one meter or by several that are to be added, and at its battery."""
    usb = [one for one in found if one[0].point == USB]
    battery = [one for one in found if one[0].point == GAUGE]
    if not battery or not usb or (len(usb) > 1 and USB not in added):
        return []
    looked = NetDevice(_joined(usb), _joined(battery))
    name = f"{_names(usb)} less what goes into the battery by {_names(battery)}"
    return [
        Point(
            NET,
            name,
            looked,
            _idle(usb, looked, idle),
            "it is an upper bound: it contains the charger's loss",
        )
    ]


def _idle(some: Sequence[Found], looked: Measured, idle: Baseline) -> Amount | str:
    if any(source.since_ns > idle.t0_ns for source, _ in some):
        return "the meter was wired to something else in the time before the run"
    return idle.idle(looked)


def _joined(some: Sequence[Found]) -> Measured:
    return some[0][1] if len(some) == 1 else Together([looked for _, looked in some])


def _names(some: Sequence[Found]) -> str:
    return " + ".join(source.name for source, _ in some)
