"""The driver over scripted links: no time passes but the script's."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from drivers.address import Address
from drivers.base import Item
from drivers.clock import MILLISECOND, Clock
from drivers.errors import Garbled, LinkLost, NotSupported
from drivers.events import Absent, ChannelsOpened, SamplesLost, SupplySet
from drivers.links.base import ByteLink
from drivers.links.scripted import Expect, Play, ScriptedLink, Step
from drivers.meters.ppk2.channels import MEAN_OF
from drivers.meters.ppk2.driver import Ppk2Driver
from drivers.meters.ppk2.meter import Ppk2Meter
from drivers.model import Channel, DeviceKind, Quantity, Samples, Unit
from melt_tui.timeline.columns import times_of, values_of
from tests.rigs.meters.currents import Current, constant, llm, ramp, square
from tests.rigs.meters.ppk2_rig import METADATA, RATE_HZ, Player
from tests.rigs.streams import drain
from tests.rigs.virtual_clock import START_NS, VirtualClock

STOP, ASK, START = Expect(b"\x07"), Expect(b"\x19"), Expect(b"\x06")
QUIET = 0.01


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that waits for a command says nothing, and that is the quiet that opening waits for."""
    monkeypatch.setattr(
        "drivers.meters.ppk2.driver.introduce.__kwdefaults__",
        {"quiet_s": QUIET, "stop_s": 1.0, "answer_s": 1.0},
    )


class Wire(ScriptedLink):
    """Answers for its calibration at once; then a script goes on."""

    def __init__(self, clock: Clock, steps: Sequence[Step], metadata: bytes = METADATA) -> None:
        super().__init__(clock, steps)
        self._metadata = [metadata]
        self.sent: list[bytes] = []

    async def write(self, data: bytes) -> None:
        self.sent.append(data)

    async def read(self) -> tuple[int, bytes]:
        if b"\x06" in self.sent:
            return await super().read()
        while self.sent[-1:] != [b"\x19"] or not self._metadata:
            await asyncio.Event().wait()
        return self._clock.now(), self._metadata.pop()


class Bench:
    """A driver with one wire, and what its meter gave."""

    def __init__(self, clock: VirtualClock, steps: Sequence[Step] = (), metadata: bytes = METADATA) -> None:
        self.wire = Wire(clock, steps, metadata)
        self.clock = clock
        self.items: list[Item] = []
        self.channels: dict[str, Channel] = {}

    @property
    def driver(self) -> Ppk2Driver:
        @asynccontextmanager
        async def connect(address: Address, clock: Clock) -> AsyncIterator[ByteLink]:
            assert address.base == "serial:x"
            yield self.wire

        return Ppk2Driver(connect)

    async def run(self, options: str = "") -> "Bench":
        async with self.driver.open(f"serial:x?family=ppk2{options}", "m", self.clock) as device:
            self.channels = {channel.name: channel for channel in device.channels}
            with pytest.raises(LinkLost, match="the script is over"):
                await drain(device.stream(), self.items.append)
        return self

    def blocks(self, name: str) -> Iterator[tuple[Channel, Samples]]:
        """Blocks of a channel, each with the channel as it was then."""
        channel = self.channels[name]
        for item in self.items:
            if isinstance(item, ChannelsOpened):
                channel = next((c for c in item.channels if c.name == name), channel)
            elif isinstance(item, Samples) and item.channel == name:
                yield channel, item

    def values(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.concatenate(
            [values_of(b.codes, b.dtype, c.decoding) for c, b in self.blocks(name)] or [np.empty(0)]
        )

    def times(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.concatenate([times_of(b) for _, b in self.blocks(name)] or [np.empty(0, np.int64)])

    def lost(self) -> int:
        return sum(item.count or 0 for item in self.items if isinstance(item, SamplesLost))


def at(t_ms: float) -> int:
    return START_NS + round(t_ms * MILLISECOND)


def played(player: Player, seconds: float, every_ms: int = 100) -> list[Step]:
    """Blocks of samples as a quick reader hands them over."""
    per_block = RATE_HZ * every_ms // 1000
    return [
        Play(at((i + 1) * every_ms), player.words(per_block).tobytes())
        for i in range(round(seconds * 1000 / every_ms))
    ]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def test_what_it_is(clock: VirtualClock) -> None:
    bench = Bench(clock)
    async with bench.driver.open("serial:x?point=usb-input", "m", clock) as device:
        info = device.info
        channels = {channel.name: channel for channel in device.channels}
        assert device.shell is None
    assert (info.kind, info.model) == (DeviceKind.METER, "Nordic PPK2")
    assert dict(info.facts) == {
        "mode": "source meter",
        "supply": "3700 mV, its own",
        "reference point": "usb-input",
        "hardware": "9173",
        "spike filter": "on",
    }
    power = channels["power"]
    assert (power.quantity, power.unit, power.rate_hz, power.point) == (
        Quantity.POWER, Unit.WATT, 100_000, "usb-input",
    )  # fmt: skip
    assert power.limit == pytest.approx(3.7)
    assert [name for name in channels if name.startswith("D")] == [f"D{n}" for n in range(8)]
    assert bench.wire.sent == [b"\x07", b"\x19", b"\x07"], "nothing is switched by opening it"


@pytest.mark.parametrize(
    ("current", "amperes"),
    [
        (constant(0.3), 0.3),
        (constant(0.02), 0.02),
        (ramp(0.1, 0.6, 0.5), 0.35),
        (square(0.12, 0.6, 0.05), 0.36),
        (square(0.01, 0.6, 0.05), 0.305),
        (llm(), None),
    ],
)
async def test_the_charge_of_a_known_current(
    clock: VirtualClock, current: Current, amperes: float | None
) -> None:
    bench = await Bench(clock, played(Player(current, noise=2), 2.0)).run()
    n = 2 * RATE_HZ
    truth = float(current(np.arange(n), RATE_HZ).mean())
    assert amperes is None or truth == pytest.approx(amperes, rel=1e-4)
    watts = bench.values("power")
    assert len(watts) == n
    assert watts.mean() / 3.7 == pytest.approx(truth, rel=1e-3)
    means = bench.values("current")
    assert len(means) == n // MEAN_OF
    assert means.mean() == pytest.approx(truth, rel=1e-3)
    times = bench.times("power")
    assert (np.diff(times) > 0).all()
    assert times[-1] - times[0] == pytest.approx((n - 1) * 10_000, rel=1e-3)
    assert bench.lost() == 0


async def test_codes_are_the_meters_own(clock: VirtualClock) -> None:
    """Bit for bit range and reading, but for those around a change of range: these are in a channel of their own."""
    current = square(0.02, 0.5, 0.1)
    words = Player(current, noise=12).words(50_000)
    steps = [Play(at(100 * (i + 1)), words[i * 10_000 : (i + 1) * 10_000].tobytes()) for i in range(5)]
    bench = await Bench(clock, steps).run()
    codes = np.concatenate([np.frombuffer(b.codes, "<u4") for _, b in bench.blocks("power")])
    raw = words & 0x1FFFF
    filtered = np.flatnonzero(codes >> 14 >= 5)
    assert 0 < len(filtered) < 100
    kept = np.delete(np.arange(len(raw)), filtered)
    np.testing.assert_array_equal(codes[kept], raw[kept])
    ranges = raw >> 14
    changes = np.flatnonzero(np.diff(ranges)) + 1
    assert set(filtered) == {c + k for c in changes.tolist() for k in range(3)}
    replaced = np.concatenate([np.frombuffer(b.codes, "<u4") for _, b in bench.blocks("unfiltered")])
    np.testing.assert_array_equal(replaced, raw[filtered])
    np.testing.assert_array_equal(bench.times("unfiltered"), bench.times("power")[filtered])
    amperes = bench.values("power").reshape(-1, MEAN_OF).mean(axis=1) / 3.7
    np.testing.assert_allclose(bench.values("current"), amperes, rtol=1e-5)


async def test_without_the_filter_every_code_is_the_meters(clock: VirtualClock) -> None:
    words = Player(square(0.02, 0.5, 0.1)).words(20_000)
    bench = await Bench(clock, [Play(at(100), words.tobytes())]).run("&filter=off")
    codes = np.concatenate([np.frombuffer(b.codes, "<u4") for _, b in bench.blocks("power")])
    np.testing.assert_array_equal(codes, words & 0x1FFFF)
    assert "unfiltered" not in bench.channels


async def test_lost_samples_are_counted_and_leave_a_gap(clock: VirtualClock) -> None:
    player = Player(constant(0.3))
    words = player.words(30_000)
    data = [words[:10_000], np.concatenate([words[10_000:14_600], words[14_637:20_000]]), words[20_000:]]
    steps = [Play(at(100 * (i + 1)), part.tobytes()) for i, part in enumerate(data)]
    bench = await Bench(clock, steps).run()
    assert bench.lost() == 37
    assert bench.values("lost samples")[-1] == 37
    times = bench.times("power")
    assert len(times) == 30_000 - 37
    means = bench.times("current")
    assert means[6:8].tolist() == [times[13_999], times[14_600 + MEAN_OF - 1]], "no mean spans the gap"
    gaps = np.diff(times)
    assert (gaps > 100_000).sum() == 1
    assert gaps.max() == pytest.approx(38 * 10_000, rel=0.05)
    assert times[-1] - times[0] == pytest.approx(29_999 * 10_000, rel=1e-3)


async def test_a_loss_that_the_counter_cannot_see_is_seen_by_the_clock(clock: VirtualClock) -> None:
    player = Player(constant(0.3))
    before = played(player, 8.0)
    player.words(64 * 100)
    after: list[Step] = [Play(at(8064 + 100 * (i + 1)), player.words(10_000).tobytes()) for i in range(60)]
    bench = await Bench(clock, before + after).run()
    assert bench.lost() == 6400
    times = bench.times("power")
    assert times[-1] - times[0] == pytest.approx((140_0000 + 6400 - 1) * 10_000, abs=200_000)


async def test_damage_is_counted(clock: VirtualClock) -> None:
    words = Player(constant(0.3)).words(2000).tobytes()
    bench = await Bench(clock, [Play(at(20), words[:4000] + b"\xee" * 7 + words[4000:])]).run()
    assert bench.values("damaged bytes")[-1] == 11, "and the first word behind it, which may be made of two"
    assert bench.lost() == 1


async def test_logic_lines_bear_their_edges(clock: VirtualClock) -> None:
    player = Player(constant(0.3))
    parts = []
    for logic in (0b1, 0b101, 0b101, 0b100):
        player.logic = logic
        parts.append(player.words(1000))
    bench = await Bench(clock, [Play(at(40), np.concatenate(parts).tobytes())]).run()
    power = bench.times("power")
    d0, d2 = bench.values("D0"), bench.values("D2")
    assert d0[:2].tolist() == [1, 0]
    assert bench.times("D0")[1] == power[3000]
    assert d2[:2].tolist() == [0, 1]
    assert bench.times("D2")[1] == power[1000]
    assert set(bench.values("D5")) == {0}


async def test_without_logic_lines(clock: VirtualClock) -> None:
    bench = await Bench(clock, played(Player(constant(0.3)), 0.2)).run("&logic=off")
    assert not [name for name in bench.channels if name.startswith("D")]


async def test_the_rate_is_measured(clock: VirtualClock) -> None:
    """A crystal 100 ppm fast, blocks that come late by up to 20 ms."""
    player, late = Player(constant(0.3)), np.random.default_rng(3)
    steps: list[Step] = [
        Play(at(100 * (i + 1) / 1.0001 + late.uniform(0, 20) * (i % 7 > 0)), player.words(10_000).tobytes())
        for i in range(300)
    ]
    bench = await Bench(clock, steps).run("&logic=off")
    assert bench.values("sample rate")[-1] == pytest.approx(100_010, abs=1)
    assert 0 < bench.values("time uncertainty")[-1] < 0.005


async def test_the_voltage_can_be_set(clock: VirtualClock) -> None:
    """What was measured before it keeps its voltage, to the sample."""
    player = Player(constant(0.3))
    bench = Bench(clock, played(player, 0.4))
    async with bench.driver.open("serial:x", "m", clock) as device:
        assert isinstance(device, Ppk2Meter)
        bench.channels = {channel.name: channel for channel in device.channels}
        async for item in device.stream():
            bench.items.append(item)
            if isinstance(item, Samples) and item.channel == "power" and len(bench.times("power")) == 20_000:
                clock.t_ns += 30 * MILLISECOND
                await device.set_voltage(4200)
                await device.switch(on=True)
            if len(bench.times("power")) >= 40_000:
                break
    assert b"\x0d\x10\x68" in bench.wire.sent
    assert b"\x0c\x01" in bench.wire.sent
    volts = [channel.limit for channel, _ in bench.blocks("power")]
    assert volts == pytest.approx([3.7, 3.7, 3.7, 4.2, 4.2])
    ends = [block.t1_ns for _, block in bench.blocks("power")]
    assert ends[2] - ends[1] == pytest.approx(30 * MILLISECOND, abs=20_000)
    np.testing.assert_allclose(bench.values("supply"), [3.7, 4.2])
    said = [(item.volts, item.on) for item in bench.items if isinstance(item, SupplySet)]
    assert said == [(4.2, None), (None, True)]


@pytest.mark.parametrize("millivolts", [0, 799, 5001])
async def test_a_voltage_out_of_reach_is_refused(clock: VirtualClock, millivolts: int) -> None:
    bench = Bench(clock)
    async with bench.driver.open("serial:x", "m", clock) as device:
        assert isinstance(device, Ppk2Meter)
        with pytest.raises(NotSupported, match=r"it supplies 0\.8 to 5 V"):
            await device.set_voltage(millivolts)


async def test_ampere_mode_measures_what_another_supplies(clock: VirtualClock) -> None:
    metadata = METADATA.replace(b"mode: 2", b"mode: 1")
    bench = Bench(clock, played(Player(constant(0.3), volts=4.0, noise=2), 0.1), metadata)
    await bench.run("&voltage=4000")
    assert bench.values("power").mean() == pytest.approx(1.2, rel=1e-3)
    assert "as stated" in bench.channels["power"].provenance
    again = Bench(clock, (), metadata)
    async with again.driver.open("serial:x?voltage=4000", "m", clock) as device:
        assert isinstance(device, Ppk2Meter)
        with pytest.raises(NotSupported, match="another supply"):
            await device.set_voltage(4000)


async def test_a_mode_that_is_stated_is_set(clock: VirtualClock) -> None:
    bench = Bench(clock)
    async with bench.driver.open("serial:x?mode=ampere&voltage=3800", "m", clock):
        pass
    assert bench.wire.sent == [b"\x07", b"\x19", b"\x11\x01", b"\x07"]


@pytest.mark.parametrize(
    ("options", "metadata", "words"),
    [
        ("", METADATA.replace(b"mode: 2\n", b""), "does not say who supplies"),
        ("?mode=both", METADATA, "does not say who supplies"),
        ("?mode=ampere", METADATA, "voltage of the supply is not known"),
        ("?voltage=4000", METADATA, "supplies 3700 mV, not 4000 mV"),
        ("?voltage=9000", METADATA, "voltage=9000' is not possible|voltage='9000' is not possible"),
        ("?filter=maybe", METADATA, "filter=maybe is unknown"),
        ("?columns=V", METADATA, "has no option 'columns'"),
        ("?mode=source", METADATA.replace(b"VDD: 3700\n", b""), "voltage of the supply is not known"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(
    clock: VirtualClock, options: str, metadata: bytes, words: str
) -> None:
    with pytest.raises(NotSupported, match=words):
        async with Bench(clock, (), metadata).driver.open(f"serial:x{options}", "m", clock):
            pass


async def test_a_calibration_that_is_incomplete_is_said(clock: VirtualClock) -> None:
    metadata = METADATA.replace(b"GI2: 0.9609", b"GI2: -nan")
    bench = await Bench(clock, played(Player(constant(0.3)), 0.1), metadata).run()
    absent = [item for item in bench.items if isinstance(item, Absent)]
    assert [item.what for item in absent] == ["calibration"]
    assert "GI2" in absent[0].reason


async def test_a_calibration_that_cannot_be_is_garbled(clock: VirtualClock) -> None:
    with pytest.raises(Garbled, match="range 3"):
        await Bench(clock, (), METADATA.replace(b"GI3: 0.9519", b"GI3: -1")).run()


async def test_clipped_readings_are_counted(clock: VirtualClock) -> None:
    words = np.concatenate([Player(constant(0.3)).words(100) | np.uint32(0x3FFF)] * 1)
    bench = await Bench(clock, [Play(at(10), words.astype("<u4").tobytes())]).run()
    assert bench.values("clipped samples").tolist() == [0, 100]


async def test_it_looks_for_none_by_itself() -> None:
    assert list(await Bench(VirtualClock()).driver.scan()) == []
