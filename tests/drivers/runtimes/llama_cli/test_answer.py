"""What a reader makes of pieces that came together."""

from drivers.clock import SECOND
from drivers.events import FirstToken, TurnStarted
from drivers.links.base import Line
from drivers.runs.turn import TurnTeller
from drivers.runtimes.llama_cli.answer import OutputReader, Settings
from drivers.runtimes.llama_cli.channels import piece_arrivals
from drivers.runtimes.llama_cli.protocol import Dialect, Speaker
from drivers.schedule import schedule
from tests.rigs.llama_runs import run_spec, workload


def test_a_prompt_and_the_first_word_in_one_piece_are_not_as_old_as_the_program() -> None:
    work = workload()
    teller = TurnTeller(
        run_spec(work), next(iter(schedule(work))), piece_arrivals("bench"), sent_ns=SECOND, tokens_before=0
    )
    reader = OutputReader(
        teller, Settings(Speaker(Dialect.CHAT, frozenset()), "hi", 12, endless=True, streamed=True)
    )
    items = list(reader.read_out(Line(9 * SECOND, "out", "Loading model...\n\n> hi\n\nEin")))
    assert reader.ready_ns == 9 * SECOND
    assert [item.t_ns for item in items if isinstance(item, TurnStarted)] == [9 * SECOND]
    assert [item.ttft_s for item in items if isinstance(item, FirstToken)] == [0.0]
