"""Following streams that may break."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")


async def drain(stream: AsyncIterator[T], take: Callable[[T], object]) -> None:
    """Hand over everything until the stream ends or breaks."""
    async for item in stream:
        take(item)
