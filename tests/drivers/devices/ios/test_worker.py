"""The worker alone: what it makes of errors, values and logs, and how it ends. The rest is seen through the driver."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from drivers.devices.ios.worker import relaying
from drivers.devices.ios.worker.faults import Trouble, judged, plain, version_of
from drivers.devices.ios.worker.serving import Unused
from drivers.links.usbmux import WORKER
from drivers.links.usbmuxwire import Fault, Tell

ROOT = Path(__file__).parents[4]


class PasswordRequiredError(Exception):
    """As pymobiledevice3 names it."""


class Lower(PasswordRequiredError):
    """One that is made from it."""


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (Lower("x"), Fault.LOCKED),
        (Trouble(Fault.NO_TUNNEL), Fault.NO_TUNNEL),
        (TimeoutError(), Fault.SILENT),
        (ConnectionResetError(), Fault.GONE),
        (ModuleNotFoundError("pymobiledevice3"), Fault.NO_PACKAGE),
        (KeyError("Port"), Fault.GARBLED),
        (MemoryError(), Fault.GARBLED),
        (KeyboardInterrupt(), Fault.FAILED),
    ],
)
def test_an_error_is_judged_by_its_nearest_known_kin(error: BaseException, fault: Fault) -> None:
    assert judged(error)[0] is fault
    assert len(judged(RuntimeError("x" * 10**6))[1]) < 10_000


def test_only_plain_and_short_values_are_passed_on() -> None:
    told = plain({"a": 1 << 63, "b": "x" * 500, "c": b"bytes", "d": [1], 5: True, "e": 1.5})
    assert told == {"a": 1 << 63, "5": True, "e": 1.5}
    assert plain({"a": 1, "b": 2}, ["b"]) == {"b": 2}
    assert plain(None) == plain([1]) == {}


@pytest.mark.parametrize(
    ("told", "version"), [("17.4.1", (17, 4, 1)), ("banana", ()), ("", ()), ("17.²", ())]
)
def test_a_version(told: str, version: tuple[int, ...]) -> None:
    assert version_of(told) == version


def test_of_a_log_errors_and_watched_apps_are_told_and_a_flood_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[str, int]] = []

    def tell(what: Tell, /, **said: object) -> None:
        told.append((str(said["text"]), int(str(said["left_out"]))))

    monkeypatch.setattr(relaying, "tell", tell)
    log = relaying.Log("errors")
    log.pids = {321}
    log.take("Nov 21 12:00:00 phone kernel[0] <Notice>: calm")
    log.take("Nov 21 12:00:00 phone Bench(UIKit)[321] <Notice>: ours")
    for number in range(60):
        log.take(f"Nov 21 12:00:00 phone wifid[55] <Error>: {number}")
    log.take("Nov 21 12:00:00 phone Bench[321] <Notice>: ours again")
    lines = [line for line, _ in told]
    assert lines[0].endswith("ours")
    assert 20 <= sum("wifid" in line for line in lines) < 30
    assert told[-1] == ("Nov 21 12:00:00 phone Bench[321] <Notice>: ours again", 60 - len(lines) + 2)


def test_a_package_that_is_not_needed_is_an_empty_module() -> None:
    finder = Unused(frozenset({"requests"}))
    spec = finder.find_spec("requests.adapters", None)
    assert spec is not None
    module = finder.create_module(spec)
    assert isinstance(module, ModuleType)
    assert isinstance(module.__getattr__("HTTPAdapter"), type)
    with pytest.raises(AttributeError):
        module.__getattr__("__wrapped__")
    assert finder.find_spec("asyncio", None) is None


def test_orders_that_are_none_are_passed_over_and_the_end_of_the_input_is_the_end() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(b'nonsense\n{"id":1,"do":"dance"}\n{"id":7,"do":"processes"}\n')
        worker.stdin.flush()
        answer = json.loads(worker.stdout.readline())
        assert (answer["id"], answer["fault"]) == (7, "unsupported")
        assert worker.communicate(timeout=60)[0] == b""
        assert worker.returncode == 0
    finally:
        worker.kill()
        worker.communicate()
