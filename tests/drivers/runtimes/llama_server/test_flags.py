"""Flags of the user's."""

from dataclasses import replace

import pytest

from drivers.errors import NotSupported
from drivers.runs.args import binary_of
from drivers.runtimes.llama_server.flags import binary_command, engine_command, engine_flags
from tests.rigs.llama_runs import run_spec


@pytest.mark.parametrize(
    ("args", "flags"),
    [
        ((), {}),
        (("--ubatch-size", "64"), {"--ubatch-size": "64"}),
        (("--ubatch-size 64",), {"--ubatch-size": "64"}),
        (("--ubatch-size=64", "-tb", "3"), {"--ubatch-size": "64", "--threads-batch": "3"}),
        (("--mmap", "--metrics"), {"--load-mode": "mmap", "--metrics": "on"}),
        (("--no-warmup", "--mlock"), {"--warmup": "off", "--load-mode": "mlock"}),
        (("--mmap", "--no-mmap"), {"--load-mode": "none"}),
    ],
)
def test_known_flags(args: tuple[str, ...], flags: dict[str, str]) -> None:
    assert engine_flags(args) == flags


@pytest.mark.parametrize(
    "args",
    [
        ("--mirostat", "2"),
        ("-fa",),
        ("stray",),
        ("--ubatch-size",),
        ("--x\x1b[0m",),
        ("--ubatch-size=-5",),
        ("--ubatch-size", "0"),
        ("-tb", "513"),
        ("--verbosity", "abc"),
        ("--verbosity", "6"),
        ("--load-mode", "some"),
        ("--warmup", "maybe"),
    ],
)
def test_unknown_flags_are_refused_by_name(args: tuple[str, ...]) -> None:
    with pytest.raises(NotSupported, match="does not take") as raised:
        engine_flags(args)
    assert args[0][:3] in str(raised.value)
    assert str(raised.value).isprintable()


def test_the_engines_own_command() -> None:
    command = engine_command(run_spec(args=("-ub", "32")), "py", "/m.gguf", 3)
    assert command[:4] == ["py", "-P", "-m", "drivers.runtimes.llama_server.child"]
    assert dict(zip(command[4::2], command[5::2], strict=True)) == {
        "--model": "/m.gguf",
        "--context": "256",
        "--batch": "64",
        "--threads": "3",
        "--ubatch-size": "32",
    }


def test_a_programs_command_takes_flags_as_they_are() -> None:
    spec = run_spec(args=("binary=/opt/a=b/llama-server", "-fa on", "--lora", "x=y"))
    spec = replace(spec, context=512)
    command = binary_command(spec, binary_of(spec.args), "/m.gguf", 3)
    assert command[0] == "/opt/a=b/llama-server"
    assert command[-4:] == ["-fa", "on", "--lora", "x=y"]
    assert command[command.index("--ctx-size") + 1] == "512"
    assert command[command.index("--port") + 1] == "0"
    assert "--no-mmap" in command


def test_without_a_program_it_is_our_own() -> None:
    assert binary_of(("--mmap",)) == ""
