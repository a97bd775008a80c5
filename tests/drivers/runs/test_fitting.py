"""Whether a model goes together with a device: all of its files count, as they are now."""

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import NotSupported
from drivers.inbox import Inbox
from drivers.links.local import LocalShell
from drivers.modelfile import ModelFile, ModelPart
from drivers.runs.fitting import fit, model_file_objection, size_of
from drivers.runs.stage import Stage
from drivers.runtimes.llama_server.needs import model_objection
from tests.rigs.llama_runs import run_spec, workload


def in_two(folder: Path, second: int | None) -> ModelFile:
    """A model in two files, the first of 1000 bytes; None: there is no second. What was noted of their sizes is old."""
    parts = tuple(ModelPart(str(folder / f"m-0000{i}-of-00002.gguf"), 1) for i in (1, 2))
    for part, size in zip(parts, (1000, second), strict=True):
        if size is not None:
            with Path(part.path).open("wb") as file:
                file.truncate(size)
    return ModelFile(name="m", path=parts[0].path, size_bytes=2, parts=parts)


def test_the_size_of_a_model_is_that_of_all_its_files_now(tmp_path: Path) -> None:
    model = in_two(tmp_path, 500)
    assert size_of(model) == 1500
    with Path(model.parts[1].path).open("ab") as file:
        file.truncate(700)
    assert size_of(model) == 1700


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    model = in_two(tmp_path, None)
    objection = model_file_objection(replace(run_spec(workload()), model=model))
    assert str(objection).startswith(f"there is no model file {model.parts[1].path}: ")
    Path(model.parts[1].path).touch()
    assert model_file_objection(replace(run_spec(workload()), model=model)) is None


async def test_all_its_files_have_to_fit_into_memory(tmp_path: Path) -> None:
    """The second one takes no room on this disk, and would take a terabyte of memory."""
    spec = replace(run_spec(workload()), model=in_two(tmp_path, 10**12))
    assert spec.model is not None
    assert "needs about 1000.1 GB of memory" in str(model_objection(spec, 10**9))
    clock = SystemClock()
    stage = Stage(spec, LocalShell(clock), clock, Inbox(), lambda _: None)
    with pytest.raises(NotSupported, match=r"needs about 1000\.1 GB of memory"):
        await fit(stage, spec.model, ["sh"])
