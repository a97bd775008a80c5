"""Frames of the UM24C, UM25C and UM34C. Pure.

The byte 0xF0 is answered by 130 bytes, big endian, headed by the model's number. The UM25C tells volts and amperes with
one digit more. The UM24C and UM25C end with 0xFFF1; the UM34C ends with a byte that is the exclusive or of 32 others.
Current and power have no sign.

Sources: sigrok.org/wiki/RDTech_UM_series (fields, ends, and which bytes the UM34C's check covers); RDTech's
instructions for each (accuracy: UM25C ± (0.05 % + 2 digits) of volts and ± (0.1 % + 4 digits) of amperes, the others
± (0.5 % + 2 digits) and ± (0.8 % + 3 digits)).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

from drivers.accuracy import Accuracy

REQUEST = b"\xf0"
LENGTH = 130

_END = b"\xff\xf1"
_FIELDS = struct.Struct(">2xHHIH84xHH30x")
_CHECKED = bytes.fromhex("01030709 0f111317 1f27292d 31353739 3b3f4345 494f5359 61636d6f 7177797f")
"""Positions under the UM34C's check."""


@dataclass(frozen=True, slots=True)
class Model:
    """One of the three: what the last digits of its volts and amperes are worth, and how true they are."""

    name: str
    volt: float
    ampere: float
    of_volts: Accuracy
    of_amperes: Accuracy


MODELS = {
    b"\x09\x63": Model("UM24C", 1e-2, 1e-3, Accuracy(5e-3, 2e-2), Accuracy(8e-3, 3e-3)),
    b"\x09\xc9": Model("UM25C", 1e-3, 1e-4, Accuracy(5e-4, 2e-3), Accuracy(1e-3, 4e-4)),
    b"\x0d\x4c": Model("UM34C", 1e-2, 1e-3, Accuracy(5e-3, 2e-2), Accuracy(8e-3, 3e-3)),
}


def model(frame: bytes) -> Model | None:
    """Whose frame it is; None when it is damaged, or nobody's that is known."""
    found = MODELS.get(frame[:2])
    return found if found is not None and len(frame) == LENGTH and _sound(frame, found) else None


def read(frame: bytes) -> Sequence[int] | None:
    """Codes of volts, amperes, watts, degrees, D+ and D−; None for a damaged frame."""
    return _FIELDS.unpack(frame) if model(frame) is not None else None


def check(frame: bytes) -> int:
    """What the last byte of a UM34C's frame has to be."""
    return reduce(xor, (frame[at] for at in _CHECKED), 0)


def _sound(frame: bytes, sender: Model) -> bool:
    return frame[-1] == check(frame) if sender.name == "UM34C" else frame[-2:] == _END
