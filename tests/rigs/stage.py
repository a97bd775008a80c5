"""A bare app for own-drawn widgets: what they draw and what they tell, without the rest of the program."""

from collections.abc import Callable
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from melt_tui.ui.widgets.channel_plot import ChannelPlot
from melt_tui.ui.widgets.device_cards import DeviceCards
from melt_tui.ui.widgets.time_strip import TimeStrip

TELLING = (
    ChannelPlot.CursorMoved,
    ChannelPlot.Panned,
    ChannelPlot.Zoomed,
    DeviceCards.Selected,
    DeviceCards.Opened,
    TimeStrip.Sought,
)


class Stage(App[None]):
    """Shows widgets beside one another, filled by ``fill`` once they have a size, and keeps what they tell."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *widgets: Widget, fill: Callable[[], Any], theme: str = "textual-dark") -> None:
        super().__init__()
        self._widgets = widgets
        self._fill = fill
        self._look = theme
        self.told: list[Message] = []

    def compose(self) -> ComposeResult:
        yield Horizontal(*self._widgets)

    def on_mount(self) -> None:
        self.theme = self._look
        self.call_after_refresh(self._fill)

    async def _on_message(self, message: Message) -> None:
        if isinstance(message, TELLING):
            self.told.append(message)
        await super()._on_message(message)
