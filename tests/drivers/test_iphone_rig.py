"""The rig of iPhones before an independent client: Debian's libimobiledevice-utils (apt-get install libimobiledevice-utils)."""

import plistlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.rigs.iphone.power import AT_REST
from tests.rigs.iphone.rig import Rig, iphones


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with iphones(
        {"name": "Ada’s iPhone", "ios": "17.6.1", "battery": {"CurrentCapacity": 63, "Voltage": 4012}},
        {"name": "Ada’s iPhone", "paired": False, "unsigned": True},
    ) as found:
        yield found


def ask(rig: Rig, number: int, tool: str, *words: str) -> str:
    """What one of the tools says of a phone, both streams."""
    udid = rig.cue("phones")[number - 1]
    program = shutil.which(tool)
    assert program, "apt-get install libimobiledevice-utils"
    run = subprocess.run(
        [program, "-u", udid, *words], env=rig.env, capture_output=True, text=True, timeout=20
    )
    return (run.stdout + run.stderr).strip()


def muxed(rig: Rig, kind: str, **rest: Any) -> dict[str, Any]:
    """usbmuxd's answer to one request."""
    with socket.create_connection(("127.0.0.1", rig.port), 10) as mux:
        return over_mux(mux, kind, **rest)


def over_mux(mux: socket.socket, kind: str, **rest: Any) -> dict[str, Any]:
    body = plistlib.dumps({"MessageType": kind, "ProgName": "test", **rest})
    mux.sendall(struct.pack("<IIII", 16 + len(body), 1, 8, 7) + body)
    size, version, message, tag = struct.unpack("<IIII", taken(mux, 16))
    assert (version, message, tag) == (1, 8, 7)
    return dict(plistlib.loads(taken(mux, size - 16)))


@contextmanager
def through(rig: Rig, number: int, port: int) -> Iterator[socket.socket]:
    """A connection to that port of a phone."""
    with socket.create_connection(("127.0.0.1", rig.port), 10) as mux:
        assert over_mux(mux, "Connect", DeviceID=number, PortNumber=socket.htons(port))["Number"] == 0
        yield mux


@contextmanager
def in_session(lockdownd: socket.socket, record: dict[str, Any]) -> Iterator[socket.socket]:
    """The same connection under TLS."""
    started = asked(lockdownd, "StartSession", HostID=record["HostID"], SystemBUID=record["SystemBUID"])
    assert started["EnableSessionSSL"] is True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with tempfile.NamedTemporaryFile() as file:
        file.write(record["HostCertificate"] + b"\n" + record["HostPrivateKey"])
        file.flush()
        context.load_cert_chain(file.name)
    with context.wrap_socket(lockdownd) as secure:
        yield secure


def asked(lockdownd: socket.socket, request: str, **rest: Any) -> dict[str, Any]:
    lockdownd.sendall(framed({"Label": "test", "Request": request, **rest}))
    (size,) = struct.unpack(">I", taken(lockdownd, 4))
    return dict(plistlib.loads(taken(lockdownd, size)))


def framed(message: dict[str, Any]) -> bytes:
    body = plistlib.dumps(message)
    return struct.pack(">I", len(body)) + body


def taken(from_: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = from_.recv(size - len(got))
        assert piece, "it has ended"
        got += piece
    return got


def values(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def registry(rig: Rig, number: int) -> dict[str, Any]:
    found = plistlib.loads(ask(rig, number, "idevicediagnostics", "ioregentry", "AppleSmartBattery").encode())
    assert isinstance(found["IORegistry"], dict)
    return found["IORegistry"]


def test_libimobiledevice_reads_the_same_phone(rig: Rig) -> None:
    listed = subprocess.run(["idevice_id", "-l"], env=rig.env, capture_output=True, text=True, timeout=20)
    assert listed.stdout.split() == rig.cue("phones")
    told = values(ask(rig, 1, "ideviceinfo"))
    assert (told["DeviceName"], told["ProductVersion"]) == ("Ada’s iPhone", "17.6.1")
    assert (told["ProductType"], told["UniqueDeviceID"]) == ("iPhone14,5", rig.cue("phones")[0])
    gauge = values(ask(rig, 1, "ideviceinfo", "-q", "com.apple.mobile.battery"))
    assert gauge["BatteryCurrentCapacity"] == "63"
    found = registry(rig, 1)
    found.pop("UpdateTime")
    assert found == {**AT_REST, "CurrentCapacity": 63, "Voltage": 4012}


def test_it_pairs_and_reads_a_current_without_its_sign(rig: Rig) -> None:
    rig.cue("trust", 2, "pending")
    assert "accept the trust dialog" in ask(rig, 2, "idevicepair", "pair")
    rig.cue("trust", 2, "refused")
    assert "user denied" in ask(rig, 2, "idevicepair", "pair")
    rig.cue("trust", 2, "given")
    rig.cue("set", 2, {"locked": True})
    assert "passcode" in ask(rig, 2, "idevicepair", "pair")
    rig.cue("set", 2, {"locked": False})
    assert "SUCCESS" in ask(rig, 2, "idevicepair", "pair")
    assert registry(rig, 2)["InstantAmperage"] == 2**64 - 742


def test_tls_is_between_the_two_that_paired() -> None:
    with iphones({}) as rig:
        rig.cue("swap", 1)
        assert "SSL error" in ask(rig, 1, "ideviceinfo")
        with through(rig, 1, 62078) as lockdownd:
            assert "ProductVersion" in asked(lockdownd, "GetValue")["Value"]
            assert "SerialNumber" not in asked(lockdownd, "GetValue")["Value"]
            assert asked(lockdownd, "GetValue", Domain="com.apple.mobile.battery")["Error"] == "GetProhibited"
            relay = "com.apple.syslog_relay"
            assert asked(lockdownd, "StartService", Service=relay)["Error"] == "InvalidConnection"


def test_a_service_asks_for_tls_and_a_locked_phone_for_its_passcode() -> None:
    with iphones({"ios": "16.5", "developer_mode": False}) as rig:
        record = plistlib.loads(
            muxed(rig, "ReadPairRecord", PairRecordID=rig.cue("phones")[0])["PairRecordData"]
        )
        with through(rig, 1, 62078) as plain, in_session(plain, record) as lockdownd:
            instruments = "com.apple.instruments.remoteserver.DVTSecureSocketProxy"
            assert asked(lockdownd, "StartService", Service=instruments)["Error"] == "InvalidService"
            relay = "com.apple.mobile.diagnostics_relay"
            started = asked(lockdownd, "StartService", Service=relay)
            assert started["EnableServiceSSL"] is True
            with through(rig, 1, started["Port"]) as service:
                service.sendall(framed({"Request": "IORegistry", "EntryClass": "IOPMPowerSource"}))
                assert service.recv(1) in {b"", b"\x15"}  # the end, or an alert of TLS
            rig.cue("set", 1, {"locked": True})
            assert asked(lockdownd, "StartService", Service=relay)["Error"] == "PasswordProtected"
            bag = {"Service": relay, "EscrowBag": record["EscrowBag"]}
            assert "Port" in asked(lockdownd, "StartService", **bag)


def test_a_phone_that_forgot_this_computer_lets_it_in_no_more() -> None:
    with iphones({}) as rig:
        assert registry(rig, 1)["Voltage"] == 3985
        rig.cue("forget", 1)
        rig.cue("trust", 1, "refused")
        assert "Invalid HostID" in ask(rig, 1, "ideviceinfo")
        assert rig.cue("open", 1) == 0
