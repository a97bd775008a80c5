"""What Ollama's server sends, read."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.errors import Garbled
from drivers.events import TurnEnd
from drivers.model import Sampling
from drivers.runtimes.ollama import protocol
from drivers.runtimes.ollama.protocol import Piece
from tests.rigs.llama_runs import run_spec

LAST = """{"model":"llama3.2","created_at":"2023-08-04T19:22:45.499127Z","response":"","done":true,"done_reason":"length",
"total_duration":5589157167,"load_duration":3013701500,"prompt_eval_count":46,"prompt_eval_duration":1160282000,
"eval_count":113,"eval_duration":1325948000}"""


def test_the_last_line_of_an_answer() -> None:
    piece = protocol.read_piece(LAST.replace("\n", ""))
    assert piece == Piece(
        created_ns=1_691_176_965_499_127_000,
        done=True,
        end=TurnEnd.LIMIT,
        load_ns=3_013_701_500,
        prompt_tokens=46,
        prompt_ns=1_160_282_000,
        output_tokens=113,
        decode_ns=1_325_948_000,
    )


def test_pieces_of_chat_and_of_generate() -> None:
    chat = '{"model":"m","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":"The","thinking":"so"},"done":false}'
    piece = protocol.read_piece(chat)
    assert piece is not None
    assert (piece.text, piece.reply, piece.created_ns) == ("soThe", "The", 1_691_164_339_385_406_455)
    raw = protocol.read_piece('{"response":" sky","done":false}')
    assert raw == Piece(text=" sky", reply=" sky")
    assert protocol.read_piece("  ") is None
    assert protocol.read_piece('{"error":"boom"}') == Piece(error="boom")
    assert protocol.read_piece('{"response":"","done":true,"done_reason":"stop"}') == Piece(
        done=True, end=TurnEnd.EOS
    )


@pytest.mark.parametrize(
    ("stamp", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:00.000000001+01:00", 1),
        ("1969-12-31T23:00:00-01:00", 0),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-01 00:00:00Z", None),
        ("0000-00-00T00:00:00Z", None),
        ("", None),
    ],
)
def test_times(stamp: str, ns: int | None) -> None:
    assert protocol.read_time(stamp) == ns


@given(st.datetimes(), st.integers(0, 10**9 - 1))
def test_every_time_to_the_last_digit(moment: object, nanoseconds: int) -> None:
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{nanoseconds:09d}Z"
    read = protocol.read_time(stamp)
    assert read is not None
    assert read % 10**9 == nanoseconds


@pytest.mark.parametrize("value", ["-1", "1.5", "true", '"5"', "1e300", "null", "[]", "99999999999999999999"])
def test_numbers_that_are_none(value: str) -> None:
    piece = protocol.read_piece(f'{{"done":true,"eval_count":{value},"eval_duration":{value}}}')
    assert piece is not None
    assert (piece.output_tokens, piece.decode_ns) == (None, None)


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["message", "response", "created_at", "done", "done_reason", "eval_count", "error", "models"]
    ),
    ANY,
)


@given(st.text() | FIELDS.map(json.dumps))
@example('{"message":{"content":"\\ud800"}}')
def test_no_line_breaks_it(line: str) -> None:
    for read in (protocol.read_piece, protocol.read_names, protocol.read_version, protocol.read_error):
        with suppress(Garbled):
            read(line)
    protocol.read_processor(line, "m")


def test_names_of_models() -> None:
    assert protocol.read_names('{"models":[{"name":"a:1b"},{"name":"b\\u001b:x"},{},3]}') == (
        "a:1b",
        "b\\x1b:x",
    )
    with pytest.raises(Garbled):
        protocol.read_names("[]")
    assert protocol.same_name("llama3", "llama3:latest")
    assert protocol.same_name("host:5000/llama3:latest", "host:5000/llama3")
    assert not protocol.same_name("llama3:1b", "llama3")


def test_where_it_runs() -> None:
    told = '{"models":[{"name":"m:latest","size":200,"size_vram":%d}]}'
    assert [protocol.read_processor(told % part, "m") for part in (0, 82, 200, 900)] == [
        "cpu",
        "41 % gpu",
        "gpu",
        "gpu",
    ]
    assert protocol.read_processor(told % 0, "other") == ""
    given = '{"models":[{"name":"x","context_length":9},{"name":"m:latest","context_length":2048}]}'
    assert protocol.read_context(given, "m") == 2048
    assert [protocol.read_context(one, "m") for one in (told % 0, "[]", "")] == [None] * 3


def test_what_is_asked() -> None:
    spec = run_spec(sampling=Sampling(temperature=0.5, top_k=3, top_p=0.7, seed=9), context=512, batch=32)
    settings = protocol.options(spec, 7)
    assert settings == {
        "num_ctx": 512, "num_batch": 32, "num_predict": 7, "temperature": 0.5, "top_k": 3, "top_p": 0.7, "seed": 9,
    }  # fmt: skip
    assert protocol.options(run_spec(threads=3), 7)["num_thread"] == 3
    assert protocol.raw_request("m", "x", settings, {})["raw"] is True
    assert protocol.unload_request("m") == {"model": "m", "stream": False, "keep_alive": 0}


def test_fields_of_a_request_stand_beside_its_options_and_never_in_place_of_what_melt_says() -> None:
    fields = {"think": False, "keep_alive": "30m", "model": "other", "stream": False, "options": {}}
    told = protocol.chat_request("m", [{"role": "user", "content": "x"}], {"seed": 1}, fields)
    assert (told["think"], told["keep_alive"]) == (False, "30m")
    assert (told["model"], told["stream"], told["options"]) == ("m", True, {"seed": 1})
    raw = protocol.raw_request("m", "x", {"seed": 1}, fields)
    assert (raw["think"], raw["model"], raw["stream"], raw["options"]) == (False, "m", True, {"seed": 1})
    loaded = protocol.load_request("m", {}, {"think": False, "keep_alive": "30m"})
    assert loaded == {"model": "m", "stream": False, "options": {}, "keep_alive": "30m"}
    assert "keep_alive" not in protocol.load_request("m", {}, {"keep_alive": 0}), "it would not be loaded"
