"""Lines out of bytes."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.links.splitting import LineSplitter, PieceSplitter


@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(1, 7)))
def test_how_bytes_are_cut_does_not_matter(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    splitter, seen, at = LineSplitter(), [], 0
    for cut in cuts:
        seen += splitter.feed(data[at : at + cut])
        at += cut
    seen += splitter.feed(data[at:])
    seen += splitter.flush()
    expected = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    assert seen == (expected if not data.endswith(b"\n") and data else expected[:-1])
    assert splitter.cut == 0


@given(st.binary(max_size=200), st.integers(1, 20), st.integers(1, 50))
def test_what_is_kept_is_bounded(data: bytes, limit: int, step: int) -> None:
    splitter, seen = LineSplitter(limit), []
    for at in range(0, len(data), step):
        seen += splitter.feed(data[at : at + step])
        assert len(splitter._rest) <= limit
    seen += splitter.flush()
    whole = data.split(b"\n")
    whole = whole if whole[-1] else whole[:-1]
    assert seen == [line[:limit].removesuffix(b"\r") for line in whole]
    assert splitter.cut == sum(len(line) > limit for line in whole)


def test_an_unfinished_line_waits() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"ab") == []
    assert splitter.feed(b"c\r\nd") == [b"abc"]
    assert splitter.flush() == [b"d"]
    assert splitter.flush() == []


@given(st.lists(st.binary(max_size=9)))
def test_pieces_lose_nothing_and_come_at_once(chunks: list[bytes]) -> None:
    splitter = PieceSplitter()
    came = b""
    for chunk in chunks:
        came += b"".join(splitter.feed(chunk))
        assert len(b"".join(chunks)) - len(came) >= 0
    assert came + b"".join(splitter.flush()) == b"".join(chunks)


@given(st.text(), st.integers(1, 5))
def test_a_piece_never_ends_in_half_a_character(text: str, size: int) -> None:
    splitter, data = PieceSplitter(), text.encode("utf-8", "replace")
    pieces = [piece for at in range(0, len(data), size) for piece in splitter.feed(data[at : at + size])]
    assert "".join(piece.decode() for piece in pieces) == data.decode()
    assert splitter.flush() == []
    held = PieceSplitter()
    assert (held.feed("🙂".encode()[:3]), held.flush()) == ([], ["🙂".encode()[:3]])
