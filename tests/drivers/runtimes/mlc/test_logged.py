"""What an app's log tells of turns, over one line or several."""

import json

from hypothesis import given
from hypothesis import strategies as st

from drivers.runtimes.mlc import logged
from drivers.runtimes.mlc.logged import LogReader, Statistic

PID = 4242
VERBOSE = {
    "prefill": {"throughput": "283.4 tok/s", "total tokens": "47 tok", "total time": "0.2 s"},
    "decode": {"throughput": "22.7 tok/s", "total tokens": "255 tok", "total time": "11.3 s"},
}
LINES = json.dumps(VERBOSE, indent=2).splitlines()


def line_of(message: str, *, pid: int = PID, thread: int = 4250, tag: str = "MLCChat") -> str:
    return f"1700000000.123  {pid}  {thread} I {tag} : {message}"


def read(*lines: str) -> list[Statistic]:
    reader = LogReader(PID)
    return [found for line in lines if (found := reader.read(line))]


def counts(*lines: str) -> list[tuple[int | None, int | None]]:
    figures = [found.told.figures for found in read(*lines)]
    return [(one.prompt_tokens, one.output_tokens) for one in figures]


def test_an_object_over_several_lines() -> None:
    assert len(LINES) == 12
    (found,) = read(*map(line_of, LINES))
    assert (found.told.figures.prompt_tokens, found.told.figures.output_tokens) == (47, 256)
    assert (found.tag, json.loads(found.message)) == ("MLCChat", VERBOSE)
    assert counts(*map(line_of, ["stats: {", *LINES[1:]])) == [(47, 256)]
    assert counts(*map(line_of, json.dumps(VERBOSE, indent=2).replace(": {", ":\n{").splitlines())) == [
        (47, 256)
    ]


def test_lines_between_are_of_others() -> None:
    others = [
        line_of("{", pid=1), line_of("{", tag="other"), line_of("}", thread=7),
        "--------- beginning of main", line_of("prefill: 1.0 tok/s, decode: 2.0 tok/s", thread=8),
    ]  # fmt: skip
    lines = [line for text in LINES for line in (line_of(text), *others)]
    assert counts(*lines).count((47, 256)) == 1
    two = [line for text in LINES for line in (line_of(text), line_of(text, thread=9))]
    assert counts(*two) == [(47, 256), (47, 256)]


def test_what_is_never_closed_does_not_hide_what_follows() -> None:
    assert counts(*map(line_of, [*LINES[:5], *LINES])) == [(47, 256)]
    assert counts(*map(line_of, ["onCreate {", *LINES])) == [(47, 256)]
    assert counts(*map(line_of, [*LINES[4:], *LINES])) == [(47, 256)]
    assert counts(*map(line_of, ['a "{" in a text', *LINES[1:]])) == []


def test_an_object_is_bounded() -> None:
    wide = [LINES[0], f'"text": "{"x" * logged.SIZE_LIMIT}",', *LINES[1:]]
    long = [LINES[0], *['"a": 1,'] * logged.LINES_LIMIT, *LINES[1:]]
    assert counts(*map(line_of, wide)) == counts(*map(line_of, long)) == []
    reader = LogReader(PID)
    for thread in range(1000):
        reader.read(line_of("{", thread=thread))
    assert len(reader._open) == logged.OPEN_LIMIT


@given(st.lists(st.tuples(st.text(alphabet='{}":\\,a \x00é[', max_size=20), st.integers(1, 3))))
def test_whatever_the_log_says_the_next_object_is_read(said: list[tuple[str, int]]) -> None:
    noise = [line_of(text.rstrip(":"), thread=thread) for text, thread in said]
    assert counts(*noise, *map(line_of, LINES))[-1:] == [(47, 256)]
