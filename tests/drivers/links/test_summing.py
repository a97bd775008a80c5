"""A file's sha256 is worked out once, or not at all where somebody knows it."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from drivers.links.summing import Source, remember

KNOWN = "ab" * 32


def source(path: Path) -> Source:
    stat = path.stat()
    return Source(path, stat.st_size, stat.st_mtime_ns)


async def summed(path: Path) -> str:
    async with source(path).summing() as summing:
        return await asyncio.wait_for(summing.digest(), 10)


async def test_what_is_known_of_a_file_is_not_worked_out_again(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF" * 1000)
    remember(model, KNOWN)
    assert await summed(model) == KNOWN


async def test_a_file_that_has_changed_since_then_is_read(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    remember(model, KNOWN)
    model.write_bytes(b"GGUF, longer")
    assert await summed(model) == hashlib.sha256(b"GGUF, longer").hexdigest()


async def test_a_sum_that_nobody_knows_is_worked_out(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    remember(model, KNOWN)  # not there yet
    model.write_bytes(b"GGUF")
    remember(model, "")
    assert await summed(model) == hashlib.sha256(b"GGUF").hexdigest()


async def carried(path: Path, sent: bytes, then: Callable[[], object] = lambda: None) -> str:
    async with source(path).summing(carried=True) as summing:
        for at in range(0, len(sent), 1000):
            summing.take(memoryview(sent)[at : at + 1000])
        then()
        return await summing.digest()


async def test_what_is_sent_is_summed_up_and_remembered(tmp_path: Path) -> None:
    model, sent = tmp_path / "model.gguf", b"sent instead of what is there"
    model.write_bytes(b"GGUF")
    assert await carried(model, sent) == hashlib.sha256(sent).hexdigest()
    assert await summed(model) == hashlib.sha256(sent).hexdigest()


async def test_a_file_that_changes_while_it_is_sent_has_no_sum(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    assert await carried(model, b"GGUF", lambda: model.write_bytes(b"another")) == ""
    assert await summed(model) == hashlib.sha256(b"another").hexdigest()


async def test_what_is_known_is_not_summed_up_of_what_is_sent(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    remember(model, KNOWN)
    assert await carried(model, b"GGUF") == KNOWN
