"""A run as figures: its turns, its load, its memory, its temperatures, and what it was set up with."""

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from drivers.clock import SECOND
from drivers.events import TurnEnd, TurnPurpose
from drivers.model import IDENTITY, Channel, ChannelKey, Quantity, RunSpec, Samples, code_struct
from drivers.modelfile import ModelFile
from melt_tui.analysis import samples
from melt_tui.analysis.energy import EnergySummary, PowerSummary, TokenEnergy, run_energy
from melt_tui.analysis.parts import RunSpan, TurnSpan
from melt_tui.analysis.provenance import part_told
from melt_tui.analysis.recorded import Channels, Recorded, blocks
from melt_tui.analysis.run_setup import asked_context, facts_of, setup_of, unasked, untold
from melt_tui.analysis.runevents import RunEvents
from melt_tui.analysis.start import FairSummary, Start, fair_of, start_of
from melt_tui.analysis.thermal import states
from melt_tui.analysis.throttling import ThrottlingSummary, summarise_throttling
from melt_tui.analysis.turns import Counts, TurnEvents, TurnSummary, mean_figures, read_counts, summarise_turn
from melt_tui.events import DerivedEvent
from melt_tui.measures import rates
from melt_tui.measures.energy import IDLE_S
from melt_tui.timeline.model import EVER

TEMPERATURES = frozenset(
    {
        Quantity.TEMPERATURE,
        Quantity.SKIN_TEMPERATURE,
        Quantity.BATTERY_TEMPERATURE,
        Quantity.AMBIENT_TEMPERATURE,
        Quantity.OTHER_TEMPERATURE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature:
    """One sensor during a run: its first, greatest and last value, °C."""

    device: str
    sensor: str
    start_c: float
    max_c: float
    end_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One run. What could not be measured is None, with its reason in ``notes``."""

    run: str
    device: str
    simulated: bool
    """The device is a simulated one: none of its figures is a measurement."""
    runtime: str
    model: str | None
    synthetic: bool | None
    """Weights made up to the true shape."""
    workload: str | None
    outcome: str | None
    """``done``, ``stopped``, ``failed``; None when the recording ended first."""
    setup: Mapping[str, object]
    facts: Mapping[str, str]
    """Of its device as it was for this run: power mode, governor …"""
    load_s: float | None
    rss_peak_bytes: int | None
    footprint_peak_bytes: int | None
    """What iOS holds against an app's limit, which is no RSS; None elsewhere."""
    turns: tuple[TurnSummary, ...]
    counted_turns: int
    """Measured turns that ended by themselves, none of them flagged: those that ``mean`` is taken over."""
    mean: Mapping[str, float | None]
    temperatures: tuple[Temperature, ...]
    start: Start
    """The thermal state that it began in: every figure stands beside it."""
    fair: FairSummary
    energy: tuple[EnergySummary, ...]
    """Of each part, at every reference point that was measured."""
    per_token: tuple[TokenEnergy, ...]
    power: tuple[PowerSummary, ...]
    throttling: ThrottlingSummary
    notes: tuple[str, ...]


def summarise_run(
    recording: Recorded,
    events: RunEvents,
    channels: Channels,
    *,
    simulated: bool,
    busy_until_ns: int = EVER,
    added: Collection[str] = (),
    concluded: Collection[DerivedEvent] = (),
) -> RunSummary:
    """The figures of one run.

    ``busy_until_ns``: when the last thing before it ended on its device. ``added``: reference points at which several
    meters are to be summed up. ``concluded``: what a detector of throttling told.
    """
    look = _Look(recording, events, channels)
    energy = run_energy(recording, channels, look.span(busy_until_ns), added=added)
    turns = look.turns()
    counted = [turn for turn in turns if counts(turn)]
    rss_peak = look.peak("rss_peak_bytes", {Quantity.RSS, Quantity.RSS_PEAK})
    model, loaded = events.model, events.loaded
    return RunSummary(
        run=events.started.run,
        device=events.started.device,
        simulated=simulated,
        runtime=events.spec.runtime,
        model=model.name if model else (loaded.model or None if loaded else None),
        synthetic=model.synthetic if model and not untold(events.spec) else None,
        workload=events.spec.workload.name if events.spec.workload else None,
        outcome=events.ended.outcome if events.ended else None,
        setup=setup_of(events),
        facts=facts_of(recording, events),
        load_s=loaded.load_s if loaded else None,
        rss_peak_bytes=rss_peak,
        footprint_peak_bytes=look.peak("footprint_peak_bytes", {Quantity.FOOTPRINT}),
        turns=turns,
        counted_turns=len(counted),
        mean=mean_figures(counted),
        temperatures=(temperatures := look.temperatures()),
        start=start_of(recording, channels, events),
        fair=fair_of(events),
        energy=energy.energy,
        per_token=energy.per_token,
        power=energy.power,
        throttling=summarise_throttling(recording, events, channels, concluded),
        notes=(
            *_notes(events, turns, rss_peak, temperatures, simulated=simulated),
            *look.notes,
            *energy.notes,
        ),
    )


def counts(turn: TurnSummary) -> bool:
    """Whether its figures are taken: measured, ended by itself, not flagged, and not left out by hand."""
    return _whole(turn) and not turn.flagged and turn.excluded is None


def _whole(turn: TurnSummary) -> bool:
    """A measured turn that ended by itself."""
    return turn.purpose is TurnPurpose.MEASURED and turn.end in {TurnEnd.LIMIT, TurnEnd.EOS}


def _notes(
    events: RunEvents,
    turns: Sequence[TurnSummary],
    rss_peak: int | None,
    temperatures: Sequence[Temperature],
    *,
    simulated: bool,
) -> Iterator[str]:
    model, ended = events.model, events.ended
    if simulated:
        yield "simulated device: its figures are made up, not measured"
    if model is not None and (model.synthetic or model.note):
        yield model.note or "synthetic weights"
    if ended is None:
        yield "outcome: the end of the run is not in the recording"
    elif ended.reason:
        yield f"{ended.outcome}: {ended.reason}" + (f": {ended.remedy}" if ended.remedy else "")
    yield from _changed(events)
    yield from _unasked(events.spec)
    yield from _unknown(events, rss_peak, temperatures)
    yield from _uncounted(turns)


def _changed(events: RunEvents) -> Iterator[str]:
    """Where the runtime works with something else than what it was asked for."""
    spec, loaded = events.spec, events.loaded
    if loaded is None or spec.url or untold(spec):
        return
    for name, asked, answered in (
        ("threads", spec.threads, loaded.threads),
        ("batch", spec.batch, loaded.batch),
    ):
        if None not in (asked, answered) and asked != answered:
            yield f"{name}: {asked} asked for, {answered} in force"
    yield from _context(asked_context(spec), loaded.context, events.model)


def _context(asked: int | None, answered: int | None, model: ModelFile | None) -> Iterator[str]:
    """Some engines give a model no more than it was trained with, others do without a word."""
    trained = model.context_length if model else None
    if asked is None:
        return
    beyond = f", the model was trained with {trained}" if trained is not None and asked > trained else ""
    other = f", {answered} in force" if answered not in {None, asked} else ""
    if beyond or other:
        yield f"context: {asked} asked for{other}{beyond}"


def _unasked(spec: RunSpec) -> Iterator[str]:
    if names := unasked(spec):
        yield f"{', '.join(names)}: not asked for, {spec.runtime} cannot be told {'it' if len(names) == 1 else 'them'}"


def _unknown(events: RunEvents, rss_peak: int | None, temperatures: Sequence[Temperature]) -> Iterator[str]:
    if events.loaded is None:
        yield "load_s: the model was never ready"
    elif events.loaded.load_s is None:
        told = "the source does not tell it" if untold(events.spec) else "the server was running already"
        yield f"load_s: {told}"
    if rss_peak is None:
        yield "rss_peak_bytes: the runtime's memory was not observed"
    if not temperatures:
        yield "temperatures: no sensor of this device gave a value during the run"
    if untold(events.spec):
        yield "synthetic: the source does not tell whether the weights are real"
    elif events.model is None:
        yield "synthetic: the model belongs to somebody else's server"
    if events.spec.workload is None:
        yield "workload: the run was only watched"


def _uncounted(turns: Sequence[TurnSummary]) -> Iterator[str]:
    warmups = sum(turn.purpose is TurnPurpose.WARMUP for turn in turns)
    failing = [turn for turn in turns if turn.purpose is TurnPurpose.MEASURED and not _whole(turn)]
    refused = sum(turn.end is TurnEnd.REFUSED for turn in failing)
    cut = len(failing) - refused
    excluded = sum(_whole(turn) and turn.excluded is not None for turn in turns)
    flagged = sum(_whole(turn) and turn.flagged and turn.excluded is None for turn in turns)
    if warmups:
        yield f"mean: {warmups} warm-up turn{'s' * (warmups > 1)} left out"
    if refused:
        yield f"mean: {refused} turn{'s' * (refused > 1)} left out that the engine refused"
    if cut:
        yield f"mean: {cut} turn{'s' * (cut > 1)} left out that did not end by themselves"
    if excluded:
        yield f"mean: {excluded} turn{'s' * (excluded > 1)} left out by hand"
    if flagged:
        yield (
            f"mean: {flagged} turn{'s' * (flagged > 1)} left out whose observed and reported decode rates "
            f"differ by more than {100 * rates.FLAG_SHARE:.0f} %"
        )
    if not any(map(counts, turns)):
        yield "mean: no turn to count"


class _Look:
    """The samples of one run."""

    def __init__(self, recording: Recorded, events: RunEvents, channels: Channels) -> None:
        self._recording = recording
        self._events = events
        self._meanings = channels
        self._channels = channels.of(events.started.device)
        self._kept: dict[str, None] = {}
        self._t0_ns = events.started.t_ns
        self._t1_ns = events.ended.t_ns if events.ended else recording.span()[1]

    def turns(self) -> tuple[TurnSummary, ...]:
        """A turn that a part begins in has no figures of its tokens: some of them are not there."""
        counts = self._counts(Quantity.TOKEN_ARRIVALS), self._counts(Quantity.TOKENS)
        from_ns = part.from_ns if (part := part_told(self._recording)) else EVER
        return tuple(
            summarise_turn(turn, *(counts if turn.started.t_ns >= from_ns else (None, None)))
            for turn in self._turn_events()
        )

    def span(self, busy_until_ns: int) -> RunSpan:
        """When its parts were."""
        loaded, spec = self._events.loaded, self._events.spec
        load_s = loaded.load_s if loaded else None
        return RunSpan(
            device=spec.device,
            t0_ns=self._t0_ns,
            t1_ns=self._t1_ns,
            loaded=(loaded.t_ns - round(load_s * SECOND), loaded.t_ns) if loaded and load_s else None,
            baseline_s=spec.baseline_s or IDLE_S,
            busy_until_ns=busy_until_ns,
            model_loaded=bool(spec.url),
            turns=tuple(map(_turn_span, self._turn_events())),
        )

    def _turn_events(self) -> Iterator[TurnEvents]:
        starts = self._events.turns
        untils = [*(after.t_ns - 1 for _, after in pairwise(starts)), self._t1_ns]
        edits, thermal = self._recording.edits, self._thermal
        for started, until_ns in zip(starts, untils, strict=False):
            first, ended = self._events.first.get(started.turn), self._events.turn_ends.get(started.turn)
            why = edits.excluded(started.run, started.turn)
            at = max(0, bisect_right(thermal, started.t_ns, key=lambda change: change[0]) - 1)
            yield TurnEvents(started, first, ended, until_ns, why, thermal[at][1])

    @cached_property
    def _thermal(self) -> list[tuple[int, str]]:
        """The state of its device at its start, then each change."""
        device = self._events.started.device
        return list(states(self._recording, self._meanings, device, self._t0_ns, self._t1_ns))

    def _counts(self, quantity: Quantity) -> Counts | None:
        channel = next((c for c in self._channels if c.quantity is quantity), None)
        if channel is None:
            return None
        return read_counts(self._recording, channel, self._t0_ns, self._t1_ns)

    def peak(self, figure: str, wanted: Collection[Quantity]) -> int | None:
        """The greatest value of channels of these quantities: of RSS what was seen or what the kernel remembers."""
        peaks = [self._extent(figure, channel) for channel in self._channels if channel.quantity in wanted]
        known = [extent[1] for extent in peaks if extent is not None]
        return round(max(known)) if known else None

    def temperatures(self) -> tuple[Temperature, ...]:
        """Every sensor of the device that gave a value during the run."""
        found = []
        for channel in self._channels:
            extent = self._extent("temperatures", channel) if channel.quantity in TEMPERATURES else None
            if extent is not None:
                start_c, max_c, end_c = extent
                found.append(
                    Temperature(
                        device=channel.device, sensor=channel.name, start_c=start_c, max_c=max_c, end_c=end_c
                    )
                )
        return tuple(found)

    @property
    def notes(self) -> Iterator[str]:
        """Which of the figures that were asked for are in part the device's own."""
        if self._kept:
            yield f"{', '.join(self._kept)}: in part read on the device by a script of ours while its link was away"

    def _extent(self, figure: str, channel: Channel) -> tuple[float, float, float] | None:
        """First, greatest and last value of a channel during the run, where ``figure`` is made of it."""
        asked = (self._recording, self._meanings, channel.key, self._t0_ns, self._t1_ns)
        if self._meanings.kept(channel.key) is None:
            return extent(values(*asked))
        _, read = samples.read(*asked)
        whole: list[float] = read[~np.isnan(read)].tolist()
        if len(whole) > sum(map(len, values(*asked))):
            self._kept[figure] = None
        return extent([whole] if whole else [])


def _turn_span(events: TurnEvents) -> TurnSpan:
    started, first, ended = events.started, events.first, events.ended
    first_ns = ended.first_token_ns if ended else None
    ends = {TurnEnd.LIMIT, TurnEnd.EOS}
    return TurnSpan(
        turn=started.turn,
        sent_ns=started.t_ns if started.sent else None,
        first_ns=first.t_ns if first_ns is None and first else first_ns,
        last_ns=ended.last_token_ns if ended else None,
        prompt_tokens=ended.prompt_tokens if ended else None,
        output_tokens=ended.output_tokens if ended else None,
        whole=started.purpose is TurnPurpose.MEASURED
        and ended is not None
        and ended.end in ends
        and events.excluded is None,
    )


def extent(parts: Iterable[Sequence[float]]) -> tuple[float, float, float] | None:
    """First, greatest and last of values that come in parts, none of them empty; None without any."""
    ends = [(part[0], max(part), part[-1]) for part in parts]
    return (ends[0][0], max(greatest for _, greatest, _ in ends), ends[-1][2]) if ends else None


def values(
    recording: Recorded, channels: Channels, key: ChannelKey, t0_ns: int, t1_ns: int
) -> Iterator[Sequence[float]]:
    """The values of a channel within a span of host time, block by block; what is not a number is left out."""
    clock = recording.clock
    for block in blocks(recording, key, t0_ns, t1_ns):
        first_ns, last_ns = clock.to_host(key, block.t0_ns), clock.to_host(key, block.t1_ns)
        inside = first_ns >= t0_ns and last_ns <= t1_ns
        part = [
            value
            for i, value in enumerate(_decoded(channels.at(key, first_ns), block))
            if not math.isnan(value) and (inside or t0_ns <= clock.to_host(key, block.time_at(i)) <= t1_ns)
        ]
        if part:
            yield part


def _decoded(channel: Channel, block: Samples) -> Sequence[float]:
    codes = [code for (code,) in code_struct(block.dtype).iter_unpack(block.codes)]
    return codes if channel.decoding == IDENTITY else [channel.decoding.value(code) for code in codes]
