"""The one broad ``except`` of the project: a bug in one device or run ends that one, never the session."""

import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


async def guarded(name: str, work: Awaitable[None], on_bug: Callable[[str], None]) -> None:
    """Await ``work``; an exception that nobody foresaw goes to the log with its traceback, and to ``on_bug`` as a sentence."""
    try:
        await work
    except Exception as bug:
        log.exception("%s ended by a bug", name)
        on_bug(f"{name} ended by a bug of melt ({type(bug).__name__}): the log file has the details")
