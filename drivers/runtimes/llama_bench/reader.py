"""From the lines of llama-bench to the turns of a run. No I/O, no clock."""

from collections.abc import Iterator

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import TurnEnd
from drivers.model import Channel, RunSpec
from drivers.runs.turn import Figures, TurnTeller
from drivers.runtimes.llama_bench.protocol import PROBE, Row, Step
from drivers.schedule import ScheduledTurn


class RowReader:
    """Each repetition of a test is the next turn of the schedule."""

    def __init__(
        self, spec: RunSpec, arrivals: Channel, turns: Iterator[ScheduledTurn], tokens_before: int
    ) -> None:
        self.tokens = tokens_before
        """Output tokens of the run so far."""
        self.probe: Row | None = None
        """The row of the first test, which is no turn."""
        self.loaded_ns: int | None = None
        """When its model was loaded: the first run of anything began."""
        self._spec = spec
        self._arrivals = arrivals
        self._turns = turns
        self._next = next(turns, None)
        self._running: TurnTeller | None = None
        self._rows = 0

    @property
    def finished(self) -> bool:
        """Whether every turn has come to its end."""
        return self._next is None and self._running is None

    def begun(self, t_ns: int, step: Step) -> Iterator[Item]:
        """A run of a phase begins. The prompt of a test that also generates begins it; its generation goes on."""
        if self.loaded_ns is None:
            self.loaded_ns = t_ns
        late = step.test <= self._rows
        if self.probe is not None and step.measured and self._running is None and not late:
            yield from self._begin(t_ns)

    def ended(self, t_ns: int, row: Row) -> Iterator[Item]:
        """A test has ended: its repetitions are laid back from the moment at which its row came."""
        self._rows += 1
        if self.probe is None and row.shape == PROBE:
            self.probe = row
            return
        lengths = row.samples_ns
        for at, length_ns in enumerate(lengths):
            end_ns = t_ns - sum(lengths[at + 1 :])
            if self._running is None:
                yield from self._begin(end_ns - length_ns)
            yield from self._end(end_ns, row, length_ns)

    def cut(self, t_ns: int, end: TurnEnd, detail: str = "") -> Iterator[Item]:
        """What runs is ended before its time."""
        if self._running is not None:
            yield from self._running.ended(t_ns, end, detail=detail)
            self._running = None

    def _begin(self, t_ns: int) -> Iterator[Item]:
        scheduled = self._next
        if scheduled is None:
            return
        self._next = next(self._turns, None)
        self._running = TurnTeller(
            self._spec,
            scheduled,
            self._arrivals,
            sent_ns=t_ns,
            tokens_before=self.tokens,
            context_tokens=0,
        )
        yield self._running.started()

    def _end(self, t_ns: int, row: Row, length_ns: int) -> Iterator[Item]:
        teller, self._running = self._running, None
        if teller is None:
            return
        figures, detail = figures_of(row, length_ns), _detail(row, length_ns)
        yield from teller.ended(max(t_ns, teller.sent_ns), TurnEnd.LIMIT, figures, detail=detail)
        self.tokens = teller.total


def figures_of(row: Row, length_ns: int) -> Figures:
    """What a test's time says.

    A test that generates n tokens does n steps, each as long as the next: from the first token to the last there are
    n - 1 of them. Of one that also evaluates a prompt only the sum is known.
    """
    prompt, generated = row.shape.prompt, row.shape.generated
    length_s = length_ns / SECOND
    return Figures(
        prompt_tokens=prompt,
        cached_tokens=0,
        output_tokens=generated,
        prompt_s=length_s if generated == 0 else None,
        decode_s=length_s * (generated - 1) / generated if prompt == 0 and generated > 1 else None,
    )


def _detail(row: Row, length_ns: int) -> str:
    if row.shape.prompt and row.shape.generated:
        return f"prompt and generation together took {length_ns / SECOND:.3f} s: llama-bench does not tell them apart"
    return ""
