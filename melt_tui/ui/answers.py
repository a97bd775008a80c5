"""Answers of the workbench brought onto the screen's loop, failures as sentences."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of a command: its value, or why it failed in one sentence."""

    value: T | None
    problem: str = ""


async def answer(future: "Future[T]") -> Answer[T]:
    """Wait without blocking the screen; never raises what the command raised."""
    wrapped = asyncio.wrap_future(future)
    await asyncio.wait([wrapped])
    if wrapped.cancelled():
        return Answer(None, "it was given up")
    error = wrapped.exception()
    return Answer(wrapped.result()) if error is None else Answer(None, sentence_of(error))


def sentence_of(error: BaseException) -> str:
    """What an error says; one that nobody foresaw says at least of which kind it is."""
    said = str(error).strip().splitlines()
    if hasattr(error, "sentence") and said:
        return said[0]
    return f"unexpected {type(error).__name__}: {said[0]}" if said else f"unexpected {type(error).__name__}"


Notify = Callable[[str], None]
