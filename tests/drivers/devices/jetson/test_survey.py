"""The survey's answer, read."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.jetson import survey

ANSWER = """/r/sys/a2/type\tCPU-therm
/r/sys/a10/type\tGPU\ttherm
!/r/sys/secret\t
$kernel\tLinux 5.15
$kernel\tanother
nonsense
@/proc/cpuinfo
model name\t: X

@not a path
@/etc/os-release
PRETTY_NAME="U"
"""


def test_an_answer() -> None:
    found = survey.parse(ANSWER, "/r")
    assert found.files == {"/sys/a2/type": "CPU-therm", "/sys/a10/type": "GPU\ttherm"}
    assert found.refused == {"/sys/secret"}
    assert found.facts == {"kernel": "Linux 5.15"}
    assert found.texts["/proc/cpuinfo"] == "model name\t: X\n\n@not a path"
    assert found.text("/etc/os-release") == 'PRETTY_NAME="U"\n'
    assert found.text("/none") is None


def test_paths_are_found_in_the_order_of_their_numbers() -> None:
    found = survey.parse(ANSWER, "/r")
    assert list(found.find(r"/sys/a[0-9]+/type")) == ["/sys/a2/type", "/sys/a10/type"]
    assert found.find(r"/sys/a") == []


@given(st.text())
def test_any_answer_is_read_without_an_error(answer: str) -> None:
    survey.parse(answer, "/r")
