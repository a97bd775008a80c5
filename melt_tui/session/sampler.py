"""The sampler: keeps one device open and puts what it yields on the bus. Only here is anything tried again."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

from drivers.base import Device, Item
from drivers.clock import Clock
from drivers.errors import DriverError, LinkError, NeedsPassword, Refused
from drivers.events import Absent, ChannelsOpened
from drivers.model import Channel, DeviceKind, Quantity
from melt_tui.events import DeviceConnecting, DeviceFailed, DeviceLost, DeviceUp, Wired
from melt_tui.session.backoff import backoff, wait_unless
from melt_tui.session.bus import Bus
from melt_tui.session.guard import guarded
from melt_tui.session.restating import restated

Opener = Callable[[], AbstractAsyncContextManager[Device]]


class Sampler:
    """Source of one device: opens it, follows it, and opens it again after every loss of the link."""

    def __init__(
        self,
        name: str,
        address: str,
        opener: Opener,
        clock: Clock,
        *,
        named: bool = True,
        wire: tuple[str, str] | None = None,
        delays: Callable[[], Iterator[float]] = backoff,
    ) -> None:
        self.name = name
        self.address = address
        self.named = named
        """Whether somebody gave it that name; otherwise it is the driver's."""
        self.device: Device | None = None
        """The open device; None while it is away."""
        self._opener = opener
        self._clock = clock
        self.wire = wire
        """Of a meter: the device that it feeds, and its reference point."""
        self._unwired_told = False
        self._delays = delays
        self._reason = ""
        self._failure: Refused | None = None
        self._settled = asyncio.Event()
        self._back = asyncio.Event()
        self._watched: list[int] = []
        self._channels: dict[str, Channel] = {}

    async def until_up(self) -> None:
        """Return when the device is up. Raises Refused when it was given up instead."""
        await self._settled.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def channels(self) -> Sequence[Channel]:
        """All that the device was ever seen to give, also while it is away."""
        return tuple(self._channels.values())

    @property
    def failure(self) -> Refused | None:
        """Why it was given up; None of one that was not."""
        return self._failure

    def forgive(self) -> None:
        """What it was given up for has been done: it is as if it had never been tried, until it is run again."""
        self._failure = None
        self._settled.clear()

    @property
    def reason(self) -> str:
        """Why it is being waited for, with what to do; empty of one that is up, or was never tried."""
        return self._reason

    @property
    def failed(self) -> bool:
        """Whether it was given up: nothing is tried again by this sampler."""
        return self._failure is not None

    async def restated(self) -> tuple[tuple[str, str], ...]:
        """Facts of the device as they are now; none while it is away."""
        return await restated(self.device)

    def watch(self, pid: int) -> None:
        """Have the device follow this process, also after it was lost and opened again."""
        self._watched.append(pid)
        if self.device is not None:
            self.device.watch(pid)

    def unwatch(self, pid: int) -> None:
        """It has ended, or is no longer of interest."""
        if pid in self._watched:
            self._watched.remove(pid)
            if self.device is not None:
                self.device.unwatch(pid)

    def retry(self) -> None:
        """Somebody saw the device: where it is being waited for, it is tried again at once."""
        self._back.set()

    async def run(self, bus: Bus) -> None:
        """Publish until cancelled, or until the device is given up. It may be run again then."""
        self.forgive()
        await guarded(self.name, self._run(bus), lambda sentence: self._fail(bus, Refused(sentence)))

    async def _run(self, bus: Bus) -> None:
        bus.publish(DeviceConnecting(t_ns=self._clock.now(), device=self.name, address=self.address))
        delays = self._delays()
        while True:
            try:
                await self._follow(bus)
            except LinkError as lost:
                if self._lose(bus, lost):
                    delays = self._delays()
                delay_s = next(delays)
                self._announce(bus, str(lost), delay_s)
            except DriverError as failure:
                self._fail(bus, _refused(failure))
                return
            self._back.clear()
            await wait_unless(self._clock, delay_s, self._back)

    async def _follow(self, bus: Bus) -> None:
        async with self._opener() as device:
            self._up(bus, device)
            async with aclosing(device.stream()) as items:
                async for item in items:
                    self._notice(item)
                    bus.publish(item)
        raise LinkError(f"{self.name} ended its stream")

    def _up(self, bus: Bus, device: Device) -> None:
        t_ns = self._clock.now()
        self.device, self._reason = device, ""
        for pid in self._watched:
            device.watch(pid)
        self._settled.set()
        bus.publish(DeviceUp(t_ns=t_ns, device=self.name, info=device.info))
        self._know(device.channels)
        bus.publish(ChannelsOpened(t_ns=t_ns, device=self.name, channels=tuple(device.channels)))
        if self.wire:
            bus.publish(Wired(t_ns=t_ns, device=self.name, feeds=self.wire[0], point=self.wire[1]))
        elif _measures_power(device) and not self._unwired_told:
            self._unwired_told = True
            bus.publish(_unwired(t_ns, self.name))

    def _notice(self, item: Item) -> None:
        if type(item) is ChannelsOpened:
            self._know(item.channels)

    def _know(self, channels: Sequence[Channel]) -> None:
        self._channels.update((channel.name, channel) for channel in channels)

    def _lose(self, bus: Bus, lost: LinkError) -> bool:
        """Say that a device which was up is gone; False when it was not up."""
        if self.device is None:
            return False
        self.device = None
        self._settled.clear()
        bus.publish(DeviceLost(t_ns=self._clock.now(), device=self.name, reason=str(lost)))
        return True

    def _announce(self, bus: Bus, reason: str, delay_s: float) -> None:
        """Say why it is being waited for: once for each reason, not at every attempt."""
        if reason == self._reason:
            return
        self._reason = reason
        t_ns = self._clock.now()
        retry_ns = t_ns + round(delay_s * 1e9)
        bus.publish(
            DeviceConnecting(
                t_ns=t_ns, device=self.name, address=self.address, reason=reason, retry_ns=retry_ns
            )
        )

    def _fail(self, bus: Bus, failure: Refused) -> None:
        self.device, self._failure = None, failure
        self._settled.set()
        t_ns, why = self._clock.now(), (failure.sentence, failure.remedy)
        bus.publish(DeviceFailed(t_ns=t_ns, device=self.name, reason=why[0], remedy=why[1]))


def _measures_power(device: Device) -> bool:
    """Whether it is a meter of what some device takes; a probe of heat or light is not."""
    measured = {channel.quantity for channel in device.channels}
    return device.info.kind is DeviceKind.METER and bool(measured & {Quantity.POWER, Quantity.ENERGY})


def _unwired(t_ns: int, name: str) -> Absent:
    """What is not told of a meter whose device nobody has named."""
    return Absent(
        t_ns=t_ns,
        device=name,
        what="energy of a device",
        reason="which device this meter feeds is not told",
        remedy="add feeds=DEVICE and point=POINT to its address; of a recording, "
        f"melt edit FILE --meter {name} --feeds DEVICE --point POINT tells it",
    )


def _refused(failure: DriverError) -> Refused:
    """What is told to whoever waits for the device."""
    if isinstance(failure, NeedsPassword):
        return failure
    return Refused(failure.sentence, remedy=failure.remedy)
