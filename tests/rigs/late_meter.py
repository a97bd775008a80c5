"""A run of two turns beside a meter that tells its times late."""

from dataclasses import replace

import numpy as np

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, FirstToken, ModelLoaded, TurnEnd, TurnEnded, TurnStarted
from drivers.model import Channel, DeviceInfo, DeviceKind, DType, Quantity, RunSpec, Samples, Unit, linear
from melt_tui.events import SELF, DeviceUp, RunEnded, RunOutcome, RunStarted, SessionStarted, Wired

LATE_NS = 37 * MILLISECOND
START = 1000 * SECOND
POWER = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=1000.0,
    dtype=DType.U16,
    decoding=linear(0.001),
    point="usb-input",
)
SPEC = RunSpec(run="r1", device="board", runtime="test", model=None, workload=None)
TURNS = ((6.2, 6.7, 9.1), (10.0, 10.4, 12.9))
"""Prompt sent, first and last token, in seconds."""


TOKENS = 51
"""Of each turn."""


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def session(rate_hz: float = 1000.0, late_ns: int = LATE_NS) -> list[Item]:
    """A run of two turns and the power of a meter that is late."""
    channel = replace(POWER, rate_hz=rate_hz)
    of = {"device": "board", "run": "r1"}
    items: list[Item] = [
        SessionStarted(t_ns=START, device=SELF, wall_ns=1, name="s", version="1", host="h"),
        *(
            DeviceUp(t_ns=START, device=name, info=DeviceInfo(device=name, address=name, kind=kind))
            for name, kind in (("board", DeviceKind.BOARD), ("meter", DeviceKind.METER))
        ),
        ChannelsOpened(t_ns=START, device="meter", channels=(channel,)),
        Wired(t_ns=START, device="meter", feeds="board", point="usb-input"),
        RunStarted(t_ns=at(1), device="board", run="r1", spec=SPEC),
        ModelLoaded(t_ns=at(2), device="board", run="r1", load_s=1.0),
    ]
    for number, (sent, first, last) in enumerate(TURNS, 1):
        items += [
            TurnStarted(t_ns=at(sent), turn=number, device="board", run="r1"),
            FirstToken(t_ns=at(first), turn=number, ttft_s=first - sent, device="board", run="r1"),
            TurnEnded(
                t_ns=at(last) + 9 * MILLISECOND,
                turn=number,
                end=TurnEnd.LIMIT,
                output_tokens=TOKENS,
                first_token_ns=at(first),
                last_token_ns=at(last),
                device="board",
                run="r1",
            ),
        ]
    items.append(RunEnded(t_ns=at(14), outcome=RunOutcome.DONE, **of))
    return [*items, *powers(channel, rate_hz, late_ns)]


def powers(channel: Channel, rate_hz: float, late_ns: int) -> list[Samples]:
    seconds = np.arange(round(20 * rate_hz)) / rate_hz
    watts = np.full(len(seconds), 0.4)
    for sent, first, last in TURNS:
        watts[(seconds >= sent) & (seconds < first)] = 4.0
        watts[(seconds >= first) & (seconds < last)] = 2.2
    codes = (1000 * watts + np.random.default_rng(1).normal(0, 60, len(watts))).clip(0).astype("<u2")
    step = max(1, round(rate_hz / 4))
    times = START + late_ns + np.round(seconds * SECOND).astype(np.int64)
    return [
        Samples(
            "meter",
            "power",
            int(times[i]),
            int(times[min(i + step, len(times)) - 1]),
            DType.U16,
            codes[i : i + step].tobytes(),
        )
        for i in range(0, len(codes), step)
    ]
