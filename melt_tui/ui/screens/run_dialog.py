"""The run dialog: which device, model and workload, and how; says why a run cannot work before it is started."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Label, Static

from melt_tui.ui.answers import Answer, answer
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog, Sheets, Tick
from melt_tui.ui.screens.run_form import FIELDS, LISTS, Field, FormError, Texts, request_of, texts_of
from melt_tui.ui.screens.setup_dialog import PUSHED, SetupDialog
from melt_tui.ui.widgets.button_row import ButtonRow
from melt_tui.ui.widgets.choice_box import ChoiceBox
from melt_tui.workbench import Bench, Choice, Objection, RunRequest, SetupRequest, told

LINK_LOSS = (
    Choice(value="stop", title="stop", remark="ends at once; an iPhone's app once it is back"),
    Choice(value="keep", title="keep", remark="goes on for its lease, is taken up again"),
)
UNTIL = (
    Choice(value="", title="its end", remark="of the workload, its turns or seconds"),
    Choice(value="steady", title="steady", remark="the rate is: after 20 min at the earliest"),
)
ORDERS = (
    Choice(value="abba", title="A B B A", remark="variants there and back: none comes later"),
    Choice(value="abab", title="A B A B", remark="variants round and round"),
    Choice(value="aabb", title="A A B B", remark="one variant after the other, on a warmer device"),
)
_MANY = 4
"""With more devices than these all can be chosen at once."""
_LATE_S = 0.3
"""After so long without an answer it is said that devices are being looked at."""
_TOLD = 4
"""Refusals that are told; of twenty devices the first ones say enough."""
_OTHER = "\x00other"
"""Value of the entry that asks for a path."""
_TITLES = {"on_link_loss": "link lost", "until": "lasts until", "order": "in turn"}
"""Of lists that are not called as their field is."""
_AT_ONCE = 2
"""Figures that are there with the first paint: one to a column, which holds its place; the others follow it."""


class RunDialog(Dialog[RunRequest]):
    """Answers with what to run, or nothing."""

    AUTO_FOCUS = "#start"
    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "run_dialog.tcss"]

    def __init__(self, bench: Bench, devices: Sequence[Choice], preset: RunRequest) -> None:
        super().__init__()
        self._bench = bench
        self._devices = devices
        self._preset = preset
        self._given = texts_of(preset).fields
        self._checked: RunRequest | None = None
        self._wanted = False
        self._lacking = ""
        """A device that has to be set up first."""

    def compose(self) -> ComposeResult:
        """Devices, then what to run on them, then the figures; the verdict and the buttons stay in sight."""
        with Vertical(classes="box") as box:
            box.border_title = "Run"
            yield VerticalScroll(*self._form(), id="form")
            yield Label("", id="verdict")
            yield ButtonRow(
                Button("Cancel", id="cancel", compact=True),
                Button("Set up …", id="setup", compact=True),
                Button("Start", id="start", variant="primary", compact=True),
            )

    def arrive(self) -> None:
        """Look at the preset at once."""
        self.query_one("#setup").display = False
        self._check()
        form = self.query_one("#form")
        for extent in ("scroll_y", "virtual_size", "container_size"):
            self.watch(form, extent, self._moved)
        self.call_after_refresh(self._complete)

    def _complete(self) -> None:
        """Mount the figures that the first paint does not wait for."""
        if self.present:
            self.query_one("#figures").mount_all(map(self._box, FIELDS[_AT_ONCE:]))

    def _moved(self) -> None:
        self.call_after_refresh(self._hint)

    def _hint(self) -> None:
        """Say that the form goes on: without colour a scroll bar is not seen."""
        if not self.present:
            return
        form = self.query_one("#form")
        below = round(form.max_scroll_y - form.scroll_y)
        self.query_one(".box").border_subtitle = f"↓ {below} more lines" if below > 1 else ""

    def _form(self) -> Iterator[Widget]:
        preset = self._preset
        boxes = (
            Tick(Content(_titled(choice)), on=choice.value in preset.devices, place=f"device-{i}")
            for i, choice in enumerate(self._devices)
        )
        many = len(self._devices) > _MANY
        every = (Tick(Content("all of them"), on=False, place="every-device") for _ in range(many))
        yield Horizontal(
            Label("devices", classes="name"),
            VerticalScroll(*every, *boxes, classes="tall", can_focus=False),
            classes="line",
        )
        titles = "\n".join(_TITLES.get(name, name) for name in LISTS)
        yield Horizontal(
            Static(titles, classes="name"), Vertical(*self._lists(), classes="lists"), classes="line"
        )
        even, odd = ("\n".join(field.title for field in FIELDS[side::2]) for side in (0, 1))
        first, second = map(self._box, FIELDS[:_AT_ONCE])
        yield Grid(Static(even, classes="name"), first, Static(odd, classes="name"), second, id="figures")
        ignore = Tick(Content("ignore end of text"), on=preset.ignore_eos, place="ignore_eos")
        yield Horizontal(Label("", classes="name"), ignore, classes="line")

    def _lists(self) -> Iterator[Widget]:
        preset = self._preset
        yield _list("runtime", self._runtimes(preset.devices), preset.runtime, typed=False)
        yield _list("model", self._bench.models(), preset.model, typed=True)
        yield _list("workload", self._bench.workloads(), preset.workload, typed=True)
        yield _list("on_link_loss", LINK_LOSS, preset.on_link_loss, typed=False)
        yield _list("until", UNTIL, preset.until, typed=False)
        yield _list("order", ORDERS, preset.order, typed=False)

    def _box(self, field: Field) -> Input:
        """A figure; an empty one is the default."""
        return Input(self._given[field.name], placeholder=field.default, id=field.name)

    def _runtimes(self, devices: Sequence[str]) -> list[Choice]:
        """Each device's best, and what all of them offer, in the order of the first."""
        offers = [self._bench.runtimes(device) for device in devices]
        shared = (
            set.intersection(*({choice.value for choice in offer} for offer in offers)) if offers else set()
        )
        best = "each device's best" if len(devices) > 1 else "the device's best"
        named = ", ".join(dict.fromkeys(offer[0].title for offer in offers if offer))
        first = Choice(value="", title=best, remark=named)
        return [first, *(one for one in (offers or [()])[0] if one.value in shared)]

    @on(Input.Changed)
    def _changed(self) -> None:
        self._check()

    @on(Checkbox.Changed, "#every-device")
    def _every(self, event: Checkbox.Changed) -> None:
        for place in range(len(self._devices)):
            self.query_one(f"#device-{place}", Checkbox).value = event.value

    @on(Checkbox.Changed)
    def _ticked(self) -> None:
        """Other devices offer other runtimes; the one that was chosen stays where they do."""
        choices = self._runtimes(self._ticks())
        chosen = self._list_value("runtime")
        known = chosen in {choice.value for choice in choices}
        self.query_one("#runtime", ChoiceBox).offer(_options(choices), chosen if known else "")
        self._check()

    @on(ChoiceBox.Changed)
    def _chosen(self, event: ChoiceBox.Changed) -> None:
        for path in self.query(f"#{event.box.id}-path"):
            path.display = event.value == _OTHER
        self._check()

    @on(Input.Submitted)
    @on(Button.Pressed, "#start")
    def _start(self) -> None:
        self._wanted = True
        self._check()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    @on(Button.Pressed, "#setup")
    @work(exclusive=True, group="setup")
    async def _set_up(self) -> None:
        """Put on the device what is missing there, then see whether it can work."""
        if not self.present:
            return
        runtime = self._list_value("runtime")
        wanted = SetupRequest(
            address=self._lacking, runtime=runtime if runtime in PUSHED else SetupRequest(address="").runtime
        )
        if await self.app.push_screen_wait(SetupDialog(self._bench, self._lacking, self._lacking, wanted)):
            self._check()

    @work(exclusive=True, group="check")
    async def _check(self) -> None:
        """Say whether this can work; start it when that was asked for."""
        if not self.present:
            return
        try:
            request = request_of(self._texts())
        except FormError as error:
            self._tell([str(error)], fine=False)
            return
        looking = self._bench.check_run(request)
        late = self.set_timer(_LATE_S, lambda: self._tell(["Looking at the devices …"], fine=True))
        try:
            checked = await answer(looking)
        finally:
            late.stop()
            looking.cancel()
        if self.present:
            self._judge(request, checked)

    def _judge(self, request: RunRequest, checked: Answer[Sequence[Objection]]) -> None:
        against = checked.value or ()
        problem = [checked.problem] if checked.problem else told(against)
        self._tell(problem or ["Ready to start."], fine=not problem)
        self._lacking = next((one.device for one in against if one.setup), "")
        self.query_one("#setup").display = bool(self._lacking)
        if self._wanted and not problem:
            self.dismiss(request)
        self._wanted = False

    def _tell(self, texts: Sequence[str], *, fine: bool) -> None:
        verdict = self.query_one("#verdict", Label)
        lines = [plain(text) for text in texts[:_TOLD]]
        more = [f"… and {len(texts) - _TOLD} more"] if len(texts) > _TOLD else []
        verdict.update(Content("\n".join([*lines, *more])))
        verdict.set_class(fine, "fine")
        verdict.set_class(not fine, "problem")
        if not fine:
            self._wanted = False

    def _texts(self) -> Texts:
        """What is not on screen yet is as it was handed in."""
        typed = self.query("#figures Input").results(Input)
        return Texts(
            devices=self._ticks(),
            lists={name: self._list_value(name) for name in LISTS},
            fields={**self._given, **{str(box.id): box.value.strip() for box in typed}},
            ignore_eos=self.query_one("#ignore_eos", Checkbox).value,
        )

    def _ticks(self) -> tuple[str, ...]:
        return tuple(
            choice.value
            for i, choice in enumerate(self._devices)
            if self.query_one(f"#device-{i}", Checkbox).value
        )

    def _list_value(self, name: str) -> str:
        value = self.query_one(f"#{name}", ChoiceBox).value
        return self.query_one(f"#{name}-path", Input).value.strip() if value == _OTHER else value


def _titled(choice: Choice) -> str:
    return plain(choice.title) + plain(f"  {choice.remark}" if choice.remark else "")


def _options(choices: Iterable[Choice]) -> list[tuple[str, str]]:
    return [(_titled(choice), choice.value) for choice in choices]


def _list(name: str, choices: Iterable[Choice], value: str, *, typed: bool) -> Widget:
    """A list to choose from; where a path may be typed, its last entry asks for one."""
    offered = _options(choices)
    known = value in {choice for _, choice in offered}
    if not typed:
        return ChoiceBox(offered, value if known else offered[0][1], id=name)
    path = Input("" if known else value, placeholder="path", id=f"{name}-path")
    path.display = not known
    box = ChoiceBox([*offered, ("a file …", _OTHER)], value if known else _OTHER, id=name)
    return Horizontal(box, path, classes="line")
