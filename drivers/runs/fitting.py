"""Whether an engine's program and a model go together with a device: asked of the device before anything is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.errors import DriverError, Refused
from drivers.foreign import printable
from drivers.links.base import Lease, ShellLink
from drivers.model import OnLinkLoss, RunSpec
from drivers.modelfile import ModelFile
from drivers.runs.args import binary_of
from drivers.runs.dying import death
from drivers.runs.lookout import SCRIPT
from drivers.runs.memory import memory_objection
from drivers.runs.places import models_folder, runtime_folder
from drivers.runs.program import library_environment
from drivers.runs.pushing import push_model
from drivers.runs.stage import Stage
from drivers.runs.survey import Program, Survey, choose, read_survey, survey_command

HELP_LIMIT_S = 30.0
"""How long a program may take to tell of its flags: the first start from a slow disk takes seconds."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A program that can run on the device, and the model where it lies there."""

    program: Program
    model_path: str
    threads: int
    machine: str

    @property
    def env(self) -> Mapping[str, str]:
        """What the program is to find around it."""
        return library_environment(self.program.folder)


async def fit(stage: Stage, model: ModelFile, names: Sequence[str]) -> Fitted:
    """Find the first of the programs, object where it cannot work, push the model to another device.

    Raises NotSupported or Refused (no program, one for another processor, too little memory), LinkError, Garbled.
    """
    spec = stage.spec
    objection = model_file_objection(spec)
    if objection is not None:
        raise objection
    stage.preparing(f"looking at {spec.device}")
    wanted = wanted_programs(spec, names)
    survey = await look(spec.device, spec.home, stage.shell, wanted)
    program = choose(survey, spec.device, wanted)
    _check_memory(spec, replace(model, size_bytes=size_of(model)), survey)
    there = model.path if not spec.home else await push_model(stage, model, models_folder(survey.home))
    threads = survey.threads if spec.threads is None else spec.threads
    return Fitted(program, there, threads, survey.machine)


async def check_device(spec: RunSpec, shell: ShellLink, names: Sequence[str]) -> None:
    """Look whether one of the programs is there and the model would fit. Raises as ``fit``; its file need not be here."""
    wanted = wanted_programs(spec, names)
    survey = await look(spec.device, spec.home, shell, wanted)
    choose(survey, spec.device, wanted)
    if spec.model is not None:
        _check_memory(spec, spec.model, survey)


def wanted_programs(spec: RunSpec, names: Sequence[str]) -> list[str]:
    """Where to look: at the program that the user named, in the device's runtime directory, or on this computer's PATH."""
    named = binary_of(spec.args)
    if named:
        return [named]
    return [f"{runtime_folder('@')}/{name}" for name in names] if spec.home else list(names)


async def look(device: str, home: str, shell: ShellLink, wanted: Sequence[str]) -> Survey:
    """Ask the device what it is and has. Raises Refused where it runs no shell script, LinkError, Garbled."""
    answer = await shell.run(survey_command(home, wanted))
    if answer.returncode != 0 and not answer.out:
        raise Refused(f"{device} runs no shell script: {printable(answer.err, 160)}")
    return read_survey(answer.out)


def model_file_objection(spec: RunSpec) -> DriverError | None:
    """What speaks against the model's file here, before it goes anywhere."""
    if spec.model is None:
        return Refused("no model was named", remedy="name a GGUF file")
    missing = next((one.path for one in spec.model.files if not Path(one.path).is_file()), None)
    if missing is None:
        return None
    return Refused(
        f"there is no model file {printable(missing, 200)}", remedy="check the path for typing errors"
    )


def size_of(model: ModelFile) -> int:
    """Bytes of all its files as they are now. Raises OSError."""
    return sum(Path(one.path).stat().st_size for one in model.files)


async def help_of(stage: Stage, fitted: Fitted, words: Sequence[str]) -> str:
    """What the program says to these words, ``--help`` or ``--version``: both streams. Raises what keeps it from running.

    Programs that are run with them load nothing and end at once.
    """
    path = fitted.program.path
    around = [f"{name}={value}" for name, value in fitted.env.items()]
    answer = await stage.shell.run(["env", *around, path, *words], timeout_s=HELP_LIMIT_S)
    told = answer.out + answer.err
    if answer.returncode in {126, 127} or answer.returncode < 0 or not told.strip():
        raise death(path, answer.returncode, told.splitlines())
    return told


def lease_of(stage: Stage, name: str) -> Lease | None:
    """For a process that is to outlive its link; None otherwise.

    Its key is one that no other run ever had: under one that lives, somebody else's process would be taken up.
    """
    if stage.spec.on_link_loss is not OnLinkLoss.KEEP:
        return None
    return Lease(key=f"{name}-{stage.clock.wall():x}", seconds=stage.spec.lease_s, beside=SCRIPT)


def _check_memory(spec: RunSpec, model: ModelFile, survey: Survey) -> None:
    if survey.available_bytes is None:
        return
    objection = memory_objection(model, model.size_bytes, spec.context, survey.available_bytes, spec.device)
    if objection is not None:
        raise objection
