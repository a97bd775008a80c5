"""What a user orders of devices: open, add, trust, name, colour, move, set up, close, forget. Asks, and tells."""

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from melt_tui.config import DeviceConfig
from melt_tui.ui.answers import Answer, answer
from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.roster import RosterEntry
from melt_tui.ui.roster import METERS, opened_at
from melt_tui.ui.screens.device_dialogs import AddressDialog, ColourDialog, KeyDialog, RefusedKeyDialog
from melt_tui.ui.screens.dialogs import ConfirmDialog, TextDialog
from melt_tui.ui.screens.meter_orders import MeterOrders
from melt_tui.ui.screens.password_dialog import PasswordDialog
from melt_tui.ui.screens.setup_dialog import SetupDialog
from melt_tui.workbench import Bench

if TYPE_CHECKING:
    from melt_tui.ui.screens.devices import DevicesScreen

T = TypeVar("T")
Order = Callable[[RosterEntry], Awaitable[None]]


class DeviceOrders:
    """Each order is a flow of its own on the screen's loop, about the device that was chosen when it began."""

    def __init__(self, screen: "DevicesScreen", bench: Bench) -> None:
        self._screen = screen
        self._bench = bench
        self._meters = MeterOrders(screen, bench)
        self._orders: dict[str, Order] = {
            "device_open": self._open,
            "trust_host": self._trust,
            "setup_device": self._set_up,
            "name_device": self._name,
            "colour_device": self._colour,
            "to_wifi": self._to_wifi,
            "close_device": self._close,
            "forget_device": self._forget,
            "wire_meter": self._meters.wire,
            "supply_device": self._meters.supply,
        }

    @property
    def names(self) -> frozenset[str]:
        """The orders that are about a device."""
        return frozenset(self._orders)

    def give(self, name: str, entry: RosterEntry) -> None:
        """Begin an order about this device."""
        self._run(self._orders[name](entry))

    def add(self) -> None:
        """Ask for an address; keep it, and open it unless it is open. What the file refuses is not opened either."""
        self._run(self._add())

    def _run(self, order: Awaitable[None]) -> None:
        self._screen.run_worker(order, group="orders", exclusive=True)

    async def _add(self) -> None:
        wanted = await self._screen.app.push_screen_wait(AddressDialog())
        if wanted is not None and self._meters.asks(wanted.address):
            await self._meters.add(wanted)
            return
        if wanted is None or not await self._accepted(wanted.address, added=True):
            return
        name = opened_at(self._screen.entries, wanted.address)
        if (await self._wait(self._bench.save_device(wanted))).problem:
            return
        if not name:
            opened = await self._wait(self._bench.add_device(wanted.address, wanted.name))
            name = opened.value or wanted.name or wanted.address
        self._tell(f"{wanted.name or name} is kept in the config file: every session opens it.")

    async def _open(self, entry: RosterEntry) -> None:
        wanted = next((one for one in self._bench.passwords_wanted() if entry.device in one.devices), None)
        if wanted is not None:
            password = await self._screen.app.push_screen_wait(PasswordDialog(wanted))
            if password:
                await self._wait(self._bench.give_password(wanted.account, password))
        elif entry.device and entry.state is CardState.FAILED:
            await self._wait(self._bench.remove_device(entry.device))
            await self._wait(self._bench.add_device(*self._wiring(entry, entry.device)))
        elif entry.device:
            self._screen.dismiss(entry.device)
        elif entry.group == METERS and not entry.saved:
            await self._meters.wire(entry)
        elif entry.address.startswith("ssh:") and not await self._accepted(entry.address):
            return
        else:
            name = entry.saved if entry.saved != entry.address else ""
            await self._wait(self._bench.add_device(*self._wiring(entry, name)))

    def _wiring(self, entry: RosterEntry, name: str) -> tuple[str, str, str, str]:
        """A device as it is kept, with what it feeds; one that is not is opened as it was found."""
        saved = (one for one in self._bench.saved_devices() if entry.saved in {one.name, one.address})
        kept = next(saved, None) if entry.saved else None
        if kept is None or not kept.feeds:
            return entry.address, name, "", ""
        return kept.address, name, kept.feeds, kept.point

    async def _trust(self, entry: RosterEntry) -> None:
        if not entry.address.startswith("ssh:"):
            self._tell(f"{entry.title} shows no host key: only boards over SSH do.")
        elif await self._accepted(entry.address):
            self._tell(f"The key of {entry.title} is accepted.")

    async def _accepted(self, address: str, *, added: bool = False) -> bool:
        """Whether the key of a board is accepted now; a device that shows none needs no such thing.

        One that is to be added may be away: it is asked for its key when it is there.
        """
        if not address.startswith("ssh:"):
            return True
        shown = await answer(self._bench.host_key(address))
        key = shown.value
        if key is None:
            return await self._unseen(address, shown.problem, added=added)
        if key.objection:
            await self._screen.ask(RefusedKeyDialog(key))
            return False
        if key.known:
            return True
        if not await self._screen.ask(KeyDialog(key)):
            return False
        return not (await self._wait(self._bench.trust_host(key))).problem

    async def _unseen(self, address: str, problem: str, *, added: bool) -> bool:
        """What to do about a board whose key could not be asked for."""
        if added:
            question = ConfirmDialog(f"{problem}. Add {address} all the same?", "Add")
            wanted = await self._screen.ask(question)
            return wanted is True
        self._screen.notify(problem, severity="error", markup=False, timeout=15)
        return False

    async def _set_up(self, entry: RosterEntry) -> None:
        dialog = SetupDialog(self._bench, entry.title, entry.device or entry.address)
        if await self._screen.app.push_screen_wait(dialog):
            self._tell(f"{entry.title} is set up.")

    async def _name(self, entry: RosterEntry) -> None:
        hint = "Kept in the config file; a device that is open bears it from the next session on."
        name = await self._screen.app.push_screen_wait(
            TextDialog("Name", "Of this device", entry.title, hint)
        )
        if name and name != entry.title:
            await self._save(entry, name=name)

    async def _colour(self, entry: RosterEntry) -> None:
        colour = await self._screen.app.push_screen_wait(ColourDialog(entry.title, entry.colour or 0))
        if colour:
            await self._save(entry, colour=colour)

    async def _to_wifi(self, entry: RosterEntry) -> None:
        if not entry.device or not entry.address.startswith("adb:"):
            self._tell("Only a phone over adb that is open can be moved to Wi-Fi.")
            return
        self._tell(f"Moving {entry.title} to Wi-Fi …")
        moved = await self._wait(self._bench.to_wifi(entry.device))
        if moved.value is None:
            return
        self._tell(f"{entry.title} is at {moved.value} now: its cable can go.")
        if entry.saved:
            await self._save(entry, address=moved.value)

    async def _close(self, entry: RosterEntry) -> None:
        if not entry.device:
            self._tell(f"{entry.title} is not open.")
            return
        question = (
            f"Close {entry.device} and stop trying to reach it? What it gave so far stays in the recording."
        )
        if await self._screen.app.push_screen_wait(ConfirmDialog(question, "Close")):
            await self._wait(self._bench.remove_device(entry.device))

    async def _forget(self, entry: RosterEntry) -> None:
        if not entry.saved:
            self._tell(f"{entry.title} is not kept in the config file.")
            return
        question = f"Forget {entry.title}? Later sessions do not open it any more; this one goes on with it."
        if await self._screen.app.push_screen_wait(ConfirmDialog(question, "Forget")):
            await self._wait(self._bench.forget_device(entry.saved))

    async def _save(self, entry: RosterEntry, **changed: str) -> None:
        """Change what the config file says of a device; one that it does not know yet is added under its name."""
        known = (one for one in self._bench.saved_devices() if entry.saved in {one.name, one.address})
        was = next(known, None) if entry.saved else None
        kept = was or DeviceConfig(address=entry.address, name=entry.device)
        await self._wait(self._bench.save_device(replace(kept, **changed), entry.saved))

    async def _wait(self, future: "Future[T]") -> Answer[T]:
        got = await answer(future)
        if got.problem:
            self._screen.notify(got.problem, severity="error", markup=False, timeout=15)
        self._screen.look_again()
        return got

    def _tell(self, text: str) -> None:
        self._screen.notify(text, markup=False)
