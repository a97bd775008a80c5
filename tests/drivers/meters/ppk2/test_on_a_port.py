"""The driver on a serial port at the real rate: a rig in a process of its own plays known currents and faults."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from drivers.address import Address
from drivers.base import Item
from drivers.clock import Clock, SystemClock
from drivers.errors import LinkLost, LinkTimeout, NotSupported
from drivers.events import SamplesLost
from drivers.links.base import ByteLink
from drivers.links.fastserial import fast_serial
from drivers.links.serialport import Settings
from drivers.meters.ppk2.driver import Ppk2Driver
from drivers.meters.ppk2.meter import Ppk2Meter
from drivers.model import Samples
from melt_tui.timeline.columns import values_of
from tests.rigs.meters.currents import current_of
from tests.rigs.meters.ppk2_rig import RATE_HZ
from tests.rigs.meters.pty_end import Started, started

RIG = "tests.rigs.meters.ppk2_rig"


@asynccontextmanager
async def port(address: Address, clock: Clock) -> AsyncIterator[ByteLink]:
    async with fast_serial(Settings(address.target), clock) as link:
        yield link


class Taken:
    """What was measured until enough was."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.codes = 0

    def take(self, item: Item) -> None:
        self.items.append(item)
        if isinstance(item, Samples) and item.channel == "power":
            self.codes += item.n

    def counted(self, channel: str) -> int:
        """The last that it told of a count."""
        blocks = [i for i in self.items if isinstance(i, Samples) and i.channel == channel]
        return int(blocks[-1].last_code) if blocks else 0

    @property
    def lost(self) -> int:
        return sum(item.count or 0 for item in self.items if isinstance(item, SamplesLost))


async def measure(
    rig: Started, samples: int, enough: Callable[[Taken], object] = lambda _: False
) -> tuple[Taken, Ppk2Meter]:
    """Follow it for so many samples, or until what is there after an item is enough."""
    taken = Taken()
    async with Ppk2Driver(port).open(f"serial:{rig.port}", "m", SystemClock()) as device:
        assert isinstance(device, Ppk2Meter)
        async for item in device.stream():
            taken.take(item)
            if enough(taken) or taken.codes >= samples:
                break
    return taken, device


async def test_the_charge_of_a_square_wave() -> None:
    with started(RIG, "--current", "square:0.12:0.6:0.05", "--noise", "2") as rig:
        taken, device = await measure(rig, RATE_HZ)
        truth = rig.truth()
    power = next(channel for channel in device.channels if channel.name == "power")
    blocks = [item for item in taken.items if isinstance(item, Samples) and item.channel == "power"]
    watts = np.concatenate([values_of(b.codes, b.dtype, power.decoding) for b in blocks])
    amperes = current_of("square:0.12:0.6:0.05")(np.arange(len(watts)), RATE_HZ)
    assert watts.sum() / 3.7 == pytest.approx(amperes.sum(), rel=1e-3)
    assert taken.lost == truth["overflowed"] == truth["dropped"] == 0
    assert not truth["measuring"], "it was told to stop"
    assert (truth["supply_mv"], truth["mode"], truth["powered"]) == (3700, 2, False)
    span_s = (blocks[-1].t1_ns - blocks[0].t0_ns) / 1e9
    assert 0.5 < span_s * RATE_HZ / (len(watts) - 1) < 1.01, "shorter by what the first block was late"


async def test_every_loss_is_counted() -> None:
    """37, 63 and 1 lost samples, half a word, 41 bytes of garbage."""
    orders = ["drop 37", "drop 63", "half", "drop 1", "garbage 41"]
    with started(RIG, "--current", "llm") as rig:
        for n, order in enumerate(orders, 1):
            rig.order(f"at {8_000 * n} {order}")
        all_told = {"lost samples": 102, "damaged bytes": 41}
        taken, _ = await measure(
            rig, 4_000_000, lambda seen: all(seen.counted(name) >= n for name, n in all_told.items())
        )
        truth = rig.truth()
    assert truth["dropped"] == 37 + 63 + 1 + 1
    assert 102 <= taken.counted("lost samples") <= 104, (
        "the first word after half a word, and after garbage, is not trusted"
    )


async def test_unplugged() -> None:
    with started(RIG) as rig:

        def pull(taken: Taken) -> None:
            if taken.codes >= 10_000 and pulled:
                pulled.clear()
                rig.order("unplug")

        pulled = [True]
        with pytest.raises(LinkLost):
            await measure(rig, 10_000_000, pull)


async def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops in the middle and answers nothing: no stale value goes on looking alive."""
    monkeypatch.setattr("drivers.meters.ppk2.meter.Ppk2Meter.__init__.__kwdefaults__", {"silent_s": 0.4})
    with started(RIG) as rig:

        def hush(taken: Taken) -> None:
            if taken.codes >= 10_000 and hushed:
                hushed.clear()
                rig.order("silence 100")

        hushed = [True]
        with pytest.raises(LinkTimeout, match=r"sent nothing for 0\.4 s"):
            await measure(rig, 10_000_000, hush)
        monkeypatch.setattr(
            "drivers.meters.ppk2.driver.introduce.__kwdefaults__",
            {"quiet_s": 0.25, "stop_s": 2.0, "answer_s": 0.3},
        )
        with pytest.raises(LinkTimeout, match="does not answer"):
            await measure(rig, 1)


async def test_another_meter_is_named() -> None:
    """A meter that writes lines and never stops."""
    sentence = r"no PPK2: it says .*3\.9,0\.5"
    with started("tests.rigs.meters.line_rig") as rig, pytest.raises(NotSupported, match=sentence):
        await measure(rig, 1)
