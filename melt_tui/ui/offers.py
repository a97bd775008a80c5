"""What the run dialog offers at first: what the device ran last, else what was asked for last. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from drivers.model import RunSpec
from drivers.modelfile import ModelFile
from melt_tui.timeline import View
from melt_tui.ui.look import default_device
from melt_tui.ui.topics import devices
from melt_tui.workbench import Choice, RunRequest

_COUNTS = re.compile(r"pp\d+|tg\d+|pp\d+/tg\d+")
_USUAL = "Q4_0"
"""Of synthetic weights, when none is named."""


def able(view: View) -> list[Choice]:
    """The devices that could run a model."""
    known = ((device.device, device.info) for device in devices(view))
    return [
        Choice(value=name, title=name, remark="simulated" if info.simulated else info.model)
        for name, info in known
        if info is not None and info.runtimes
    ]


def offer(
    view: View,
    offered: Sequence[Choice],
    pointed: str,
    asked: Mapping[str, RunRequest],
    last: RunRequest | None,
    workloads: Sequence[Choice],
) -> RunRequest:
    """A request to begin with, for the device pointed at or the default one.

    ``asked``: by device what was asked for in this session; ``last``: what was asked for last of all.
    """
    names = [choice.value for choice in offered]
    chosen = pointed or default_device(view)
    first = chosen if chosen in names else names[0]
    base = asked.get(first) or _again(view, first, last, workloads) or last or RunRequest(devices=(first,))
    kept = tuple(name for name in base.devices if name in names)
    elsewhere = pointed in names and first not in kept
    return replace(base, devices=(first,) if elsewhere or not kept else kept)


def _again(
    view: View, device: str, last: RunRequest | None, workloads: Sequence[Choice]
) -> RunRequest | None:
    """What a run that was started elsewhere, such as on the command line, comes to; None without one."""
    run = view.runs.get(device)
    if run is None:
        return None
    spec = run.spec
    return replace(
        last or RunRequest(devices=(device,)),
        devices=(device,),
        model=_model(spec.model) if spec.model else RunRequest(devices=()).model,
        runtime=spec.runtime,
        workload=_workload(spec, workloads) or (last.workload if last else RunRequest(devices=()).workload),
        url=spec.url,
    )


def _model(model: ModelFile) -> str:
    """The name by which it is chosen: only models of our own bear notes."""
    if model.synthetic:
        usual = model.quantisation in {"", _USUAL}
        return f"synthetic:{model.name}" + ("" if usual else f":{model.quantisation.lower()}")
    return "demo" if model.note else model.path


def _workload(spec: RunSpec, known: Sequence[Choice]) -> str:
    """Its name, where that is enough to choose it by: a file's is not."""
    if spec.workload is None:
        return "none"
    name = spec.workload.name
    return name if name in {choice.value for choice in known} or _COUNTS.fullmatch(name) else ""
