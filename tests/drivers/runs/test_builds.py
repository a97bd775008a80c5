"""Lines in which programs of llama.cpp said which build they are, and others."""

import pytest

from drivers.runs.builds import read_build


@pytest.mark.parametrize(
    ("line", "build"),
    [
        ("main: build = 880 (b9b7d94)", "b880 (b9b7d94)"),
        ("build: 4170 (d905266b) with cc (Ubuntu 11.4.0) 11.4.0 for x86_64-linux-gnu", "b4170 (d905266b)"),
        ("0.00.000.123 I build: 4170 (d905266b) with cc", "b4170 (d905266b)"),
        ("main: built with cc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0 for x86_64-linux-gnu", ""),
        ("the build: 12 (abc)", ""),
        ("build      : b10605-f6f0d9f", ""),
        ("build: 4170", ""),
        ("", ""),
    ],
)
def test_builds(line: str, build: str) -> None:
    assert read_build(line) == build
