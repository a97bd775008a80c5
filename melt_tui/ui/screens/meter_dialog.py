"""Adding a power meter, or changing what is kept of one: which port, which family, what it feeds, where it measures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Select

from drivers.address import Address, parse
from drivers.errors import DriverError
from drivers.families import FAMILIES, HVPM, Family
from drivers.model import Found
from drivers.points import POINTS, is_point
from melt_tui.config import DeviceConfig
from melt_tui.config.rules import name_refused
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog, Sheets
from melt_tui.ui.widgets.button_row import ButtonRow

_OTHER = "\x00other"
_RAIL = "rail:NAME"
_WIRING = ("family", "feeds", "point", "name")
"""Options that have a field of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDraft:
    """What the dialog begins with."""

    found: Sequence[Found] = ()
    """Meters and ports that a look has seen."""
    fed: Sequence[str] = ()
    """Names of devices that a meter may feed."""
    kept: DeviceConfig | None = None
    """One that is to be changed; a new one otherwise."""
    chosen: str = ""
    """Address among ``found``, or one that was typed."""
    name: str = ""
    """What it is to be called."""


class MeterDialog(Dialog[DeviceConfig]):
    """Answers with what is to be kept of the meter, or nothing."""

    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "run_dialog.tcss"]

    def __init__(self, draft: MeterDraft) -> None:
        super().__init__()
        self._draft = draft
        kept = draft.kept
        self._start = _taken(kept.address if kept else draft.chosen or _first(draft.found))
        alone = draft.fed[0] if len(draft.fed) == 1 else ""
        self._fed = kept.feeds if kept else self._start.options.get("feeds", alone)
        self._point = kept.point if kept else self._start.options.get("point", "")

    def compose(self) -> ComposeResult:
        """A line for each question; what is wrong with the answers; the buttons."""
        with Vertical(classes="box") as box:
            box.border_title = "Power meter" if self._draft.kept else "Add a power meter"
            yield Vertical(*self._form(), id="meter-form")
            yield Label("", id="verdict", classes="hint")
            yield ButtonRow(
                Button("Cancel", id="cancel", compact=True),
                Button("Keep", id="keep", variant="primary", compact=True),
            )

    def arrive(self) -> None:
        """Show what the answers so far come to."""
        self._show_fields()
        self.query_one("#port").focus()

    def _form(self) -> Iterator[Widget]:
        known = {parse(one.address).base: one for one in self._draft.found}
        ports = [(Content(plain(one.title, 70)), base) for base, one in known.items()]
        here = self._start.base in known
        yield _line(
            "port",
            _select([*ports, (Content("another …"), _OTHER)], self._start.base if here else _OTHER, "port"),
            Input(
                "" if here else self._start.base, placeholder="serial:/dev/ttyUSB0", id="path", compact=True
            ),
        )
        families = [(Content(f"{name}  {one.title}"), name) for name, one in FAMILIES.items()]
        yield _line("family", _select(families, self._family() or "csv", "family"))
        yield _line(
            "options",
            Input(
                self._options(), placeholder="more of its address: baud=9600 …", id="options", compact=True
            ),
        )
        fed = [(Content(plain(name)), name) for name in dict.fromkeys((*self._draft.fed, *_told(self._fed)))]
        yield _line("feeds", _blank(fed, self._fed, "the device whose power it measures", "feeds"))
        yield _line(
            "point", self._point_select(), Input(self._rail(), placeholder="NAME", id="rail", compact=True)
        )
        name = self._draft.kept.name if self._draft.kept else self._draft.name
        yield _line("name", Input(name, placeholder="the meter's own", id="name", compact=True))

    def _point_select(self) -> "Select[str]":
        points = [(Content(f"{point}  {what}"), point) for point, what in POINTS.items()]
        value = _RAIL if self._point.startswith("rail:") else self._point
        return _blank(points, value or self._usual().point, "where it measures", "point")

    def _rail(self) -> str:
        return self._point.removeprefix("rail:") if self._point.startswith("rail:") else ""

    def _family(self) -> str:
        family = self._start.options.get("family", "")
        return family if family in FAMILIES else ""

    def _usual(self) -> Family:
        return HVPM if self._start.scheme == "monsoon" else FAMILIES[self._family() or "csv"]

    def _options(self) -> str:
        rest = {name: text for name, text in self._start.options.items() if name not in _WIRING}
        return urlencode(rest, safe=",:/") if rest or self._draft.kept else self._usual().options

    @on(Select.Changed, "#port")
    def _port_chosen(self, event: Select.Changed) -> None:
        found = next((one for one in self._draft.found if parse(one.address).base == event.value), None)
        family = parse(found.address).options.get("family", "") if found else ""
        if family in FAMILIES:
            self.query_one("#family", Select).value = family
        self._show_fields()

    @on(Select.Changed, "#family")
    def _family_chosen(self, event: Select.Changed) -> None:
        options, usual = self.query_one("#options", Input), FAMILIES[str(event.value)]
        if options.value in {one.options for one in FAMILIES.values()}:
            options.value = usual.options
        if usual.point and not self._value("point"):
            self.query_one("#point", Select).value = usual.point
        self._show_fields()

    @on(Select.Changed, "#point")
    @on(Input.Changed, "#path")
    def _changed(self) -> None:
        self._show_fields()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    @on(Input.Submitted)
    @on(Button.Pressed, "#keep")
    def _keep(self) -> None:
        problem = self._problem()
        if problem:
            verdict = self.query_one("#verdict", Label)
            verdict.update(Content(plain(problem)))
            verdict.set_classes(["problem"])
        else:
            self.dismiss(self._answer())

    def _problem(self) -> str:
        """What is missing; empty when nothing is."""
        try:
            address = parse(self._address())
        except DriverError as error:
            return str(error)
        if not address.target or address.scheme not in {"serial", "monsoon"}:
            return "Which port? serial:PATH, serial:rfc2217://host:port or monsoon:SERIAL"
        if not self._value("feeds"):
            return "Which device does it feed? Its figures are that device's"
        if not is_point(self._chosen_point()):
            return "Where does it measure? Figures of different points cannot be compared"
        return name_refused(self._called())

    def _answer(self) -> DeviceConfig:
        was = self._draft.kept
        return DeviceConfig(
            address=self._address(),
            name=self._called(),
            colour=was.colour if was else "",
            feeds=self._value("feeds"),
            point=self._chosen_point(),
        )

    def _address(self) -> str:
        base = self._base()
        family = "" if base.startswith("monsoon:") else f"family={self._value('family')}"
        options = "&".join(
            part for part in (family, self.query_one("#options", Input).value.strip("&? ")) if part
        )
        return f"{base}?{options}" if options else base

    def _base(self) -> str:
        port = self._value("port")
        typed = self.query_one("#path", Input).value.strip()
        if port != _OTHER:
            return port
        return typed if typed.startswith(("serial:", "monsoon:")) or not typed else f"serial:{typed}"

    def _chosen_point(self) -> str:
        point = self._value("point")
        return f"rail:{self.query_one('#rail', Input).value.strip()}" if point == _RAIL else point

    def _called(self) -> str:
        return self.query_one("#name", Input).value.strip()

    def _value(self, field: str) -> str:
        value: Any = self.query_one(f"#{field}", Select).value
        return value if isinstance(value, str) else ""

    def _show_fields(self) -> None:
        """Only what there is to say."""
        self.query_one("#path").display = self._value("port") == _OTHER
        self.query_one("#rail").display = self._value("point") == _RAIL
        self.query_one("#line-family").display = not self._base().startswith("monsoon:")
        found = next((one for one in self._draft.found if parse(one.address).base == self._base()), None)
        reason = found.reason if found and not found.ready else ""
        verdict = self.query_one("#verdict", Label)
        verdict.update(
            Content(plain(reason or "It is kept in the config file: every session opens it.", 200))
        )
        verdict.set_classes(["hint"])


def _taken(address: str) -> Address:
    try:
        return parse(address)
    except DriverError:
        return Address("", {})


def _first(found: Sequence[Found]) -> str:
    return found[0].address if found else ""


def _told(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _select(options: list[tuple[Content, str]], value: str, place: str) -> "Select[str]":
    return Select(options, value=value, allow_blank=False, id=place, compact=True)


def _blank(options: list[tuple[Content, str]], value: str, prompt: str, place: str) -> "Select[str]":
    """One that need not have a value yet."""
    if value in {name for _, name in options}:
        return Select(options, value=value, prompt=prompt, id=place, compact=True)
    return Select(options, prompt=prompt, id=place, compact=True)


def _line(name: str, *parts: Widget) -> Widget:
    return Horizontal(Label(name, classes="name"), *parts, classes="line", id=f"line-{name}")
