"""Marks between turns, and the plan of a sequence against the schedule of its workload."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import Prompt, Workload
from drivers.runtimes.llama_cli.sequence import Mark, MarkSplitter, Word, sequence_argv
from drivers.schedule import schedule
from tests.rigs.local_pipes import install, userlands

WORK = Workload(
    name="w",
    conversations=((Prompt("a b"), Prompt("'c'\n$d")), (Prompt("e"),)),
    max_tokens=5,
)
ECHO = """for last; do :; done; printf '<%s>' "$last"; printf ' [end of text]\\n\\n'; echo noise >&2"""


@pytest.mark.parametrize(
    "work",
    [
        replace(WORK, warmup=2, repeat=2),
        replace(WORK, repeat=0, turns=5, warmup=1),
        replace(WORK, share_context=False, repeat=1),
        replace(WORK, repeat=3, turns=4, pause_s=0.01),
    ],
)
@pytest.mark.parametrize("userland", userlands())
def test_the_script_takes_the_turns_of_the_schedule(work: Workload, userland: str, tmp_path: Path) -> None:
    install(userland, tmp_path / "bin")
    argv = sequence_argv(work, ["sh", "-c", ECHO, "engine"], "m")
    with (tmp_path / "out").open("ab") as out, (tmp_path / "err").open("ab") as err:
        environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
        run = subprocess.run(argv, stdout=out, stderr=err, env=environment, timeout=60)
    assert run.returncode == 0
    said, expected = "", []
    for scheduled in schedule(work):
        said = scheduled.prompt.text if scheduled.fresh else said + scheduled.prompt.text
        expected.append(f"<{said}>")
        said += f"<{said}>"
    parts = list(MarkSplitter("m").feed((tmp_path / "out").read_text()))
    texts = [part.removesuffix(" [end of text]\n\n") for part in parts if isinstance(part, str)]
    assert texts == expected
    marks = [part for part in parts if isinstance(part, Mark)]
    assert [(mark.turn, mark.word, mark.number) for mark in marks] == [
        (turn, word, 0) for turn in range(1, len(expected) + 1) for word in (Word.BEGIN, Word.ENDED)
    ]
    errors = list(MarkSplitter("m").feed((tmp_path / "err").read_text()))
    assert [part for part in errors if isinstance(part, str)].count("noise\n") == len(expected)
    pids = [part for part in errors if isinstance(part, Mark) and part.word is Word.PID]
    assert len(pids) == len({mark.number for mark in pids}) == len(expected)


def test_the_first_turn_that_fails_ends_it() -> None:
    work = replace(WORK, repeat=0, share_context=False)
    argv = sequence_argv(work, ["sh", "-c", "echo x; exit 7"], "m")
    run = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert run.returncode == 7
    assert re.findall(r"ended (\d+)", run.stdout) == ["7"]


@given(
    st.lists(st.sampled_from(["a", "\x1e", "\x1em 1 begin\x1e", "\x1em 12 ended 130\x1e", "\x1em 3 pi", "m 1 begin"]), max_size=8),
    st.integers(1, 7),
)  # fmt: skip
def test_marks_are_found_however_the_text_is_cut(words: list[str], size: int) -> None:
    text = "".join(words)
    whole = _joined(MarkSplitter("m"), [text])
    assert _joined(MarkSplitter("m"), [text[at : at + size] for at in range(0, len(text), size)]) == whole


def _joined(splitter: MarkSplitter, pieces: list[str]) -> list[str | Mark]:
    found: list[str | Mark] = []
    for piece in [*pieces, "." * 100]:
        for part in splitter.feed(piece):
            if isinstance(part, str) and found and isinstance(found[-1], str):
                found[-1] += part
            else:
                found.append(part)
    return found
