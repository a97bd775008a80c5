"""Fixtures that every test may use, and how many run at once."""

import gc
import os
import signal
import sys
from collections.abc import Iterator

import hypothesis
import pytest

from tests.rigs.compiled import keep_compiled
from tests.rigs.spawned import hear_interrupts
from tests.rigs.virtual_clock import VirtualClock

keep_compiled()
hear_interrupts()
for profile, examples in (("melt", 60), ("long", 1000)):
    hypothesis.settings.register_profile(
        profile, hypothesis.settings(max_examples=examples, deadline=None)
    )  # a loaded machine is no failure
hypothesis.settings.load_profile("melt")  # before a release: --hypothesis-profile=long


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: most tests wait for cables, leases and other processes for longer than they compute."""
    own = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return 2 * (own or 1)


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: some million objects that no search need look at again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """An app is a hundred thousand objects: searched for garbage at the usual pace they cost a third of the time.

    For each test anew: a workbench that a test opened leaves the pace of the program behind.
    """
    gc.set_threshold(200_000, 20, 20)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """What a test has signals do ends with it: one left ignored would be ignored by every program started later, too."""
    used = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    kept = {number: signal.getsignal(number) for number in used}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored, where nohup started the tests
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """A clock whose time passes only when every task waits for it."""
    return VirtualClock()
