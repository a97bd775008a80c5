"""A run on Ollama: a server that already runs on the device, reached through its link."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from drivers.clock import SECOND, Clock
from drivers.errors import DriverError, Garbled, LinkError, NotSupported, Refused, RunFailed
from drivers.events import ChannelsOpened, ModelLoaded
from drivers.links.base import ShellLink
from drivers.links.http import HttpLink, Reply
from drivers.model import OnLinkLoss, RunSpec, Sampling, Workload
from drivers.runs.args import option
from drivers.runs.asking import ask, take_turns
from drivers.runs.hearing import Ear
from drivers.runs.reaching import reached, there
from drivers.runs.sampling import overruled
from drivers.runs.stage import Stage, StagedRuntime
from drivers.runs.turn import TurnTeller
from drivers.runtimes.ollama.answer import AnswerReader
from drivers.runtimes.ollama.channels import token_channels
from drivers.runtimes.ollama.conversation import Asked, Conversation
from drivers.runtimes.ollama.given import (
    FIELDS,
    given_options,
    lets_go,
    request_fields,
    strangers,
    unknown_options,
    whole,
)
from drivers.runtimes.ollama.protocol import (
    Piece,
    load_request,
    options,
    read_context,
    read_error,
    read_names,
    read_piece,
    read_processor,
    read_version,
    same_name,
    unload_request,
)
from drivers.schedule import ScheduledTurn

ADDRESS = "http://127.0.0.1:11434"
SILENCE_S = 600.0
"""How long the server may say nothing: loading a model from a slow disk takes minutes."""
LOOK_S = 5.0
"""The same, when it is only asked what it has."""
NAMES_SHOWN = 8
TAKEN = (
    "it takes model=NAME, options of the model, as num_gpu=20, and of a request's fields "
    f"{', '.join(sorted(FIELDS))}; how much is written is the workload's"
)


class Ollama(StagedRuntime):
    """One run. The model is one that the server has: ``--runtime-arg model=NAME``, else by the name of the file.

    Fields of a request are given likewise: ``keep_alive=30m``, ``think=false``, ``format=json``. Any other ``NAME=VALUE``
    is an option of the model, as Ollama's API has them.
    """

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Prompts of token ids, flags, watching and keeping are not for Ollama."""
        if spec.workload is None:
            return NotSupported(
                "Ollama does not tell what others ask of it", remedy="start a run with a workload"
            )
        if any(prompt.tokens for talk in spec.workload.conversations for prompt in talk):
            return NotSupported(
                f"Ollama takes text, and {spec.workload.name} is made of token ids",
                remedy="take a workload of text, or the runtime llama_server",
            )
        words = strangers(spec.args)
        if words:
            return NotSupported(f"Ollama does not take {words[0][:40]!r}", remedy=TAKEN)
        if spec.on_link_loss is OnLinkLoss.KEEP:
            return NotSupported("a run on Ollama ends with its link", remedy="take --on-link-loss stop")
        return None

    def sampling(self, spec: RunSpec) -> Sampling:
        """Options that were given stand above ours."""
        return overruled(spec.sampling, given_options(spec.args))

    async def look(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> None:
        """Whether a server answers and has the model."""
        async with (
            reached(spec.url or ADDRESS, shell, remote=bool(spec.home)) as url,
            HttpLink(url, clock, silence_s=LOOK_S, title=there(spec, ADDRESS)) as http,
        ):
            try:
                reply = await http.get("/api/tags")
            except LinkError as error:
                raise Refused(
                    f"Ollama does not answer on {spec.device} ({error.sentence})",
                    remedy="start it there with `ollama serve`, or name its address with --url",
                ) from error
            _model_of(spec, http.title, reply)

    async def perform(self, stage: Stage) -> None:
        """The whole run."""
        objection = self.objection(stage.spec)
        if objection is not None or stage.spec.workload is None:
            raise objection or NotSupported("Ollama needs a workload")
        async with AsyncExitStack() as stack:
            url = stage.spec.url or ADDRESS
            here = await stack.enter_async_context(reached(url, stage.shell, remote=bool(stage.spec.home)))
            http = await stack.enter_async_context(
                HttpLink(here, stage.clock, silence_s=SILENCE_S, title=there(stage.spec, ADDRESS))
            )
            await _Run(stage, stage.spec.workload, http).whole()


class _Run:
    def __init__(self, stage: Stage, workload: Workload, http: HttpLink) -> None:
        self._stage = stage
        self._workload = workload
        self._http = http
        self._channels = token_channels(stage.spec.device)
        self._ear = Ear(stage.inbox, None)
        self._tokens = 0

    async def whole(self) -> None:
        stage, channels = self._stage, self._channels
        stage.emit(
            ChannelsOpened(
                t_ns=stage.clock.now(),
                device=stage.spec.device,
                channels=(channels.tokens, channels.arrivals),
            )
        )
        stage.preparing(f"waiting for Ollama on {stage.spec.device}")
        model = _model_of(stage.spec, self._http.title, await self._get("/api/tags"))
        self._warn()
        await self._load(model)
        stage.limit_time(self._workload.seconds)
        conversation = Conversation(stage.spec, self._workload, model)

        async def take(scheduled: ScheduledTurn) -> None:
            await self._turn(conversation, conversation.ask(scheduled), scheduled)

        await take_turns(stage, self._ear, self._workload, take)

    async def _turn(self, conversation: Conversation, asked: Asked, scheduled: ScheduledTurn) -> None:
        await self._get(
            "/api/version"
        )  # a living connection: the time of a prompt is not to count connecting

        def open_reader(sent_ns: int) -> AnswerReader:
            teller = TurnTeller(
                self._stage.spec,
                scheduled,
                self._channels.arrivals,
                sent_ns=sent_ns,
                tokens_before=self._tokens,
                context_tokens=0 if scheduled.fresh else None,
            )
            return AnswerReader(teller, self._channels, whole=asked.whole)

        reader = await ask(self._stage, self._ear, self._http, asked.request, open_reader)
        self._tokens = reader.total
        conversation.answered(reader.reply)

    async def _load(self, model: str) -> None:
        """Have the model loaded anew, so that its time is known and nothing of earlier prompts is reused."""
        stage = self._stage
        settings = options(stage.spec, self._workload.max_tokens)
        stage.preparing(f"loading {model}")
        await self._post("/api/generate", unload_request(model))
        piece = await self._post(
            "/api/generate", load_request(model, settings, request_fields(stage.spec.args))
        )
        version = read_version((await self._get("/api/version")).text)
        running = (await self._get("/api/ps")).text
        stage.emit(
            ModelLoaded(
                t_ns=stage.clock.now(),
                device=stage.spec.device,
                run=stage.spec.run,
                load_s=None if piece.load_ns is None else piece.load_ns / SECOND,
                build=f"ollama {version}" if version else "",
                backend=read_processor(running, model),
                threads=whole(settings, "num_thread"),
                context=read_context(running, model) or whole(settings, "num_ctx"),
                batch=whole(settings, "num_batch"),
                model=model,
            )
        )

    def _warn(self) -> None:
        for name in unknown_options(self._stage.spec.args):
            self._stage.absent(
                f"option {name}",
                "it is none that Ollama's API names, and a server passes over one that it does not know",
                "see what its log says of it",
            )
        if lets_go(request_fields(self._stage.spec.args)):
            self._stage.absent(
                "times to first token of a loaded model",
                "with keep_alive=0 the server loads the model anew for all turns but the first, within their times to first token",
                "leave keep_alive out, or give it a time",
            )
        if self._workload.ignore_eos:
            self._stage.absent(
                "output of a fixed length",
                "Ollama cannot be told to go on past the end of the text",
                "take the runtime llama_server where lengths must be equal",
            )

    async def _get(self, path: str) -> Reply:
        replies: list[Reply] = []

        async def asking() -> None:
            replies.append(await self._http.get(path))

        await self._ear.attend(path, asking())
        return replies[0]

    async def _post(self, path: str, body: Mapping[str, object]) -> Piece:
        replies: list[Reply] = []

        async def asking() -> None:
            replies.append(await self._http.post(path, body, timeout_s=SILENCE_S))

        await self._ear.attend(path, asking())
        piece = read_piece(replies[0].text) or Piece()
        if replies[0].status != 200 or piece.error:
            raise RunFailed(f"Ollama could not load the model: {read_error(replies[0].text)}")
        return piece


def _model_of(spec: RunSpec, title: str, reply: Reply) -> str:
    """The name of the model as the server has it. Raises NotSupported, naming what it has."""
    try:
        names = read_names(reply.text)
    except Garbled:
        raise NotSupported(
            f"what answers at {title} is not Ollama (HTTP {reply.status})", remedy="check the port"
        ) from None
    wanted = option(spec.args, "model") or (spec.model.name if spec.model else "")
    found = next((name for name in names if same_name(name, wanted)), None)
    if found is not None:
        return found
    listed = ", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "") if names else "none"
    raise NotSupported(
        f"Ollama on {spec.device} has no model {wanted[:80]!r}" if wanted else "no model was named",
        remedy=f"name one of its models with --runtime-arg model=NAME: {listed}",
    )
