"""What a device says of itself: the script in real shells, the reader on anything."""

import os
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled, NotSupported, Refused
from drivers.runs.elf import Elf, read_elf, runs_on
from drivers.runs.survey import Program, Survey, choose, program_objection, read_survey, survey_command

ARM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00"
SHELLS = [shell for shell in (["sh"], ["bash"], ["mksh"], ["busybox", "sh"]) if shutil.which(shell[0])]


def asked(shell: list[str], home: str, *programs: str) -> Survey:
    command = survey_command(home, programs)
    done = subprocess.run([*shell, *command[1:]], capture_output=True, text=True, check=True, timeout=60)
    return read_survey(done.stdout)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_in_every_shell(shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "my things" / "bin"
    folder.mkdir(parents=True)
    (folder / "arm engine").write_bytes(ARM)
    (folder / "arm engine").chmod(0o755)
    (folder / "script").write_text("#!/bin/sh\n")
    (folder / "engine-on-path").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    survey = asked(
        shell,
        "~/my things",
        "@/bin/arm engine",
        "@/bin/none",
        "@/bin/script",
        "~/my things/bin/script",
        "/no",
        "engine-on-path",
    )
    assert (survey.home, survey.machine) == (f"{tmp_path}/my things", platform.machine())
    assert survey.cores == len(os.sched_getaffinity(0))
    assert survey.available_bytes is not None
    assert survey.available_bytes > 10 << 20
    *ours, system = survey.programs
    assert ours == [
        Program(f"{folder}/arm engine", executable=True, elf=Elf(64, "aarch64")),
        Program(f"{folder}/script", executable=False, elf=None),
        Program(f"{folder}/script", executable=False, elf=None),
    ]
    assert (system.name, system.executable) == ("engine-on-path", True)
    assert system.elf is not None
    assert runs_on(system.elf, platform.machine())


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_device_of_few_tools_tells_what_a_program_was_built_for(
    shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, tools = tmp_path / "engine", tmp_path / "bin"
    program.write_bytes(ARM)
    tools.mkdir()
    for tool in ("od", "uname"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    whole = [shutil.which(shell[0]) or "", *shell[1:]]
    monkeypatch.setenv("PATH", str(tools))
    (found,) = asked(whole, "", str(program)).programs
    assert found.elf == Elf(64, "aarch64")


def test_this_interpreter_is_read_right() -> None:
    elf = read_elf(Path(os.path.realpath(sys.executable)).read_bytes()[:20])
    assert elf == Elf(64, {"x86_64": "x86-64", "aarch64": "aarch64"}[platform.machine()])


@given(st.binary(max_size=40))
def test_any_bytes_are_a_header_or_none(header: bytes) -> None:
    elf = read_elf(header)
    assert elf is None or elf.bits in {32, 64}


@pytest.mark.parametrize(
    ("machine", "elf", "runs"),
    [
        ("aarch64", Elf(64, "aarch64"), True),
        ("aarch64", Elf(32, "arm"), True),
        ("armv8l", Elf(64, "aarch64"), False),
        ("aarch64", Elf(64, "x86-64"), False),
        ("x86_64", Elf(64, "aarch64"), False),
        ("loongarch64", Elf(64, "x86-64"), True),
    ],
)
def test_what_runs_where(machine: str, elf: Elf, runs: bool) -> None:
    assert runs_on(elf, machine) == runs


@given(st.text())
def test_no_answer_breaks_it(answer: str) -> None:
    with suppress(Garbled):
        assert read_survey(answer).machine.isprintable()


def test_what_is_not_told_is_none() -> None:
    survey = read_survey(
        "home=\nmachine=aarch64\ncores=many\navailable=\nprogram=?:00:/x\nprogram=x:7f4:/y\n"
    )
    assert (survey.cores, survey.available_bytes, survey.threads) == (None, None, 1)
    assert survey.programs == (Program("/y", executable=True, elf=None),)
    assert replace(survey, cores=8).threads == 7
    with pytest.raises(Garbled):
        read_survey("sh: syntax error")


def test_what_is_chosen() -> None:
    survey = read_survey("machine=aarch64\nprogram=x::/a\nprogram=x::/b\n")
    assert choose(survey, "pixel", ["a", "b"]).path == "/a"
    with pytest.raises(NotSupported, match="no engine on pixel"):
        choose(replace(survey, programs=()), "pixel", ["@/a"])
    wrong = Program("/a", executable=True, elf=Elf(64, "x86-64"))
    assert "was built for x86-64 (64 bit), and pixel is aarch64: melt setup pixel" in str(
        program_objection(wrong, "aarch64", "pixel", ours=True)
    )
    assert isinstance(
        program_objection(Program("/a", executable=False, elf=None), "aarch64", "pixel", ours=True), Refused
    )
