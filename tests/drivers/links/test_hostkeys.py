"""Known hosts, without a server."""

from pathlib import Path

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.errors import AskUser, Refused
from drivers.links.hostkeys import (
    PLAIN_ALGORITHMS,
    HostKey,
    HostKeyChanged,
    HostKeyUnknown,
    KnownHosts,
    host_key,
    host_name,
    store_host_key,
)

KEY = asyncssh.import_public_key(
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
)
"""GitHub's published host key: SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU."""
RSA = asyncssh.generate_private_key("ssh-rsa", key_size=1024).convert_to_public()
OTHER = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()


def line(name: str, key: asyncssh.SSHKey) -> str:
    return f"{name} {host_key(name, key).line}"


def known(path: Path, *lines: str) -> KnownHosts:
    path.write_text("\n".join(lines))
    return KnownHosts([path])


def test_the_fingerprint_is_the_published_one() -> None:
    assert host_key("github.com", KEY) == HostKey(
        "github.com",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    )
    assert host_key("x", RSA).algorithm == "ssh-rsa"


def test_another_port_than_22_is_part_of_the_name() -> None:
    assert (host_name("a", 22), host_name("a", 2222), host_name("::1", 23)) == ("a", "[a]:2222", "[::1]:23")


def test_verdicts(tmp_path: Path) -> None:
    hosts = known(tmp_path / "known", line("board", KEY), line("[board]:2222", OTHER))
    assert hosts.verdict("board", KEY) is None
    assert isinstance(hosts.verdict("board", OTHER), HostKeyChanged)
    assert isinstance(hosts.verdict("board", RSA), HostKeyChanged)
    assert hosts.verdict("[board]:2222", OTHER) is None
    assert isinstance(hosts.verdict("[board]:2223", KEY), HostKeyUnknown)
    assert isinstance(hosts.verdict("bored", KEY), HostKeyUnknown)


def test_a_revoked_key_is_neither_known_nor_new(tmp_path: Path) -> None:
    hosts = known(tmp_path / "known", line("board", KEY), f"@revoked {line('board', KEY)}")
    against = hosts.verdict("board", KEY)
    assert isinstance(against, Refused)
    assert not isinstance(against, HostKeyChanged)
    assert "was revoked" in str(against)


def test_patterns_hashes_and_lists_of_names(tmp_path: Path) -> None:
    hashed = "|1|cw5wd3w+h2qzLZZkFwOZP9q0J0c=|"
    hosts = known(
        tmp_path / "known", line("a,b", KEY), line("*.lab", OTHER), f"{hashed} nonsense", "@odd x y", "x"
    )
    assert hosts.verdict("b", KEY) is None
    assert hosts.verdict("orin.lab", OTHER) is None


def test_the_file_that_knows_is_named(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text(line("board", KEY))
    hosts = KnownHosts([first, second])
    assert (hosts.origin("board"), hosts.origin("other")) == (second, first)
    against = hosts.verdict("board", OTHER)
    assert against is not None
    assert against.remedy.endswith(f"`ssh-keygen -R 'board' -f '{second}'`")


def test_what_the_known_key_signs_with_is_asked_for_first(tmp_path: Path) -> None:
    hosts = known(tmp_path / "known", line("board", RSA))
    assert hosts.algorithms("board")[:2] == ["rsa-sha2-512", "rsa-sha2-256"]
    assert sorted(hosts.algorithms("board")) == sorted(PLAIN_ALGORITHMS)
    assert hosts.algorithms("other") == list(PLAIN_ALGORITHMS)


def test_storing_appends_once_and_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "known"
    store_host_key(path, host_key("a", KEY))
    path.write_text(path.read_text().rstrip("\n"))
    store_host_key(path, host_key("b", OTHER))
    store_host_key(path, host_key("a", KEY))
    assert path.read_text() == f"{line('a', KEY)}\n{line('b', OTHER)}\n"
    with pytest.raises(HostKeyChanged):
        store_host_key(path, host_key("a", OTHER))
    assert path.read_text() == f"{line('a', KEY)}\n{line('b', OTHER)}\n"


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="could not be kept in"):
        store_host_key(tmp_path / "file" / "known", host_key("a", KEY))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.binary(max_size=80))
def test_no_line_hides_the_others(tmp_path: Path, odd: str, bad: bytes) -> None:
    path = tmp_path / "known"
    path.write_bytes(b"\n".join([odd.encode(), bad, line("board", KEY).encode()]))
    hosts = KnownHosts([path])
    assert hosts.verdict("board", KEY) is None or isinstance(hosts.verdict("board", KEY), AskUser)
    assert KEY in hosts.keys("board")
