"""One answer as it comes."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Item
from drivers.errors import RunFailed
from drivers.events import FirstToken, OutputText, PrefillProgress, TurnEnd, TurnEnded
from drivers.model import Samples
from drivers.runtimes.llama_server.answer import AnswerReader, Asked
from drivers.runtimes.llama_server.channels import token_channels
from drivers.runtimes.llama_server.protocol import Chunk, Progress, Timings

MS = 1_000_000
SENT = 1_000 * MS


def reader(max_tokens: int = 100, before: int = 0) -> AnswerReader:
    asked = Asked(run="r", turn=3, max_tokens=max_tokens, sent_ns=SENT, tokens_before=before)
    return AnswerReader(asked, token_channels("box"))


def token(n: int, ms: float | None, text: str = "x", **more: object) -> Chunk:
    timings = Timings(prompt_n=9, cache_n=3, prompt_ms=36.5, predicted_n=n, predicted_ms=ms)
    return Chunk(text=text, reply=text, output_tokens=n, timings=timings, **more)  # type: ignore[arg-type]


def last(n: int, ms: float, end: TurnEnd = TurnEnd.LIMIT) -> Chunk:
    return token(n, ms, "", end=end, done=True)


def samples(items: Sequence[Item], channel: str) -> list[tuple[int, int]]:
    def each() -> Iterator[tuple[int, int]]:
        for block in items:
            if isinstance(block, Samples) and block.channel == channel:
                for at in range(block.n):
                    yield block.time_at(at), struct.unpack_from("<q", block.codes, 8 * at)[0]

    return list(each())


def ended(answer: AnswerReader, cut: TurnEnd | None = None) -> TurnEnded:
    item = list(answer.ended(SENT + 5_000 * MS, cut))[-1]
    assert isinstance(item, TurnEnded)
    return item


def test_a_whole_answer() -> None:
    answer, items = reader(max_tokens=3, before=40), list[Item]()
    items += answer.read([(SENT + 10 * MS, Chunk(output_tokens=0, progress=Progress(12, 3, 7)))])
    items += answer.read([(SENT + 50 * MS, token(1, 0.001, "Ein"))])
    items += answer.read([(SENT + 71 * MS, token(2, 20.0)), (SENT + 95 * MS, token(3, 41.5))])
    items += answer.read([(SENT + 96 * MS, last(3, 41.5))])
    assert items[0] == PrefillProgress(
        t_ns=SENT + 10 * MS, device="box", run="r", turn=3, processed=4, total=9
    )
    assert items[1] == FirstToken(t_ns=SENT + 50 * MS, device="box", run="r", turn=3, ttft_s=0.05)
    engine = [SENT + 50 * MS - 1_000 + at for at in (1_000, 20 * MS, 41_500_000)]
    assert samples(items, "tokens") == list(zip(engine, [41, 42, 43], strict=True))
    assert samples(items, "token_arrivals") == [
        (SENT + at * MS, 40 + n) for at, n in ((50, 1), (71, 2), (95, 3))
    ]
    assert ended(answer) == TurnEnded(
        t_ns=SENT + 5_000 * MS,
        device="box",
        run="r",
        turn=3,
        end=TurnEnd.LIMIT,
        prompt_tokens=9,
        cached_tokens=3,
        output_tokens=3,
        first_token_ns=SENT + 50 * MS,
        last_token_ns=SENT + 95 * MS,
        prompt_s=0.0365,
        decode_s=0.0415,
        output_sha256=hashlib.sha256(b"Einxx").hexdigest(),
    )
    assert answer.context_tokens == 15


def test_several_tokens_in_one_event_are_one_sample() -> None:
    answer = reader()
    items = list(answer.read([(SENT + 1, token(3, 40.0)), (SENT + 2, token(7, 120.0))]))
    assert [count for _, count in samples(items, "tokens")] == [3, 7]
    assert [count for _, count in samples(items, "token_arrivals")] == [3, 7]


def test_events_without_new_tokens_are_no_samples() -> None:
    answer = reader()
    items = list(answer.read([(SENT + at, token(2, 20.0)) for at in range(5)]))
    assert len(samples(items, "tokens")) == 1


def test_the_first_token_may_have_no_text() -> None:
    items = list(reader().read([(SENT + 30 * MS, token(1, 0.001, ""))]))
    assert [type(item).__name__ for item in items] == ["FirstToken", "Samples", "Samples"]


def test_a_last_token_that_was_never_sent_counts() -> None:
    """The end-of-text token comes with the last event alone."""
    answer = reader()
    list(answer.read([(SENT + 1 * MS, token(1, 0.001))]))
    items = list(answer.read([(SENT + 22 * MS, last(2, 21.0, TurnEnd.EOS))]))
    assert samples(items, "token_arrivals") == [(SENT + 22 * MS, 2)]
    assert (ended(answer).output_tokens, ended(answer).end) == (2, TurnEnd.EOS)


def test_without_engine_times_there_are_only_arrivals() -> None:
    answer = reader()
    items = list(
        answer.read(
            [(SENT + 5, Chunk(text="x", output_tokens=1)), (SENT + 9, Chunk(text="x", output_tokens=2))]
        )
    )
    assert samples(items, "tokens") == []
    assert len(samples(items, "token_arrivals")) == 2
    told = ended(answer)
    assert (told.approximate, told.decode_s, told.prompt_s, told.prompt_tokens) == (True, None, None, None)


def test_usage_stands_in_for_timings() -> None:
    answer = reader()
    list(
        answer.read(
            [(SENT, Chunk(output_tokens=5, prompt_tokens=39, cached_tokens=7)), (SENT, Chunk(done=True))]
        )
    )
    assert (ended(answer).prompt_tokens, ended(answer).cached_tokens, ended(answer).output_tokens) == (
        32,
        7,
        5,
    )


def test_an_answer_without_a_token_says_nothing_of_tokens() -> None:
    told = ended(reader(), TurnEnd.STOPPED)
    assert (told.output_tokens, told.first_token_ns, told.decode_s, told.prompt_s) == (None, None, None, None)
    assert (told.prompt_tokens, told.output_sha256, told.approximate) == (None, "", False)


def test_the_context_was_full() -> None:
    answer = reader(max_tokens=400)
    list(answer.read([(SENT, token(252, 93.8)), (SENT, last(252, 93.8))]))
    assert ended(answer).detail == "the context was full after 252 output tokens"
    assert ended(answer).end is TurnEnd.LIMIT


def test_a_cut_answer_has_no_hash() -> None:
    answer = reader()
    list(answer.read([(SENT, token(5, 20.0))]))
    told = ended(answer, TurnEnd.STOPPED)
    assert (told.end, told.output_tokens, told.output_sha256, told.detail) == (TurnEnd.STOPPED, 5, "", "")


def test_the_servers_error_ends_it() -> None:
    with pytest.raises(RunFailed, match="the server could not go on: Compute error"):
        list(reader().read([(SENT, Chunk(error="Compute error."))]))


def test_text_is_told_at_most_four_times_a_second_and_whole() -> None:
    answer, items = reader(), list[Item]()
    for n in range(1, 101):
        items += answer.read([(SENT + n * 20 * MS, token(n, 20.0 * n, f"{n} "))])
    items += answer.ended(SENT + 2_100 * MS)
    told = [item for item in items if isinstance(item, OutputText)]
    assert "".join(item.text for item in told) == "".join(f"{n} " for n in range(1, 101))
    gaps = [b.t_ns - a.t_ns for a, b in pairwise(told[:-1])]
    assert min(gaps) >= 250 * MS
    assert len(told) == 9


def test_progress_counts_new_tokens_only() -> None:
    chunks = [
        Chunk(progress=Progress(12, 12, 12)),
        Chunk(progress=Progress(12, 4, 2)),
        Chunk(progress=Progress(12, 4, 8)),
    ]
    items = list(reader().read([(SENT, chunk) for chunk in chunks]))
    assert [(p.processed, p.total) for p in items if isinstance(p, PrefillProgress)] == [(0, 8), (4, 8)]


COUNTS = st.none() | st.integers(0, 1 << 60)
TIMES = st.none() | st.floats(0, 1e10)
CHUNKS = st.builds(
    Chunk,
    text=st.text(max_size=3),
    reply=st.text(max_size=3),
    output_tokens=COUNTS,
    timings=st.none() | st.builds(Timings, COUNTS, COUNTS, TIMES, COUNTS, TIMES),
    progress=st.none() | st.builds(Progress, *[st.integers(0, 99)] * 3),
    end=st.none() | st.sampled_from(TurnEnd),
    done=st.booleans(),
    truncated=st.booleans(),
    prompt_tokens=COUNTS,
    cached_tokens=COUNTS,
)


@given(st.lists(st.lists(CHUNKS, min_size=1, max_size=3), max_size=8))
def test_counts_and_times_never_fall_whatever_is_told(batches: list[list[Chunk]]) -> None:
    answer, items = reader(before=7), list[Item]()
    for at, batch in enumerate(batches):
        items += answer.read([(SENT + at * MS, chunk) for chunk in batch])
    told = ended(answer)
    for channel in ("tokens", "token_arrivals"):
        seen = samples(items, channel)
        assert [t for t, _ in seen] == sorted(t for t, _ in seen)
        counts = [7, *(count for _, count in seen)]
        assert all(a < b for a, b in pairwise(counts))
    assert all(
        value is None or value >= 0 for value in (told.output_tokens, told.prompt_tokens, told.decode_s)
    )
    assert len([item for item in items if isinstance(item, FirstToken)]) == (told.first_token_ns is not None)
