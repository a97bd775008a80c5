"""Telnet streams taken apart, however they are cut."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.links.telnet import END, IAC, SUB, split

BYTES = st.lists(st.one_of(st.just(255), st.integers(0, 255))).map(bytes)
DATA = BYTES.map(lambda data: (data, b""))
COMMANDS = st.one_of(
    st.integers(0xF1, 0xF9).map(lambda byte: bytes([byte])),
    st.tuples(st.integers(0xFB, 0xFE), st.integers(0, 255)).map(bytes),
    BYTES.map(lambda body: SUB + body),
).map(lambda command: (b"", command))
STREAMS = st.lists(st.one_of(DATA, COMMANDS))


def written(part: tuple[bytes, bytes]) -> bytes:
    """As RFC 854 and 855 want it."""
    data, command = part
    if command[:1] == SUB:
        return IAC + SUB + command[1:].replace(IAC, IAC + IAC) + IAC + END
    return IAC + command if command else data.replace(IAC, IAC + IAC)


@given(STREAMS, st.lists(st.integers(1, 9)))
def test_data_and_commands_come_apart_wherever_the_stream_is_cut(
    parts: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(map(written, parts))
    data, commands, rest = b"", [], b""
    for length in [*cuts, len(stream)]:
        piece, stream = stream[:length], stream[length:]
        came, said, rest = split(rest + piece)
        data += came
        commands += said
    assert rest == b""
    assert data == b"".join(data for data, _ in parts)
    assert commands == [command for _, command in parts if command]


@given(BYTES)
def test_any_stream_can_be_taken_apart(stream: bytes) -> None:
    data, commands, rest = split(stream)
    assert len(data) + sum(map(len, commands)) + len(rest) <= len(stream)
    assert rest[:1] in {b"", IAC}


def test_what_has_not_ended_waits() -> None:
    assert split(b"a\xff") == (b"a", [], b"\xff")
    assert split(b"\xff\xfd") == (b"", [], b"\xff\xfd")
    assert split(b"\xff\xfa\x2c\xff") == (b"", [], b"\xff\xfa\x2c\xff")
    assert split(b"\xff\xf0b") == (b"b", [b"\xf0"], b"")
