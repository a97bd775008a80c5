"""Ten minutes of everything that makes a store's life hard: late blocks, gaps, bursts, uneven times, many zooms."""

from collections.abc import Iterator

import numpy as np

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import (
    Channel,
    ChannelKey,
    Decoding,
    DeviceInfo,
    DeviceKind,
    DType,
    Quantity,
    Samples,
    Unit,
    linear,
    reading,
    uneven_block,
)
from melt_tui.events import SELF, DeviceUp, SessionStarted, Tick
from melt_tui.timeline.columns import Times, Values, times_of, values_of

OFFSET_NS = 300 * SECOND
"""The board's clock is that much behind."""

ADC = Decoding(pieces=((0.5, 2.0, 1e-3), (3.0, -0.25)), bits=12)
CHANNELS = {
    name: Channel(
        device="board",
        name=name,
        quantity=Quantity.OTHER,
        unit=Unit.NONE,
        rate_hz=rate_hz,
        dtype=dtype,
        decoding=decoding,
        own_clock=True,
    )
    for name, rate_hz, dtype, decoding in (
        ("steady", 10.0, DType.F64, linear(1.0)),
        ("twin", 10.0, DType.U8, linear(1.0)),
        ("late", 10.0, DType.I16, linear(0.1, -3.0)),
        ("mixed", 20.0, DType.F32, linear(2.0)),
        ("tokens", None, DType.I64, linear(1.0)),
        ("adc", 5000.0, DType.U16, ADC),
        ("adc late", 3000.0, DType.U32, linear(1e-3)),
        ("turns fast", None, DType.U8, linear(1.0)),
        ("seldom", 0.01, DType.F64, linear(1.0)),
    )
}


def night(seconds: int = 600, seed: int = 1) -> Iterator[Item]:
    """The items, in order of publication."""
    rng = np.random.default_rng(seed)
    info = DeviceInfo(device="board", address="x", kind=DeviceKind.BOARD)
    yield SessionStarted(t_ns=OFFSET_NS, device=SELF, wall_ns=1, name="n", version="1", host="h")
    yield DeviceUp(t_ns=OFFSET_NS, device="board", info=info)
    yield ChannelsOpened(t_ns=OFFSET_NS, device="board", channels=tuple(CHANNELS.values()))
    yield ClockMeasured(
        t_ns=OFFSET_NS, device="board", offset_ns=OFFSET_NS, uncertainty_ns=1, origin="by hand"
    )
    for step in range(seconds * 2):
        t_ns = step * SECOND // 2
        if not 200 <= step // 2 < 260:
            yield from _slow(t_ns, step, rng)
            yield from _fast(t_ns, step, rng)
        yield Tick(t_ns=t_ns + OFFSET_NS, device=SELF)


def points(items: list[Item]) -> dict[ChannelKey, tuple[Times, Values]]:
    """By channel all times and values, by time and then by publication; without the store's help."""
    found: dict[ChannelKey, list[Samples]] = {}
    for item in items:
        if isinstance(item, Samples):
            found.setdefault(item.key, []).append(item)
    answer = {}
    for key, blocks in found.items():
        decoding = CHANNELS[key[1]].decoding
        times = np.concatenate([times_of(block) for block in blocks])
        values = np.concatenate([values_of(block.codes, block.dtype, decoding) for block in blocks])
        order = np.argsort(times, kind="stable")
        answer[key] = (times[order], values[order])
    return answer


def _slow(t_ns: int, step: int, rng: np.random.Generator) -> Iterator[Item]:
    for k in range(5):
        at = t_ns + k * 100 * MILLISECOND
        polled_ns = at + int(rng.integers(0, 200_000))
        yield reading(CHANNELS["steady"], polled_ns, round(50 + np.sin(at / 9e9), 1))
        yield reading(CHANNELS["twin"], polled_ns, step % 7)
        back = int(rng.integers(0, 3)) * SECOND if step % 7 == 0 else 0
        yield reading(CHANNELS["late"], max(0, at - back), int(rng.integers(-300, 900)))
        if step % 3 == 0:
            yield reading(CHANNELS["tokens"], at + k, step * 5 + k)
    if step % 101 == 100:
        yield reading(CHANNELS["late"], max(0, t_ns - 120 * SECOND), 5000)
    times = np.sort(rng.integers(t_ns, t_ns + SECOND // 2, 10)).tolist()
    yield uneven_block(CHANNELS["mixed"], times, [float(step % 17), *range(9)])
    if step % 150 == 0:
        yield reading(CHANNELS["seldom"], t_ns, step)


def _fast(t_ns: int, step: int, rng: np.random.Generator) -> Iterator[Item]:
    for k in range(2):
        at = t_ns + k * SECOND // 4
        codes = rng.integers(100, 900, 1250) + (4096 if step % 5 == 0 and k else 0)
        packed = codes.astype("<u2").tobytes()
        yield Samples("board", "adc", at, at + 1249 * 200_000 - step % 3, DType.U16, packed)
    late = rng.integers(0, 1 << 20, 1500).astype("<u4").tobytes()
    back = 4 * SECOND if step % 11 == 0 else 0
    a_ns = max(0, t_ns - back)
    yield Samples("board", "adc late", a_ns, a_ns + SECOND // 2 - 333_333, DType.U32, late)
    if step % 50 == 20:
        times = np.cumsum(rng.integers(1, 400_000, 40)) + t_ns
        yield uneven_block(CHANNELS["adc late"], times.tolist(), range(40))
    if step == 30:
        yield Samples("board", "turns fast", t_ns, t_ns, DType.U8, b"\7")
    if step > 30:
        yield Samples("board", "turns fast", t_ns, t_ns + SECOND // 2 - 9, DType.U8, bytes(range(250)) * 5)
