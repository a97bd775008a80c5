import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled
from drivers.model import Prompt, RunSpec
from drivers.modelfile import ModelFile
from drivers.runtimes.simulated.protocol import (
    End,
    Error,
    Loading,
    Message,
    Prefill,
    Ready,
    Tokens,
    command_line,
    parse,
    prompt_tokens,
    turn_command,
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"event": "loading", "done": 0.5, "eta_s": null}', Loading(0.5, None)),
        ('{"event": "prefill", "turn": 1, "processed": 3, "total": 9}', Prefill(1, 3, 9)),
        ('{"event": "tokens", "turn": 1, "n": 4, "ms": 12, "text": "a"}', Tokens(1, 4, 12, "a")),
        (
            '{"event": "end", "turn": 2, "end": "eos", "output_tokens": 5, "prompt_tokens": 6, "cached_tokens": 0}',
            End(2, "eos", 5, 6, 0),
        ),
        ('{"event": "error", "detail": "busy"}', Error("busy")),
        (
            '{"event": "ready", "load_s": 1.5, "build": "b", "backend": "c", "threads": 7, "context": 8, "batch": 9, "model": "m"}',
            Ready(1.5, "b", "c", 7, 8, 9, "m"),
        ),
    ],
)
def test_messages(line: str, message: Message) -> None:
    assert parse(line) == message


@pytest.mark.parametrize(
    "line",
    [
        "", "[]", "7", "{}", '{"event": "dance"}', '{"event": ["loading"]}', '{"event": "loading"}',
        '{"event": "loading", "done": "x", "eta_s": 1}', '{"event": "loading", "done": true, "eta_s": 1}',
        '{"event": "prefill", "turn": 1, "processed": 3.5, "total": 9}',
        '{"event": "prefill", "turn": -1, "processed": 3, "total": 9}',
        '{"event": "tokens", "turn": 1, "n": 4, "ms": NaN, "text": "a"}',
        '{"event": "tokens", "turn": 1, "n": 4, "ms": 1e400, "text": "a"}',
        '{"event": "error", "detail": "a", "more": 1}', "[" * 50_000,
    ],
)  # fmt: skip
def test_nonsense_is_garbled(line: str) -> None:
    with pytest.raises(Garbled, match="the simulated engine said"):
        parse(line)


@given(
    st.one_of(
        st.text(max_size=40),
        st.dictionaries(
            st.sampled_from(["event", "turn", "done", "eta_s", "n", "ms", "text", "detail"]),
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.sampled_from(["error", "tokens", "loading"]),
        ).map(json.dumps),
    )
)
def test_any_line_is_a_message_or_garbled(line: str) -> None:
    try:
        message = parse(line)
    except Garbled:
        return
    assert isinstance(message, Loading | Ready | Prefill | Tokens | End | Error)


def spec(**more: object) -> RunSpec:
    base = RunSpec(run="r1", device="d", runtime="simulated", model=None, workload=None)
    return RunSpec(**{**{name: getattr(base, name) for name in RunSpec.__dataclass_fields__}, **more})


def test_the_command_line_states_the_run() -> None:
    model = ModelFile(name="m", path="/m.gguf", size_bytes=123)
    assert command_line(spec(model=model, threads=3, context=512, args=("--x", "1"))) == [
        "sim-engine", "--weights", "123", "--context", "512", "--batch", "256", "--seed", "42", "--threads", "3",
        "--x", "1",
    ]  # fmt: skip
    assert "--threads" not in command_line(spec())
    assert command_line(spec())[:3] == ["sim-engine", "--weights", "0"]


def test_a_turn_is_one_line() -> None:
    command = turn_command(3, 10, 20, fresh=True, ignore_eos=False)
    assert command.endswith(b"}\n")
    assert command.count(b"\n") == 1
    assert json.loads(command) == {
        "cmd": "turn", "turn": 3, "prompt_tokens": 10, "max_tokens": 20, "fresh": True, "ignore_eos": False,
    }  # fmt: skip


def test_prompts_are_counted() -> None:
    assert prompt_tokens(Prompt(tokens=(1, 2, 3))) == 3
    assert prompt_tokens(Prompt(text="abcdefgh")) == 2
    assert prompt_tokens(Prompt(text="abcdefghi")) == 3
    assert prompt_tokens(Prompt()) == 1
