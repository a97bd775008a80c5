"""For which processor a program was built, by its first bytes. Pure.

Source: the System V ABI's ELF header, 20 bytes: magic, class at 4, byte order at 5, ``e_machine`` at 18.
"""

from dataclasses import dataclass
from typing import Final

HEADER_BYTES: Final = 20

_MAGIC = b"\x7fELF"
_NAMES: Final = {0x03: "x86", 0x28: "arm", 0x3E: "x86-64", 0xB7: "aarch64", 0xF3: "risc-v"}
_RUNS: Final = {
    "aarch64": {"aarch64", "arm"},
    "arm64": {"aarch64", "arm"},
    "armv8l": {"arm"},
    "armv7l": {"arm"},
    "armv6l": {"arm"},
    "x86_64": {"x86-64", "x86"},
    "amd64": {"x86-64", "x86"},
    "i686": {"x86"},
    "riscv64": {"risc-v"},
}
"""``uname -m`` → what such a machine can run."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What a program's header says."""

    bits: int
    machine: str
    """``aarch64``, ``x86-64`` …; ``machine 0x..`` where it has no name here."""


def read_elf(header: bytes) -> Elf | None:
    """None for what is no ELF file: a script, text, nothing."""
    if len(header) < HEADER_BYTES or not header.startswith(_MAGIC) or header[4] not in {1, 2}:
        return None
    number = int.from_bytes(header[18:20], "big" if header[5] == 2 else "little")
    return Elf(bits=32 * header[4], machine=_NAMES.get(number, f"machine 0x{number:x}"))


def runs_on(elf: Elf, machine: str) -> bool:
    """Whether a machine whose ``uname -m`` says this can run it; where that is not known it may try."""
    known = _RUNS.get(machine)
    return known is None or elf.machine in known
