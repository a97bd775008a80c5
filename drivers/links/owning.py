"""Whose a lease is: which process of which computer started it, and whether that is no more."""

import hashlib
import os
import platform
import re
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

_OWNER = re.compile(r"([0-9a-f]{16})-([0-9]{1,10})-([0-9]{1,12})")
_SAME_S = 5
"""Two readings of one process's birth differ by no more: some systems reckon it from a clock that is set."""


def owner() -> str:
    """Names this process: one word of letters, digits and dashes."""
    return f"{_computer()}-{os.getpid()}-{round(psutil.Process().create_time())}"


def gone(named: str) -> bool:
    """Whether that process was of this computer and is no more. Of another computer's nothing is known here."""
    match = _OWNER.fullmatch(named)
    if match is None or match[1] != _computer():
        return False
    try:
        born_s = psutil.Process(int(match[2])).create_time()
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
    return abs(born_s - int(match[3])) > _SAME_S


@cache
def _computer() -> str:
    """Of this computer, and of that part of it whose processes can be seen from here."""
    seen = ""
    with suppress(OSError):
        seen = str(Path("/proc/self/ns/pid").readlink())
    words = f"{platform.node()} {uuid.getnode()} {seen}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]
