"""What a user orders of power meters: add one, change what it feeds and where it measures, set what it supplies."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drivers.address import parse
from drivers.errors import DriverError
from drivers.model import DeviceKind, Found
from drivers.wiring import measures_power
from melt_tui.config import DeviceConfig
from melt_tui.ui.answers import answer
from melt_tui.ui.renderables.roster import RosterEntry
from melt_tui.ui.roster import METERS
from melt_tui.ui.screens.meter_dialog import MeterDialog, MeterDraft
from melt_tui.ui.screens.supply_dialog import order_supply
from melt_tui.ui.topics import devices
from melt_tui.workbench import Bench

if TYPE_CHECKING:
    from melt_tui.ui.screens.devices import DevicesScreen


_PORT = re.compile("(serial|monsoon):.")


class MeterOrders:
    """Flows on the screen's loop, each about the device that was chosen when it began."""

    def __init__(self, screen: "DevicesScreen", bench: Bench) -> None:
        self._screen = screen
        self._bench = bench

    async def wire(self, entry: RosterEntry) -> None:
        """Add a meter, the chosen one if it is one; change what is kept of it if it is kept."""
        was = self._kept(entry)
        chosen = entry.address if entry.group == METERS and was is None else ""
        draft = MeterDraft(found=self._ports(), fed=self._fed(), kept=was, chosen=chosen)
        wanted = await self._screen.app.push_screen_wait(MeterDialog(draft))
        if wanted is not None:
            await self._keep(wanted, was, entry.device if entry.group == METERS else "")

    def asks(self, address: str) -> bool:
        """Whether it is a meter's that says nothing of what it feeds, or of where it measures."""
        try:
            where = parse(address)
        except DriverError:
            return False
        told = {"feeds", "point"} <= set(where.options)
        return bool(_PORT.match(address)) and not told and measures_power(where)

    async def add(self, typed: DeviceConfig) -> None:
        """Add the meter of an address that was typed: what it does not say is asked."""
        draft = MeterDraft(found=self._ports(), fed=self._fed(), chosen=typed.address, name=typed.name)
        wanted = await self._screen.app.push_screen_wait(MeterDialog(draft))
        if wanted is not None:
            await self._keep(wanted, None, "")

    async def supply(self, entry: RosterEntry) -> None:
        """Set what a meter supplies."""
        if not entry.device:
            self._tell(f"{entry.title} is not open.")
            return
        said = await order_supply(self._screen, self._bench, entry.device)
        if said:
            self._tell(said)

    async def _keep(self, wanted: DeviceConfig, was: DeviceConfig | None, opened: str) -> None:
        """Keep it first: what the file refuses is not opened either. One that is open is opened anew, wired otherwise."""
        kept = await answer(self._bench.save_device(wanted, (was.name or was.address) if was else ""))
        if kept.problem:
            self._tell(kept.problem, error=True)
            return
        if opened:
            await answer(self._bench.remove_device(opened))
        name = wanted.name or opened
        added = await answer(self._bench.add_device(wanted.address, name, wanted.feeds, wanted.point))
        if added.problem:
            self._tell(added.problem, error=True)
        else:
            self._tell(
                f"{added.value} measures {wanted.feeds} at {wanted.point}: it is kept in the config file."
            )
        self._screen.look_again()

    def _kept(self, entry: RosterEntry) -> DeviceConfig | None:
        if not entry.saved or entry.group != METERS:
            return None
        saved = self._bench.saved_devices()
        return next((one for one in saved if entry.saved in {one.name, one.address}), None)

    def _ports(self) -> Sequence[Found]:
        """What a look has seen and nobody has opened."""
        return [one for one in self._screen.found if _PORT.match(one.address)]

    def _fed(self) -> Sequence[str]:
        """Devices that a meter may feed: those of the session and of the config file that are no meters."""
        view = self._bench.timeline.view(self._bench.now())
        here = [
            one.device for one in devices(view) if one.info is None or one.info.kind is not DeviceKind.METER
        ]
        saved = [one.name for one in self._bench.saved_devices() if one.name and not one.feeds]
        return list(dict.fromkeys([*here, *saved]))

    def _tell(self, text: str, *, error: bool = False) -> None:
        self._screen.notify(
            text, severity="error" if error else "information", markup=False, timeout=15 if error else 5
        )
