import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.simulated.engine import Activity, Engine, EngineOptions, Speeds
from drivers.devices.simulated.noise import Noise
from drivers.errors import NotSupported

SPEEDS = Speeds(
    load_bps=1e9,
    prefill_tps=100.0,
    decode_tps=20.0,
    default_weights=2_000_000_000,
    context_half=1e9,
    kv_bytes=1000,
    buffers_bytes=100_000_000,
)


def engine(**options: int) -> Engine:
    return Engine(replace(EngineOptions(), **options), lambda: SPEEDS, Noise(3), 0)


def follow(one: Engine, t_ns: int, until_ns: int) -> Iterator[tuple[int, dict[str, Any]]]:
    while t_ns < until_ns:
        for line in one.poll(t_ns):
            yield t_ns, json.loads(line)
        t_ns = max(t_ns + 1, one.next_ns())


def ready(**options: int) -> tuple[Engine, int]:
    one = engine(**options)
    for t_ns, message in follow(one, 0, 60 * SECOND):
        if message["event"] == "ready":
            return one, t_ns
    raise AssertionError


def ask(one: Engine, t_ns: int, **more: Any) -> list[tuple[int, dict[str, Any]]]:
    command = {"cmd": "turn", "turn": 1, "prompt_tokens": 50, "max_tokens": 40, "fresh": True, **more}
    one.command(json.dumps(command).encode(), t_ns)
    said = []
    for at_ns, message in follow(one, t_ns, t_ns + 600 * SECOND):
        said.append((at_ns, message))
        if message["event"] in {"end", "error"}:
            return said
    raise AssertionError


def test_loading_takes_what_the_disk_takes() -> None:
    one = engine()
    said = [(t_ns, m) for t_ns, m in follow(one, 0, 3 * SECOND)]
    progress = [m["done"] for _, m in said if m["event"] == "loading"]
    assert progress == sorted(progress)
    assert 0 < progress[0] < progress[-1] < 1
    t_ns, last = said[-1]
    assert last["event"] == "ready"
    assert 2 * SECOND <= t_ns <= 2.06 * SECOND
    assert last["load_s"] == pytest.approx(t_ns / SECOND)
    assert one.rss_file == 2_000_000_000


def test_a_turn_takes_its_time() -> None:
    one, t_ns = ready()
    said = ask(one, t_ns, ignore_eos=True)
    tokens = [(at_ns, m) for at_ns, m in said if m["event"] == "tokens"]
    assert [m["n"] for _, m in tokens] == list(range(1, 41))
    # 50 tokens at 100 a second; then 39 gaps of 50 ms, each ± 12 %
    assert tokens[0][1]["ms"] == pytest.approx(500, abs=1e-3)
    assert tokens[-1][1]["ms"] - tokens[0][1]["ms"] == pytest.approx(39 * 50, rel=0.02)
    for at_ns, message in tokens:
        crossed_ms = (at_ns - t_ns) / MILLISECOND - message["ms"]
        assert 0.29 <= crossed_ms <= 2.31
    _, end = said[-1]
    assert (end["end"], end["output_tokens"], end["prompt_tokens"], end["cached_tokens"]) == (
        "limit",
        40,
        50,
        0,
    )
    assert end["prompt_ms"] == pytest.approx(500, abs=1e-3)
    assert end["decode_ms"] == pytest.approx(tokens[-1][1]["ms"] - tokens[0][1]["ms"], abs=1e-3)


def test_a_conversation_keeps_its_context_and_slows_with_it() -> None:
    speeds = replace(SPEEDS, context_half=100.0)
    one = Engine(EngineOptions(), lambda: speeds, Noise(3), 0)
    t_ns = next(t for t, m in follow(one, 0, 3 * SECOND) if m["event"] == "ready")
    first = ask(one, t_ns, ignore_eos=True)
    second = ask(one, first[-1][0], turn=2, fresh=False, ignore_eos=True)
    assert second[-1][1]["cached_tokens"] == 90
    assert second[-1][1]["decode_ms"] > 1.3 * first[-1][1]["decode_ms"]
    assert [m["n"] for _, m in second if m["event"] == "tokens"][-1] == 80
    third = ask(one, second[-1][0], turn=3, fresh=True, ignore_eos=True)
    assert third[-1][1]["cached_tokens"] == 0


def test_memory_follows_the_load_and_the_context() -> None:
    one = engine()
    list(follow(one, 0, SECOND))
    assert one.activity is Activity.LOAD
    assert 0.9e9 < one.rss_file <= 1e9
    one, t_ns = ready()
    before = one.rss_anon
    end_ns = ask(one, t_ns, ignore_eos=True)[-1][0]
    assert one.rss_anon - before == 90 * 1000
    assert one.rss_peak == one.rss_anon + one.rss_file
    ask(one, end_ns, prompt_tokens=1, max_tokens=1)
    assert one.rss_peak > one.rss_anon + one.rss_file


def test_larger_weights_are_slower_and_tiny_ones_are_not_believed() -> None:
    slow, t_ns = ready(weights_bytes=4_000_000_000)
    assert ask(slow, t_ns, ignore_eos=True)[-1][1]["decode_ms"] == pytest.approx(39 * 100, rel=0.02)
    demo, t_ns = ready(weights_bytes=4_000_000)
    assert ask(demo, t_ns, ignore_eos=True)[-1][1]["decode_ms"] == pytest.approx(39 * 50, rel=0.02)


def test_stop_ends_the_turn_at_once() -> None:
    one, t_ns = ready()
    one.command(b'{"cmd":"turn","turn":4,"prompt_tokens":10,"max_tokens":999,"fresh":true}', t_ns)
    last = list(follow(one, t_ns, t_ns + SECOND))[-1]
    one.command(b'{"cmd":"stop"}', t_ns + SECOND)
    (line,) = one.poll(t_ns + SECOND)
    end = json.loads(line)
    assert (end["event"], end["end"], end["turn"]) == ("end", "stopped", 4)
    assert end["output_tokens"] == last[1]["n"]
    assert one.activity is Activity.IDLE


def test_stopped_before_the_first_token_tells_no_times() -> None:
    one, t_ns = ready()
    one.command(b'{"cmd":"turn","turn":1,"prompt_tokens":900,"max_tokens":9,"fresh":true}', t_ns)
    one.poll(t_ns + SECOND)
    one.command(b'{"cmd":"stop"}', t_ns + SECOND)
    end = json.loads(one.poll(t_ns + SECOND)[-1])
    assert end["output_tokens"] == 0
    assert end["prompt_tokens"] == 100
    assert "prompt_ms" not in end
    assert "decode_ms" not in end


def test_a_prompt_that_does_not_fit_is_refused_and_one_that_fills_is_cut() -> None:
    one, t_ns = ready(context=64)
    assert ask(one, t_ns, prompt_tokens=64)[-1][1]["event"] == "error"
    end = ask(one, t_ns, prompt_tokens=60, ignore_eos=True)[-1][1]
    assert (end["end"], end["output_tokens"]) == ("limit", 4)


def test_a_late_reader_gets_all_tokens_in_one_line() -> None:
    one, t_ns = ready()
    command = b'{"cmd":"turn","turn":1,"prompt_tokens":10,"max_tokens":60,"fresh":true,"ignore_eos":true}'
    one.command(command, t_ns)
    one.poll(t_ns + SECOND // 10)
    messages = [json.loads(line) for line in one.poll(t_ns + 60 * SECOND)]
    assert [m["event"] for m in messages] == ["tokens", "end"]
    assert messages[0]["n"] == 60
    assert messages[0]["text"].count(" ") == 60


def test_the_same_seed_writes_the_same_words() -> None:
    def text(seed: int) -> str:
        one, t_ns = ready(seed=seed)
        return "".join(m.get("text", "") for _, m in ask(one, t_ns))

    assert text(42) == text(42) != text(43)


def test_without_ignore_eos_an_answer_ends_by_itself() -> None:
    one, t_ns = ready()
    end = ask(one, t_ns, max_tokens=1000)[-1][1]
    assert end["end"] == "eos"
    assert 60 <= end["output_tokens"] < 240


@given(st.one_of(st.binary(max_size=60), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(["cmd", "turn", "prompt_tokens", "max_tokens"]), inner, max_size=4),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_command_is_answered(command: bytes) -> None:
    one = engine()
    one.poll(10 * SECOND)
    one.command(command, 10 * SECOND)
    for line in one.poll(11 * SECOND):
        assert json.loads(line)["event"] in {"error", "prefill", "tokens", "end"}


def test_the_command_line() -> None:
    argv = [
        "sim-engine",
        "--weights",
        "7",
        "--context",
        "100",
        "--batch",
        "8",
        "--threads",
        "2",
        "--seed",
        "1",
    ]
    assert EngineOptions.parse(argv, 5) == EngineOptions(
        weights_bytes=7, context=100, batch=8, threads=2, seed=1
    )
    assert EngineOptions.parse(["sim-engine"], 5).threads == 5


@pytest.mark.parametrize(
    "more",
    [
        ["--flash-attn", "on"],
        ["--seed"],
        ["--seed", "-1"],
        ["--context", "0"],
        ["--threads", "0"],
        ["x", "1"],
    ],
)
def test_a_wrong_command_line_is_refused(more: list[str]) -> None:
    with pytest.raises(NotSupported, match="sim-engine"):
        EngineOptions.parse(["sim-engine", *more], 5)


def test_one_turn_at_a_time_and_stop_without_one_says_nothing() -> None:
    one, t_ns = ready()
    turn = b'{"cmd":"turn","turn":%d,"prompt_tokens":10,"max_tokens":60,"fresh":true}'
    one.command(turn % 1, t_ns)
    one.command(turn % 2, t_ns)
    (line,) = one.poll(t_ns)
    assert json.loads(line) == {"event": "error", "turn": 2, "detail": "busy"}
    one.command(b'{"cmd":"stop"}', t_ns)
    one.poll(t_ns)
    one.command(b'{"cmd":"stop"}', t_ns)
    assert one.poll(t_ns) == []
    one.command(b'{"cmd":"quit"}', t_ns)
    one.end(-9)
    assert one.returncode == 0
