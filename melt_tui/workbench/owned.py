"""What a user keeps about devices: entries of the config file, keys of SSH servers; passwords, which nobody keeps."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from drivers.errors import Refused
from drivers.model import ShownKey
from drivers.registry import Registry
from melt_tui.config import Config, DeviceConfig
from melt_tui.config import write as writing
from melt_tui.workbench.contract import HostKey, SessionSetup
from melt_tui.workbench.devices import Devices, refuse_loop
from melt_tui.workbench.passwords import Passwords


class Owned:
    """The config file's devices as they are now, and the keys that were accepted."""

    def __init__(self, setup: SessionSetup, registry: Registry, devices: Devices) -> None:
        self.saved: Sequence[DeviceConfig] = setup.saved
        self._path = setup.config
        self._registry = registry
        self._devices = devices
        self._writing = asyncio.Lock()
        self.passwords = Passwords(
            lambda: list(devices.samplers.values()), registry.give_password, devices.reopen
        )

    def addresses(self) -> list[str]:
        """Of the devices of the config file that a scan cannot find by itself and that are not open here."""
        up = {one.address for one in self._devices.samplers.values() if one.device is not None}
        return [one.address for one in self.saved if one.address not in up]

    async def save(self, entry: DeviceConfig, was: str) -> None:
        """Add it, or change the one named ``was``. Raises NotSupported for an unknown address or a wiring that cannot be,
        ConfigError."""
        own = self._registry.default_name(entry.address)
        wired = self._registry.wired(entry.address, entry.feeds, entry.point)
        refuse_loop(entry.name or own, wired.wire)
        await self._registry.judge(wired.address)
        if was:
            await self._edit(lambda path: writing.change_device(path, was, entry))
        else:
            await self._edit(lambda path: writing.add_device(path, entry))

    async def forget(self, name: str) -> None:
        """Take it out of the file. Raises ConfigError."""
        await self._edit(lambda path: writing.forget_device(path, name))

    async def host_key(self, address: str) -> HostKey:
        """What the server shows. Raises LinkError, AskUser."""
        at = self._address(address)
        shown = await self._registry.host_key(at)
        return HostKey(
            address=at,
            fingerprint=shown.fingerprint,
            line=shown.line,
            objection=shown.objection,
            known=shown.known,
        )

    async def trust(self, key: HostKey) -> None:
        """Keep it, and open what waited for it. Raises Refused for one that has changed."""
        shown = ShownKey(line=key.line, fingerprint=key.fingerprint)
        await self._registry.trust(key.address, shown)
        self._devices.retry_at(key.address)

    def _address(self, name: str) -> str:
        """Of a device of the session or of the config file; what is no name of one is an address itself."""
        at = self._devices.at(name)
        return next((one.address for one in self.saved if one.name == at), at)

    async def _edit(self, edit: Callable[[Path], Config]) -> None:
        if self._path is None:
            raise Refused("there is no config file to keep devices in", remedy="name one with --config")
        async with self._writing:
            self.saved = (await asyncio.to_thread(edit, self._path)).devices
