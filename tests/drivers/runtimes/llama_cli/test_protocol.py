"""What llama.cpp's terminal programs print, read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import Sampling
from drivers.runs.turn import Figures
from drivers.runtimes.llama_cli import protocol
from drivers.runtimes.llama_cli.protocol import (
    AnswerStream,
    Aside,
    ChatStream,
    Dialect,
    Ready,
    Speaker,
    Text,
    Timing,
)
from tests.rigs.llama_cli import help_of
from tests.rigs.llama_runs import run_spec, workload

CAPTURED = {
    "completion": """0.01.847.803 I common_perf_print:    sampling time =       7.07 ms
0.01.847.804 I common_perf_print:    samplers time =       1.13 ms /    64 tokens
0.01.847.807 I common_perf_print:        load time =     358.28 ms
0.01.847.808 I common_perf_print: prompt eval time =     259.42 ms /    40 tokens (    6.49 ms per token,   154.19 tokens per second)
0.01.847.810 I common_perf_print:        eval time =    1077.51 ms /    23 runs   (   46.85 ms per token,    21.35 tokens per second)
0.01.847.811 I common_perf_print:       total time =    1391.38 ms /    63 tokens
0.01.847.812 I common_perf_print: unaccounted time =      47.37 ms /   3.4 %      (total - sampling - prompt eval - eval) / (total)
0.01.847.812 I common_perf_print:    graphs reused =         22""",
    "llama-cli before December 2025": """llama_perf_sampler_print:    sampling time =       7.07 ms /    64 runs   (    0.11 ms per token,  9052.33 tokens per second)
llama_perf_context_print:        load time =     358.28 ms
llama_perf_context_print: prompt eval time =     259.42 ms /    40 tokens (    6.49 ms per token,   154.19 tokens per second)
llama_perf_context_print:        eval time =    1077.51 ms /    23 runs   (   46.85 ms per token,    21.35 tokens per second)
llama_perf_context_print:       total time =    1391.38 ms /    63 tokens""",
    "main": """llama_print_timings:        load time =     358.28 ms
llama_print_timings:      sample time =       4.28 ms /    24 runs   (    0.20 ms per token,  4909.98 tokens per second)
llama_print_timings: prompt eval time =     259.42 ms /    40 tokens (    6.49 ms per token,   154.19 tokens per second)
llama_print_timings:        eval time =    1077.51 ms /    23 runs   (   46.85 ms per token,    21.35 tokens per second)
llama_print_timings:       total time =    1391.38 ms""",
}
CAPTURED["a comma locale"] = CAPTURED["main"].replace(".", ",")
FIGURES = Figures(prompt_tokens=40, prompt_s=259.42 / 1e3, output_tokens=24, decode_s=1077.51 / 1e3)


def block(text: str) -> Timing:
    timing = Timing()
    for line in text.splitlines():
        timing = protocol.read_timing(line, timing) or timing
    return timing


@pytest.mark.parametrize("generation", CAPTURED)
def test_every_generations_block(generation: str) -> None:
    timing = block(CAPTURED[generation])
    assert timing.figures == FIGURES
    assert timing.load_ms == 358.28


def test_melts_block_of_one_turn() -> None:
    timing = block(
        "llama_print_timings:      sample time =       4.28 ms /    21 runs   (    0.20 ms per token,  4909.98 tokens per second)\n"
        "llama_print_timings: prompt eval time =    2501.52 ms /    51 tokens (   49.05 ms per token,    20.39 tokens per second)\n"
        "llama_print_timings:        eval time =    1041.43 ms /    20 runs   (   52.07 ms per token,    19.20 tokens per second)"
    )
    assert (timing.figures.output_tokens, timing.figures.decode_s, timing.sampled) == (21, 1041.43 / 1e3, 21)


@pytest.mark.parametrize(
    "text",
    [
        "llama_perf_context_print: prompt eval time = 9.00 ms / 7 tokens\nllama_perf_context_print: eval time = 0.00 ms / 1 runs",
        "llama_print_timings: sample time = 0.10 ms / 1 runs\nllama_print_timings: prompt eval time = 9.00 ms / 7 tokens\nllama_print_timings: eval time = 0.30 ms / 1 runs",
    ],
)
def test_a_single_token_was_not_decoded(text: str) -> None:
    """A block never says 0 runs: it prints 1."""
    assert block(text).figures == Figures(prompt_tokens=7, prompt_s=0.009, output_tokens=1, decode_s=None)


def test_rates_alone_are_no_figures() -> None:
    timing = protocol.read_timing("[ Prompt: 43.1 t/s | Generation: 5.1 t/s ]", Timing())
    assert timing is not None
    assert (timing.figures, timing.rates) == (Figures(), "43.1 t/s for the prompt and 5.1 t/s for generation")
    comma = protocol.read_timing("[ Prompt: 43,1 t/s | Generation: 5,1 t/s ]", Timing())
    assert comma == timing


@given(st.text())
def test_no_line_breaks_it(line: str) -> None:
    protocol.read_timing(line, Timing())
    protocol.read_ready(line)
    protocol.read_help(line)
    protocol.read_version(line)
    protocol.end_of_text(line)


@given(st.integers(1, 10**6), st.integers(2, 10**6), st.floats(0.01, 1e6), st.sampled_from([".", ","]))
def test_any_numbers(prompt: int, runs: int, ms: float, point: str) -> None:
    lines = f"common_perf_print: prompt eval time = {ms:10.2f} ms / {prompt:5d} tokens\ncommon_perf_print: eval time = {ms:10.2f} ms / {runs:5d} runs"
    figures = block(lines.replace(".", point)).figures
    assert (figures.prompt_tokens, figures.output_tokens) == (prompt, runs + 1)
    assert figures.decode_s == pytest.approx(round(ms, 2) / 1e3)


def test_absurd_times_are_none() -> None:
    assert block("common_perf_print: eval time = 999999999999.00 ms / 5 runs").figures == Figures()


@pytest.mark.parametrize(
    ("line", "ready"),
    [
        ("generate: n_ctx = 2048, n_batch = 512, n_predict = 24, n_keep = 0", Ready(2048, 512)),
        ("0.00.359.000 I generate: n_ctx = 256, n_batch = 64, n_predict = 12, n_keep = 1", Ready(256, 64)),
        ("I will generate: n_ctx", None),
    ],
)
def test_when_it_is_ready(line: str, ready: Ready | None) -> None:
    assert protocol.read_ready(line) == ready


@pytest.mark.parametrize("generation", ["completion", "chat", "old", "main", "melt"])
def test_what_a_program_understands(generation: str) -> None:
    speaker = protocol.read_help(help_of(generation))
    assert speaker.dialect is (Dialect.CHAT if generation == "chat" else Dialect.PLAIN)
    assert speaker.echoes == (generation == "melt")


def test_flags_that_it_knows_are_used() -> None:
    spec = run_spec(workload(), sampling=Sampling(temperature=0.5, top_k=3, top_p=0.7, seed=9))
    words = protocol.command_words(Speaker(Dialect.PLAIN, frozenset({"-no-cnv"})), spec, workload(), "-hi")
    assert words == ["-c", "256", "-b", "64", "-n", "12", "--seed", "9", "--temp", "0.5", "--top-k", "3", "--top-p", "0.7", "-no-cnv", "--ignore-eos", "-p", "-hi"]  # fmt: skip
    chat = protocol.command_words(
        Speaker(Dialect.CHAT, frozenset({"-no-cnv", "--single-turn"})), spec, workload(), "x"
    )
    assert "--single-turn" in chat
    assert "-no-cnv" not in chat


def test_versions() -> None:
    assert protocol.read_version("version: 10605 (f6f0d9f)\nbuilt with cc") == "b10605 (f6f0d9f)"
    assert protocol.read_version("no version") == ""


def fed(stream: AnswerStream | ChatStream, text: str, sizes: list[int]) -> tuple[str, list[str]]:
    parts: list[Text | Aside] = []
    for size in [*sizes, len(text)]:
        parts += stream.feed(text[:size])
        text = text[size:]
    parts += stream.flush()
    answer = "".join(part.text for part in parts if isinstance(part, Text))
    return answer, [part.text for part in parts if isinstance(part, Aside)]


SIZES = st.lists(st.integers(1, 40), max_size=30)


@given(SIZES)
def test_timings_are_no_part_of_the_answer(sizes: list[int]) -> None:
    said = "Lists [ are ] llama\n[ Prompts\ncommon\n"
    answer, asides = fed(AnswerStream(""), f"{said}{CAPTURED['main']}\n", sizes)
    assert (answer, asides) == (said, CAPTURED["main"].splitlines())


@given(
    SIZES, st.text(st.characters(exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40)
)
def test_an_answer_comes_whole_however_it_is_cut(sizes: list[int], said: str) -> None:
    assert fed(AnswerStream(""), said, sizes)[0] == said


@given(SIZES)
def test_the_echo_of_the_prompt_is_no_part_of_the_answer(sizes: list[int]) -> None:
    assert fed(AnswerStream("Tell me.\nNow."), " Tell me.\nNow. Yes.", sizes) == (" Yes.", [])


def test_what_is_no_echo_is_kept() -> None:
    assert fed(AnswerStream("Tell me."), "Tell you.", [2, 2]) == ("Tell you.", [])


@given(SIZES, st.sampled_from(["Hi", "two\nlines", "x" * 600]))
def test_the_chat_front_ends_answer(sizes: list[int], prompt: str) -> None:
    echo = prompt if len(prompt) <= 500 else prompt[:500] + " ... (truncated)"
    text = f"\n\nLoading model... \n▄▄\nbuild : b1\n\n  /exit\n\n\n> {echo}\n\nSome\ntext.\n\n[ Prompt: 1.0 t/s | Generation: 2.0 t/s ]\n\n\nExiting...\n"
    stream = ChatStream(prompt)
    answer, asides = fed(stream, text, sizes)
    assert answer.strip() == "Some\ntext."
    assert asides == ["[ Prompt: 1.0 t/s | Generation: 2.0 t/s ]", "Exiting..."]
    assert stream.begun


def test_the_end_of_text() -> None:
    assert protocol.end_of_text("word. [end of text]\n\n") == ("word.", True)
    assert protocol.end_of_text(" [end of text]") == ("", True)
    assert protocol.end_of_text("[end of line]\n") == ("[end of line]\n", False)
