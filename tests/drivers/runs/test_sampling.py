"""What each engine is asked for of how tokens are chosen, and nothing that it cannot be told."""

import pytest

from drivers.clock import SystemClock
from drivers.model import Sampling, Workload
from drivers.registry import Registry
from drivers.runs.sampling import UNASKED, overruled, overruled_by_flags
from tests.rigs.llama_runs import run_spec

OURS = Sampling(temperature=0.5, top_k=3, top_p=0.7, seed=9)
WORK = Workload(name="chat", conversations=(), max_tokens=4)


@pytest.mark.parametrize(
    ("runtime", "args", "asked"),
    [
        ("llama_server", ("binary=/x", "--top-k=7"), OURS),
        ("llama_cli", (), OURS),
        ("llama_cli", ("--top_k=7", "--temp", "1.5"), Sampling(1.5, 7, 0.7, 9)),
        ("llama_cli", ("--seed", "often"), Sampling(0.5, 3, 0.7, None)),
        ("llama_bench", (), UNASKED),
        ("ollama", ("top_k=7", "num_gpu=2"), Sampling(0.5, 7, 0.7, 9)),
        ("mlc", (), Sampling(0.5, None, 0.7, 9)),
        ("mlc", ("temperature=1", "seed=true"), Sampling(1.0, None, 0.7, None)),
        ("mlc", ("app=org.x/.Main",), UNASKED),
        ("mlc", ("app=org.x/.Main", "port=8000"), Sampling(0.5, None, 0.7, 9)),
        ("ios_app", ("bundle=org.x",), UNASKED),
        ("simulated", (), Sampling(None, None, None, 9)),
    ],
)
def test_each_engine(runtime: str, args: tuple[str, ...], asked: Sampling) -> None:
    made = Registry(SystemClock()).runtime(runtime)
    assert made.sampling(run_spec(WORK, runtime=runtime, args=args, sampling=OURS)) == asked


def test_a_server_that_is_watched_is_asked_for_nothing() -> None:
    spec = run_spec(None, url="http://x", sampling=OURS)
    assert Registry(SystemClock()).runtime("llama_server").sampling(spec) == UNASKED


def test_words_of_a_person_stand_above_ours_and_are_none_where_they_are_no_number() -> None:
    assert overruled(OURS, {"top_p": 1, "top_k": 2.5, "temperature": "hot"}) == Sampling(None, None, 1.0, 9)
    assert overruled_by_flags(OURS, ("--top-k=5", "--top-k=6")) == Sampling(0.5, 6, 0.7, 9)
