import inspect
import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from drivers.model import Prompt, Workload
from melt_tui import workloads
from melt_tui.errors import WorkloadError
from melt_tui.workbench import RunRequest
from melt_tui.workloads import chat, context_needed


def test_chat() -> None:
    built = workloads.build("chat")
    assert (built.name, built.repeat, built.max_tokens) == ("chat", 1, 128)
    assert (built.share_context, built.chat, built.ignore_eos) == (True, True, False)
    assert [len(c) for c in built.conversations] == [3, 3, 3, 3]
    assert built.conversations[0][0] == Prompt(text="How do I open a file and read its lines?")
    assert context_needed(built) is None


def test_our_prompts_are_all_different() -> None:
    prompts = [prompt for conversation in chat.CONVERSATIONS for prompt in conversation]
    assert len(set(prompts)) == 12
    assert all(prompt.isascii() and prompt.endswith("?") for prompt in prompts)


def test_sustained_goes_on_with_the_same_turn_in_a_fresh_context() -> None:
    built = workloads.build("sustained")
    assert built.conversations == ((Prompt(text=chat.STEADY),),)
    assert (built.share_context, built.repeat, built.ignore_eos) == (False, 0, True)


@pytest.mark.parametrize(
    ("name", "prompt", "generated"), [("pp512/tg128", 512, 128), ("pp512", 512, 1), ("tg128", 1, 128)]
)
def test_as_llama_bench_does(name: str, prompt: int, generated: int) -> None:
    built = workloads.build(name, vocabulary=32_000)
    ((only,),) = built.conversations
    assert (len(only.tokens), only.text, built.max_tokens) == (prompt, "", generated)
    assert (built.chat, built.share_context, built.ignore_eos) == (False, False, True)
    assert (built.repeat, built.warmup) == (5, 1)
    assert context_needed(built) == prompt + generated


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text(json.dumps([["a", "b"], ["c"]]), encoding="utf-8")
    built = workloads.build(str(path), max_tokens=9)
    assert built == Workload(
        name="input.json",
        conversations=((Prompt(text="a"), Prompt(text="b")), (Prompt(text="c"),)),
        max_tokens=9,
    )


def test_every_option_arrives() -> None:
    options: dict[str, Any] = {"turns": 7, "seconds": 9.5, "max_tokens": 33, "repeat": 2, "warmup": 3}
    options |= {"pause_s": 0.5, "ignore_eos": True}
    built = workloads.build("chat", **options)
    assert {name: getattr(built, name) for name in options} == options


def test_options_are_those_of_a_run_request() -> None:
    known = {field.name for field in fields(RunRequest)}
    assert set(inspect.signature(workloads.build).parameters) - {"vocabulary"} <= known


@pytest.mark.parametrize("name", ["chat", "sustained", "pp8/tg8"])
def test_a_limit_repeats_as_often_as_it_needs(name: str) -> None:
    assert workloads.build(name, turns=48).repeat == 0
    assert workloads.build(name, seconds=60).repeat == 0
    assert workloads.build(name, turns=48, repeat=2).repeat == 2


def test_more_warm_up_than_llama_bench() -> None:
    assert [workloads.build("pp8/tg8", warmup=turns).warmup for turns in (None, 0, 3)] == [1, 0, 3]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"turns": 0}, r"--turns 0 is too small: give 1 or more"),
        ({"max_tokens": -1}, "--max-tokens -1 is too small"),
        ({"repeat": -1}, "--repeat -1 is too small: give 0 or more"),
        ({"warmup": -1}, "--warmup -1 is too small"),
        ({"pause_s": -0.5}, "--pause -0.5 is too small"),
        ({"pause_s": math.nan}, "--pause nan"),
        ({"seconds": 0}, "--seconds 0 is no length of time"),
        ({"seconds": math.inf}, "--seconds inf is no length of time"),
    ],
)
def test_options_out_of_bounds(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkloadError, match=said):
        workloads.build("chat", **options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("chatt", r"no workload “chatt”: did you mean chat\? known are chat, sustained"),
        ("zzz", "no workload “zzz”: known are"),
        ("", "no workload “”"),
        ("none.json", "there is no workload file none.json"),
        ("~nobody-has-this-name/x.json", "is not a path"),
        ("a\x1bb", r"“a\?b”"),
    ],
)
def test_unknown_names(name: str, said: str) -> None:
    with pytest.raises(WorkloadError, match=said):
        workloads.build(name)


def test_counts_are_fixed_by_the_name() -> None:
    assert workloads.build("pp512/tg128", max_tokens=128).max_tokens == 128
    with pytest.raises(WorkloadError, match="fixes the number of tokens"):
        workloads.build("pp512/tg128", max_tokens=64)


def test_choices_can_be_built() -> None:
    for value, title, remark in workloads.choices():
        assert workloads.build(value).name == title
        assert remark
