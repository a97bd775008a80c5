"""What apps print: our protocol, and lines such as LLMFarmEval and llama.cpp write."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.events import TurnEnd
from drivers.runs.turn import Figures
from drivers.runtimes.ios_app.protocol import (
    Begin,
    End,
    Load,
    Said,
    Thermal,
    ThermalState,
    Timing,
    Timings,
    Token,
    read_line,
)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"melt":1,"event":"load","model":"tinyllama","load_s":2.5,"backend":"Metal","context":2048}',
            Load("tinyllama", 2.5, "Metal", 2048),
        ),
        ('{"melt":1,"event":"load","build":"b10605 \\n"}', Load("", None, "", None, "b10605")),
        ('{"melt":1,"event":"turn","prompt_tokens":17,"text":"Why?"}', Begin("Why?")),
        ('{"melt":1,"event":"token","n":3,"t":12.25,"text":" sky"}', Token(3, 12.25, " sky")),
        (
            '2026-11-21 12:00:00.1 LLMBench[321:4] { "melt": 1, "event": "token", "text": "a" }',
            Token(None, None, "a"),
        ),
        (
            '{"melt":1,"event":"turn","end":"limit","output_tokens":64,"prompt_tokens":17,"prompt_s":0.5,"decode_s":3.25}',
            End(TurnEnd.LIMIT, Figures(prompt_tokens=17, output_tokens=64, prompt_s=0.5, decode_s=3.25)),
        ),
        ('{"melt":1,"event":"thermal","state":"serious"}', Thermal(ThermalState.SERIOUS)),
        ('  {"timestamp": 1696500000.5, "state": "fair"},', Thermal(ThermalState.FAIR)),
        (
            "1000.5,9000.1,800.0,12.0,450.0,3150.0,64,17,63",
            Timing(Figures(prompt_tokens=17, prompt_s=0.45, output_tokens=64, decode_s=3.15)),
        ),
        ('{"melt":1,"event":"thermal","state":"@unknown"}', None),
        ('{"melt":1,"event":"dance"}', None),
        ('App[1] {x} {"t":1.5,"n":2,"event":"token","text":"{","melt":1}', Token(2, 1.5, "{")),
        ('{"melt":2,"event":"token"}', None),
        ('{"melt":', None),
        ("1,2,3,4,5,6,7,8", None),
        ("1,2,3,4,-5,6,7,8,9", None),
        ("a line of anything", None),
    ],
)
def test_a_line(line: str, said: Said | None) -> None:
    assert read_line(line) == said


def test_timings_of_llama_cpp_stand_in_two_lines() -> None:
    lines = Timings()
    assert (
        lines.read(
            "llama_print_timings: prompt eval time =     450.00 ms /    17 tokens (   26.47 ms per token)"
        )
        is None
    )
    assert lines.read(
        "llama_print_timings:        eval time =    3150.00 ms /    63 runs   (   50.00 ms per token)"
    ) == Timing(Figures(prompt_tokens=17, prompt_s=0.45, output_tokens=64, decode_s=3.15))


@given(st.integers(0, 10**6), st.floats(0, 1e5), st.text(max_size=20), st.text('ab []:{"', max_size=20))
@settings(max_examples=50)
def test_a_token_survives_whatever_a_log_puts_before_it(n: int, t: float, text: str, before: str) -> None:
    line = json.dumps({"melt": 1, "event": "token", "n": n, "t": t, "text": text})
    said = read_line(f"{before}{line}")
    assert isinstance(said, Token)
    assert (said.n, said.t) == (n, t)
    assert said.text == text.encode("utf-8", "replace").decode()


@given(st.text(max_size=120) | st.text('{}[]":,meltokn1v 0123456789.e-', max_size=120))
@settings(max_examples=80)
def test_any_line_is_read_and_nothing_raised(line: str) -> None:
    read_line(line)
    read_line(f'{{"melt":{line}')
    Timings().read(line)
