"""A run on MLC's REST server, of ``mlc_llm serve``, found running or started by us, or inside an app."""

from drivers.clock import MILLISECOND, SECOND
from drivers.errors import Garbled, LinkError, NotSupported
from drivers.events import ChannelsOpened, ModelLoaded
from drivers.foreign import printable
from drivers.links.http import HttpLink, Reply
from drivers.model import Workload
from drivers.runs.args import option
from drivers.runs.asking import Request, ask, take_turns
from drivers.runs.hearing import Ear
from drivers.runs.stage import Stage
from drivers.runs.turn import TurnTeller
from drivers.runtimes.mlc.answer import AnswerReader
from drivers.runtimes.mlc.app import app_build
from drivers.runtimes.mlc.channels import chunk_arrivals
from drivers.runtimes.mlc.engine import Engine
from drivers.runtimes.mlc.given import DEBUG, request_fields
from drivers.runtimes.mlc.protocol import Message, chat_request, raw_request, read_names
from drivers.schedule import ScheduledTurn
from drivers.ticks import ticks

NAMES_SHOWN = 8
UP_LIMIT_NS = 60 * SECOND
LOOK_PERIOD_NS = 200 * MILLISECOND


class ServeRun:
    """Turns asked of the server. One that is not of our ``engine`` is left running."""

    def __init__(
        self,
        stage: Stage,
        workload: Workload,
        http: HttpLink,
        *,
        app: str = "",
        engine: Engine | None = None,
    ) -> None:
        self._stage = stage
        self._workload = workload
        self._http = http
        self._app = app
        """In which it is: only just started, so until it listens, nothing answering is no error."""
        self._engine = engine
        self._ear = Ear(stage.inbox, engine)
        self._arrivals = chunk_arrivals(stage.spec.device)
        self._messages: list[Message] = []
        self._tokens = 0

    async def whole(self) -> None:
        """All turns. Raises as ``drivers.base.Runtime.run`` does, and Cut."""
        stage, engine = self._stage, self._engine
        stage.emit(
            ChannelsOpened(t_ns=stage.clock.now(), device=stage.spec.device, channels=(self._arrivals,))
        )
        stage.preparing(f"waiting for MLC on {stage.spec.device}")
        if self._app:
            await self._ear.attend("coming up", self._until_up())
        model = await self._model()
        self._warn()
        stage.emit(
            ModelLoaded(
                t_ns=stage.clock.now(),
                device=stage.spec.device,
                run=stage.spec.run,
                load_s=engine.load_s if engine else None,
                build=await app_build(stage, self._app) if self._app else "",
                backend=engine.backend if engine else "",
                batch=engine.batch if engine else None,
                model=printable(model, 200),
            )
        )
        stage.limit_time(self._workload.seconds)

        async def take(scheduled: ScheduledTurn) -> None:
            await self._turn(model, scheduled)

        await take_turns(stage, self._ear, self._workload, take)

    async def _turn(self, model: str, scheduled: ScheduledTurn) -> None:
        await self._get("/v1/models")  # a living connection: the time of a prompt is not to count connecting
        request = self._request(model, scheduled)

        def open_reader(sent_ns: int) -> AnswerReader:
            return AnswerReader(
                TurnTeller(
                    self._stage.spec,
                    scheduled,
                    self._arrivals,
                    sent_ns=sent_ns,
                    tokens_before=self._tokens,
                    context_tokens=0 if scheduled.fresh else None,
                )
            )

        reader = await ask(self._stage, self._ear, self._http, request, open_reader)
        self._tokens = reader.total
        self._messages.append({"role": "assistant", "content": reader.reply})

    def _request(self, model: str, scheduled: ScheduledTurn) -> Request:
        spec, limit, prompt = self._stage.spec, self._workload.max_tokens, scheduled.prompt
        if scheduled.fresh:
            self._messages = []
        if prompt.tokens:
            return Request("/v1/completions", raw_request(spec, model, prompt.tokens, limit))
        self._messages.append({"role": "user", "content": prompt.text})
        if self._workload.chat:
            return Request("/v1/chat/completions", chat_request(spec, model, self._messages, limit))
        said = "".join(message["content"] for message in self._messages)
        return Request("/v1/completions", raw_request(spec, model, said, limit))

    async def _model(self) -> str:
        """The name of the model, once the server has it. Raises NotSupported, naming what it has."""
        spec = self._stage.spec
        reply = await self._get("/v1/models")
        try:
            names = read_names(reply.text)
        except Garbled:
            raise NotSupported(
                f"what answers at {self._http.title} is not MLC's server (HTTP {reply.status})",
                remedy="check the port",
            ) from None
        wanted = option(spec.args, "model")
        if not wanted and len(names) == 1:
            return names[0]
        if wanted in names:
            return wanted
        listed = ", ".join(printable(name, 120) for name in names[:NAMES_SHOWN]) or "none"
        raise NotSupported(
            f"MLC on {spec.device} has no model {wanted[:80]!r}" if wanted else "no model was named",
            remedy=f"name one of its models with --runtime-arg model=NAME: {listed}",
        )

    def _warn(self) -> None:
        self._stage.absent(
            "token times",
            "MLC tells none: arrivals are those of chunks",
            "take the runtime llama_server where single tokens matter",
        )
        if self._workload.ignore_eos and self._engine is None:
            self._stage.absent(
                "output of a fixed length",
                f"a server that was started without {DEBUG} is not told to go on past the end of the text",
                "have melt start it with --runtime-arg serve=MODEL, or take the runtime llama_server",
            )
        if self._engine is None and "debug_config" in request_fields(self._stage.spec.args):
            self._stage.absent(
                "debug_config", f"a server that was started without {DEBUG} passes over it without a word"
            )

    async def _until_up(self) -> None:
        deadline_ns = self._stage.clock.now() + UP_LIMIT_NS
        async for now in ticks(self._stage.clock, LOOK_PERIOD_NS):
            try:
                await self._http.get("/v1/models")
            except LinkError:
                if now >= deadline_ns:
                    raise
                continue
            return

    async def _get(self, path: str) -> Reply:
        replies: list[Reply] = []

        async def asking() -> None:
            replies.append(await self._http.get(path))

        await self._ear.attend(path, asking())
        return replies[0]
