"""Passwords of boards on the command line: asked for on the terminal, never taken from an option or a pipe."""

import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from getpass import getpass
from typing import TypeVar

from drivers.errors import NeedsPassword
from melt_tui.cli.interrupts import Interrupts
from melt_tui.cli.output import progress
from melt_tui.workbench import TRIES, Workbench

T = TypeVar("T")


class Asker:
    """Asks for each account a few times."""

    def __init__(self, bench: Workbench, interrupts: Interrupts) -> None:
        self._bench = bench
        self._interrupts = interrupts
        self._tries = Counter[str]()
        self._given_up: set[str] = set()

    def let_in(self, order: "Callable[[], Future[T]]", beat: Callable[[], object] = lambda: None) -> T:
        """Give an order, and again after each password that it takes; ``beat`` is called now and then meanwhile.

        Raises NeedsPassword where nobody can be asked, nobody knows it, or ``TRIES`` were wrong.
        """
        while True:
            try:
                return self._interrupts.wait(order(), beat)
            except NeedsPassword as refused:
                if not self.ask(refused.account):
                    raise _final(refused) from None

    def ask_for_all(self) -> bool:
        """Ask for what devices of the session wait for; whether any was given."""
        given = [wanted for wanted in self._bench.passwords_wanted() if self.ask(wanted.account)]
        return bool(given)

    def ask(self, account: str) -> bool:
        """Ask on the terminal, and use the answer from now on; False where that is no use (any more)."""
        if account in self._given_up:
            return False
        if self._tries[account]:
            progress(f"{account} does not accept that password")
        if self._tries[account] < TRIES and (password := self._answer(account)):
            self._tries[account] += 1
            self._interrupts.wait(self._bench.give_password(account, password))
            return True
        self._given_up.add(account)
        return False

    def _answer(self, account: str) -> str:
        """What was typed; nothing where there is no terminal."""
        if not sys.stdin.isatty():
            return ""
        with self._interrupts.asking(), suppress(EOFError):
            return getpass(f"Password of {account}: ")
        return ""


def _final(refused: NeedsPassword) -> NeedsPassword:
    if not sys.stdin.isatty():
        refused.remedy += "; to be asked for a password, run melt in a terminal"
    return refused
