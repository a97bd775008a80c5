from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from melt_tui.config import rules
from melt_tui.config.model import DeviceConfig, RunConfig, ScreenConfig, SessionConfig
from melt_tui.config.rules import Kind, Rule, Wrong, checked
from melt_tui.workbench import RunRequest

TABLES: list[tuple[Mapping[str, Rule], type[Any]]] = [
    (rules.DEVICE, DeviceConfig),
    (rules.RUN, RunConfig),
    (rules.SESSION, SessionConfig),
    (rules.SCREEN, ScreenConfig),
]


@pytest.mark.parametrize(("table", "kind"), TABLES)
def test_every_field_has_a_rule_and_its_default_fits(table: Mapping[str, Rule], kind: type[Any]) -> None:
    assert {rule.field for rule in table.values()} == {field.name for field in fields(kind)}
    made = kind(address="host") if kind is DeviceConfig else kind()
    for rule in table.values():
        default = getattr(made, rule.field)
        value = list(default) if isinstance(default, tuple) else default
        if value not in {None, ""} if isinstance(value, str | None) else True:
            assert checked(rule, value) == default


def test_a_run_is_set_up_as_it_is_asked_for() -> None:
    settings, request = RunConfig(), RunRequest(devices=("host",))
    names = {field.name for field in fields(RunRequest)} - {"devices"}
    assert {field.name for field in fields(RunConfig)} == names
    assert {name: getattr(settings, name) for name in names} == {
        name: getattr(request, name) for name in names
    }


@pytest.mark.parametrize(
    ("rule", "value", "result"),
    [
        (rules.RUN["turns"], 5, 5),
        (rules.RUN["pause"], 2, 2.0),
        (rules.RUN["top_p"], 0.9, 0.9),
        (rules.RUN["runtime_args"], ["--flash-attn", "on"], ("--flash-attn", "on")),
        (rules.RUN["ignore_eos"], True, True),
        (rules.SESSION["recordings"], "/tmp/r", Path("/tmp/r")),
        (rules.DEVICE["point"], "rail:VDD_IN", "rail:VDD_IN"),
        (rules.DEVICE["colour"], "#ff8800", "#ff8800"),
    ],
)
def test_what_fits(rule: Rule, value: object, result: object) -> None:
    found = checked(rule, value)
    assert (found, type(found)) == (result, type(result))


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        (rules.RUN["turns"], "5", "the text '5'"),
        (rules.RUN["turns"], True, "true"),
        (rules.RUN["turns"], 5.0, "the number 5.0"),
        (rules.RUN["turns"], 0, "0"),
        (rules.RUN["pause"], float("nan"), "nan"),
        (rules.RUN["top_p"], 1.5, "1.5"),
        (rules.RUN["ignore_eos"], 1, "the number 1"),
        (rules.RUN["model"], "", '""'),
        (rules.RUN["model"], "a\x1b[2J", "a text with unprintable characters"),
        (rules.RUN["model"], "x" * 5000, "a very long text"),
        (rules.RUN["runtime_args"], "--x", "the text '--x'"),
        (rules.RUN["runtime_args"], [1], "the number 1"),
        (rules.RUN["url"], "ftp://x", '"ftp://x"'),
        (rules.RUN["seed"], 2**32, "4294967296"),
        (rules.DEVICE["point"], "rail:", '"rail:"'),
        (rules.DEVICE["point"], "usb-input\n", "a text with unprintable characters"),
        (rules.SESSION["recordings"], "~nobody-has-this-name/x", '"~nobody-has-this-name/x"'),
        (rules.SESSION["recordings"], {}, "a table"),
        (rules.SESSION["recordings"], [], "a list"),
        (rules.SESSION["recordings"], None, "null"),
        (rules.SESSION["recordings"], object(), "a date or time"),
    ],
)
def test_what_does_not_fit_is_named(rule: Rule, value: object, said: str) -> None:
    with pytest.raises(Wrong) as caught:
        checked(rule, value)
    assert caught.value.args[0] == said


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (rules.SCREEN["frame_rate"], "a whole number from 1 to 60"),
        (rules.SESSION["seconds"], "a number from 0.001 to 31,536,000"),
        (Rule("x", Kind.NUMBER, 0), "a number of at least 0"),
        (rules.SCREEN["debug"], "true or false"),
        (rules.RUN["url"], 'a text like "http://127.0.0.1:8080"'),
    ],
)
def test_rules_in_words(rule: Rule, words: str) -> None:
    assert rule.allowed == words
