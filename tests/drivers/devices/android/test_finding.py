"""What a survey of a phone lacks, and why."""

import pytest

from drivers.caps import Highest
from drivers.devices.android.finding import Finding, find
from drivers.devices.android.protocol import DENIED, Survey

CPU = "/sys/devices/system/cpu/cpufreq"
GPU = "/sys/class/kgsl/kgsl-3d0"
FILES = {
    f"{CPU}/policy0/related_cpus": "0 1 2 3",
    f"{CPU}/policy0/scaling_cur_freq": "1000000",
    f"{CPU}/policy0/scaling_max_freq": "2000000",
    f"{CPU}/policy4/related_cpus": "4",
    f"{CPU}/policy4/scaling_cur_freq": "1000000",
    f"{CPU}/policy4/scaling_max_freq": "3000000",
    f"{GPU}/gpuclk": "500000000",
    f"{GPU}/max_gpuclk": "900000000",
}


def found(*denied: str, gone: str = "") -> Finding:
    """What is found of a phone that keeps these files to itself, and one of which is not there."""
    kept = {path: text for path, text in FILES.items() if not path.startswith((*denied, gone or "-"))}
    return find(Survey(kept, frozenset(denied)), "phone", Highest())


def missing(finding: Finding) -> dict[str, str]:
    ours = ("frequency", "GPU frequency")
    return {one.what: one.reason for one in finding.missing if one.what.startswith(ours)}


def names(finding: Finding) -> list[str]:
    return [channel.name for gauge in finding.fast for channel in gauge.channels]


def test_nothing_is_missing_of_a_phone_that_tells_all() -> None:
    assert missing(found()) == {}
    assert len(names(found())) == 6


@pytest.mark.parametrize(
    ("file", "what", "reason"),
    [
        ("scaling_cur_freq", "frequency", DENIED),
        ("scaling_max_freq", "frequency cap", f"{DENIED}; caps are not watched"),
    ],
)
def test_a_file_of_every_cluster_that_is_denied(file: str, what: str, reason: str) -> None:
    finding = found(f"{CPU}/policy0/{file}", f"{CPU}/policy4/{file}")
    assert missing(finding) == {what: reason}
    assert len(names(finding)) == 4


def test_a_file_of_one_cluster() -> None:
    assert missing(found(f"{CPU}/policy4/scaling_cur_freq")) == {"frequency of policy4": DENIED}
    assert missing(found(gone=f"{CPU}/policy4/scaling_max_freq")) == {
        "frequency cap of policy4": "this phone's kernel does not tell it; caps are not watched"
    }


def test_all_of_cpufreq() -> None:
    told = {"frequency": DENIED, "frequency cap": f"{DENIED}; caps are not watched"}
    assert missing(found(CPU)) == told
    assert missing(found(f"{CPU}/policy0/related_cpus", f"{CPU}/policy4/related_cpus")) == told


def test_the_cap_of_a_gpu_whose_clock_is_told() -> None:
    assert missing(found(f"{GPU}/max_gpuclk")) == {"GPU frequency cap": f"{DENIED}; it is not watched"}
    assert missing(found(gone=f"{GPU}/max_gpuclk")) == {
        "GPU frequency cap": "this phone shows no cap of its GPU; it is not watched"
    }


def test_a_gpu_that_tells_nothing_is_missed_once() -> None:
    assert missing(found(GPU)) == {"GPU frequency": DENIED}
