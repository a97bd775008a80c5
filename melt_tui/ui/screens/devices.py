"""The devices: what was found on each link and what was not, and what can be done with each."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from drivers.events import Absent, Event
from drivers.model import Found
from melt_tui.events import DeviceConnecting
from melt_tui.timeline import Timeline
from melt_tui.ui.answers import answer
from melt_tui.ui.commands import DEVICE_KEYS, DEVICES, bindings
from melt_tui.ui.key_groups import key_groups
from melt_tui.ui.renderables.roster import RosterEntry
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.roster import Known, groups
from melt_tui.ui.screens.device_orders import DeviceOrders
from melt_tui.ui.screens.room import Room
from melt_tui.ui.series import chosen
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.topics import Stock, devices
from melt_tui.ui.widgets.choice_list import ChoiceList
from melt_tui.ui.widgets.device_list import DeviceList
from melt_tui.ui.widgets.key_line import KeyLine
from melt_tui.workbench import Bench

_LOOK_S = 0.5
"""How often the session's own devices are looked at."""
_SCAN_S = 3.0
"""Pause between a scan's answer and the next scan."""
_TRIED_AT_MOST = 500
"""Attempts to connect among which addresses are looked for, and absences that are looked at: the newest."""
_LAST = 1 << 30


class DevicesScreen(Room[str]):
    """Answers with the device to show on the bench, or nothing. Looks on every link while it is open."""

    SLOW = True
    AUTO_FOCUS = ""
    CSS_PATH = "devices.tcss"
    BINDINGS = bindings(DEVICES)

    def __init__(self, bench: Bench, settings: ScreenSettings, executor: Executor) -> None:
        super().__init__()
        self._bench = bench
        self._settings = settings
        self._executor = executor
        self._orders = DeviceOrders(self, bench)
        self._found: Sequence[Found] | None = None
        self._addresses: Mapping[str, str] = {}
        self._absences: Sequence[Absent] = ()
        self._entries: Sequence[RosterEntry] = ()
        self._selected = ""
        self._problem = ""
        self._told = ""
        self._handlers: Mapping[str, Callable[[], object]] = {
            "device_up": partial(self._step, -1),
            "device_down": partial(self._step, 1),
            "device_first": partial(self._step, -_LAST),
            "device_last": partial(self._step, _LAST),
            "add_device": self._orders.add,
            "rescan": self._scan,
        }

    def compose(self) -> ComposeResult:
        """The list, a line about the look, the keys."""
        yield Container(DeviceList(), id="devices")
        yield Static("", id="detail")
        yield KeyLine(key_groups(DEVICE_KEYS, self._settings.keys, live=True))

    def arrive(self) -> None:
        """Show what is known, then look on every link, again and again."""
        self.query_one("#devices").border_title = "devices"
        if self._settings.frames_per_s:
            self.set_interval(_LOOK_S, self.look_now)
        self.call_after_refresh(self.look_now)
        self._scan()

    def on_resize(self) -> None:
        """Other widths break lines elsewhere."""
        self.call_after_refresh(self.look_now)

    def look_again(self) -> None:
        """Something was done: look on the links too."""
        self.look_now()
        self._scan()

    def look_now(self) -> None:
        """Show what is known now."""
        if not self.present:
            return
        view = self._bench.timeline.view(self._bench.now())
        saved = self._bench.saved_devices()
        stock = Stock(view, chosen(saved))
        if any(one.info is None and one.device not in self._addresses for one in devices(view)):
            self._find_addresses()
        known = Known(
            stock=stock,
            addresses=self._addresses,
            found=self._found,
            saved=saved,
            absences=self._absences,
        )
        listed = groups(known)
        self._entries = [entry for group in listed for entry in group.entries]
        self._selected = self._kept_choice()
        self.query_one(DeviceList).show(listed, self._selected)
        self._tell()
        self.settle()

    def command(self, name: str) -> None:
        """Do what a key, a click or the palette asks for."""
        if name not in self._orders.names:
            self._handlers[name]()
        elif (entry := self.entry) is not None:
            self._orders.give(name, entry)
        self.look_now()

    @property
    def found(self) -> Sequence[Found]:
        """What the last look on the links has seen."""
        return self._found or ()

    @property
    def entries(self) -> Sequence[RosterEntry]:
        """All devices, as they are listed now."""
        return self._entries

    @property
    def entry(self) -> RosterEntry | None:
        """The chosen device."""
        return next((one for one in self._entries if one.key == self._selected), None)

    @work(exclusive=True, group="scan")
    async def _scan(self) -> None:
        """Look on every link; the next look comes a while after the answer, so that slow links are not pressed."""
        got = await answer(self._bench.scan())
        if not self.present:
            return
        if got.value is not None:
            self._found = got.value
        self._problem = got.problem
        self._find_absences()
        self.look_now()
        if self._settings.frames_per_s:
            self.set_timer(_SCAN_S, self._scan_on)

    def _scan_on(self) -> None:
        """Not while something lies above: it would be in the way of what is asked there."""
        if self.is_active:
            self._scan()
        elif self.present:
            self.set_timer(_SCAN_S, self._scan_on)

    @work(exclusive=True, group="addresses")
    async def _find_addresses(self) -> None:
        """Devices that were never up have told nothing of themselves: where they were looked for is an event."""
        timeline = self._bench.timeline
        got = await answer(self._executor.submit(_tried, timeline))
        if got.value and got.value != self._addresses:
            self._addresses = got.value
            self.look_now()

    @work(exclusive=True, group="absences")
    async def _find_absences(self) -> None:
        """What a device that is up lacks is said once, when it is opened: it is looked for with every scan."""
        got = await answer(self._executor.submit(_absences, self._bench.timeline))
        if got.value is not None and got.value != self._absences:
            self._absences = got.value
            self.look_now()

    def _kept_choice(self) -> str:
        """The one that was chosen; when it became another entry, that one; else the first."""
        keys = [one.key for one in self._entries]
        if self._selected in keys or not keys:
            return self._selected
        before = self._selected.partition(" ")[2]
        same = (one.key for one in self._entries if before and before in {one.address, one.device})
        return next(same, keys[0])

    def _tell(self) -> None:
        ready = sum(one.device == "" and one.state.value == "ready" for one in self._entries)
        up = sum(one.device != "" and one.said == "up" for one in self._entries)
        text = self._problem or (
            "Looking on every link …" if self._found is None else f"{up} up · {ready} more can be opened"
        )
        if text != self._told:
            self._told = text
            self.query_one("#detail", Static).update(Content(plain(text)))

    def _step(self, steps: int) -> None:
        keys = [one.key for one in self._entries]
        if keys:
            place = keys.index(self._selected) + steps if self._selected in keys else 0
            self._selected = keys[max(0, min(len(keys) - 1, place))]

    @on(ChoiceList.Selected)
    def _clicked(self, event: ChoiceList.Selected) -> None:
        self._selected = event.key
        self.look_now()

    @on(ChoiceList.Opened)
    def _opened(self, event: ChoiceList.Opened) -> None:
        self._selected = event.key
        self.action_command("device_open")

    @on(KeyLine.Pressed)
    async def _pressed(self, event: KeyLine.Pressed) -> None:
        await self.app.run_action(f"app.give('{event.command}')")


def _tried(timeline: Timeline) -> Mapping[str, str]:
    """By name the address at which a device was looked for last."""
    kinds: tuple[type[Event], ...] = (DeviceConnecting,)
    tried = timeline.events(*timeline.span(), kinds=kinds, limit=_TRIED_AT_MOST)
    return {event.device: event.address for event in tried if isinstance(event, DeviceConnecting)}


def _absences(timeline: Timeline) -> Sequence[Absent]:
    """What devices said that they do not give, in order of time: the newest."""
    said = timeline.events(*timeline.span(), kinds=(Absent,), limit=_TRIED_AT_MOST)
    return [event for event in said if isinstance(event, Absent)]
