"""Questions to a llama-server: does it answer, what is it, what do its slots do."""

from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.errors import DriverError, Garbled, LinkError, NotSupported, Refused, RunFailed
from drivers.foreign import printable
from drivers.links.http import HttpLink, Reply
from drivers.runtimes.llama_server.protocol import (
    Props,
    Slot,
    read_error,
    read_props,
    read_slots,
)
from drivers.ticks import ticks

HEALTH_PERIOD_NS = 100 * MILLISECOND
IDLE_PERIOD_NS = 20 * MILLISECOND
IDLE_LIMIT_NS = SECOND // 2
TOO_LONG = "exceed_context_size_error"
LOADING, UNAUTHORISED = 503, {401, 403}


class Server:
    """One server's answers, read."""

    def __init__(self, http: HttpLink, clock: Clock, *, ours: bool) -> None:
        self.http = http
        self.ours = ours
        self.about = Props("", "", None, None)
        """What it says of itself, once it is ready."""
        self._clock = clock

    async def until_ready(self) -> None:
        """Return when its model is loaded; a server of our own may also not listen yet. Raises DriverError."""
        await self._until_healthy()
        reply = await self.http.get("/props")
        if reply.status != 200:
            raise self._stranger(reply)
        try:
            self.about = read_props(reply.text)
        except Garbled:
            raise self._stranger(reply) from None

    async def slots(self) -> tuple[Slot, ...]:
        """What its slots do. Raises NotSupported when it was told not to say."""
        reply = await self.http.get("/slots")
        if reply.status != 200:
            raise NotSupported(
                f"the server at {self.http.title} does not tell what its slots do",
                remedy="start it with --slots",
            )
        return read_slots(reply.text)

    async def idle_soon(self) -> bool:
        """Whether all its slots are idle within half a second."""
        deadline_ns = self._clock.now() + IDLE_LIMIT_NS
        async for now in ticks(self._clock, IDLE_PERIOD_NS):
            try:
                busy = any(slot.busy for slot in await self.slots())
            except DriverError:
                return False  # it does not say, or is gone: what matters to the caller is that it is not known idle
            if not busy or now >= deadline_ns:
                return not busy
        return False

    def rejection(self, reply: Reply) -> DriverError:
        """The error behind an answer that refuses a prompt; ``PromptTooLong`` when it does not fit the context."""
        kind, message = read_error(reply.text)
        if kind == TOO_LONG:
            return PromptTooLong(message, remedy="take a larger context, or shorter prompts")
        if reply.status in UNAUTHORISED:
            return self._locked()
        return RunFailed(f"the server refused the prompt (HTTP {reply.status}): {message}")

    async def _until_healthy(self) -> None:
        async for _ in ticks(self._clock, HEALTH_PERIOD_NS):
            try:
                reply = await self.http.get("/health")
            except LinkError:
                if not self.ours:
                    raise
                continue
            if reply.status == LOADING:
                continue
            if reply.status != 200:
                raise self._stranger(reply)
            return

    def _stranger(self, reply: Reply) -> DriverError:
        if reply.status in UNAUTHORISED:
            return self._locked()
        said = "a web page" if reply.text.lstrip().startswith("<") else printable(reply.text, 60)
        return NotSupported(
            f"what answers at {self.http.title} is not a llama-server (HTTP {reply.status}{f', {said}' if said else ''})",
            remedy="check the port",
        )

    def _locked(self) -> Refused:
        return Refused(
            f"the server at {self.http.title} asks for an API key",
            remedy="run it without --api-key on a local port",
        )


class PromptTooLong(NotSupported):
    """The prompt does not fit the context."""
