"""How much LiveState holds, for a test: everything, or next to nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from drivers.events import LogLine, OutputText, PrefillProgress
from melt_tui.events import Tick
from melt_tui.live import bulk, chronicle, levels, slow


@contextmanager
def everything_held() -> Iterator[None]:
    """A bulk channel keeps its samples as long as a slow one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "RAW_NS", 1 << 60)
        yield


@contextmanager
def little_held() -> Iterator[None]:
    """A few samples, a few buckets, a few plentiful events: what is older has to come from elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "RAW_NS", 20_000_000)
        patch.setattr(bulk, "PENDING", 10)
        patch.setattr(levels, "BUCKETS", 8)
        patch.setattr(levels, "SLACK", 2)
        patch.setattr(slow, "SLOW_SAMPLES", 6)
        patch.setattr(slow, "UNTIMED_SAMPLES", 6)
        patch.setattr(slow, "SLOW_SLACK", 2)
        plentiful = {Tick: 2, LogLine: 2, OutputText: 1, PrefillProgress: 2}
        patch.setattr(chronicle, "PLENTIFUL", plentiful)
        yield
