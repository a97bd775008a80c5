"""Runs on the desk: from what was asked to a spec, checked, prepared, started and stopped."""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

from drivers.base import Device, LookingRuntime
from drivers.clock import Clock, pause
from drivers.errors import DriverError, NeedsSetup, NotSupported, Refused
from drivers.links.base import ShellLink
from drivers.links.url import taken_apart
from drivers.model import OnLinkLoss, RunSpec, Sampling, Workload
from drivers.modelfile import ModelFile
from drivers.registry import RUNTIMES, Registry
from drivers.runs.args import option
from drivers.runs.places import home_of
from drivers.weights import Weights
from melt_tui.errors import MeltError
from melt_tui.measures.conditions import Condition, parse, seconds_of
from melt_tui.models import catalog as models
from melt_tui.session.run import Prepare, Progress, RunSource
from melt_tui.session.sampler import Sampler
from melt_tui.session.sensing import Sensing
from melt_tui.session.series import Series
from melt_tui.session.session import Session
from melt_tui.workbench.addressed import Aloud, described, is_address, located, missing
from melt_tui.workbench.chosen import chosen, runtimes_of
from melt_tui.workbench.contract import RunRequest
from melt_tui.workbench.fairness import STEADY_LIMIT_S, planned, variants_of
from melt_tui.workbench.objections import Objection, told
from melt_tui.workloads import catalog as workloads

WATCHING = "none"
"""The workload of a run that only watches a server which somebody else drives."""


_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class _Asked:
    """A run as it is to be, and the word by which its model was asked for."""

    spec: RunSpec
    model: str


_Judged = Sequence[_Asked] | DriverError | MeltError


class Runs:
    """At most one run on each device, or several one after another."""

    def __init__(
        self,
        session: Session,
        registry: Registry,
        clock: Clock,
        samplers: dict[str, Sampler],
        cache: Path,
        sensing: Sensing,
        say: Callable[[str], None],
    ) -> None:
        self._session = session
        self._registry = registry
        self._clock = clock
        self._samplers = samplers
        self._cache = cache
        self._sensing = sensing
        self._running: dict[str, Series] = {}
        self._numbers = count(1)
        self._preparing = asyncio.Lock()
        self._fetching = asyncio.Lock()
        self._aloud = Aloud(clock, say)

    async def check(self, request: RunRequest) -> tuple[Objection, ...]:
        """Why this cannot work, for each device on which it cannot, as far as that can be told before it is started."""
        judged = await self._judge(request)
        return tuple(_objection(name, found) for name, found in judged if isinstance(found, Exception))

    async def start(self, request: RunRequest) -> tuple[str, ...]:
        """Start on every device that was named, or on none; a model that is given by its address is fetched before.

        Raises DriverError or MeltError.
        """
        agreed = await self._agreed(request)
        if await self._fetch(agreed):
            agreed = await self._agreed(request)  # only now its size is known, and its vocabulary
        order = planned(request, len(variants_of(request)))
        started = [self._start(specs, order) for specs in agreed]
        return tuple(run for runs in started for run in runs)

    async def _agreed(self, request: RunRequest) -> list[Sequence[_Asked]]:
        """The specs for each device. Raises DriverError or MeltError where there is one without."""
        judged = await self._judge(request)
        errors = [found for _, found in judged if isinstance(found, Exception)]
        if errors:
            raise _refusal(errors, [_objection(name, e) for name, e in judged if isinstance(e, Exception)])
        return [specs for _, specs in judged if not isinstance(specs, Exception)]

    async def _fetch(self, agreed: Sequence[Sequence[_Asked]]) -> bool:
        """Have every model whose file is wanted; whether one had to be fetched. Raises SetupError."""
        asked = (one for specs in agreed for one in specs)
        wanted = {one.model for one in asked if one.spec.model and one.spec.model.path}
        async with self._fetching:
            lacking = [one for one in sorted(wanted) if missing(one, self._cache)]
            for model in lacking:
                providing = importlib.import_module("melt_tui.workbench.providing")
                await providing.fetched(model, self._cache, self._clock, self._aloud)
        return bool(lacking)

    async def stop(self, name: str) -> str:
        """Stop the run on this device; nothing when there is none. What is left of it there and until when, where the
        device does not answer."""
        source = self._running.get(name)
        if source is None:
            return ""
        try:
            return await source.stop()
        except TimeoutError:
            await self._session.remove(_source(source.name))
            return ""

    async def drop(self, name: str) -> None:
        """Stop the run on this device, which is not waited for any more."""
        if await self.stop(name):
            await self._session.remove(_source(self._running[name].name))

    async def stop_all(self) -> None:
        """Stop every run, all at once."""
        await asyncio.gather(*(self.stop(name) for name in list(self._running)))

    async def wait(self) -> None:
        """Return when no run is in progress."""
        await asyncio.gather(*(source.wait() for source in list(self._running.values())))

    def _start(self, variants: Sequence[_Asked], order: Sequence[int]) -> tuple[str, ...]:
        """All runs of one device, in that order of its variants; their ids."""
        device = variants[0].spec.device
        sources = []
        for place, i in enumerate(order, 1):
            spec = variants[i].spec
            fair = replace(spec.fair, place=place, planned=len(order))
            run = f"r{next(self._numbers)}"
            sources.append(self._source(replace(spec, run=run, fair=fair), variants[i].model))
        series = Series(sources)
        self._session.add(_source(series.name), series)
        self._running[device] = series
        return series.runs

    def _source(self, spec: RunSpec, model: str) -> RunSource:
        device, shell = self.reachable(spec.device)
        return RunSource(
            spec,
            self._registry.runtime(spec.runtime),
            self._samplers[spec.device],
            shell,
            self._clock,
            reach=partial(self._shell_of, spec.device),
            prepare=self._prepare(model)
            if spec.model and spec.model.path and not device.info.simulated
            else None,
            sensing=self._sensing,
        )

    def _shell_of(self, name: str) -> ShellLink | None:
        sampler = self._samplers.get(name)
        return sampler.device.shell if sampler and sampler.device else None

    def _prepare(self, model: str) -> Prepare:
        async def prepare(progress: Progress) -> ModelFile:
            async with self._preparing:
                return await asyncio.to_thread(
                    models.resolve,
                    located(model, self._cache),
                    self._cache,
                    lambda p: progress(p.what, p.fraction, p.eta_s),
                )

        return prepare

    async def _judge(self, request: RunRequest) -> list[tuple[str, _Judged]]:
        """For each device its specs, one of each variant, or why there are none: all are looked at, at the same time."""
        names = request.devices
        return list(
            zip(names, await asyncio.gather(*(self._judged(request, one) for one in names)), strict=True)
        )

    async def _judged(self, request: RunRequest, name: str) -> _Judged:
        asked: list[_Asked] = []
        try:
            for variant in variants_of(request):
                spec = replace(await self._spec(variant.request, name), fair=variant.fair)
                asked.append(_Asked(spec, variant.request.model))
                await self._look(spec)
            planned(request, len(asked))
        except (DriverError, MeltError) as refusal:
            if isinstance(refusal, NeedsSetup):
                refusal.call(self._known_as(name))
            return refusal
        return asked

    async def _look(self, spec: RunSpec) -> None:
        """At what it takes. Raises DriverError or MeltError."""
        for text in filter(None, (spec.fair.gate, spec.fair.ceiling, _condition(spec.fair.cooldown))):
            await self._sense(spec.device, parse(text))
        runtime = self._registry.runtime(spec.runtime)
        _, shell = self.reachable(spec.device)
        if isinstance(runtime, LookingRuntime):
            await runtime.look(spec, shell, self._clock)

    async def _sense(self, device: str, condition: Condition) -> None:
        """Raises NotSupported for a sensor that it has not, also after it has had the time to tell of all."""
        while True:
            try:
                self._sensing.probe(device, condition)
            except NotSupported:
                if not self._sensing.fresh(device):
                    raise
                await pause(self._clock, _LOOK_S)
            else:
                return

    def _known_as(self, name: str) -> str:
        """How a command line names it: by the name that somebody gave it, else by its address."""
        sampler = self._samplers.get(name)
        return sampler.address if sampler is not None and not sampler.named else name

    async def _spec(self, request: RunRequest, name: str) -> RunSpec:
        """The spec for one device, refused here when it cannot work. What is judged alone takes no number."""
        if request.url:
            taken_apart(request.url)
        asked = runtimes_of(request.runtime, request.devices)[name]
        device, _ = self.reachable(name)
        runtime = chosen(asked, name, [one for one in device.info.runtimes if one in RUNTIMES])
        weights = _weights(runtime, request)
        alone = weights is Weights.OWN
        model = await self._model(request, weights)
        workload = None if _watches(request, alone=alone) else _workload(request, model)
        if alone and workload is not None:
            workload = replace(workload, conversations=(), max_tokens=0, repeat=0)
        spec = RunSpec(
            run="",
            device=name,
            runtime=runtime,
            model=model,
            workload=workload,
            sampling=_sampling(request),
            threads=request.threads,
            context=(context := 0 if alone else request.context or 2048),
            batch=request.batch or min(256, context),
            args=request.runtime_args,
            url=request.url,
            on_link_loss=_on_link_loss(request),
            lease_s=request.lease_s,
            baseline_s=request.baseline_s,
            home="" if device.info.simulated else home_of(device.info.kind),
        )
        # a runtime's modules take half a second to load: devices are sampled meanwhile
        made = await asyncio.to_thread(self._registry.runtime, runtime)
        objection = made.objection(spec)
        if objection is not None:
            raise objection
        return replace(spec, sampling=made.sampling(spec))

    async def _model(self, request: RunRequest, weights: Weights) -> ModelFile | None:
        """What our file says; of a model that is not ours no more than the name to ask for, None where none is asked for.

        Raises NotSupported, ModelError, SetupError.
        """
        if weights not in {Weights.FILE, Weights.NAMED}:
            return None
        if weights is Weights.NAMED and is_address(request.model):
            raise NotSupported(
                "a server that has its own models takes one by its name, not by an address",
                remedy="name one of its models with --runtime-arg model=NAME",
            )
        ours = await asyncio.to_thread(described, request.model, self._cache)
        return ours if weights is Weights.FILE else ModelFile(name=ours.name, path="", size_bytes=0)

    def require_idle(self, name: str) -> None:
        """Raises Refused when a run is in progress on this device."""
        running = self._running.get(name)
        if running is not None and running.ended is None:
            raise Refused(f"{name} already runs {running.spec.run}", remedy="stop it first")

    def reachable(self, name: str) -> tuple[Device, ShellLink]:
        """A device of the session on which something could be started now. Raises Refused, NotSupported."""
        sampler = self._samplers.get(name)
        if sampler is None:
            known = ", ".join(self._samplers) or "none"
            raise Refused(f"no device named {name} is in the session", remedy=f"there are: {known}")
        if sampler.device is None:
            raise Refused(f"{name} is not connected", remedy="wait until it is up, or look at its reason")
        if sampler.device.shell is None:
            raise NotSupported(f"{name} cannot run a model")
        self.require_idle(name)
        return sampler.device, sampler.device.shell


def _objection(device: str, error: DriverError | MeltError) -> Objection:
    return Objection(device=device, sentence=str(error), setup=isinstance(error, NeedsSetup))


def _refusal(errors: Sequence[DriverError | MeltError], objections: Sequence[Objection]) -> Exception:
    """One error for all devices: the first where they say the same, else all of what they say."""
    sentences = told(objections)
    if len(sentences) < 2:
        return errors[0]
    usage = all(isinstance(error, NotSupported | MeltError) for error in errors)
    return (NotSupported if usage else Refused)("; ".join(sentences))


def _condition(cooldown: str) -> str:
    """A cool-down that is one; empty of one that is a time."""
    return cooldown if seconds_of(cooldown) is None else ""


def _source(run: str) -> str:
    """What a run's task is called: no device's task has such a name."""
    return f"run {run}"


def _on_link_loss(request: RunRequest) -> OnLinkLoss:
    try:
        return OnLinkLoss(request.on_link_loss)
    except ValueError:
        raise NotSupported(
            f"there is no way {request.on_link_loss[:40]!r} for a link that goes", remedy="take stop or keep"
        ) from None


def _sampling(request: RunRequest) -> Sampling:
    base = Sampling()
    return Sampling(
        temperature=base.temperature if request.temperature is None else request.temperature,
        top_k=base.top_k if request.top_k is None else request.top_k,
        top_p=base.top_p if request.top_p is None else request.top_p,
        seed=base.seed if request.seed is None else request.seed,
    )


def _weights(runtime: str, request: RunRequest) -> Weights:
    """Whose the model is: of a server that runs already, or that was told a name, never a file of ours."""
    weights = RUNTIMES[runtime].weights if runtime in RUNTIMES else Weights.FILE
    told = weights is Weights.NAMED and option(request.runtime_args, "model")
    return Weights.SERVED if request.url or told else weights


def _watches(request: RunRequest, *, alone: bool) -> bool:
    """Whether nothing is asked of a server that somebody else drives. Raises NotSupported where none is named."""
    if request.workload == WATCHING and not request.url and not alone:
        raise NotSupported(
            f"with the workload {WATCHING} a server that runs already is watched, and none is named",
            remedy="give its address with --url, or choose another workload",
        )
    return bool(request.url) and request.workload in {"", WATCHING}


def _workload(request: RunRequest, model: ModelFile | None) -> Workload:
    limit_s = STEADY_LIMIT_S if request.until and request.turns is None else None
    return workloads.build(
        request.workload,
        vocabulary=model.vocabulary if model else None,
        turns=request.turns,
        seconds=limit_s if request.seconds is None else request.seconds,
        max_tokens=request.max_tokens,
        repeat=request.repeat,
        warmup=request.warmup,
        pause_s=request.pause_s,
        ignore_eos=request.ignore_eos,
    )
