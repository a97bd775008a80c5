"""What a process compiles of Python stays compiled for the next one, as on a user's machine."""

import os
import sys


def keep_compiled() -> None:
    """For this process and those that it starts: otherwise each compiles some hundreds of modules anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
