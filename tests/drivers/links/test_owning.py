"""Who started a lease, and whether that process is no more."""

import subprocess

import pytest

from drivers.links import owning


def test_a_process_is_of_this_computer_while_it_lives_and_gone_after() -> None:
    mine = owning.owner()
    computer, pid, born = mine.split("-")
    assert owning.owner() == mine
    assert not owning.gone(mine)
    assert owning.gone(f"{computer}-{pid}-{int(born) - 60}"), "another process had that number before"
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert owning.gone(f"{computer}-{ended.pid}-{born}")


@pytest.mark.parametrize("named", ["", "x", "0" * 16 + "-1-1", "a b", "0-1", "-".join(["9" * 16] * 3)])
def test_of_what_is_not_of_this_computer_nothing_is_said(named: str) -> None:
    assert not owning.gone(named)
