"""Frames as the meters send them, made from readings without a line of the product: by the public descriptions."""

import struct
from functools import reduce
from operator import xor

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

TC66_KEY = bytes(
    (
        *(88, 33, 250, 86, 1, 178, 240, 38, 135, 255, 18, 4, 98, 42, 79, 176),
        *(134, 244, 2, 96, 129, 111, 154, 11, 167, 241, 6, 97, 154, 184, 114, 136),
    )
)
UM34C_CHECKED = (
    *(1, 3, 7, 9, 15, 17, 19, 23, 31, 39, 41, 45, 49, 53, 55, 57),
    *(59, 63, 67, 69, 73, 79, 83, 89, 97, 99, 109, 111, 113, 119, 121, 127),
)
UM_HEADS = {"UM24C": 0x0963, "UM25C": 0x09C9, "UM34C": 0x0D4C}


def modbus(data: bytes) -> int:
    """CRC-16/MODBUS, by long division over the bits: another way than the product's."""
    remainder = 0
    for position, bit in enumerate(bit for byte in data for bit in (byte >> k & 1 for k in range(8))):
        first = position < 16
        remainder = remainder << 1 | (bit ^ first)
        if remainder >> 16:
            remainder ^= 0x18005
    for k in range(16):
        remainder = remainder << 1 | (len(data) * 8 + k < 16)
        if remainder >> 16:
            remainder ^= 0x18005
    return int(f"{remainder:016b}"[::-1], 2)


def tc66_plain(
    volts: float,
    amperes: float,
    *,
    degrees: int = 27,
    plus: float = 2.81,
    minus: float = 2.8,
    firmware: bytes = b"1.18",
) -> bytes:
    watts = round(volts * amperes * 1e4)
    first = (
        b"pac1TC66"
        + firmware
        + struct.pack("<I28xI3I", 48724, 40, round(volts * 1e4), round(amperes * 1e5), watts)
    )
    lines = struct.pack("<II", round(plus * 100), round(minus * 100))
    second = (
        b"pac2" + struct.pack("<5I", 2593, 0, 5, 0, 0) + struct.pack("<II", degrees < 0, abs(degrees)) + lines
    )
    parts = [part.ljust(60, b"\0") for part in (first, second, b"pac3")]
    return b"".join(part + struct.pack("<I", modbus(part)) for part in parts)


def tc66_frame(volts: float, amperes: float, *, degrees: int = 27) -> bytes:
    encryptor = Cipher(AES(TC66_KEY), ECB()).encryptor()
    return encryptor.update(tc66_plain(volts, amperes, degrees=degrees)) + encryptor.finalize()


def um_frame(model: str, volts: float, amperes: float, *, degrees: int = 25) -> bytes:
    finer = 10 if model == "UM25C" else 1
    frame = bytearray(130)
    watts = round(volts * amperes * 1000)
    struct.pack_into(
        ">HHHIHH",
        frame,
        0,
        UM_HEADS[model],
        round(volts * 100 * finer),
        round(amperes * 1000 * finer),
        watts,
        degrees,
        77,
    )
    struct.pack_into(">HH", frame, 96, 59, 61)
    frame[128:] = b"\xff\xf1"
    if model == "UM34C":
        frame[128:] = bytes([0x80, reduce(xor, (frame[at] for at in UM34C_CHECKED))])
    return bytes(frame)
