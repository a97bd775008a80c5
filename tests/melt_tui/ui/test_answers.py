from concurrent.futures import Future

import pytest

from drivers.errors import Refused
from melt_tui.errors import ModelError
from melt_tui.ui.answers import answer, sentence_of


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("The port is busy", remedy="close the other program"), "The port is busy: close the other program"),
        (ModelError("It is cut in half"), "It is cut in half"),
        (KeyError("x"), "unexpected KeyError: 'x'"),
        (ValueError(), "unexpected ValueError"),
    ],
)  # fmt: skip
async def test_failures_come_back_as_sentences(error: Exception, said: str) -> None:
    future: Future[int] = Future()
    future.set_exception(error)
    assert (await answer(future)).problem == said
    assert sentence_of(error) == said


async def test_a_value_comes_back_and_a_cancelled_command_says_so() -> None:
    future: Future[int] = Future()
    future.set_result(7)
    assert (await answer(future)).value == 7
    dropped: Future[int] = Future()
    dropped.cancel()
    assert (await answer(dropped)).problem == "it was given up"
