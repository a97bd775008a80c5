"""The ground of our screens and dialogs: nobody asks them for widgets before those stand, nor after they were left."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

T = TypeVar("T")
A = TypeVar("A")


class Room(Screen[T], Generic[T]):
    """A screen that commands, answers and ends of work may reach at any moment.

    Keys are looked up by the app, workers run on their own, and what follows a refresh is called by the screen on top: all
    of them come past this screen's own order of messages, so also before its widgets stand and while they are taken away.
    """

    class TurnWanted(Message):
        """A screen is to be opened above this one that no key asks for just now; the turn comes when it may be."""

        def __init__(self, room: Screen[Any], turn: "asyncio.Future[None]") -> None:
            super().__init__()
            self.room = room
            self.turn = turn

    SLOW: ClassVar[bool] = False
    """Whether it shows only later what keys are meant for, and says by ``settle`` when it does."""

    _arrived = False
    _settled = False
    _expecting: tuple[Callable[[], object], ...] = ()

    @property
    def present(self) -> bool:
        """Whether its widgets can be asked for: they stand, and it has not been left."""
        return self._arrived and stands(self)

    def on_mount(self) -> None:
        """Its widgets stand, unless the app was left meanwhile: then there are none."""
        if not stands(self):
            return
        self._arrived = True
        self.arrive()
        if not self.SLOW:
            self.settle()

    def on_unmount(self) -> None:
        """Nobody is kept waiting for it."""
        self.settle()

    def arrive(self) -> None:
        """The widgets stand: begin."""

    def settle(self) -> None:
        """It shows what keys are meant for."""
        self._settled = True
        expecting, self._expecting = self._expecting, ()
        for then in expecting:
            then()

    def when_settled(self, then: Callable[[], object]) -> None:
        """Call when it shows what keys are meant for, or has gone; at once if so."""
        if self._settled:
            then()
        else:
            self._expecting = (*self._expecting, then)

    def action_command(self, name: str) -> None:
        """Do what a key, a click or the palette asks for: as soon as the widgets stand, and no more when it was left."""
        if not self._arrived:
            self.call_later(self.action_command, name)
        elif self.present:
            self.command(name)

    def command(self, name: str) -> None:
        """Carry a command out."""

    async def ask(self, question: Screen[A]) -> A | None:
        """Ask what something else was waited for before: the user may have gone on meanwhile. It comes when this screen lies
        on top and no key is under way, which would be answered here; never, when this screen is left before."""
        turn = asyncio.get_running_loop().create_future()
        self.post_message(self.TurnWanted(self, turn))
        await turn
        answered: A | None = await self.app.push_screen_wait(question)
        return answered

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Answer and close, once: not before the widgets stand, for Textual asks for them all the same; and not while
        something else lies on top, which is what would be closed. What it was waiting for is given up."""
        if not self._arrived:
            self.call_later(self._close, result)
        elif self.is_active:
            self.workers.cancel_node(self)
            return super().dismiss(result)
        return AwaitComplete()

    def _close(self, result: T | None) -> None:
        """Without giving back what must not be awaited here."""
        self.dismiss(result)


def stands(widget: Widget) -> bool:
    """Whether its screen is on the stack and not being taken away: then its widgets go first, and it stays attached until
    they have gone; of screens that are, Textual says that they are not displayed. An app that is being left takes all of
    them away: from then on it has a code to return."""
    if not widget.is_attached or widget.app.return_code is not None:
        return False
    return widget.screen.display and widget.screen in widget.app.screen_stack
