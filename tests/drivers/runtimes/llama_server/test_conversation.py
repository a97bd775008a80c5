"""What is sent for each turn."""

from collections.abc import Sequence
from typing import Any

from drivers.model import Prompt, Workload
from drivers.runtimes.llama_server.conversation import Conversation
from drivers.schedule import schedule
from tests.rigs.llama_runs import run_spec, workload


def sent(work: Workload, replies: Sequence[str]) -> list[tuple[str, dict[str, Any], int | None]]:
    conversation, told = Conversation(run_spec(work), work), []
    for turn, reply in zip(schedule(work), replies, strict=True):
        before = None if turn.fresh else conversation.context_tokens
        path, body = conversation.ask(turn)
        told.append((path, dict(body), before))
        conversation.answered(reply, turn.turn * 100)
    return told


def test_a_conversation_grows_and_the_next_one_is_empty() -> None:
    work = workload(conversations=((Prompt("a"), Prompt("b")), (Prompt("c"),)), warmup=1)
    told = sent(work, ["W", "A", "B", "C"])
    contents = [[message["content"] for message in body["messages"]] for _, body, _ in told]
    assert contents == [["a"], ["a"], ["a", "A", "b"], ["c"]]
    assert [body["cache_prompt"] for _, body, _ in told] == [False, False, True, False]
    assert [message["role"] for message in told[2][1]["messages"]] == ["user", "assistant", "user"]
    assert told[2][2] == 200
    assert {path for path, _, _ in told} == {"/v1/chat/completions"}


def test_without_a_shared_context_every_turn_is_fresh() -> None:
    told = sent(workload(conversations=((Prompt("a"), Prompt("b")),), share_context=False), ["A", "B"])
    assert [len(body["messages"]) for _, body, _ in told] == [1, 1]
    assert [body["cache_prompt"] for _, body, _ in told] == [False, False]


def test_raw_text_and_token_ids() -> None:
    work = workload(conversations=((Prompt("Once"), Prompt(" and")), (Prompt(tokens=(1, 2)),)), chat=False)
    told = sent(work, [" upon", " on", "x"])
    assert [body["prompt"] for _, body, _ in told] == ["Once", "Once upon and", [1, 2]]
    assert {path for path, _, _ in told} == {"/completion"}


def test_token_ids_are_sent_as_they_are_in_a_chat_workload_too() -> None:
    ((path, body, _),) = sent(workload(conversations=((Prompt(tokens=(1, 5, 6)),),)), ["x"])
    assert (path, body["prompt"]) == ("/completion", [1, 5, 6])


def test_a_prompt_whose_answer_was_lost_is_left_out() -> None:
    work = workload(conversations=((Prompt("a"), Prompt("b"), Prompt("c")),))
    conversation = Conversation(run_spec(work), work)
    first, second, third = schedule(work)
    conversation.ask(first)
    conversation.answered("A", 7)
    conversation.ask(second)
    conversation.unanswered()
    _, body = conversation.ask(third)
    assert body["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": "c"},
    ]
    assert conversation.context_tokens == 7
