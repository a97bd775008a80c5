"""The lines between melt and the worker, what its faults mean, and what is seen without it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import Garbled, LinkError, LinkLost, MissingExtra, NotSupported, Refused
from drivers.links import usbmux
from drivers.links.usbmuxfaults import error_of
from drivers.links.usbmuxwire import Do, Failed, Fault, Order, Tell, Told, Up, Value, read_order, read_up

IDS = st.integers(0, 2**40)
GIVEN = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda key: key not in {"id", "do", "tell", "t_ns", "fault"}),
    st.integers() | st.text(max_size=12) | st.lists(st.integers(), max_size=3),
    max_size=4,
)


@given(
    st.builds(Value, IDS, GIVEN)
    | st.builds(
        Failed, IDS, st.sampled_from(Fault), st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    )
    | st.builds(Told, st.sampled_from(Tell), IDS, GIVEN)
)
@settings(max_examples=60)
def test_what_the_worker_says_is_read_as_it_was_said(up: Up) -> None:
    assert up.line().count(b"\n") == 1
    assert read_up(up.line()) == up


@given(st.builds(Order, IDS, st.sampled_from(Do), GIVEN))
@settings(max_examples=40)
def test_an_order_is_read_as_it_was_given(order: Order) -> None:
    assert read_order(order.line()) == order


@given(st.binary(max_size=60))
@settings(max_examples=40)
def test_nonsense_of_a_worker_is_garbled(line: bytes) -> None:
    with pytest.raises(Garbled):
        read_up(line)


@pytest.mark.parametrize(
    "line", [b"[]", b"{}", b'{"id":-1}', b'{"id":true}', b'{"tell":"x","t_ns":1}', b'{"id":1,"fault":"odd"}']
)
def test_a_line_that_is_none(line: bytes) -> None:
    with pytest.raises(Garbled):
        read_up(line)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_says_what_to_do(fault: Fault) -> None:
    error = error_of(fault, "InvalidService: \x1b[31mno", "anna")
    assert error.remedy
    assert "\x1b" not in str(error)
    assert "{}" not in str(error)


def test_faults_are_sorted_by_what_the_reader_can_do() -> None:
    waits = {Fault.GONE, Fault.SILENT, Fault.LOCKED, Fault.TRUST_PENDING, Fault.NO_USBMUXD}
    assert {fault for fault in Fault if isinstance(error_of(fault, "", "x"), LinkError)} == waits
    assert isinstance(error_of(Fault.TRUST_DENIED, "", "x"), Refused)
    assert isinstance(error_of(Fault.DEVELOPER_OFF, "", "x"), NotSupported)
    assert isinstance(error_of(Fault.NO_PACKAGE, "", "x"), MissingExtra)


def test_an_iphone_on_the_usb_is_seen_without_any_program(tmp_path: Path) -> None:
    for name, vendor, product in (("1-1", "046d", "1200"), ("1-2", "05ac", "8600"), ("1-3", "05ac", "12a8")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "idVendor").write_text(f"{vendor}\n")
        (tmp_path / name / "idProduct").write_text(f"{product}\n")
    assert usbmux.plugged_in(tmp_path)
    (tmp_path / "1-3" / "idProduct").unlink()
    assert not usbmux.plugged_in(tmp_path)


async def test_without_usbmuxd_no_worker_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(usbmux.USBMUXD, str(tmp_path / "nothing"))
    with pytest.raises(LinkLost, match="no usbmuxd answers on this computer: install and start it"):
        async for _ in usbmux.follow():
            pass
