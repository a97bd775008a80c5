"""What a server is called in sentences: a forwarded port tells a reader nothing."""

import socket

import pytest

from drivers.clock import SystemClock
from drivers.errors import LinkLost
from drivers.links.http import HttpLink
from drivers.runs.reaching import engine_on, there
from tests.rigs.llama_runs import run_spec


@pytest.mark.parametrize(
    ("home", "url", "title"),
    [
        ("/h", "http://127.0.0.1:11434", "http://127.0.0.1:11434 on bench"),
        ("/h", "localhost:8080", "localhost:8080 on bench"),
        ("/h", "", "http://[::1]:1 on bench"),
        ("/h", "http://10.0.0.7:8080", ""),
        ("", "http://127.0.0.1:11434", ""),
    ],
)
def test_a_server_behind_a_forwarded_port_is_named_as_its_device_has_it(
    home: str, url: str, title: str
) -> None:
    assert there(run_spec(url=url, home=home), "http://[::1]:1") == title


def test_our_engine_on_a_device_is_named_by_the_device() -> None:
    assert (engine_on(run_spec(home="/h")), engine_on(run_spec())) == ("the engine on bench", "")


@pytest.mark.parametrize("title", ["the engine on bench", ""])
async def test_what_went_wrong_is_said_of_the_title(title: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(LinkLost) as caught:
            async with HttpLink(url, SystemClock(), title=title) as http:
                await http.get("/health")
    assert caught.value.sentence == f"nothing answers at {title or url}"
