"""Power meters by keys: what is asked when one is added or changed, what is confirmed before it supplies."""

from dataclasses import replace
from typing import Any

from textual.screen import Screen
from textual.widgets import Input, Label, Select

from drivers.errors import NotSupported
from drivers.model import DeviceKind, Found
from melt_tui.config import DeviceConfig
from melt_tui.ui.screens.devices import DevicesScreen
from melt_tui.ui.screens.meter_dialog import MeterDialog
from melt_tui.ui.screens.supply_dialog import SupplyConfirm, SupplyDialog
from melt_tui.workbench import SupplyRequest
from tests.rigs.fake_bench import failed
from tests.rigs.night_run import BOARD, METER, PHONE
from tests.rigs.pilots import bench_of, press, settle, until

PPK2 = Found(address="serial:/dev/ttyACM0?family=ppk2", kind=DeviceKind.METER, title="Nordic PPK2")
LINES = Found(
    address="serial:/dev/ttyUSB0?family=csv&columns=V,A&baud=115200", kind=DeviceKind.METER, title="CP2102",
    ready=False, reason="perhaps a board that writes lines; its port does not tell", next_step="m",
)  # fmt: skip
HVPM = Found(address="monsoon:20731", kind=DeviceKind.METER, title="Monsoon HVPM")


async def walk(pilot: Any, *keys: str) -> None:
    await press(pilot, *keys)
    await settle(pilot)


async def choose(pilot: Any, key: str) -> None:
    await until(pilot, lambda: key in {one.key for one in pilot.app.screen._entries})
    pilot.app.screen._selected = key
    pilot.app.screen.look_now()
    await settle(pilot)


def top(app: Any) -> type[Screen[Any]]:
    return type(app.screen)


def verdict(app: Any) -> str:
    return str(app.screen.query_one("#verdict", Label).render())


def labels(app: Any) -> str:
    return " ".join(str(label.render()) for label in app.screen.query(Label))


def field(app: Any, name: str) -> Any:
    return app.screen.query_one(f"#{name}", Select)


async def test_a_meter_that_was_found_is_asked_about_kept_and_opened(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    bench.meters = [PPK2, LINES, HVPM]
    app = make_app(bench)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await walk(pilot, "d")
        await choose(pilot, f"at {LINES.address}")
        await walk(pilot, "enter")
        assert top(app) is MeterDialog
        assert (field(app, "port").value, field(app, "family").value) == ("serial:/dev/ttyUSB0", "csv")
        assert verdict(app) == LINES.reason
        assert app.screen.query_one("#options", Input).value == "columns=V,A&baud=115200"
        field(app, "family").value = "tc66"
        await settle(pilot)
        assert (field(app, "point").value, app.screen.query_one("#options", Input).value) == ("usb-input", "")
        field(app, "family").value = "csv"
        await settle(pilot)
        field(app, "point").clear()
        app.screen._keep()
        assert verdict(app).startswith("Which device does it feed?")
        field(app, "feeds").value = PHONE
        app.screen._keep()
        assert verdict(app).startswith("Where does it measure?")
        field(app, "point").value = "rail:NAME"
        app.screen._keep()
        assert verdict(app).startswith("Where does it measure?")
        app.screen.query_one("#rail", Input).value = "VDD_IN"
        await pilot.click("#keep")
        await settle(pilot)
        wanted = DeviceConfig(address=LINES.address, feeds=PHONE, point="rail:VDD_IN")
        assert bench.told("save_device") == [(wanted, "")]
        assert bench.told("add_device") == [(LINES.address, "", PHONE, "rail:VDD_IN")]
        await choose(pilot, f"at {HVPM.address}")
        await walk(pilot, "m")
        assert not app.screen.query_one("#line-family").display
        assert field(app, "point").value == "battery-terminals"
        field(app, "port").value = "serial:/dev/ttyACM0"
        await settle(pilot)
        assert (field(app, "family").value, app.screen.query_one("#line-family").display) == ("ppk2", True)
        field(app, "port").value = "\x00other"
        field(app, "family").value = "um"
        field(app, "feeds").value = BOARD
        await settle(pilot)
        app.screen.query_one("#path", Input).value = "rfc2217://lab:4000"
        bench.broken = NotSupported("no such board")
        app.screen._keep()
        await settle(pilot)
        address = "serial:rfc2217://lab:4000?family=um"
        assert bench.told("save_device")[1][0].address == address
        assert len(bench.told("add_device")) == 1, "what the file refuses is not opened"


async def test_what_is_kept_of_a_meter_is_changed(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    kept = DeviceConfig(
        address="serial:/dev/ttyACM0?family=ppk2&mode=source", name="ppk2", colour="red", feeds=PHONE,
        point="battery-terminals",
    )  # fmt: skip
    bench.saved = [kept]
    app = make_app(bench)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await walk(pilot, "d")
        await choose(pilot, f"kept {kept.address}")
        await walk(pilot, "enter")
        assert bench.told("add_device") == [(kept.address, "ppk2", PHONE, "battery-terminals")]
        await walk(pilot, "m")
        assert app.screen.query_one("#options", Input).value == "mode=source"
        field(app, "feeds").value = BOARD
        field(app, "point").value = "board-input"
        app.screen._keep()
        await settle(pilot)
        assert bench.told("save_device") == [(replace(kept, feeds=BOARD, point="board-input"), "ppk2")]
        assert bench.told("add_device")[1:] == [(kept.address, "ppk2", BOARD, "board-input")]


async def test_nothing_is_supplied_before_it_was_confirmed(desk: Any, make_app: Any) -> None:
    bench = desk()
    bench.supply = replace(bench.supply, warnings=("4.2 V is above",))
    app = make_app(bench)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        bench_of(app).viewer.selected = PHONE
        await walk(pilot, "u")
        assert top(app) is SupplyDialog
        await walk(pilot, *"4,2x", "enter")
        assert verdict(app).startswith("A voltage is a number of volts")
        assert "Now: on, set to 3.9 V. It supplies 0.8 to 13.5 V." in labels(app)
        await walk(pilot, "backspace", "enter")
        assert top(app) is SupplyConfirm
        shown = labels(app)
        assert "Supply pixel-8 with 4.2 V from hvpm?" in shown
        assert "4.2 V is above" in shown
        wanted = SupplyRequest(meter=METER, millivolts=4200)
        may = SupplyRequest(meter=METER, on=False)
        assert (bench.told("check_supply"), bench.told("set_supply")) == ([may, wanted], [])
        await walk(pilot, "enter")
        assert bench.told("set_supply") == []
        await walk(pilot, "u", *"4.2", "enter", "y")
        assert bench.told("set_supply") == [wanted]
        await walk(pilot, "d")
        assert top(app) is DevicesScreen
        await choose(pilot, f"name {METER}")
        bench.check_supply = lambda _: failed(NotSupported("hvpm only measures"))
        await walk(pilot, "u")
        assert top(app) is DevicesScreen
        assert [notice.message for notice in app._notifications][-1] == "hvpm only measures"
        assert bench.told("set_supply") == [wanted]


async def test_a_voltage_that_cannot_be_is_refused_where_it_was_typed(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    possible = bench.check_supply
    bench.check_supply = lambda request: (
        failed(NotSupported("hvpm cannot supply 42 V", remedy="it supplies 0.8 to 13.5 V"))
        if request.millivolts == 42_000
        else possible(request)
    )
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        bench_of(app).viewer.selected = PHONE
        await walk(pilot, "u", *"42", "enter")
        assert top(app) is SupplyDialog
        assert verdict(app) == "hvpm cannot supply 42 V: it supplies 0.8 to 13.5 V"
        assert app.screen.query_one("#volts", Input).value == "42"
        await walk(pilot, *"4.2", "enter")
        assert top(app) is SupplyConfirm
        assert [one.millivolts for one in bench.told("check_supply")] == [None, 4200]


async def test_a_meter_whose_address_is_typed_is_asked_about_too(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    app = make_app(bench)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await walk(pilot, "d", "a")
        app.screen.query_one("#address", Input).value = "serial:/dev/ttyUSB3?family=um&baud=9600"
        app.screen.query_one("#name", Input).value = "my cable"
        await walk(pilot, "enter")
        assert verdict(app) == 'A name is a text like "pixel-8", up to 40 characters without blanks'
        app.screen.query_one("#name", Input).value = "cable"
        await walk(pilot, "enter")
        assert top(app) is MeterDialog
        assert bench.told("save_device") == bench.told("add_device") == []
        assert app.screen.query_one("#path", Input).value == "serial:/dev/ttyUSB3"
        assert (field(app, "family").value, field(app, "point").value) == ("um", "usb-input")
        field(app, "feeds").value = PHONE
        app.screen.query_one("#name", Input).value = "a" * 41
        app.screen._keep()
        assert (top(app), verdict(app)[:9]) == (MeterDialog, "A name is"), "what was answered stays"
        app.screen.query_one("#name", Input).value = "cable"
        await pilot.click("#keep")
        await settle(pilot)
        address = "serial:/dev/ttyUSB3?family=um&baud=9600"
        kept = DeviceConfig(address=address, name="cable", feeds=PHONE, point="usb-input")
        assert bench.told("save_device") == [(kept, "")]
        assert bench.told("add_device") == [(address, "cable", PHONE, "usb-input")]
        for whole in (f"{address}&feeds={PHONE}&point=usb-input", "serial:/dev/ttyUSB4?family=csv&columns=C"):
            await walk(pilot, "a")
            app.screen.query_one("#address", Input).value = whole
            await walk(pilot, "enter")
            assert top(app) is DevicesScreen
            assert bench.told("add_device")[-1][0] == whole
