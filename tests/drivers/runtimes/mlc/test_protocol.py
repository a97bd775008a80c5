"""What MLC's server and apps say, read."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled
from drivers.events import TurnEnd
from drivers.runs.turn import Figures
from drivers.runtimes.mlc import protocol
from drivers.runtimes.mlc.protocol import Chunk, LogEntry, Told
from tests.rigs.llama_runs import run_spec

VERBOSE = {
    "prefill": {"throughput": "283.4 tok/s", "total tokens": "47 tok", "total time": "0.2 s"},
    "decode": {"throughput": "22.7 tok/s", "total tokens": "255 tok", "total time": "11.3 s"},
}
OBSERVED = (
    'PyTorchObserver {"prompt_tokens":8,"generated_tokens":120,"model_load_start_ms":0,"inference_start_ms":1000,'
    '"prompt_eval_end_ms":1250,"first_token_ms":1260,"inference_end_ms":3260,"SCALING_FACTOR_UNITS_PER_SECOND":1000}'
)
COUNTED = Figures(prompt_tokens=47, output_tokens=256, prompt_s=47 / 283.4, decode_s=255 / 22.7)


def test_usage_with_its_extra() -> None:
    usage = {
        "prompt_tokens": 47, "completion_tokens": 10, "total_tokens": 57,
        "extra": {"prefill_tokens": 40, "decode_tokens": 9, "prefill_tokens_per_s": 200.0, "decode_tokens_per_s": 18.0,
                  "ttft_s": 0.2, "inter_token_latency_s": 0.9},
    }  # fmt: skip
    figures, exact = protocol.usage_figures(usage)
    assert figures == Figures(prompt_tokens=40, cached_tokens=7, output_tokens=10, prompt_s=0.2, decode_s=0.5)
    assert exact
    assert figures.output_tokens is not None
    assert figures.decode_s is not None
    assert (figures.output_tokens - 1) / figures.decode_s == 18.0, "the prompt's time is not in it"


def test_usage_alone() -> None:
    figures, exact = protocol.usage_figures({"prompt_tokens": 47, "completion_tokens": 10})
    assert (figures, exact) == (Figures(prompt_tokens=47, output_tokens=10), False)


def test_chunks() -> None:
    assert protocol.read_chunk(
        'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}'
    ) == Chunk(text="Hi")
    assert protocol.read_chunk('data: {"choices":[{"text":"Hi","finish_reason":"length"}]}') == Chunk(
        text="Hi", end=TurnEnd.LIMIT
    )
    assert protocol.read_chunk("data: [DONE]") == Chunk(done=True)
    assert protocol.read_chunk('data: {"object":"error","message":"no"}') == Chunk(error="no")
    assert protocol.read_chunk(": ping") is None
    with pytest.raises(Garbled):
        protocol.read_chunk("<html>")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("prefill: 283.4 tok/s, decode: 22.7 tok/s", Told(Figures(), "the app told prefill 283.4 tok/s, decode 22.7 tok/s, and no counts")),
        ("prefill: N/A, decode: N/A", Told(Figures(), "the app told no rates, and no counts")),
        ("stats: prefill: 283,4 tok/s, decode: N/A", Told(Figures(), "the app told prefill 283.4 tok/s, and no counts")),
        ("input_tokens:47 tok, output_tokens: 255 tok, prefill: 283.4 tok/s, decode: 22.7 tok/s", Told(COUNTED, "the app told prefill 283.4 tok/s, decode 22.7 tok/s")),
        (json.dumps(VERBOSE), Told(COUNTED, "the app told prefill 283.4 tok/s, decode 22.7 tok/s")),
        (json.dumps(VERBOSE).replace("total tokens", "total_tokens"), Told(COUNTED, "the app told prefill 283.4 tok/s, decode 22.7 tok/s")),
        ('usage {"prompt_tokens": 5, "completion_tokens": 3}', Told(Figures(prompt_tokens=5, output_tokens=3))),
        (
            OBSERVED,
            Told(Figures(prompt_tokens=8, output_tokens=120, prompt_s=0.25, decode_s=2.0), ttft_s=0.26),
        ),
        ("decode: fast", None),
        ("{", None),
        ("{}", None),
        ('PyTorchObserver {"generated_tokens":"x"}', None),
    ],
)  # fmt: skip
def test_statistics_of_every_form(line: str, told: Told | None) -> None:
    assert protocol.read_stats(line) == told


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (
            "1700000000.123  4242  4250 I MLCChat : prefill: 1.0 tok/s",
            LogEntry(4242, "I", "MLCChat", "prefill: 1.0 tok/s", 4250),
        ),
        ("        1700000000.123456 4242 4250 D a b: c: d", LogEntry(4242, "D", "a b", "c: d", 4250)),
        ("1700000000.123 u0_a123  4242  4250 I MLCChat: x", LogEntry(4242, "I", "MLCChat", "x", 4250)),
        ("--------- beginning of main", None),
        ("", None),
    ],
)
def test_lines_of_the_log(line: str, entry: LogEntry | None) -> None:
    assert protocol.read_log(line) == entry


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(["prefill", "decode", "usage", "choices", "extra", "completion_tokens", "generated_tokens",
                     "inference_start_ms", "first_token_ms", "SCALING_FACTOR_UNITS_PER_SECOND", "data", "error"]), ANY
)  # fmt: skip


@given(st.text() | FIELDS.map(json.dumps), st.sampled_from(["", "data: ", "PyTorchObserver "]))
def test_no_line_breaks_it(line: str, prefix: str) -> None:
    protocol.read_stats(prefix + line)
    protocol.read_log(prefix + line)
    protocol.read_error(line)
    for read in (protocol.read_chunk, protocol.read_names):
        with suppress(Garbled):
            read(prefix + line)


@given(st.floats(allow_nan=True), st.floats(), st.floats())
def test_times_of_an_observer_are_never_negative(start: float, end: float, unit: float) -> None:
    told = {
        "generated_tokens": 3,
        "first_token_ms": start,
        "inference_end_ms": end,
        "SCALING_FACTOR_UNITS_PER_SECOND": unit,
    }
    read = protocol.read_stats(f"PyTorchObserver {json.dumps(told)}")
    assert read is None or read.figures.decode_s is None or read.figures.decode_s >= 0


def test_names_and_apps() -> None:
    assert protocol.read_names('{"data":[{"id":"a"},{},3]}') == ("a",)
    with pytest.raises(Garbled):
        protocol.read_names('{"data":3}')
    assert [protocol.is_app(name) for name in ("ai.mlc.mlcchat/.Main", "ai.mlc", "a; rm", "/x", "a/b/c")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_what_is_asked() -> None:
    body = protocol.raw_request(run_spec(), "m", (1, 2), 7)
    assert (body["prompt"], body["max_tokens"], body["stream_options"]) == (
        [1, 2],
        7,
        {"include_usage": True},
    )
    assert protocol.raw_request(run_spec(), "m", "x", 7)["prompt"] == "x"
    assert protocol.chat_request(run_spec(), "m", [{"role": "user", "content": "x"}], 7)["seed"] == 42
