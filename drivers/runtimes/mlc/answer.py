"""One answer of an MLC server as it comes: from events to samples. No I/O, no clock."""

from collections.abc import Iterator, Sequence

from drivers.base import Item
from drivers.errors import DriverError, RunFailed
from drivers.events import TurnEnd, TurnStarted
from drivers.links.http import Arrived, Reply
from drivers.runs.turn import TurnTeller
from drivers.runtimes.mlc.protocol import Chunk, read_chunk, read_error


class AnswerReader:
    """A chunk is one token until the usage at the end tells how many there were."""

    def __init__(self, teller: TurnTeller) -> None:
        self.done = False
        self._teller = teller
        self._end: TurnEnd | None = None
        self._last: Chunk | None = None

    @property
    def total(self) -> int:
        """Output tokens of the run so far."""
        return self._teller.total

    @property
    def reply(self) -> str:
        """The answer so far."""
        return self._teller.reply

    def started(self) -> TurnStarted:
        """The prompt was sent."""
        return self._teller.started()

    def read(self, arrived: Sequence[Arrived]) -> Iterator[Item]:
        """What follows from lines. Raises RunFailed for the server's error, Garbled."""
        for batch in arrived:
            for line in batch.lines:
                chunk = read_chunk(line)
                if chunk is not None:
                    yield from self._read(batch.t_ns, chunk)

    def ended(self, t_ns: int, cut: TurnEnd | None = None, detail: str = "") -> Iterator[Item]:
        """The end of the turn."""
        last = self._last
        yield from self._teller.ended(
            t_ns,
            cut or self._end or TurnEnd.EOS,
            last.figures if last else None,
            detail=detail,
            approximate=last is None or not last.exact,
            whole=cut is None,
        )

    def refused(self, reply: Reply) -> DriverError:
        """The error behind an answer with an HTTP error."""
        return RunFailed(f"the MLC server refused the prompt (HTTP {reply.status}): {read_error(reply.text)}")

    def _read(self, t_ns: int, chunk: Chunk) -> Iterator[Item]:
        if chunk.error:
            raise RunFailed(f"the MLC server could not go on: {chunk.error}")
        self._end = chunk.end or self._end
        self._last = chunk if chunk.figures is not None else self._last
        self.done = self.done or chunk.done
        if chunk.text:
            yield from self._teller.wrote(t_ns, chunk.text, 1)
