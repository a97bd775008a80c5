"""A file brought to a real board."""

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from drivers.errors import DriverError, Garbled, LinkLost, NotSupported, Refused
from drivers.links import sshpush
from drivers.links.base import Progress
from drivers.links.ssh import ssh_shell
from drivers.links.sshroute import SshSettings
from tests.rigs.installed import until
from tests.rigs.programs import put
from tests.rigs.ssh_board import SshBoard

CLOCK = SystemClock()
SIZE = 3_000_000
CONTENT = random.Random(1).randbytes(SIZE)
NOT_THERE = "#!/bin/sh\nexit 127\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as board:
        yield board


@pytest.fixture
def board(running: SshBoard, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshBoard]:
    monkeypatch.setenv("HOME", str(running.person.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(sshpush, "STEP", 1 << 19)
    yield running
    running.wait_until_empty()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "it's a model.gguf"
    path.write_bytes(CONTENT)
    return path


async def push(board: SshBoard, source: Path, target: str, known_hosts: Path | None = None) -> list[Progress]:
    told: list[Progress] = []
    settings = SshSettings(known_hosts or board.folder / "none", connect_s=5.0)
    async with ssh_shell(board.address, settings, CLOCK) as shell:
        await shell.push(source, target, told.append)
    return told


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_arrives_and_is_not_sent_again(board: SshBoard, source: Path) -> None:
    target = board.home / "new folder" / "m o d e l"
    told = await push(board, source, str(target))
    assert target.read_bytes() == CONTENT
    assert told[0] == Progress(0, SIZE)
    assert told[-1] == Progress(SIZE, SIZE)
    assert len(told) == 2 + SIZE // (1 << 19)
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert left(target.parent) == [".m o d e l.sha256", "m o d e l"]
    assert await push(board, source, str(target)) == [Progress(SIZE, SIZE)]


async def test_what_is_there_is_not_read_again(board: SshBoard, source: Path) -> None:
    """Reading it would heat the board and fill its page cache just before a run."""
    target = board.home / "noted"
    await push(board, source, str(target))
    script = f'#!/bin/sh\necho asked >>"{board.folder}/asked"\nexec /usr/bin/sha256sum "$@"\n'
    spies = [put(board.bin / "openssl", NOT_THERE), put(board.bin / "sha256sum", script)]
    try:
        await push(board, source, str(target))
        assert not (board.folder / "asked").exists()
        target.write_bytes(target.read_bytes())
        target.with_name(".noted.sha256").unlink()
        assert await push(board, source, str(target)) == [Progress(SIZE, SIZE)]
        assert (board.folder / "asked").read_text() == "asked\n"
    finally:
        for spy in spies:
            spy.unlink()


async def test_a_board_with_openssl_alone(board: SshBoard, source: Path) -> None:
    """It tells the sum in a line of its own kind."""
    summing = '#!/bin/sh\n[ "$*" = "dgst -sha256 -r" ] && /usr/bin/sha256sum | sed "s/-$/*stdin/"\n'
    tools = [put(board.bin / "openssl", summing), put(board.bin / "sha256sum", NOT_THERE)]
    try:
        await push(board, source, str(board.home / "by openssl"))
    finally:
        for tool in tools:
            tool.unlink()
    assert (board.home / "by openssl").read_bytes() == CONTENT


async def test_another_file_of_the_same_size_is_replaced(board: SshBoard, source: Path) -> None:
    target = board.home / "other"
    target.write_bytes(b"x" * SIZE)
    await push(board, source, str(target))
    assert target.read_bytes() == CONTENT


async def test_a_path_below_the_home_of_the_user(board: SshBoard, source: Path) -> None:
    if not board.confined:
        pytest.skip("this system does not let the board have a home of its own")
    await push(board, source, "-models/m")
    assert (board.home / "-models" / "m").read_bytes() == CONTENT


async def test_an_empty_file(board: SshBoard, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert await push(board, tmp_path / "empty", str(board.home / "empty")) == [
        Progress(0, 0),
        Progress(0, 0),
    ]
    assert (board.home / "empty").read_bytes() == b""


async def test_it_goes_on_where_it_was_cut(board: SshBoard, source: Path) -> None:
    target = board.home / "cut"
    part = target.with_name(f".cut.{DIGEST[:16]}.part")
    part.write_bytes(CONTENT[:2_000_000])
    target.with_name(".cut.0123456789abcdef.part").write_bytes(b"of another file")
    told = await push(board, source, str(target))
    assert told[0] == Progress(2_000_000, SIZE)
    assert target.read_bytes() == CONTENT
    assert not list(board.home.glob(".cut*.part"))


async def test_a_copy_that_came_out_different_is_removed(board: SshBoard, source: Path) -> None:
    target = board.home / "bad"
    target.with_name(f".bad.{DIGEST[:16]}.part").write_bytes(b"x" * 1_000_000)
    with pytest.raises(Garbled, match="came out different, and was removed"):
        await push(board, source, str(target))
    assert not list(board.home.glob("*bad*"))
    await push(board, source, str(target))
    assert target.read_bytes() == CONTENT


async def test_a_link_that_is_lost_on_the_way(
    board: SshBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "big", board.home / "big"
    source.write_bytes(random.Random(2).randbytes(24_000_000))
    settings, pieces = SshSettings(board.folder / "none"), sshpush._pieces

    def cut(source: Path, start: int) -> Iterator[bytes]:
        """Half of it."""
        for place, piece in enumerate(pieces(source, start)):
            if place * sshpush.PIECE > 12_000_000:
                board.drop()
            yield piece

    async with ssh_shell(board.address, settings, CLOCK) as shell:
        monkeypatch.setattr(sshpush, "_pieces", cut)
        with pytest.raises(LinkLost):
            await shell.push(source, str(target), lambda _: None)
        monkeypatch.setattr(sshpush, "_pieces", pieces)
    await asyncio.to_thread(board.wait_until_empty)
    assert not target.exists()
    again = await push(board, source, str(target))
    assert 0 < again[0].done < 24_000_000
    assert target.read_bytes() == source.read_bytes()


async def test_a_cancelled_push_ends(board: SshBoard, tmp_path: Path) -> None:
    source, target = tmp_path / "big", board.home / "big2"
    source.write_bytes(bytes(30_000_000))
    begun = asyncio.Event()
    settings = SshSettings(board.folder / "none")
    async with ssh_shell(board.address, settings, CLOCK) as shell:
        pushing = asyncio.get_running_loop().create_task(
            shell.push(source, str(target), lambda _: begun.set())
        )
        await begun.wait()
        pushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pushing
        assert not target.exists()
        # the server's processes of connections that are closed already end a moment later
        await asyncio.to_thread(until, lambda: len(board.sessions()) <= 2)


async def test_no_room_is_said_before_and_on_the_way(
    board: SshBoard, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not board.confined:
        pytest.skip("this system does not let the board have a small disk")
    with pytest.raises(Refused, match=r"has \d\.\d MB free where .* needs \d\.\d MB: free space on it"):
        await push(board, source, str(board.small / "m"))
    monkeypatch.setattr(sshpush, "_LOOK", sshpush._LOOK.replace("df -Pk", "echo unknown #"))
    with pytest.raises(Refused, match=r"No space left on device.*: free space on it"):
        await push(board, source, str(board.small / "m"))


async def test_a_place_that_cannot_be_written(board: SshBoard, source: Path) -> None:
    with pytest.raises(
        Refused, match=r"did not take it's a model\.gguf: .*choose a directory that can be written"
    ):
        await push(board, source, "/proc/models/m")


async def test_a_source_that_is_not_there(board: SshBoard, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file or directory"):
        await push(board, tmp_path / "none", "x")


async def test_a_board_that_cannot_check(board: SshBoard, source: Path, tmp_path: Path) -> None:
    for name in ("sha256sum", "openssl"):
        put(board.bin / name, NOT_THERE)
    try:
        with pytest.raises(NotSupported, match="has no sha256sum"):
            await push(board, source, str(board.home / "unchecked"))
    finally:
        for name in ("sha256sum", "openssl"):
            (board.bin / name).unlink()
    assert not (board.home / "unchecked").exists()


@given(st.text())
def test_whatever_the_board_says_about_what_is_there(told: str) -> None:
    try:
        there = sshpush._there(told)
    except DriverError:
        return
    assert there.part >= 0


def test_what_is_there() -> None:
    told = "123 1700000000\nabc 123 1700000000\n77\n/dev/my disk1  61255492 3 58000000  1% /home\n"
    there = sshpush._there(told)
    assert (there.size, there.note, there.part, there.free) == (
        123,
        "abc 123 1700000000",
        77,
        58_000_000 * 1024,
    )
    nothing = sshpush._there("-\n-\n0\ndf: no such file\n")
    assert (nothing.size, nothing.part, nothing.free) == (None, 0, None)
