"""The wire format, against the examples of its specification and a reader that knows nothing of the writer."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.analysis.protobuf import message, real, text, varint, whole
from tests.rigs.protobuf_reader import fields


def test_examples_of_the_specification() -> None:
    assert varint(1) == b"\x01"
    assert varint(150) == b"\x96\x01"
    assert whole(1, 150) == b"\x08\x96\x01"
    assert text(2, "testing") == b"\x12\x07testing"
    assert message(3, whole(1, 150)) == b"\x1a\x03\x08\x96\x01"
    assert whole(1, -2) == b"\x08" + b"\xfe" + b"\xff" * 8 + b"\x01"
    assert real(44, 1.5) == b"\xe1\x02" + struct.pack("<d", 1.5)


@settings(max_examples=60)
@given(
    st.integers(1, 2**29 - 1),
    st.integers(0, 2**64 - 1),
    st.text(),
    st.floats(allow_nan=False),
)
def test_what_is_written_is_read(number: int, value: int, words: str, share: float) -> None:
    told = fields(whole(number, value) + text(number, words) + real(number, share))[number]
    assert told == [value, words.encode("utf-8", "backslashreplace"), share]
