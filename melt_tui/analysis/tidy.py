"""Tidy tables: one row for each run, turn, part of an energy, token figure or throttling, over any number of recordings.

A column's name carries its unit; what is not known is empty, with its reason in ``notes``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from drivers.clock import SECOND
from melt_tui.analysis import tidy_fields as fields
from melt_tui.analysis.columns import Cell, Column, Field, Holds
from melt_tui.analysis.export_request import Table
from melt_tui.analysis.figured import Figured, FiguredRun
from melt_tui.measures.energy import PerToken


@dataclass(frozen=True, slots=True)
class Tidy:
    """A table: its columns, and its rows of one recording."""

    about: str
    fields: tuple[Field, ...]
    objects: Callable[[Figured], Iterable[object]]

    @property
    def columns(self) -> tuple[Column, ...]:
        """In order."""
        return tuple(field.column for field in self.fields)

    def rows(self, figured: Figured) -> Iterator[tuple[Cell, ...]]:
        """Of one recording."""
        for each in self.objects(figured):
            yield tuple(field.cell(each) for field in self.fields)


T, R, W, B = Holds.TEXT, Holds.REAL, Holds.WHOLE, Holds.TRUTH

_RUNS = (
    *fields.key(""),
    fields.field("session", T, "name of the session", "of.summary.session.name"),
    fields.field("started", T, "when the run began, UTC, ISO 8601", fields.run_start),
    fields.field("duration_s", R, "from its start to its end", lambda run: (run.t1_ns - run.t0_ns) / SECOND),
    fields.field("outcome", T, "done, stopped, failed; empty: the recording ended first", "summary.outcome"),
    fields.device("device_model", T, "as the device names itself", "model"),
    fields.device("device_os", T, "system of the device", "os"),
    fields.field("part_of", T, "the file that this is a span of; empty: a whole session", lambda run: getattr(run.of.summary.part, "source", None)),
    fields.field("downsampled_hz", R, "fast channels are means at this rate; empty: as measured", lambda run: getattr(run.of.summary.part, "downsampled_hz", None)),
    fields.field("imported", B, "made from files of others, not measured by melt", lambda run: bool(run.of.summary.imported)),
    *fields.below(
        "summary.",
        ("simulated", B, "a simulated device: no figure is a measurement"),
        ("runtime", T, "inference engine"),
        ("model", T, "model file, by its name"),
        ("synthetic", B, "weights made up to the true shape"),
        ("workload", T, "prompts"),
    ),
    fields.setup("build", T, "of the runtime"),
    fields.setup("backend", T, "of the runtime"),
    fields.setup("quantisation", T, "of the weights"),
    fields.setup("parameters", W, "of the model"),
    fields.setup("sha256", T, "of the model file"),
    fields.setup("threads", W, "in force"),
    fields.setup("context_tokens", W, "length of the context", "context"),
    fields.setup("batch_tokens", W, "prompt batch", "batch"),
    fields.setup("sampling_temperature", R, "0 is greedy", "temperature"),
    fields.setup("sampling_seed", W, "how tokens are drawn", "seed"),
    fields.field("turns", W, "prompts sent, warm-up included", lambda run: len(run.summary.turns)),
    fields.field("counted_turns", W, "turns that the means are taken over", "summary.counted_turns"),
    fields.field("load_s", R, "runtime start until ready for the first prompt", "summary.load_s"),
    fields.mean("prompt_tokens", "new prompt tokens, evaluated"),
    fields.mean("output_tokens", "output tokens, the first included"),
    fields.mean("ttft_ms", "prompt sent until the first output token"),
    fields.mean("prefill_tps", "new prompt tokens / prompt-evaluation time"),
    fields.mean("decode_tps_observed", "(output tokens − 1) / time from first to last, by arrival here"),
    fields.mean("decode_tps_reported", "the same as the runtime tells it"),
    fields.mean("itl_p50_ms", "median of the gaps between tokens"),
    fields.mean("itl_p95_ms", "95th percentile of the gaps between tokens"),
    fields.mean("itl_p99_ms", "99th percentile of the gaps between tokens"),
    fields.mean("tpot_ms", "time per output token: (E2E − TTFT) / decode tokens"),
    fields.mean("e2e_ms", "prompt sent until the last output token"),
    fields.field("rss_peak_bytes", W, "greatest resident memory of the runtime's process", "summary.rss_peak_bytes"),
    fields.field("footprint_peak_bytes", W, "greatest physFootprint of an app on iOS, which is no RSS", "summary.footprint_peak_bytes"),
    fields.power("power_point", T, "reference point of the energies of this row", "point"),
    fields.power("power_source", T, "what measured there", "source"),
    fields.field("run_j", R, "energy of the whole run, gross", fields.run_joules),
    fields.joules(PerToken.WHOLE, "energy from prompt to last token / output tokens, gross"),
    fields.joules(PerToken.DECODE, "energy from first to last token / decode tokens, gross"),
    fields.power("idle_w", R, "mean power of the time before the run", "idle_w"),
    fields.power("sustained_w", R, "mean power of the last 5 min", "sustained_w"),
    fields.power("tokens_per_joule", R, "output tokens for a joule of all measured turns", "tokens_per_joule"),
    fields.first_heat("temperature_sensor", T, "first sensor of the device that gave a value", "sensor"),
    fields.first_heat("temperature_start_c", R, "at the run's start", "start_c"),
    fields.first_heat("temperature_max_c", R, "greatest during the run", "max_c"),
    fields.first_heat("temperature_end_c", R, "at the run's end", "end_c"),
    fields.field("limited_share", R, "share 0…1 of its time under a limit of its platform", "limited"),
    fields.stamp(""),
    fields.field("thermal_start_why", T, "why it is called cold, warm or throttled, or is not known", "summary.start.why"),
    fields.field("change_before_k_per_min", R, "of the temperature, over the minute before", "summary.start.change_k_per_min"),
    *fields.below(
        "summary.fair.",
        ("variant", T, "of what it is a run, where several were run in turn"),
        ("place", W, "the how manyeth of its series"),
        ("order", T, "in which variants were run: abba, abab, aabb"),
        ("gate", T, "condition that was waited for before it"),
        ("gate_met", B, "whether it held when the run began"),
        ("gate_waited_s", R, "how long it was waited for"),
        ("cooled_s", R, "cool-down before it"),
        ("safety_stop", T, "why it was stopped for safety"),
    ),
    fields.field("onset_s", R, "start of throttling since the run's start; empty: none found", "summary.throttling.onset_s"),
    fields.field("retained", R, "sustained decode rate over the reference rate, 0…1", "summary.throttling.retained"),
    fields.notes("summary.notes"),
)  # fmt: skip

_TURNS = (
    *fields.key("of."),
    fields.field("model", T, "model file, by its name", "of.summary.model"),
    *fields.below("summary.", ("turn", W, "from 1 on, warm-up included"), ("purpose", T, "measured or warmup")),
    fields.field("began_s", R, "prompt sent, since the run's start"),
    *fields.below(
        "summary.",
        ("conversation", W, "position of its conversation in the workload"),
        ("prompt", W, "position in its conversation; turns are paired by both"),
        ("repetition", W, "how often the workload had been run before"),
        ("end", T, "limit, eos, stopped, time, failed, refused; empty: it did not end"),
        ("context_tokens", W, "in the context before this prompt"),
        ("prompt_tokens", W, "new ones, evaluated in this turn"),
        ("cached_tokens", W, "reused"),
        ("output_tokens", W, "all generated, the first included"),
        ("ttft_ms", R, "prompt sent until the first output token"),
        ("prefill_tps", R, "new prompt tokens / prompt-evaluation time"),
        ("decode_tps_observed", R, "decode tokens / time from first to last, by arrival here"),
        ("decode_tps_reported", R, "the same as the runtime tells it"),
        ("itl_p50_ms", R, "median of the gaps between tokens"),
        ("itl_p95_ms", R, "95th percentile of the gaps between tokens"),
        ("itl_p99_ms", R, "99th percentile of the gaps between tokens"),
        ("tpot_ms", R, "time per output token"),
        ("e2e_ms", R, "prompt sent until the last output token"),
        ("flagged", B, "observed and reported decode rate differ by more than 5 %"),
        ("excluded", T, "why somebody left it out; empty: nobody did"),
    ),
    fields.field("temperature_start_c", R, "of the run's first sensor, as the prompt was sent", "start_c"),
    fields.field("temperature_end_c", R, "of the run's first sensor, as the last token came", "end_c"),
    fields.field("thermal_state", T, "as the prompt was sent: the platform's word, a reason, or none"),
    fields.stamp("of."),
    fields.notes("summary.notes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """A part of a run's figures, with the run."""

    of: FiguredRun
    part: Any


_POINT = (
    ("point", T, "reference point of the power"),
    ("source", T, "which channel, of which device or meter; several where they were added"),
)
_ENERGY = (
    *fields.key("of."),
    *fields.below(
        "part.",
        ("scope", T, "run, load, turn, prefill or decode"),
        ("turn", W, "empty for the run and its load"),
        *_POINT,
        ("gross_j", R, "of what was covered of the window"),
        ("net_j", R, "less by idle power × time"),
        ("uncertainty_j", R, "± of gross at 95 %, all of it"),
        ("net_uncertainty_j", R, "± of net at 95 %"),
        ("integration_j", R, "± of gross that is ours: between samples, at the window's ends"),
        ("accuracy_j", R, "± of gross that the meter's maker states"),
        ("coverage", R, "fraction 0…1 of the window"),
        ("mean_w", R, "mean power"),
        ("peak_w", R, "greatest power"),
        ("clipped", W, "samples at the end of the meter's range: the figures are too small"),
    ),
    fields.stamp("of."),
)
_TOKENS = (
    *fields.key("of."),
    *fields.below(
        "part.",
        ("definition", T, "whole, melt, decode or prefill: which energy over which tokens"),
        ("turn", W, "from 1 on"),
        *_POINT,
        ("gross_j", R, "for each token"),
        ("net_j", R, "for each token, less by idle power × time"),
        ("uncertainty_j", R, "± of gross at 95 %"),
        ("net_uncertainty_j", R, "± of net at 95 %"),
        ("tokens", W, "by how many it was divided"),
    ),
    fields.stamp("of."),
)


def _states(run: FiguredRun) -> str:
    """``none 0.8; SEVERE 0.2``."""
    return "; ".join(f"{state} {share:.4g}" for state, share in run.summary.throttling.states.items())


_THROTTLING = (
    *fields.key(""),
    fields.field("model", T, "model file, by its name", "summary.model"),
    *fields.below(
        "summary.throttling.",
        ("onset_s", R, "since the run's start; empty: none found, see notes"),
        ("symptom_s", R, "first crossing of 90 % of the expected rate, also where it was no onset"),
        ("mechanism_s", R, "when the limit engaged; below 0 where that was before the run"),
        ("end_s", R, "the rate was back; empty where it was not until the run's end"),
        ("deep_s", R, "first crossing of 75 %"),
        ("reason", T, "as the platform says; without an onset: context growth, unknown"),
        ("limit", T, "name of the limit"),
        ("phase", T, "which rate fell: decode or prefill"),
        ("confidence", T, "high, medium or low"),
        ("reference_tps", R, "r0: decode rate of the first cool window"),
        ("peak_tps", R, "greatest decode rate"),
        ("plateau_tps", R, "mean decode rate of the last 5 min of a run of at least 20 min"),
        ("steady", B, "the plateau changes by less than 1 % in 5 min"),
        ("retained", R, "plateau over r0, 0…1"),
        ("ratio", R, "rate over the expected one, from onset to end"),
    ),
    fields.field("to_throttle_tokens", W, "output tokens until the onset", "summary.throttling.time_to_throttle.tokens"),
    fields.field("to_throttle_turns", W, "turns that had ended by the onset", "summary.throttling.time_to_throttle.turns"),
    fields.field("to_throttle_j", R, "energy until the onset", "summary.throttling.time_to_throttle.j"),
    fields.field("to_throttle_point", T, "reference point of that energy", "summary.throttling.energy_point"),
    fields.field("recovery_s", R, "from the limit's release to the return of the rate; where the run was over first, from its end to the last release", "summary.throttling.recovery_s"),
    fields.field("onset_c", R, "temperature at the onset", "summary.throttling.temperature_c"),
    fields.field("onset_w", R, "power at the onset", "summary.throttling.power_w"),
    fields.field("onset_w_point", T, "reference point of that power", "summary.throttling.power_point"),
    fields.field("onsets", W, "how many; the first is told", "summary.throttling.onsets"),
    fields.field("thermal_states", T, "share 0…1 of the run's time in each thermal state", _states),
    fields.stamp(""),
    fields.field("detector", T, "what looked for it", "summary.throttling.detector"),
    fields.notes("summary.throttling.notes"),
)  # fmt: skip

TIDY: Mapping[Table, Tidy] = {
    Table.RUNS: Tidy("one row for each run", _RUNS, attrgetter("runs")),
    Table.TURNS: Tidy(
        "one row for each turn", _TURNS, lambda known: (turn for run in known.runs for turn in run.turns)
    ),
    Table.ENERGY: Tidy(
        "one row for each part of each run at each reference point",
        _ENERGY,
        lambda known: (_Row(run, part) for run in known.runs for part in run.summary.energy),
    ),
    Table.PER_TOKEN: Tidy(
        "one row for each turn, definition and reference point",
        _TOKENS,
        lambda known: (_Row(run, part) for run in known.runs for part in run.summary.per_token),
    ),
    Table.THROTTLING: Tidy("one row for each run", _THROTTLING, attrgetter("runs")),
}
"""The tables of figures."""

LONG = (
    Column("t_s", R, "s", "since the session's start, device clocks corrected"),
    Column("device", T, "", "as it is named in the session"),
    Column("channel", T, "", "as the device names it"),
    Column("unit", T, "", "of the value"),
    Column("value", R, "", "in that unit"),
)
"""Of samples, a row for each."""

HAPPENED = (
    Column("t_s", R, "s", "since the session's start"),
    Column("device", T, "", "as it is named in the session"),
    Column("kind", T, "", "name of the event"),
    Column("detail", T, "", "the rest of it, a JSON object"),
)
"""Of events, a row for each."""

WHICH = Column("recording", T, "", "name of the file, without its suffix")
"""Stands first in tables of samples and events of several recordings."""


def columns_of(table: Table) -> tuple[Column, ...]:
    """The columns of a table, as one recording has them."""
    if table is Table.SAMPLES:
        return LONG
    return HAPPENED if table is Table.EVENTS else TIDY[table].columns


def about(table: Table) -> str:
    """What its rows are."""
    known = {Table.SAMPLES: "one row for each sample", Table.EVENTS: "one row for each event but the ticks"}
    return known[table] if table in known else TIDY[table].about
