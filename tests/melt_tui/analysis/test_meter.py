"""What is known of a meter of which nobody knows the rate."""

from dataclasses import replace

import numpy as np
import pytest

from drivers.model import block
from tests.melt_tui.analysis.test_energy import METER, parts, summary, wired
from tests.rigs.sessions import at


@pytest.mark.parametrize("step_s", [69.5, 69.8, 70.0, 70.2])
def test_lines_of_an_unknown_rate_may_be_as_old_as_the_ones_before(step_s: float) -> None:
    """Written ten times a second, they come five at a time: each is up to half a second old."""
    bare = replace(METER, accuracy=None, rate_hz=None)
    late = []
    for t0 in np.arange(5.0, 95.0, 0.5).tolist():
        watts = [1.0 + 4.0 * (t0 + i / 10 > step_s) for i in range(5)]
        late.append(block(bare, at(t0 + 0.4), at(t0 + 0.4), watts))
    run_of = parts(summary(*wired(bare), *late))["run", None]
    truth = 5.0 * 20 - 4.0 * max(0.0, step_s - 70)
    assert run_of.coverage == pytest.approx(1.0)
    assert abs(run_of.gross_j - truth) <= run_of.integration_j
    assert run_of.integration_j > 0.3
