"""Laws of every reader: any text gives rows or one sentence; what was written is what is read."""

import itertools
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.runtimes.llama_bench.protocol import row_of
from melt_tui.analysis.meltfigures import sums
from melt_tui.errors import BadImport
from melt_tui.importing import bench, capture
from melt_tui.importing import melt_texts as texts
from melt_tui.importing.melt_power import _read
from melt_tui.importing.melt_turns import CLI_LLAMA, offset_of, tokens_of
from melt_tui.importing.numbers import Layout, Losses, rows_of

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
NS = st.integers(1_600_000_000_000_000_000, 1_700_000_000_000_000_000)
PIECES = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                "1700000000",
                ",",
                "\n",
                "1e400",
                "nan",
                ".start",
                ".end",
                '"',
                "{",
                "[",
                "]",
                "}",
                ":",
                "start_date",
                "-1",
                " ",
            ]
        ),
    ),
    max_size=30,
).map("".join)


@FEW
@given(PIECES)
def test_any_text_is_taken_or_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    count = texts.Count()
    texts.prompt_rows(content, "p", count)
    texts.stages(content, "s", count)
    texts.timing_blocks(content.splitlines())
    texts.timing_rows(content, "t", count)
    texts.mlc_stats(content)
    list(texts.table(content))
    _read(content)
    for reader in (texts.conversations, texts.thermal_states):
        with suppress(BadImport):
            reader(content, "j", count)
    path = tmp_path / "any"
    path.write_text(content, "utf-8", "replace")
    for refusing in (bench.rows_in, capture.shape_of):
        with suppress(BadImport):
            refusing(path)


@FEW
@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z.0-9]{0,12}", fullmatch=True),
        st.tuples(NS, st.integers(0, 10**12)),
        max_size=8,
    )
)
def test_stages_pair_up_whatever_their_order(known: dict[str, tuple[int, int]]) -> None:
    rows = [(f"{k}.start", t) for k, (t, _) in known.items()] + [
        (f"{k}.end", t + d) for k, (t, d) in known.items()
    ]
    for separator in (" ", ","):
        content = "".join(f"{name}{separator}{t}\n" for name, t in sorted(rows, key=lambda row: row[1] % 97))
        found = texts.stages(content, "s", texts.Count())
        assert {k: (s.start_ns, s.end_ns - s.start_ns) for k, s in found.items()} == known


@FEW
@given(st.lists(st.tuples(st.floats(0, 1000), st.text("ab\" ,'", max_size=8)), min_size=1, max_size=6))
def test_prompts_with_quotes_and_commas(rows: list[tuple[float, str]]) -> None:
    content = "start_date,duration,state\r\n" + "".join(
        f'{1.7e9 + i:.3f},{d:.3f},"{t}"\r\n' for i, (d, t) in enumerate(rows)
    )
    count = texts.Count()
    found = texts.prompt_rows(content, "p", count)
    assert [row.text for row in found] == [t or t.strip() for _, t in rows]
    assert [row.start_ns for row in found] == [round((1.7e9 + i) * 1e9) for i in range(len(rows))]
    assert count.notes == []


@pytest.mark.parametrize("prefix", ["llama_print_timings", "llama_perf_context_print"])
def test_blocks_of_timings(prefix: str) -> None:
    lines = [
        f"{prefix}:        load time =     525.17 ms",
        f"{prefix}:      sample time =       4.28 ms /    21 runs   (    0.20 ms per token,  4909.98 tokens per second)",
        f"{prefix}: prompt eval time =    2501.52 ms /    51 tokens (   49.05 ms per token,    20.39 tokens per second)",
        f"{prefix}:        eval time =       nan ms /     0 runs   (     nan ms per token,     inf tokens per second)",
        f"{prefix}:       total time =   11653.83 ms /    72 tokens",
    ]
    first, second = texts.timing_blocks([*lines, "> words", *lines])
    assert first == second
    assert (first.n_prompt, first.prompt_s, first.n_eval, first.decode_s) == (51, 2.50152, 0, None)


def test_mlc_stats_of_both_spellings() -> None:
    prefill, decode, stated = texts.mlc_stats(
        json.dumps(
            {
                "prefill": {"throughput": "283.4 tok/s", "total tokens": "47 tok", "total time": "0.2 s"},
                "decode": {"total_tokens": 255, "total_time": "11.3 s"},
            }
        )
    )
    assert prefill["tokens"] == 47
    assert prefill["time"] == pytest.approx(47 / 283.4)
    assert (decode["tokens"], decode["time"]) == (255, 11.3)
    assert ("prefill throughput", "283.4 tok/s") in stated


def test_old_records_with_iso_times() -> None:
    content = json.dumps(
        [{"modelName": "m", "chatRecords": [{"time": {"start": "2023-11-14T22:13:20.250Z", "duration": 2}}]}]
    )
    (one,) = texts.conversations(content, "c", texts.Count())
    assert one.questions[0].start_ns == 1_700_000_000_250_000_000


@FEW
@given(st.integers(1, 4), st.integers(0, 8))
def test_tokens_are_the_last_evaluations(before: int, after: int) -> None:
    stages = [texts.Stage(f"generate.{i}.decode", 10 * i, 10 * i + 9) for i in range(before + after)]
    tokens = tokens_of(CLI_LLAMA, list(reversed(stages)), after)
    assert tokens.moments == tuple(10 * i + 9 for i in range(before - 1, before + after))
    assert tokens_of(CLI_LLAMA, stages, before + after + 1).moments == ()


@FEW
@given(st.integers(-(10**11), 10**11), st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_an_offset_puts_every_turn_into_its_window(off: int, lengths: list[int]) -> None:
    rows = [texts.PromptRow(10**12 + i * 10**10, length + 2_000_000, "p") for i, length in enumerate(lengths)]
    parts = [
        [texts.Stage("x", row.start_ns + 10**6 - off, row.start_ns + 10**6 - off + n)]
        for row, n in zip(rows, lengths, strict=True)
    ]
    found = offset_of(rows, parts)
    assert found is not None
    if found != (0, 0):
        assert abs(found[0] - off) <= found[1] + 1


@FEW
@given(
    st.lists(st.tuples(st.floats(0, 1e6, allow_nan=False), st.floats(-1e3, 1e3)), max_size=40),
    st.sets(st.integers(0, 40)),
)
def test_columns_of_numbers_with_bad_lines_among_them(
    tmp_path: Path, rows: list[tuple[float, float]], bad: set[int]
) -> None:
    ordered = sorted(dict(rows).items())
    lines = [f"{t!r},{v!r}" for t, v in ordered]
    for at in sorted(bad, reverse=True):
        lines.insert(min(at, len(lines)), "bad line")
    path = tmp_path / "n.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    losses = Losses()
    found = list(rows_of(path, Layout(columns=(0, 1)), losses))
    got = np.concatenate(found) if found else np.empty((0, 2))
    assert got.tolist() == [list(pair) for pair in ordered]
    assert losses.unreadable == len(bad)


@FEW
@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 5), st.floats(3, 5)), min_size=1, max_size=20))
def test_melts_sum_is_that_of_its_formula(steps: list[tuple[int, float, float]]) -> None:
    times = np.cumsum([step for step, _, _ in steps]).tolist()
    mwh = sum(
        i * v * (b - a) / 3.6e12 * 1000
        for (a, b), (_, i, v) in zip(itertools.pairwise(times), steps[1:], strict=False)
    )
    mah = sum(
        i * (b - a) / 3.6e12 * 1000
        for (a, b), (_, i, _) in zip(itertools.pairwise(times), steps[1:], strict=False)
    )
    found = sums(times, [i for _, i, _ in steps], [v for _, _, v in steps])
    assert found == pytest.approx((mwh, mah))
    assert sums([], [], []) is None


BENCH = {
    "n_prompt": 512,
    "n_gen": 0,
    "avg_ns": 5_000_000_000,
    "n_threads": 4,
    "build_commit": "abc",
    "build_number": 7,
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", json.dumps(BENCH) + "\n" + json.dumps({**BENCH, "n_prompt": 0, "n_gen": 128})),
        ("a.json", json.dumps([BENCH, {**BENCH, "n_prompt": 0, "n_gen": 128}])),
        (
            "a.csv",
            (
                'build_commit,build_number,n_threads,n_prompt,n_gen,avg_ns\n"abc","7","4","512","0","5000000000"\n'
                '"abc","7","4","0","128","5000000000"\n'
            ),
        ),
        (
            "a.sql",
            (
                "CREATE TABLE IF NOT EXISTS llama_bench (n_prompt INTEGER, n_gen INTEGER);\n"
                "INSERT INTO llama_bench (build_commit, build_number, n_threads, n_prompt, n_gen, avg_ns) "
                "VALUES ('abc', '7', '4', '512', '0', '5000000000');\n"
                "INSERT INTO llama_bench (build_commit, build_number, n_threads, n_prompt, n_gen, avg_ns) "
                "VALUES ('abc', '7', '4', '0', '128', '5000000000');\n"
            ),
        ),
    ],
)
def test_llama_bench_as_it_prints(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    rows = [row_of(row, "") for row in bench.rows_in(path)]
    assert [row.shape.title for row in rows] == ["pp512", "tg128"]
    assert {(row.build, row.threads, row.samples_ns) for row in rows} == {("b7 (abc)", 4, (5_000_000_000,))}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("| model | n_prompt | n_gen |", "a table for people"),
        (json.dumps([{"n_prompt": 1, "n_gen": 0}]), "without its test or its times"),
        (json.dumps([BENCH])[:-4], "was cut off, or is no JSON"),
        ("n_prompt,n_gen\n", "holds no results of llama-bench"),
    ],
)
def test_llama_bench_that_cannot_be_taken(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(BadImport, match=said):
        bench.rows_in(path)
