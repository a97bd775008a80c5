"""A simulated phone in a session in virtual time, whose runs wait, stop and cool as they are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from drivers.fair import Fair
from drivers.model import Prompt, RunSpec, Workload
from drivers.modelfile import ModelFile
from drivers.registry import Registry
from melt_tui.events import SELF, SessionStarted
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.sampler import Sampler
from melt_tui.session.sensing import Sensing
from melt_tui.session.session import Session
from tests.rigs.session_parts import Collected
from tests.rigs.virtual_clock import VirtualClock

NAME = "sim-phone"
LIMIT_S = 60.0
"""Of true time: what waits for ever in virtual time does not end by itself."""
LONG = Workload(
    name="long", conversations=((Prompt("How?"),),), max_tokens=300, repeat=0, share_context=False, ignore_eos=True
)  # fmt: skip
SPEC = RunSpec(
    run="r1",
    device=NAME,
    runtime="simulated",
    model=ModelFile(name="m", path="/m.gguf", size_bytes=400_000_000, synthetic=True),
    workload=LONG,
)


class FairPhone:
    """The phone, up; and what was put on the bus."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.seen = Collected()
        self.sensing = Sensing(clock)
        self.bus = Bus((self.seen,), (self.sensing,))
        self.registry = Registry(clock, seed=5)
        self.sampler = Sampler(NAME, "sim:phone", partial(self.registry.open, "sim:phone", NAME), clock)

    def source(
        self, fair: Fair, *, run: str = "r1", seconds: float | None = None, baseline_s: float = 0.0
    ) -> RunSource:
        """A run of it."""
        assert self.sampler.device is not None
        assert self.sampler.device.shell is not None
        spec = replace(
            SPEC, run=run, workload=replace(LONG, seconds=seconds), fair=fair, baseline_s=baseline_s
        )
        return RunSource(
            spec,
            self.registry.runtime("simulated"),
            self.sampler,
            self.sampler.device.shell,
            self.clock,
            sensing=self.sensing,
        )


@asynccontextmanager
async def fair_phone(clock: VirtualClock) -> AsyncIterator[FairPhone]:
    """Up for two seconds."""
    phone = FairPhone(clock)
    started = SessionStarted(
        t_ns=clock.now(), device=SELF, wall_ns=clock.wall(), name="fair", version="0", host="h"
    )
    async with asyncio.timeout(LIMIT_S), Session(phone.bus, clock, started) as session:
        session.add(NAME, phone.sampler)
        await clock.run_for(2)
        yield phone
