"""Phones on adb, for the tests of links."""

from collections.abc import Iterator

import pytest

from drivers.links.adb import AdbShell
from tests.rigs.adb_phone import Phone, Server, adb_server, phone
from tests.rigs.adb_shells import shell_of


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with adb_server() as server:
        yield server


@pytest.fixture(scope="module")
def pixel(server: Server) -> Iterator[Phone]:
    with phone(server) as pixel:
        yield pixel


@pytest.fixture
def other(server: Server) -> Iterator[Phone]:
    """One that may be ill-treated."""
    with phone(server, model="Other") as other:
        yield other


@pytest.fixture
def shell(server: Server, pixel: Phone) -> Iterator[AdbShell]:
    yield shell_of(server, pixel)
    assert pixel.wait_until_gone() == []
