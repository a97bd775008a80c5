"""Processor features that the engine was built for."""

import pytest

from drivers.runtimes.llama_server import processor

FLAGS = "processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma f16c bmi1 bmi2\n"


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "missing"),
    [
        ("x86_64", FLAGS, ()),
        ("AMD64", FLAGS.replace("fma", "fma4"), ("fma",)),
        ("x86_64", "flags : \n", ("avx2", "fma", "f16c", "bmi2")),
        ("aarch64", "Features\t: fp asimd\n", ()),
        ("x86_64", "", ()),
        ("x86_64", "flags without a colon", ()),
    ],
)
def test_processor_features(machine: str, cpuinfo: str, missing: tuple[str, ...]) -> None:
    assert processor.missing_cpu_flags(machine, cpuinfo) == missing
