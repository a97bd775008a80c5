"""What a run was set up with, and what its device was like for it."""

from drivers.model import RunSpec, Sampling
from drivers.registry import RUNTIMES
from melt_tui.analysis.recorded import EVERY, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.events import DeviceUp

_SAMPLING = ("temperature", "top_k", "top_p", "seed")


def setup_of(events: RunEvents) -> dict[str, object]:
    """What a run was set up with: as asked for, and as the runtime answered. Unknown is None."""
    spec, model, loaded = events.spec, events.model, events.loaded
    return {
        "model_file": model.path or None if model else None,
        "model_bytes": model.size_bytes or None if model else None,
        "sha256": model.sha256 or None if model else None,
        "architecture": model.architecture or None if model else None,
        "parameters": model.parameters if model else None,
        "quantisation": model.quantisation or None if model else None,
        "build": loaded.build or None if loaded else None,
        "backend": loaded.backend or None if loaded else None,
        "threads": _in_force(spec, loaded.threads if loaded else None, spec.threads),
        "context": _in_force(spec, loaded.context if loaded else None, asked_context(spec)),
        "batch": _in_force(spec, loaded.batch if loaded else None, spec.batch),
        **_sampling(spec),
        "max_tokens": spec.workload.max_tokens or None if spec.workload else None,
        "runtime_args": list(spec.args),
    }


def _sampling(spec: RunSpec) -> dict[str, object]:
    told, known = spec.sampling, not untold(spec) or spec.sampling != Sampling()
    return {name: getattr(told, name) if known else None for name in _SAMPLING}


def unasked(spec: RunSpec) -> tuple[str, ...]:
    """Names of what the runtime was not asked for, since it cannot be told it."""
    if untold(spec) or spec.workload is None:
        return ()
    context = ["context"] if asked_context(spec) is None else []
    return (*context, *(name for name in _SAMPLING if getattr(spec.sampling, name) is None))


def asked_context(spec: RunSpec) -> int | None:
    """Tokens; None of a runtime that is not told it."""
    contextless = spec.runtime in RUNTIMES and RUNTIMES[spec.runtime].contextless
    return None if contextless else spec.context


def untold(spec: RunSpec) -> bool:
    """Whether nobody tells what was asked for: it was read from files that do not."""
    return spec.context == 0


def _in_force(spec: RunSpec, answered: int | None, asked: int | None) -> int | None:
    """What the runtime answered, else what it was asked for; one with a model of its own was asked for nothing."""
    return answered if answered is not None or spec.model is None or spec.url or untold(spec) else asked


def facts_of(recording: Recorded, events: RunEvents) -> dict[str, str]:
    """As they were read for the run, else when the device last came up before it."""
    started = events.started
    if started.facts:
        return dict(started.facts)
    ups = recording.events(recording.span()[0], started.t_ns, kinds=(DeviceUp,), limit=EVERY)
    told = [e.info.facts for e in ups if isinstance(e, DeviceUp) and e.device == started.device]
    return dict(told[-1]) if told else {}
