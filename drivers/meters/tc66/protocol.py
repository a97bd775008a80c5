"""Frames of the TC66 and TC66C, over USB serial. Pure.

``getva`` is answered by 192 bytes, encrypted by AES-256 in ECB mode under a key that all of them share. Inside are three
parts of 64 bytes, named ``pac1`` to ``pac3``, little endian, each ended by the CRC-16/MODBUS of its first 60 bytes as
a 32-bit word. Current and power have no sign.

Sources: sigrok.org/wiki/RDTech_TC66C; ralimtek.com, "TC66C reverse engineering" (Ben V. Brown), for the key.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

REQUEST = b"getva"
LENGTH = 192
KEY = bytes.fromhex("5821fa5601b2f02687ff1204622a4fb086f40260816f9a0ba7f106619ab87288")

_PART = 64
_NAMES = (b"pac1", b"pac2", b"pac3")
_CIPHER = Cipher(AES(KEY), ECB())  # noqa: S305 (the meter knows no other mode)
_IDENTITY = struct.Struct("<4x4s4sI")
_POWER = struct.Struct("<48xIII")
_OTHERS = struct.Struct("<24xIIII")
_LINES_LIMIT = 1 << 15
_DEGREES_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers, in its own words."""

    model: str
    firmware: str
    serial: int


def plain(frame: bytes) -> bytes | None:
    """The 192 bytes that a frame holds; None when its length, a name or a checksum is wrong."""
    if len(frame) != LENGTH:
        return None
    decryptor = _CIPHER.decryptor()
    data = decryptor.update(frame) + decryptor.finalize()
    parts = [data[at : at + _PART] for at in range(0, LENGTH, _PART)]
    sound = all(part[:4] == name and _sound(part) for part, name in zip(parts, _NAMES, strict=True))
    return data if sound else None


def identity(data: bytes) -> Identity:
    """Who sent these 192 plain bytes."""
    model, firmware, serial = _IDENTITY.unpack_from(data)
    return Identity(_text(model), _text(firmware), serial)


def read(frame: bytes) -> Sequence[int] | None:
    """Codes in the order of ``channels.TABLE``; None for a damaged frame."""
    data = plain(frame)
    if data is None:
        return None
    volts, amperes, watts = _POWER.unpack_from(data)
    below_zero, degrees, plus, minus = _OTHERS.unpack_from(data, _PART)
    if degrees > _DEGREES_LIMIT or plus > _LINES_LIMIT or minus > _LINES_LIMIT:
        return None
    return volts, amperes, watts, -degrees if below_zero else degrees, plus, minus


def crc16_modbus(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 0x8005 reflected, begins with 0xffff."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def _sound(part: bytes) -> bool:
    told: int = struct.unpack_from("<I", part, _PART - 4)[0]
    return crc16_modbus(part[: _PART - 4]) == told


def _text(raw: bytes) -> str:
    return "".join(chr(byte) for byte in raw if 32 < byte < 127)
