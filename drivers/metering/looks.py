"""Which family of meter some bytes look like. Pure; for naming a meter that is not what its address says.

Sources: sigrok.org/wiki/RDTech_UM_series (model numbers at the head of 130 bytes), sigrok.org/wiki/RDTech_TC66C (192
bytes under AES in ECB mode: its third part is empty, so that equal blocks stay equal).
"""

import re

UM_MODELS = {b"\x09\x63": "UM24C", b"\x09\xc9": "UM25C", b"\x0d\x4c": "UM34C"}
UM_LENGTH = 130
TC66_LENGTH = 192

REQUESTS = {"um": b"\xf0", "tc66": b"getva"}
"""What makes a meter of that family answer, and one of the other does not understand."""

TITLES = {"um": "a UM meter", "tc66": "a TC66", "csv": "a meter that writes lines of text"}

_TEXT_LEAST = 8
_LINE = re.compile(rb"[\r\n]")
_ROW = re.compile(rb"[-+0-9.,;:|eE\t a-zA-Z_\"%/()\r\n]+")


def family_of(data: bytes) -> str:
    """``um``, ``tc66``, ``csv``, or empty when the bytes look like none of them."""
    if data[:2] in UM_MODELS and len(data) >= UM_LENGTH:
        return "um"
    if len(data) >= TC66_LENGTH and data[144:160] == data[160:176] != data[:16]:
        return "tc66"
    if len(data) >= _TEXT_LEAST and _LINE.search(data) and _ROW.fullmatch(data) and re.search(rb"\d", data):
        return "csv"
    return ""
