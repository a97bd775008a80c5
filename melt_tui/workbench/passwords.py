"""Passwords of boards, as far as melt asks for them: kept in memory for as long as the session, stored nowhere."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from drivers.errors import NeedsPassword
from melt_tui.session.sampler import Sampler
from melt_tui.workbench.contract import PasswordWanted


class Passwords:
    """Who waits for which, and what was given. ``give`` tells the driver, ``again`` runs a sampler anew."""

    def __init__(
        self,
        samplers: Callable[[], Iterable[Sampler]],
        give: Callable[[str, str], None],
        again: Callable[[Sampler], None],
    ) -> None:
        self._samplers = samplers
        self._give = give
        self._again = again
        self._tries = Counter[str]()

    def wanted(self) -> Sequence[PasswordWanted]:
        """By account, in the order of the devices."""
        waiting: dict[str, list[str]] = {}
        for sampler in self._samplers():
            if isinstance(sampler.failure, NeedsPassword):
                waiting.setdefault(sampler.failure.account, []).append(sampler.name)
        return tuple(
            PasswordWanted(account=account, devices=tuple(names), tries=self._tries[account])
            for account, names in waiting.items()
        )

    def give(self, account: str, password: str) -> None:
        """Use it from now on; the devices that waited for it are opened again."""
        self._tries[account] += 1
        self._give(account, password)
        for sampler in self._samplers():
            if isinstance(sampler.failure, NeedsPassword) and sampler.failure.account == account:
                sampler.forgive()
                self._again(sampler)
