"""How memory is kept: one heap that is given back, not one for each thread that only grows, and seldom searched."""

import ctypes
import gc
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
"""Parameters of ``mallopt(3)``, from glibc's ``malloc.h``."""
_BLOCK: Final = 128 << 10
"""Bytes from which a block is a mapping of its own, given back as soon as it is free: glibc's first choice, which it
gives up when a larger block is freed."""
_YOUNG: Final = 3_000
"""Objects that come before garbage is searched for among them. Frames and samples leave none; Python's own 700 are
made, and searched, several times a frame."""


def tighten() -> None:
    """For threads that start from now on. Where there is no ``mallopt`` the system's own ways stay as they are."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _BLOCK), (_M_TRIM_THRESHOLD, _BLOCK)):
            mallopt(parameter, value)
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


def settle() -> None:
    """What is there by now stays: searches for garbage, which stop every thread, need not look at it again.

    The first time that is much, and only what is young is searched before it; whatever is garbage stays as well.
    """
    gc.collect(2 if gc.get_freeze_count() else 1)
    gc.freeze()


def search() -> None:
    """Set free what only refers to itself, however old. So little is made of it that Python would not look for ten minutes,
    and keep a megabyte; with what has settled left out there are a few thousand objects to look at."""
    gc.collect()


def give_back() -> None:
    """What is free goes back to the system: packing a minute of samples leaves some megabytes of it between the rest."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
