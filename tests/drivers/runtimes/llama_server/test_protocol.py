"""llama-server's HTTP. Lines marked ``captured`` are what xllamacpp b11549 sent, shortened where it is said."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled
from drivers.events import TurnEnd
from drivers.model import Sampling
from drivers.runtimes.llama_server import protocol
from drivers.runtimes.llama_server.protocol import Chunk, Failed, Limits, Progress, Ready, Slot, Timings

PREFILL = (
    'data: {"index":0,"content":"","tokens":[0],"stop":false,"id_slot":-1,"tokens_predicted":0,"tokens_evaluated":6,'
    '"timings":{"cache_n":0,"prompt_n":6,"prompt_ms":2.118,"prompt_per_token_ms":0.353,"prompt_per_second":2832.86,'
    '"predicted_n":0,"predicted_ms":0.0,"predicted_per_token_ms":0.0,"predicted_per_second":0.0},'
    '"prompt_progress":{"total":6,"cache":0,"processed":6,"time_ms":2}}'
)
"""Captured."""
TOKEN = (
    'data: {"index":0,"content":" return","tokens":[484],"stop":false,"id_slot":-1,"tokens_predicted":3,'
    '"tokens_evaluated":6,"timings":{"cache_n":0,"prompt_n":6,"prompt_ms":2.237,"predicted_n":3,"predicted_ms":0.93,'
    '"predicted_per_token_ms":0.465,"predicted_per_second":2150.537634408602}}'
)
"""Captured."""
LAST = (
    'data: {"index":0,"content":"","tokens":[],"id_slot":0,"stop":true,"tokens_predicted":252,"tokens_evaluated":4,'
    '"has_new_line":true,"truncated":true,"stop_type":"limit","stopping_word":"","tokens_cached":255,'
    '"timings":{"cache_n":1,"prompt_n":3,"prompt_ms":0.935,"predicted_n":252,"predicted_ms":93.858}}'
)
"""Captured, without generation_settings."""
ROLE = 'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"object":"chat.completion.chunk"}'
CHAT = (
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"S"}}],"timings":{"cache_n":0,"prompt_n":39,'
    '"prompt_ms":4.969,"predicted_n":2,"predicted_ms":0.539}}'
)
FINISH = 'data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}]}'
USAGE = (
    'data: {"choices":[],"usage":{"completion_tokens":5,"prompt_tokens":39,"total_tokens":44,'
    '"prompt_tokens_details":{"cached_tokens":7}}}'
)
"""Captured, without id, model and created."""
LIMITS = Limits(max_tokens=8, ignore_eos=True, sampling=Sampling(seed=7), reuse=False)


def test_progress_of_a_prompt() -> None:
    chunk = protocol.read_chunk(PREFILL)
    assert chunk == Chunk(
        output_tokens=0,
        timings=Timings(prompt_n=6, cache_n=0, prompt_ms=2.118, predicted_n=0, predicted_ms=0.0),
        progress=Progress(total=6, cached=0, processed=6),
    )


def test_a_token() -> None:
    timings = Timings(prompt_n=6, cache_n=0, prompt_ms=2.237, predicted_n=3, predicted_ms=0.93)
    assert protocol.read_chunk(TOKEN) == Chunk(
        text=" return", reply=" return", output_tokens=3, timings=timings
    )


def test_the_last_event() -> None:
    chunk = protocol.read_chunk(LAST)
    assert chunk is not None
    assert (chunk.done, chunk.end, chunk.truncated, chunk.output_tokens) == (True, TurnEnd.LIMIT, True, 252)


def test_a_chat() -> None:
    chunks = [protocol.read_chunk(line) for line in (ROLE, CHAT, FINISH, USAGE, "data: [DONE]")]
    assert chunks == [
        Chunk(),
        Chunk(text="S", reply="S", output_tokens=2, timings=Timings(39, 0, 4.969, 2, 0.539)),
        Chunk(end=TurnEnd.LIMIT),
        Chunk(output_tokens=5, prompt_tokens=39, cached_tokens=7),
        Chunk(done=True),
    ]


def test_thinking_aloud_is_written_but_no_answer() -> None:
    chunk = protocol.read_chunk('data: {"choices":[{"delta":{"reasoning_content":"Hm. ","content":"Yes"}}]}')
    assert chunk == Chunk(text="Hm. Yes", reply="Yes")


@pytest.mark.parametrize(
    ("reason", "end"),
    [("eos", TurnEnd.EOS), ("word", TurnEnd.EOS), ("limit", TurnEnd.LIMIT), ("?", TurnEnd.EOS)],
)
def test_why_it_ended(reason: str, end: TurnEnd) -> None:
    chunk = protocol.read_chunk(f'data: {{"content":"","stop":true,"stop_type":"{reason}"}}')
    assert chunk is not None
    assert chunk.end is end


@pytest.mark.parametrize("line", ["", " ", ":", ": ping", "event: message", "id: 3", "retry: 10"])
def test_lines_that_say_nothing(line: str) -> None:
    assert protocol.read_chunk(line) is None


@pytest.mark.parametrize(
    "line",
    [
        'data: {"error":{"code":500,"message":"Compute\\n error.","type":"server_error"}}',
        'error: {"code":500,"message":"Compute error.","type":"server_error"}',
        'data: {"error":"Compute error."}',
    ],
)
def test_errors_in_a_stream(line: str) -> None:
    chunk = protocol.read_chunk(line)
    assert chunk is not None
    assert chunk.error.replace("  ", " ") == "Compute error."


@pytest.mark.parametrize(
    "line", ["data: {", "data: 7", "data: []", "<html>", "data", "datum: {}", "data: null"]
)
def test_nonsense_is_garbled(line: str) -> None:
    with pytest.raises(Garbled):
        protocol.read_chunk(line)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
TIMED = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("cache_n", "prompt_n", "prompt_ms", "predicted_n", "predicted_ms"), VALUES)
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "content": VALUES,
        "stop": VALUES,
        "stop_type": VALUES,
        "tokens_predicted": VALUES,
        "timings": VALUES | TIMED,
        "prompt_progress": VALUES
        | st.fixed_dictionaries({"total": VALUES, "processed": VALUES, "cache": VALUES}),
        "usage": VALUES,
        "error": VALUES,
        "choices": VALUES
        | st.lists(st.fixed_dictionaries({"delta": VALUES, "finish_reason": VALUES}), max_size=2),
    },
)


@given(EVENTS)
def test_any_event_is_read_or_garbled(event: dict[str, Any]) -> None:
    chunk = protocol.read_chunk("data: " + json.dumps(event))
    assert chunk is not None
    assert chunk.output_tokens is None or chunk.output_tokens >= 0
    ms = chunk.timings.predicted_ms if chunk.timings else None
    assert ms is None or 0 <= ms <= protocol.LONGEST_MS
    chunk.text.encode()


@given(st.text() | st.text().map("data: ".__add__) | st.text().map('{"melt": '.__add__))
def test_any_line_is_read_or_garbled(line: str) -> None:
    for read in (protocol.read_chunk, protocol.read_slots, protocol.read_props, protocol.read_child):
        with suppress(Garbled):
            read(line)
    protocol.read_error(line)
    protocol.read_listening(line)
    protocol.read_bytes_read(line)


@given(st.recursive(VALUES, lambda inner: st.lists(inner, max_size=2)))
def test_any_json_is_slots_and_props_or_garbled(value: Any) -> None:
    for read in (protocol.read_slots, protocol.read_props):
        try:
            read(json.dumps(value))
        except Garbled:
            continue
        assert isinstance(value, list | dict)


def test_slots_at_work_and_idle() -> None:
    answer = (
        '[{"id":0,"n_ctx":256,"speculative":false,"is_processing":true,"id_task":270,"n_prompt_tokens":116,'
        '"n_prompt_tokens_processed":1,"n_prompt_tokens_cache":3,'
        '"next_token":[{"has_next_token":true,"has_new_line":true,"n_remain":138,"n_decoded":112}]},'
        '{"id":1,"n_ctx":256,"speculative":false,"is_processing":false}]'
    )
    assert protocol.read_slots(answer) == (
        Slot(slot=0, busy=True, task=270, prompt_tokens=1, cached_tokens=3, output_tokens=112),
        Slot(slot=1, busy=False, task=None, prompt_tokens=None, cached_tokens=None, output_tokens=None),
    )


def test_older_slots_have_no_list_of_next_tokens() -> None:
    (slot,) = protocol.read_slots('[{"id":2,"is_processing":true,"id_task":1,"next_token":{"n_decoded":5}}]')
    assert (slot.slot, slot.output_tokens) == (2, 5)


def test_props() -> None:
    told = {
        "default_generation_settings": {"n_ctx": 256},
        "total_slots": 1,
        "model_alias": "/m/tiny.gguf",
        "model_path": "/m/tiny.gguf",
        "build_info": "b0-unknown",
    }
    props = protocol.read_props(json.dumps(told))
    assert (props.model, props.build, props.context, props.slots) == ("/m/tiny.gguf", "b0-unknown", 256, 1)


def test_errors_with_and_without_json() -> None:
    captured = (
        '{"error":{"code":400,"message":"request (300 tokens) exceeds the available context size (256 tokens), try '
        'increasing it","type":"exceed_context_size_error","n_prompt_tokens":300,"n_ctx":256}}'
    )
    kind, message = protocol.read_error(captured)
    assert kind == "exceed_context_size_error"
    assert message.startswith("request (300 tokens) exceeds")
    assert protocol.read_error("<html>") == ("", "")


def test_requests() -> None:
    chat = protocol.chat_request([{"role": "user", "content": "Hi"}], LIMITS)
    assert chat["messages"] == [{"role": "user", "content": "Hi"}]
    assert (chat["max_tokens"], chat["cache_prompt"], chat["seed"], chat["stream"]) == (8, False, 7, True)
    assert (chat["timings_per_token"], chat["return_progress"], chat["ignore_eos"]) == (True, True, True)
    assert protocol.completion_request((1, 2, 3), LIMITS)["prompt"] == [1, 2, 3]
    assert protocol.completion_request(("a", "b"), LIMITS)["prompt"] == "ab"
    assert protocol.completion_request((1, "a", "b", 2), LIMITS)["prompt"] == [1, "ab", 2]
    assert protocol.completion_request((1,), LIMITS)["n_predict"] == 8


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("0.00.025.968 I srv          init: listening on http://127.0.0.1:34255", 34255),
        ("main: server is listening on http://127.0.0.1:8080 - starting the main loop", 8080),
        ("main: HTTP server is listening, hostname: 127.0.0.1, port: 8081, http threads: 7", 8081),
        ("srv init: listening on http://[::1]:8082", 8082),
        ("listening on http://127.0.0.1:0", None),
        ("listening on http://127.0.0.1:70000", None),
        ("connecting to http://127.0.0.1:8080", None),
    ],
)
def test_where_a_program_listens(line: str, port: int | None) -> None:
    assert protocol.read_listening(line) == port


def test_our_own_child() -> None:
    ready = protocol.ready_line(port=4711, load_s=0.5, build="xllamacpp 1", backend="cpu", ignored="")
    assert protocol.read_child(ready) == Ready(
        port=4711, load_s=0.5, build="xllamacpp 1", backend="cpu", ignored=""
    )
    failed = protocol.failed_line("MissingExtra", "it is not there", "get it")
    assert protocol.read_child(failed) == Failed("MissingExtra", "it is not there", "get it")
    assert protocol.read_child('{"melted": 1}') is None
    with pytest.raises(Garbled):
        protocol.read_child('{"melt": "ready", "port": 0}')


def test_bytes_that_a_process_has_read() -> None:
    assert protocol.read_bytes_read("rchar: 4024800\nwchar: 1\n") == 4024800
    assert protocol.read_bytes_read("") is None
