"""Keys one after the other: each is taken where the one before has led to, however fast they come."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen
from textual.timer import Timer

from melt_tui.ui.screens.room import Room

PATIENCE_S = 1.0
"""So long at most a key waits for what a screen that stands is to show: a list that is long in coming can be left."""
_LOST_S = 5.0
"""So long at most it waits for the one before, which may be gone without a word."""
_TURNS = 5
"""Turns of the loop in which a worker that a key has started, or has answered, opens its screen."""

Typed = events.Key | events.Paste
Then = Callable[[], None]
Fits = Callable[[], bool]


class Turnstile:
    """Holds a key back while another is under way.

    Textual sends a key to what has the focus, and looks up what it means when it comes back from there, in the screen that
    is on top by then; the screens and the focus that it asks for come later still. Of keys that come in one go the second
    would be sent to the screen that the first one leaves, and mean what it means there, or be given to a screen that has
    no widgets yet.
    """

    def __init__(self, app: App[Any], let_through: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._let_through = let_through
        self._held: deque[Typed] = deque()
        self._way: object | None = None
        """Of the key that is under way: another one for each."""
        self._until_s = 0.0
        self._patience: Timer | None = None
        self._turns: list[tuple[Fits, asyncio.Future[None]]] = []

    @property
    def free(self) -> bool:
        """Whether no key is under way."""
        return not self._held and (self._way is None or monotonic() >= self._until_s)

    async def take(self, event: Typed) -> None:
        """Let it through, now or after those that came before it."""
        if self.free:
            await self._pass(event)
        else:
            self._held.append(event)
            self._be_patient()

    def open(self, opens: Callable[[], object]) -> None:
        """Have a screen opened that no key asked for, while it is free: keys that come meanwhile wait for it as well."""
        way, top = self._begin(), self._top()
        opens()
        self._round(way, self._app, lambda: self._look_up(way, top))

    def want(self, fits: Fits, turn: "asyncio.Future[None]") -> None:
        """Give a turn to open a screen, when that fits, and as ``open`` does; a turn that was given up is forgotten."""
        self._turns.append((fits, turn))
        self.look_again()

    def look_again(self) -> None:
        """What did not fit may do so now: something was closed, or a key has done what it does."""
        self._turns = [wanted for wanted in self._turns if not wanted[1].done()]
        fitting = next((turn for fits, turn in self._turns if fits()), None)
        if fitting is None:
            return
        if self.free:
            self.open(lambda: fitting.set_result(None))
        else:
            self._be_patient()

    async def _pass(self, event: Typed) -> None:
        way, top = self._begin(), self._top()
        target: DOMNode = self._app if top is None else top.focused or top
        await self._let_through(event)
        # Once round behind the key, once more behind what a button or a list says when it is given that key.
        self._round(way, target, lambda: self._round(way, target, lambda: self._look_up(way, top)))

    def _begin(self) -> object:
        way = self._way = object()
        self._until_s = monotonic() + _LOST_S
        return way

    def _round(self, way: object, node: DOMNode, then: Then) -> None:
        """Behind the key: from what was given it, through all that this lies in, to the app and what that has begun."""
        if way is not self._way:
            return
        above = node.parent or self._app
        if node is self._app:
            self._app.call_later(_later, _TURNS, then)
        elif not node.call_later(self._round, way, above, then):
            self._round(way, above, then)

    def _look_up(self, way: object, before: Screen[Any] | None) -> None:
        """Another screen stands first, and shows what keys are meant for, and what it focuses has the focus."""
        top = self._top()
        if top is None or top is before:
            self._end(way)
        elif isinstance(top, Room):
            top.when_settled(lambda: self._round(way, top, lambda: self._end(way)))
            top.call_later(self._give_up_later, way)
        else:
            self._round(way, top, lambda: self._end(way))

    def _give_up_later(self, way: object) -> None:
        self._app.set_timer(PATIENCE_S, lambda: self._end(way))

    def _end(self, way: object) -> None:
        if way is self._way:
            self._way = None
            self._app.call_later(self._pass_next)

    async def _pass_next(self) -> None:
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        if self._held and self._way is None:
            await self._pass(self._held.popleft())
            if self._held:
                self._be_patient()
        self.look_again()

    def _be_patient(self) -> None:
        """No key waits for ever."""
        if self._patience is None:
            way = self._way
            left_s = max(0.0, self._until_s - monotonic())
            self._patience = self._app.set_timer(left_s, lambda: self._end(way))

    def _top(self) -> Screen[Any] | None:
        stack = self._app.screen_stack
        return stack[-1] if stack else None


def _later(turns: int, then: Then) -> None:
    """After so many turns of the loop."""
    if turns:
        asyncio.get_running_loop().call_soon(_later, turns - 1, then)
    else:
        then()
