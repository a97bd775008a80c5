"""A telnet stream taken apart: what is data, and what the two ends say to each other (RFC 854, RFC 855)."""

import re

IAC = b"\xff"
SUB = b"\xfa"
END = b"\xf0"
NEGOTIATING = frozenset((b"\xfb", b"\xfc", b"\xfd", b"\xfe"))
"""WILL, WONT, DO, DONT: the byte after it is the option."""

_PLAIN = re.compile(rb"(?:[^\xff]++|\xff\xff)*+")
_COMMAND = re.compile(
    rb"\xff(?:[\xfb-\xfe].|\xfa(?:[^\xff]++|\xff[^\xf0])*+\xff\xf0|[^\xfa-\xff])",
    re.DOTALL,
)


def split(stream: bytes) -> tuple[bytes, list[bytes], bytes]:
    """``(data, commands, rest)`` of a stream; the rest is a command that has not ended, and belongs before what comes next.

    A command is without its IAC: one byte, two of a negotiation, or SUB and the body of a sub-negotiation. What was
    doubled in data and bodies is single.
    """
    data: list[bytes] = []
    commands: list[bytes] = []
    place = 0
    while plain := _PLAIN.match(stream, place):
        data.append(_single(plain[0]))
        command = _COMMAND.match(stream, plain.end())
        if command is None:
            place = plain.end()
            break
        commands.append(_single(command[0][1:].removesuffix(IAC + END)))
        place = command.end()
    return b"".join(data), commands, stream[place:]


def _single(text: bytes) -> bytes:
    return text.replace(IAC + IAC, IAC)
