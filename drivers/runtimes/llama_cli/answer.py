"""One turn of a terminal program: from pieces of its output to samples and events. No I/O, no clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drivers.base import Item
from drivers.events import TurnEnd, TurnStarted
from drivers.links.base import Line
from drivers.runs.turn import Figures, TurnTeller
from drivers.runtimes.llama_cli.protocol import AnswerStream as PlainStream
from drivers.runtimes.llama_cli.protocol import (
    Aside,
    ChatStream,
    Dialect,
    Ready,
    Speaker,
    Text,
    Timing,
    end_of_text,
    is_context_full,
    read_ready,
    read_timing,
)

UNTOLD = (
    "the program did not tell when its model was loaded: the time to the first token holds the loading too"
)
NO_COUNTS = "llama-cli told {rates}, and neither counts nor times"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a reader has to know beforehand."""

    speaker: Speaker
    prompt: str
    max_tokens: int
    endless: bool
    """Whether the end of the text is gone past: then an answer ends by its limit alone."""
    streamed: bool
    """Whether pieces come as they are written; else lines come, whose arrival says nothing of tokens."""
    late: Callable[[int], bool] = lambda _: False
    """Whether what was written at a time waited for somebody to come back: then a piece holds any number of tokens."""


class OutputReader:
    """Reads what one process prints. The turn begins when the model is loaded, as far as the program tells."""

    def __init__(self, teller: TurnTeller, settings: Settings) -> None:
        self.ready: Ready | None = None
        """What the program told of itself when its model was loaded."""
        self.ready_ns: int | None = None
        """When it was: the prompt goes in."""
        self.timing = Timing()
        self._teller = teller
        self._settings = settings
        chat = settings.speaker.dialect is Dialect.CHAT
        echo = settings.prompt if settings.speaker.echoes else ""
        self._stream = ChatStream(settings.prompt) if chat else PlainStream(echo)
        self._chat = self._stream if isinstance(self._stream, ChatStream) else None
        self._line = ""
        self._started = False
        self._eos = False
        self._full = False
        self._untold = False

    @property
    def total(self) -> int:
        """Output tokens of the run so far."""
        return self._teller.total

    @property
    def reply(self) -> str:
        """The answer so far."""
        return self._teller.reply

    def read_out(self, piece: Line) -> Iterator[Item]:
        """A piece of standard output."""
        yield from self._parts(piece.t_ns, self._stream.feed(piece.text))

    def read_err(self, piece: Line) -> tuple[str, ...]:
        """A piece of standard error: the lines that it completes, read."""
        *whole, self._line = (self._line + piece.text).split("\n")
        for line in whole:
            self._note(piece.t_ns, line)
        return tuple(whole)

    def last_err(self, t_ns: int) -> tuple[str, ...]:
        """What of standard error had no line end when it closed."""
        line, self._line = self._line, ""
        if not line:
            return ()
        self._note(t_ns, line)
        return (line,)

    def started(self, t_ns: int) -> Iterator[TurnStarted]:
        """The prompt went in, if that is known by now and was not told yet."""
        if self._started or self.ready_ns is None:
            return
        self._started = True
        self._teller.sent_ns = min(self.ready_ns, t_ns)
        yield self._teller.started()

    def ended(self, t_ns: int, cut: TurnEnd | None = None, detail: str = "") -> Iterator[Item]:
        """The end of the turn; nothing when it never began."""
        yield from self._parts(t_ns, self._stream.flush())
        yield from self.started(t_ns)
        if not self._started:
            return
        figures = self.timing.figures
        yield from self._teller.ended(
            t_ns,
            cut or self._end(figures),
            figures,
            detail=detail or self._detail(),
            approximate=True,
            whole=cut is None,
        )

    def _parts(self, t_ns: int, parts: Iterator[Text | Aside]) -> Iterator[Item]:
        for part in parts:
            if isinstance(part, Aside):
                self._note(t_ns, part.text)
                continue
            yield from self._wrote(t_ns, part.text)
        if self._chat is not None and self._chat.begun and self.ready_ns is None:
            self.ready_ns = t_ns
            yield from self.started(t_ns)

    def _wrote(self, t_ns: int, written: str) -> Iterator[Item]:
        text, ended = end_of_text(written)
        self._eos = self._eos or ended
        if self.ready_ns is None:
            begun = self._chat is not None and self._chat.begun
            self.ready_ns, self._untold = t_ns if begun else self._teller.sent_ns, self._chat is None
        yield from self.started(t_ns)
        if text and self._settings.streamed and self._settings.late(t_ns):
            yield from self._teller.wrote_some(t_ns, text)
        elif text:
            yield from self._teller.wrote(
                t_ns, text, 1 if self._settings.streamed and text.strip("\n") else 0
            )

    def _note(self, t_ns: int, line: str) -> None:
        self.timing = read_timing(line, self.timing) or self.timing
        self._full = self._full or is_context_full(line)
        ready = read_ready(line)
        if ready is not None and self.ready is None:
            self.ready = ready
            self.ready_ns = t_ns if self.ready_ns is None else self.ready_ns

    def _end(self, figures: Figures) -> TurnEnd:
        if self._eos:
            return TurnEnd.EOS
        count = self._teller.count if figures.output_tokens is None else figures.output_tokens
        untold = figures.output_tokens is None and self._settings.endless
        limit = self._full or untold or count >= self._settings.max_tokens
        return TurnEnd.LIMIT if limit else TurnEnd.EOS

    def _detail(self) -> str:
        told = [
            "the context was full" if self._full else "",
            NO_COUNTS.format(rates=self.timing.rates) if self.timing.rates else "",
            UNTOLD if self._untold else "",
        ]
        return "; ".join(filter(None, told))
