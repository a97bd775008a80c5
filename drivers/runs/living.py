"""A program whose run may outlive the link: started under a lease, let go, taken up again, its missed lines merged."""

from collections.abc import Iterator
from contextlib import contextmanager

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import DriverError, LinkError, NotSupported
from drivers.events import TurnEnd
from drivers.links.base import Lease, PieceProcess
from drivers.model import Channel, OnLinkLoss, RunSpec
from drivers.runs.fitting import lease_of
from drivers.runs.hearing import Cut, Ear, Halt
from drivers.runs.kept import Kept
from drivers.runs.program import Launch, Program
from drivers.runs.stage import Stage


def keeping_objection(spec: RunSpec) -> DriverError | None:
    """A run on this computer has no link that could be lost."""
    if spec.on_link_loss is OnLinkLoss.KEEP and not spec.home:
        return NotSupported(
            "a process on this computer cannot outlive melt", remedy="take --on-link-loss stop"
        )
    return None


class Deadline:
    """When a workload's time is up, which counts from the moment at which its model was loaded, over all links."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until_ns: int | None = None

    def begin(self, stage: Stage, t_ns: int) -> None:
        """The model is loaded."""
        if self._seconds is not None:
            self._until_ns = t_ns + round(self._seconds * SECOND)
            self.limit(stage)

    def limit(self, stage: Stage) -> None:
        """Have the run end when it is up, also where it was up before."""
        if self._until_ns is not None:
            stage.limit_time(max(0.0, (self._until_ns - stage.clock.now()) / SECOND))

    def check(self, t_ns: int) -> None:
        """Raises Cut for what happened after it was up."""
        if self._until_ns is not None and t_ns > self._until_ns:
            raise Cut(TurnEnd.TIME)

    def end_ns(self, now_ns: int) -> int:
        """Now, or when it was up."""
        return now_ns if self._until_ns is None else min(now_ns, self._until_ns)


class Living:
    """One program after the other, each of which may live on while the link is away. Lives as long as the run."""

    def __init__(self, spec: RunSpec, arrivals: Channel) -> None:
        self.holding = False
        """Whether something may live on the device, although its link was lost."""
        self._spec = spec
        self._kept = Kept(spec, arrivals)
        self._lease: Lease | None = None
        self._pid: int | None = None

    @property
    def leased(self) -> bool:
        """Whether the program that runs has a lease."""
        return self._lease is not None

    def begin(self, stage: Stage, name: str) -> Lease | None:
        """The lease of the next program, if the run has any."""
        self._lease, self._pid = lease_of(stage, name), None
        return self._lease

    def end(self) -> None:
        """The program has ended."""
        self._lease = self._pid = None

    @contextmanager
    def held(self, stage: Stage) -> Iterator[None]:
        """Notes whether the link was lost while a program lived that may live on."""
        self.holding = False
        try:
            yield
        except LinkError as error:
            self.holding = self._lease is not None
            self._kept.lose(stage.clock.now(), error)
            raise

    def program(self, stage: Stage, launch: Launch, source: str) -> Program:
        """To be entered: it is started, or taken up."""
        return Program(stage.spec, launch, source, stage.shell, stage.clock, stage.emit, taken_up=self._pid)

    async def listen(
        self, stage: Stage, program: Program, deadline: Deadline, *, pieces: bool = False
    ) -> None:
        """Hear the program from now on: what was missed first. Whoever stopped the run meanwhile, or whose time is up,
        ends it after that. Raises LinkError, Cut."""
        process = program.process
        self._pid = process.pid
        stopped = stage.inbox.drop(Halt) > 0
        await Ear(stage.inbox, program).attend("kept", self._kept.take_up(stage, process))
        if self._lease is not None:
            self._kept.keep_time(stage, process)

        def caught_up() -> None:
            deadline.limit(stage)
            if stopped:
                stage.inbox.put(Halt(TurnEnd.STOPPED))

        output = process.pieces() if pieces and isinstance(process, PieceProcess) else process.lines()
        ordered = self._kept.ordered(process, output, caught_up)
        stage.inbox.listen("program", program.listen(stage.inbox, ordered))

    def late(self, t_ns: int) -> bool:
        """Whether what happened at that time was seen by nobody, so that its time is not that of a single token."""
        return self._kept.late(t_ns)

    def tell(self, stage: Stage, item: Item) -> None:
        """Tell an item that follows from the program's output."""
        for one in self._kept.items(stage, item):
            stage.emit(one)
