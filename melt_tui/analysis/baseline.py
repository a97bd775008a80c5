"""The time before a run that is taken for idle, and why it may not be."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from drivers.clock import SECOND
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.samples import read
from melt_tui.analysis.traces import Measured
from melt_tui.measures.baseline import ROUNDING_NS, SCREEN, bounds, steadied
from melt_tui.measures.energy import Amount


@dataclass(frozen=True, slots=True)
class Baseline:
    """From when to when, or why there is none."""

    t0_ns: int
    t1_ns: int
    lacking: str = ""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.t1_ns - self.t0_ns) / SECOND

    def idle(self, measured: Measured) -> Amount | str:
        """Mean power of a source meanwhile, or why it is not known."""
        if self.lacking:
            return self.lacking
        energy = measured.energy(self.t0_ns, self.t1_ns)
        if energy is None:
            return "nothing was measured in the time before the run"
        if not energy.enough:
            return (
                f"only {100 * energy.coverage:.0f} % of the {self.seconds:.0f} s before the run were measured"
            )
        ends = bounds(self.t0_ns, self.t1_ns)
        parts = [measured.energy(*both) for both in pairwise(ends)]
        return steadied(energy.mean, [part.mean for part in parts if part is not None and part.enough])


def baseline(
    recording: Recorded,
    channels: Channels,
    device: str,
    span: tuple[int, int],
    seconds: float,
    busy_until_ns: int,
) -> Baseline:
    """That of a run over ``span`` on a device on which something else ran until ``busy_until_ns``."""
    t1_ns = span[0]
    t0_ns = t1_ns - round(seconds * SECOND)
    recorded_s = (t1_ns - recording.span()[0]) / SECOND
    idle_s = (t1_ns - busy_until_ns) / SECOND
    lacking = ""
    if recording.span()[0] > t0_ns + ROUNDING_NS:
        lacking = (
            f"{_before(recorded_s, seconds)} recorded (melt run --baseline {seconds:.0f} waits for them)"
        )
    elif busy_until_ns > t0_ns:
        lacking = f"{_before(idle_s, seconds)} idle: another run had just ended"
    else:
        lacking = _screen(recording, channels, device, t0_ns, span[1])
    return Baseline(max(t0_ns, recording.span()[0]), t1_ns, lacking)


def _before(known_s: float, wanted_s: float) -> str:
    return f"of the {wanted_s:.0f} s before the run only {max(0.0, known_s):.0f} s were"


def _screen(recording: Recorded, channels: Channels, device: str, t0_ns: int, t1_ns: int) -> str:
    for name in SCREEN:
        if (device, name) in channels.latest:
            times, states = read(recording, channels, (device, name), recording.span()[0], t1_ns)
            first = max(0, int(np.searchsorted(times, t0_ns, "right")) - 1)
            if len(set(states[first:].tolist())) > 1:
                return f"the {name} was not the same before the run and in it"
    return ""
