"""Files of the kernel's own file systems (``/sys``, ``/proc``), read below a root that tests may choose."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from drivers.errors import Refused

LIMIT_BYTES = 1024 * 1024
"""A file is read up to here: none of the kernel's that we ask for is longer."""

_SHORT = 1024
"""A read that gives less than this has reached the end: the kernel hands long texts out page by page."""

_DIGITS = re.compile(r"(\d+)")


class SysFiles:
    """Reads small text files by their absolute path, all below ``root``."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = str(root).rstrip("/")

    def read(self, path: str) -> str | None:
        """Text of a file, or None where it has none to give now: missing, powered down, in error.

        May block as long as the kernel's driver does. Raises Refused when only somebody else may read it.
        """
        try:
            descriptor = os.open(self._root + path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except PermissionError as error:
            raise Refused(f"{path} may not be read", remedy=f"sudo chmod a+r {path}") from error
        except (OSError, ValueError):
            return None
        try:
            return _whole(descriptor).decode("utf-8", "replace")
        except PermissionError as error:
            raise Refused(f"{path} may not be read", remedy=f"sudo chmod a+r {path}") from error
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def glob(self, pattern: str) -> Sequence[str]:
        """Absolute paths below the root that match, numbers in them in order of value (``cpu2`` before ``cpu10``).

        Empty also when what it looks through is vanishing.
        """
        try:
            found = [str(path) for path in Path(self._root or "/").glob(pattern.lstrip("/"))]
        except OSError:
            return []
        return sorted((path[len(self._root) :] for path in found), key=_by_number)


def _whole(descriptor: int) -> bytes:
    data = chunk = os.read(descriptor, 64 * 1024)
    while len(chunk) >= _SHORT and len(data) < LIMIT_BYTES:
        chunk = os.read(descriptor, 64 * 1024)
        data += chunk
    return data


def _by_number(path: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(path))
