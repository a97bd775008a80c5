"""The processor features that our own engine was built for, and what is missing where it cannot be loaded.

Little is imported here: the engine's own process checks itself before it loads the engine.
"""

import platform
from pathlib import Path

from drivers.errors import DriverError, MissingExtra, NotSupported

CPU_FLAGS = ("avx2", "fma", "f16c", "bmi2")
"""What the engine's x86-64 build was compiled for; without them it dies of SIGILL."""

MISSING_PACKAGE = MissingExtra(
    "the engine for this computer is not installed", remedy="pip install 'melt-tui[local]'"
)
MISSING_LIBGOMP = MissingExtra(
    "the engine for this computer needs the system library libgomp",
    remedy="apt-get install -y libgomp1 (as root), or your system's package of that library",
)


def missing_cpu_flags(machine: str, cpuinfo: str) -> tuple[str, ...]:
    """Of the features that the engine was built for, those that ``/proc/cpuinfo`` does not list."""
    if machine.lower() not in {"x86_64", "amd64"}:
        return ()
    listed = next((line for line in cpuinfo.splitlines() if line.startswith("flags") and ":" in line), None)
    if listed is None:
        return ()
    flags = listed.split(":", 1)[1].split()
    return tuple(flag for flag in CPU_FLAGS if flag not in flags)


def processor_objection() -> DriverError | None:
    """What speaks against this computer's processor."""
    missing = missing_cpu_flags(platform.machine(), _cpuinfo())
    if not missing:
        return None
    return NotSupported(
        f"this computer's processor lacks {', '.join(missing).upper()}, which the engine was built for",
        remedy="build llama.cpp for it, and name it with --runtime-arg binary=PATH",
    )


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
