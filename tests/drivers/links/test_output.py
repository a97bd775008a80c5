"""Output of a process at the far end of a pipe, as lines and as pieces."""

from collections import deque
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from drivers.links.output import Output

CHUNKS = st.lists(st.tuples(st.sampled_from(["out", "err"]), st.binary(min_size=1, max_size=9)), max_size=12)


class Scripted:
    """A pipe that gives these chunks."""

    def __init__(self, chunks: list[tuple[Literal["out", "err"], bytes]]) -> None:
        self._chunks = deque(enumerate(chunks))

    async def read(self) -> tuple[int, Literal["out", "err"], bytes] | None:
        if not self._chunks:
            return None
        at, (stream, data) = self._chunks.popleft()
        return (at, stream, data)

    async def write(self, data: bytes) -> None: ...

    async def close_stdin(self) -> None: ...

    async def returncode(self) -> int:
        return 0


@given(CHUNKS)
async def test_pieces_are_all_that_came(chunks: list[tuple[Literal["out", "err"], bytes]]) -> None:
    output = Output(Scripted(chunks))
    pieces = [piece async for piece in output.pieces()]
    for stream in ("out", "err"):
        sent = b"".join(data for name, data in chunks if name == stream)
        assert "".join(piece.text for piece in pieces if piece.stream == stream) == sent.decode(
            errors="replace"
        )
    assert output.given.out + output.given.err == sum(len(data) for _, data in chunks)
