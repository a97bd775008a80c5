"""What is found out of a terminal program before its first turn, and what it says when its model is loaded."""

from dataclasses import dataclass

from drivers.clock import SECOND
from drivers.errors import NotSupported
from drivers.events import ModelLoaded
from drivers.foreign import printable
from drivers.model import Workload
from drivers.modelfile import ModelFile
from drivers.runs.args import flag_words, last_number
from drivers.runs.fitting import Fitted, fit, help_of
from drivers.runs.program import Program
from drivers.runs.stage import Stage
from drivers.runtimes.llama_cli.answer import OutputReader
from drivers.runtimes.llama_cli.protocol import (
    PROGRAMS,
    THREADS,
    Dialect,
    Speaker,
    command_words,
    read_help,
    read_version,
)


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that can run on the device, and how it is spoken to."""

    fitted: Fitted
    speaker: Speaker
    build: str
    """By its ``--version``, which the oldest do not know."""

    @property
    def name(self) -> str:
        """The program's."""
        return self.fitted.program.name

    def argv(self, stage: Stage, workload: Workload, prompt: str | None) -> tuple[str, ...]:
        """How one turn is started; without a prompt, what is to be followed by ``-p`` and one."""
        spec, fitted = stage.spec, self.fitted
        words = command_words(self.speaker, spec, workload, prompt or "")
        return (
            fitted.program.path,
            *("-m", fitted.model_path, "-t", str(fitted.threads)),
            *(words if prompt is not None else words[:-2]),
            *flag_words(spec.args),
        )


async def prepare(stage: Stage, model: ModelFile, workload: Workload) -> Engine:
    """Look at the device and at the program. Raises what keeps the run from working."""
    fitted = await fit(stage, model, PROGRAMS)
    speaker = read_help(await help_of(stage, fitted, ["--help"]))
    _check(stage, workload, speaker, fitted)
    return Engine(fitted, speaker, read_version(await help_of(stage, fitted, ["--version"])))


def loaded_event(
    stage: Stage, engine: Engine, reader: OutputReader, program: Program, *, started_ns: int
) -> ModelLoaded | None:
    """What the program said of itself when its model was loaded; None as long as it is not."""
    if reader.ready_ns is None:
        return None
    told = reader.ready_ns > started_ns
    return ModelLoaded(
        t_ns=stage.clock.now(),
        device=stage.spec.device,
        run=stage.spec.run,
        load_s=(reader.ready_ns - started_ns) / SECOND if told else None,
        build=engine.build or program.build,
        backend=program.backend,
        threads=last_number(stage.spec.args, THREADS, engine.fitted.threads),
        context=reader.ready.context if reader.ready else None,
        batch=reader.ready.batch if reader.ready else None,
        model=engine.fitted.model_path,
    )


def _check(stage: Stage, work: Workload, speaker: Speaker, fitted: Fitted) -> None:
    """Raise what the program cannot do, and tell what it leaves out."""
    name = printable(fitted.program.name, 80)
    shared = work.share_context and any(len(talk) > 1 for talk in work.conversations)
    if speaker.dialect is Dialect.CHAT and (shared or not work.chat):
        lacks = "conversations of several turns" if shared else "prompts without a chat template"
        raise NotSupported(
            f"this {name} cannot be given {lacks} from outside",
            remedy="put llama-completion beside it, or take the runtime llama_server",
        )
    if speaker.dialect is Dialect.PLAIN and work.chat:
        stage.absent(
            "chat template",
            f"{name} is given the text as it is",
            "take the runtime llama_server where the template matters",
        )
    stage.absent(
        "token times",
        f"{name} tells none: arrivals are those of pieces of its output",
        "take the runtime llama_server where single tokens matter",
    )
