"""One answer of Ollama's as it comes: from lines to samples and events. No I/O, no clock."""

from collections.abc import Iterator, Sequence

from drivers.base import Item
from drivers.errors import DriverError, RunFailed
from drivers.events import TurnEnd, TurnStarted
from drivers.links.http import Arrived, Reply
from drivers.model import uneven_block
from drivers.runs.enginetime import EngineTimes
from drivers.runs.turn import Figures, TurnTeller
from drivers.runtimes.ollama.channels import TokenChannels
from drivers.runtimes.ollama.protocol import Piece, read_error, read_piece

REUSED = "of this prompt a part was sent before: what the server reused of it, it does not tell"


class AnswerReader:
    """A piece of text is one token until the last line tells how many there were."""

    def __init__(self, teller: TurnTeller, channels: TokenChannels, *, whole: bool) -> None:
        self.done = False
        self._teller = teller
        self._channels = channels
        self._whole = whole
        self._times = EngineTimes()
        self._first_created_ns: int | None = None
        self._last: Piece | None = None

    @property
    def total(self) -> int:
        """Output tokens of the run so far."""
        return self._teller.total

    def started(self) -> TurnStarted:
        """The prompt was sent."""
        return self._teller.started()

    def read(self, arrived: Sequence[Arrived]) -> Iterator[Item]:
        """What follows from lines. Raises RunFailed for the server's error, Garbled."""
        for batch in arrived:
            for line in batch.lines:
                piece = read_piece(line)
                if piece is not None:
                    yield from self._read(batch.t_ns, piece)

    def ended(self, t_ns: int, cut: TurnEnd | None = None, detail: str = "") -> Iterator[Item]:
        """The end of the turn."""
        last = self._last
        yield from self._corrected(last)
        at_ns = max(t_ns, self._times.last_ns)
        if last is None:
            yield from self._teller.ended(
                at_ns, cut or TurnEnd.FAILED, detail=detail, approximate=True, whole=False
            )
            return
        end = cut or last.end or TurnEnd.EOS
        yield from self._teller.ended(at_ns, end, self._figures(last), detail=detail or self._reused())

    def refused(self, reply: Reply) -> DriverError:
        """The error behind an answer with an HTTP error."""
        return RunFailed(
            f"the Ollama server refused the prompt (HTTP {reply.status}): {read_error(reply.text)}"
        )

    @property
    def reply(self) -> str:
        """The answer so far."""
        return self._teller.reply

    def _read(self, t_ns: int, piece: Piece) -> Iterator[Item]:
        if piece.error:
            raise RunFailed(f"the Ollama server could not go on: {piece.error}")
        if piece.text:
            yield from self._teller.wrote(t_ns, piece.text, 1)
            yield from self._at_server_time(t_ns, piece)
        if piece.done:
            self.done, self._last = True, piece

    def _at_server_time(self, t_ns: int, piece: Piece) -> Iterator[Item]:
        if piece.created_ns is None:
            return
        if self._first_created_ns is None:
            self._first_created_ns = piece.created_ns
        since_first_ms = max(0, piece.created_ns - self._first_created_ns) / 1e6
        yield uneven_block(
            self._channels.tokens, self._times.place([(t_ns, since_first_ms)]), [self._teller.total]
        )

    def _corrected(self, last: Piece | None) -> Iterator[Item]:
        """Tokens without a piece of their own are counted at the last one."""
        missing = 0 if last is None else (last.output_tokens or 0) - self._teller.count
        if missing > 0 and self._times.last_ns:
            yield uneven_block(self._channels.tokens, [self._times.last_ns], [self._teller.total + missing])

    def _figures(self, last: Piece) -> Figures:
        return Figures(
            prompt_tokens=last.prompt_tokens if self._whole else None,
            prompt_s=_seconds(last.prompt_ns) if self._whole else None,
            output_tokens=last.output_tokens,
            decode_s=_seconds(last.decode_ns),
        )

    def _reused(self) -> str:
        return "" if self._whole else REUSED


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
