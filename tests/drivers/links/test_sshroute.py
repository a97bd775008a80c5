"""Addresses and ways, without a server."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DriverError, NotSupported
from drivers.links.sshroute import HOPS_LIMIT, Target, look_up, parse, route


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path / ".ssh" / "config"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("ssh://nvidia@192.168.1.5:2222", Target("192.168.1.5", "nvidia", 2222)),
        ("ssh://orin.local", Target("orin.local")),
        ("orin", Target("orin")),
        ("me@orin/", Target("orin", "me")),
        ("ssh://me@[fe80::1%eth0]:22", Target("fe80::1%eth0", "me", 22)),
        ("ssh://u.ser-1@host_a", Target("host_a", "u.ser-1")),
    ],
)
def test_addresses(address: str, target: Target) -> None:
    assert parse(address) == target
    assert parse(str(target)) == target


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "a b",
        "a:0",
        "a:65536",
        "a;b",
        "$(x)",
        "a@b@c",
        "::1",
        "x" * 300,
        "a\n",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(NotSupported, match="is no address of an SSH server"):
        parse(address)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        target = parse(text)
    except DriverError:
        return
    assert parse(str(target)) == target
    assert not target.host.startswith("-")


def test_what_the_configuration_says(config: Path, tmp_path: Path) -> None:
    config.write_text(
        "Host orin\n HostName 10.0.0.7\n User nvidia\n Port 2200\n IdentityFile ~/.ssh/board\n"
        " UserKnownHostsFile ~/known ~/more\n Ciphers aes256-ctr\n"
    )
    hop = look_up(parse("ssh://orin"))
    assert (hop.host, hop.port, hop.user, hop.name) == ("10.0.0.7", 2200, "nvidia", "[10.0.0.7]:2200")
    assert hop.title == "nvidia@[10.0.0.7]:2200"
    assert hop.known_hosts == (tmp_path / "known", tmp_path / "more", Path("/etc/ssh/ssh_known_hosts"))
    assert hop.key_files == (tmp_path / ".ssh" / "board",)
    assert hop.ciphers_named
    said = look_up(parse("ssh://me@orin:22"))
    assert (said.user, said.port, said.title) == ("me", 22, "me@10.0.0.7")


def test_no_known_hosts_file_does_not_mean_that_all_hosts_are_known(config: Path) -> None:
    config.write_text("UserKnownHostsFile none\nGlobalKnownHostsFile none\n")
    assert all(not path.is_file() for path in look_up(parse("orin")).known_hosts)


def test_the_way_over_jump_hosts(config: Path) -> None:
    config.write_text("Host board\n ProxyJump a,me@b:2222\nHost a\n ProxyJump outer\n")
    assert [hop.host for hop in route(parse("board"))] == ["outer", "a", "b", "board"]
    assert [hop.port for hop in route(parse("board"))] == [22, 22, 2222, 22]


def test_a_jump_host_for_all_is_not_its_own(config: Path) -> None:
    config.write_text("Host *\n ProxyJump bastion\n")
    assert [hop.host for hop in route(parse("board"))] == ["bastion", "board"]


def test_no_jump(config: Path) -> None:
    config.write_text("Host board\n ProxyJump none\nHost *\n ProxyJump bastion\n")
    assert [hop.host for hop in route(parse("board"))] == ["board"]


def test_hosts_that_jump_over_each_other_end(config: Path) -> None:
    config.write_text("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
    assert [hop.host for hop in route(parse("a"))] == ["b", "a"]


def test_an_endless_way_is_refused(config: Path) -> None:
    config.write_text("".join(f"Host h{i}\n ProxyJump h{i + 1}\n" for i in range(HOPS_LIMIT + 2)))
    with pytest.raises(NotSupported, match="leads over more than 8 hosts"):
        route(parse("h0"))
