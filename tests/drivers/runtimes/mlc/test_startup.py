"""Lines of servers that came up, as they were printed, and what is none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.runtimes.mlc.startup import Startup
from tests.rigs.mlc import STARTUP

FOUND = "[2025-03-14 19:32:41] INFO auto_device.py:79: Found device:"


def read(text: str) -> Startup:
    startup = Startup()
    for line in text.splitlines():
        startup.note(line)
    return startup


def test_a_server_that_chose_its_device() -> None:
    startup = read(STARTUP.format(port=8123))
    assert (startup.backend, startup.batch, startup.port) == ("cuda:0", 1024, 8123)


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        (f"{FOUND} vulkan:0\n{FOUND} vulkan:1\n", "vulkan"),
        (f"{FOUND} cuda:0\n{FOUND} vulkan:0\n", ""),
        ("INFO auto_device.py:88: Not found device: rocm:0\n", ""),
        ("INFO auto_device.py:35: \x1b[1mUsing device: metal:0\x1b[0m\n", "metal:0"),
        ("", ""),
    ],
)
def test_what_is_told_of_the_backend(text: str, backend: str) -> None:
    startup = read(text)
    assert (startup.backend, startup.batch, startup.port) == (backend, None, None)


def test_the_mode_as_it_was_told_by_python_in_2024() -> None:
    startup = read(
        '[2024-05-05 02:50:24] INFO engine_base.py:489: Under mode "interactive", max batch size 48 is specified by '
        "user, max KV cache token capacity is set to 8192, prefill chunk size is set to 2048.\n"
        '[2024-05-05 02:50:27] INFO engine_base.py:527: The actual engine mode is "server". So max batch size is 48, '
        "max KV cache token capacity is 126754, prefill chunk size is 8192.\n"
    )
    assert startup.batch == 8192


@given(st.lists(st.text(), max_size=20))
def test_anything_may_be_printed(lines: list[str]) -> None:
    startup = read("\n".join(lines))
    assert startup.port is None or startup.port < 100_000
