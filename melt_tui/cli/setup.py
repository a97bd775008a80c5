"""``melt setup DEVICE``: an engine, and a model if asked for, on a phone or board."""

import threading
from argparse import Namespace
from dataclasses import asdict

from melt_tui import format as fmt
from melt_tui.cli.options import config_of, session_setup
from melt_tui.cli.orders import taking_orders
from melt_tui.cli.output import progress, result, result_json
from melt_tui.cli.passwords import Asker
from melt_tui.workbench import SetupRequest

_STEP = 0.1
"""Fraction of a step after which it is told again."""


def setup(options: Namespace) -> int:
    """Carry it out, telling how far it is. Raises KeyboardInterrupt."""
    request = SetupRequest(
        address=options.device,
        runtime=options.runtime,
        source=options.source or "",
        sha256=options.sha256 or "",
        model=options.model or "",
        model_sha256=options.model_sha256 or "",
    )
    session = session_setup(options, config_of(options), opened=(), recording=False)
    teller = Teller()
    with taking_orders(session) as orders:
        asker = Asker(orders.bench, orders.interrupts)
        try:
            asker.let_in(lambda: orders.bench.setup(request, teller.tell))
        except KeyboardInterrupt:
            progress(
                f"interrupted: what has arrived at {options.device} stays, and the same order goes on with it"
            )
            raise
    if options.json:
        result_json({**asdict(request), "steps": teller.steps})
    else:
        result(f"{options.device} is set up")
    return 0


class Teller:
    """Tells each step when it begins and every tenth of it."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self._told = 0.0
        self._lock = threading.Lock()

    def tell(self, step: str, fraction: float, eta_s: float | None) -> None:
        """Progress of one step. From any thread."""
        with self._lock:
            fresh = not self.steps or self.steps[-1] != step
            if fresh:
                self.steps.append(step)
            if fresh or fraction >= self._told + _STEP or (fraction >= 1.0 > self._told):
                self._told = fraction
                left = f", {fmt.seconds(eta_s)} to go" if eta_s else ""
                progress(f"{step} {fmt.percent(fraction * 100)}{left}")
