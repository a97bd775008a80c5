"""The words of the command line."""

import pytest

from melt_tui.cli.parser import parser
from melt_tui.config import RunConfig


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as left:
        parser().parse_args(argv)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("melt: ")
    assert said.count("\n") == 1
    return said


def test_run_takes_every_option_of_a_run() -> None:
    words = (
        "run --device host --device sim:phone --model m.gguf --runtime llama_server --workload pp512/tg128 --turns 2"
        " --seconds 1.5 --max-tokens 3 --repeat 4 --warmup 0 --pause 0.5 --threads 1 --context 512 --batch 64"
        " --temperature 0.8 --top-k 0 --top-p 0.9 --seed 7 --url http://x --ignore-eos --runtime-arg=--a"
        " --runtime-arg b --record f.melt --headless --json"
        " --gate soc<=40 --gate-timeout 60 --cooldown 30 --ceiling soc<=85 --until steady --runs 3 --order abab"
        " --variant threads=1 --variant threads=2"
    )
    options = parser().parse_args(words.split())
    assert options.device == ["host", "sim:phone"]
    assert (options.turns, options.seconds, options.pause, options.top_k) == (2, 1.5, 0.5, 0)
    assert options.runtime_arg == ["--a", "b"]
    assert options.ignore_eos is options.headless is options.json is True
    named = {"pause_s": "pause", "runtime_args": "runtime_arg", "lease_s": "lease", "baseline_s": "baseline"}
    named["gate_timeout_s"] = "gate_timeout"
    assert options.variants == ["threads=1", "threads=2"]
    assert {named.get(field, field) for field in RunConfig.__dataclass_fields__} <= set(vars(options))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("run --turns 0", "'0' is not between 1 and 2147483647"),
        ("run --turns -3", "'-3' is not between 1 and 2147483647"),
        ("run --top-k -3", "'-3' is not between 0 and 2147483647"),
        ("run --turns two", "'two' is not a whole number"),
        ("run --turns 99999999999", "is not between 1 and"),
        ("run --seconds -1", "'-1' is not a number of at least 0"),
        ("run --seconds nan", "'nan' is not a number of at least 0"),
        ("run --temperature inf", "'inf' is not a number of at least 0"),
        ("walk", "invalid choice: 'walk'"),
        ("replay", "the following arguments are required: FILE"),
        ("export x --table figures", "invalid choice: 'figures'"),
        ("run --url=", "argument --url: nothing was given"),
        ("run --model=", "argument --model: nothing was given"),
        ("run --frobnicate", "unrecognized arguments: --frobnicate"),
    ],
)
def test_wrong_usage_is_one_sentence(words: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert reason in refusal(capsys, *words.split())


def test_common_options_stand_before_or_after_the_verb() -> None:
    assert parser().parse_args(["--debug", "sessions"]).debug is True
    assert parser().parse_args(["sessions", "--debug"]).debug is True
    assert not hasattr(parser().parse_args(["sessions"]), "debug")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == "melt 0.1.0\n"


@pytest.mark.parametrize("verb", ["align", "analyse", "summary", "replay", "export", "compare"])
def test_a_file_is_all_that_looking_at_one_takes(verb: str) -> None:
    files = ["a.melt", "b.melt"] if verb == "compare" else ["a.melt"]
    parser().parse_args([verb, *files])
