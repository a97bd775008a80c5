"""That a recorded counter is coarse is told by its own counts."""

import numpy as np
import pytest

from drivers.clock import SECOND
from drivers.model import Kind
from melt_tui.analysis.traces import Read, with_samples
from melt_tui.measures.integral import Trace

NONE = np.zeros(0, np.int64)


@pytest.mark.parametrize(("kind", "known"), [(Kind.COUNTER, False), (Kind.INSTANT, True)])
def test_of_a_counter_that_stands_short_windows_are_not_told(kind: Kind, known: bool) -> None:
    times = np.arange(0, 20 * SECOND, SECOND // 100)
    about = Trace(kind=kind, times_ns=NONE, values=np.zeros(0), period_ns=SECOND / 100)
    source = Read(with_samples(about, times, 3.6 * np.floor(2.0 * times / SECOND / 3.6)))
    assert (source.energy(5 * SECOND, 6 * SECOND) is not None) is known
    if not known:
        assert source.least_ns == pytest.approx(1.8 * SECOND, rel=0.01)
        whole = source.energy(5 * SECOND, 15 * SECOND)
        assert whole is not None
        assert (whole.joules.value, whole.peak_w) == pytest.approx((20, 2), rel=0.01)
