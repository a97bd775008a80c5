"""Meters in a session, the whole way: what is told beside an address, what is ordered, what the recording holds."""

import time
from collections.abc import Callable
from pathlib import Path

from drivers.events import LogLine, SupplySet
from melt_tui.analysis.summary import of_file
from melt_tui.timeline import DeviceState
from melt_tui.workbench import Place, SessionSetup, SupplyRequest, Workbench
from tests.rigs.meters.pty_end import started

LIMIT_S = 60.0


def until(true: Callable[[], object]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_meter_is_wired_supplies_and_is_recorded(tmp_path: Path) -> None:
    with started("tests.rigs.meters.ppk2_rig", "--current", "constant:0.3") as rig:
        meter = Place(
            address=f"serial:{rig.port}?family=ppk2", name="ppk2", feeds="board", point="rail:VDD_IN"
        )
        path = tmp_path / "a.melt"
        with Workbench(SessionSetup(places=(meter,), record=path, cache=tmp_path)) as bench:
            asked = bench.check_supply(SupplyRequest(meter="ppk2", millivolts=4200), LIMIT_S).result(LIMIT_S)
            assert asked.question == "Supply board with 4.2 V from ppk2?"
            assert not [e for e in bench.timeline.events(0, bench.now()) if isinstance(e, SupplySet)]
            bench.set_supply(SupplyRequest(meter="ppk2", millivolts=4200, on=True)).result(LIMIT_S)

            def told() -> list[tuple[float | None, bool | None]]:
                events = bench.timeline.events(0, bench.now(), kinds=(SupplySet,))
                return [(e.volts, e.on) for e in events if isinstance(e, SupplySet)]

            until(lambda: told() == [(4.2, None), (None, True)])
            view = bench.timeline.view(bench.now())
            assert (view.devices["ppk2"].feeds, view.devices["ppk2"].point) == ("board", "rail:VDD_IN")
            assert view.devices["ppk2"].state is DeviceState.UP
            said = bench.timeline.events(0, bench.now(), kinds=(LogLine,))
            assert any(
                isinstance(e, LogLine)
                and "ppk2 feeds board, but no device of that name is in the session" in e.text
                for e in said
            )
        truth = rig.truth()
    assert (truth["supply_mv"], truth["powered"]) == (4200, True)
    kept = next(one for one in of_file(path)["devices"] if one["device"] == "ppk2")
    assert kept["feeds"] == "board"
    assert {(one["channel"], one["point"]) for one in kept["powers"]} == {("power", "rail:VDD_IN")}
    assert all(one["accuracy_gain"] == 0.17 for one in kept["powers"])
