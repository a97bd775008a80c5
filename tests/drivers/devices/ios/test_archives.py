"""Samples out of archives, against bpylist2, which writes and reads whole ones."""

import plistlib
from typing import Any

import pytest
from bpylist2 import archiver
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.devices.ios.worker.archives import MALFORMED, Archive, unpacking

NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans()
ROWS = st.lists(NUMBERS, min_size=1, max_size=4)
LOAD = st.dictionaries(
    st.sampled_from(["CPU_TotalLoad", "CPU_NiceLoad", "Last…"]), st.floats(allow_nan=False), max_size=3
)


def wrapped(data: bytes) -> bytes:
    """As phones send it: in a DTTapMessage."""
    archive = plistlib.loads(data)
    archive["$objects"].append({"DTTapMessagePlist": archive["$top"]["root"]})
    archive["$top"]["root"] = plistlib.UID(len(archive["$objects"]) - 1)
    return plistlib.dumps(archive, fmt=plistlib.FMT_BINARY)


@given(
    st.dictionaries(st.integers(0, 2**31), ROWS, max_size=5), LOAD, st.sets(st.integers(0, 2**31), max_size=2)
)
@settings(max_examples=40)
def test_what_is_wanted_is_as_a_whole_reader_has_it(
    processes: dict[int, list[Any]], load: dict[str, float], others: set[int]
) -> None:
    row = {"Processes": processes, "SystemCPUUsage": load, "System": [1, 2.5], "CPUCount": 6, "Type": 33}
    data = archiver.archive([row, {"EndMachAbsTime": 1}])
    pids = others | set(list(processes)[:2])
    first, second = Archive(data).samples(pids)
    assert [first, second] == Archive(wrapped(data)).samples(pids)
    (whole, _) = archiver.unarchive(data)
    assert first == {
        "Processes": {pid: values for pid, values in whole["Processes"].items() if pid in pids},
        **{name: whole[name] for name in ("SystemCPUUsage", "System", "CPUCount")},
    }
    assert second == {}


@given(st.binary(max_size=30), st.integers(0, 400), st.integers(1, 40))
@settings(max_examples=80)
def test_what_is_damaged_is_left_to_the_whole_reader(noise: bytes, at: int, cut: int) -> None:
    data = archiver.archive([{"Processes": {1: [1, 2]}, "SystemCPUUsage": {"CPU_TotalLoad": 1.5}}])
    damaged = data[:at] + noise + data[at + cut :]
    unpack = unpacking(lambda _: "whole", {1})
    assert unpack(damaged) == "whole" or isinstance(unpack(damaged), list)
    assert unpack(b"anything else") == "whole"


def test_an_archive_that_holds_itself_ends() -> None:
    inner: list[Any] = [1]
    for _ in range(12):
        inner = [inner]
    with pytest.raises(MALFORMED):
        Archive(archiver.archive([{"System": inner}])).samples(())
