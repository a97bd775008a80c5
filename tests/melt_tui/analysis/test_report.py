"""What is told of the devices of a recording."""

from dataclasses import replace

from drivers.base import Item
from drivers.events import Absent
from melt_tui.analysis.report import text_of
from melt_tui.analysis.session import Summary, summarise
from melt_tui.events import DeviceConnecting, DeviceFailed, DeviceLost, DeviceUp, RunEnded, RunOutcome
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import at, closing, opening, run, turn


def summary(*items: Item) -> Summary:
    return summarise(MemoryRecording([*opening(), *items, *closing(60)]))


WAITED = "/dev/ttyUSB7 is not there: plug the meter in, or name the port that it has now"


def test_why_a_device_never_opened_or_went_is_told() -> None:
    connecting = DeviceConnecting(t_ns=at(1), device="other", address="serial:/dev/ttyUSB7")
    told = summary(connecting, replace(connecting, t_ns=at(2), reason=WAITED))
    (meter,) = (device for device in told.devices if device.device == "other")
    assert (meter.kind, meter.problem, meter.away) == (None, None, WAITED)
    assert f"device   other, never opened: {WAITED}" in text_of(told).splitlines()
    assert "device   other, never opened" in text_of(summary(connecting)).splitlines()


def test_a_device_that_did_not_come_back_is_told_as_away() -> None:
    up, *_ = [item for item in opening() if isinstance(item, DeviceUp)]
    lost = DeviceLost(t_ns=at(5), device=up.device, reason="it is gone")
    (away,) = (device for device in summary(lost).devices if device.device == up.device)
    assert (away.away, away.outages) == ("it is gone", 1)
    (back,) = (d for d in summary(lost, replace(up, t_ns=at(6))).devices if d.device == up.device)
    assert (back.away, back.outages) == (None, 1)
    failed = DeviceFailed(t_ns=at(6), device=up.device, reason="no", remedy="do")
    (given_up,) = (d for d in summary(lost, failed).devices if d.device == up.device)
    assert (given_up.away, given_up.problem) == (None, "no: do")
    changed = f"known is SHA256:{'a' * 43}, shown was SHA256:{'b' * 43}: `ssh-keygen -R {'c' * 150}`"
    assert f"given up: no: {changed}\n" in text_of(summary(lost, replace(failed, remedy=changed)))
    assert "lost 1 ×, away when last heard of: it is gone\n" in text_of(summary(lost))


def test_a_reason_is_told_to_its_end() -> None:
    """In the middle of a long one stands what it is about: the fingerprint of a key, a path."""
    reason = f"the key of orin is another {'now ' * 90}SHA256:{'k' * 43}, {'and so on ' * 40}end"
    up, *_ = [item for item in opening() if isinstance(item, DeviceUp)]
    failed = DeviceFailed(t_ns=at(6), device=up.device, reason=reason, remedy="do\x1b")
    away = DeviceConnecting(t_ns=at(1), device="other", address="x", reason=reason)
    absent = Absent(t_ns=at(2), device=up.device, what="power", reason=reason, remedy="")
    *asked, ended = run([], 1, 9)
    assert isinstance(ended, RunEnded)
    broken = replace(ended, outcome=RunOutcome.FAILED, reason=reason)
    told = text_of(summary(*asked, broken, failed, away, absent))
    assert f"given up: {reason}: do?" in told
    assert f"device   other, never opened: {reason}\n" in told
    assert f"         no power: {reason}\n" in told
    assert f"  note: failed: {reason}\n" in told


def test_one_turn_is_one_turn() -> None:
    for turns, said in ((0, "0 turns"), (1, "1 turn"), (2, "2 turns")):
        sent_s = [10.0 + 10 * number for number in range(turns)]
        items = [
            item
            for number, t_s in enumerate(sent_s)
            for item in turn(number + 1, t_s, [t_s + 1, t_s + 2], before=2 * number)
        ]
        assert f", {said} counted\n" in text_of(summary(*run(items, 5, 55)))
