"""Orders given in dialogs, and what the workbench is told."""

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Checkbox, DataTable, Input, Label, Select

from drivers.clock import SECOND
from drivers.errors import LinkLost
from melt_tui.analysis.export_request import ExportRequest, Format, ReportRequest, Table
from melt_tui.ui.look import running
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.dialogs import ConfirmDialog, StopDialog
from melt_tui.ui.screens.library import LibraryScreen, split_tags
from melt_tui.ui.screens.run_dialog import RunDialog
from melt_tui.ui.screens.setup_dialog import SetupDialog
from melt_tui.ui.widgets.choice_box import ChoiceBox
from melt_tui.workbench import Choice, RunRequest, SetupRequest
from tests.rigs.fake_bench import done
from tests.rigs.night_run import BOARD, HOST, PHONE
from tests.rigs.pilots import bench_of, press, settle, until

SIZE = (120, 36)
NIGHT = Path("/r/2026-09-21 night-run.melt")


def notices(app: Any) -> list[str]:
    return [notice.message for notice in app._notifications]


def on_top(app: Any) -> Any:
    return app.screen_stack[-1]


async def test_a_run_is_started_as_it_was_asked_for_and_remembered(desk: Any, make_app: Any) -> None:
    bench, remembered = desk(until_s=20.0, runs=False), list[RunRequest]()
    last = RunRequest(devices=(HOST, "gone"), model="/m/x.gguf", workload="sustained", threads=3)
    app = make_app(bench, last_run=last, remember_run=remembered.append)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        dialog = app.screen
        assert isinstance(dialog, RunDialog)
        assert dialog.query_one("#model-path", Input).value == "/m/x.gguf"
        assert dialog.query_one("#threads", Input).value == "3"
        dialog.query_one("#device-1", Checkbox).value = True
        dialog.query_one("#turns", Input).value = "5"
        dialog.query_one("#runtime", ChoiceBox).value = "llama_server"
        await settle(pilot)
        assert str(dialog.query_one("#verdict", Label).render()) == "Ready to start."
        await pilot.click("#start")
        await settle(pilot)
        assert isinstance(app.screen, BenchScreen)
    wanted = RunRequest(
        devices=(BOARD, HOST),
        model="/m/x.gguf",
        workload="sustained",
        threads=3,
        turns=5,
        runtime="llama_server",
    )
    assert bench.told("start_run") == [wanted]
    assert remembered == [wanted]


async def test_a_key_that_comes_late_opens_nothing_above_a_dialog(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        dialog = app.screen
        for late in ("devices", "library", "fleet"):
            app.action_command(late)
        await settle(pilot)
        assert app.screen is dialog
        app.push_screen(ConfirmDialog("Above?", "Yes"))
        await settle(pilot)
        dialog.dismiss(None)
        await settle(pilot)
        assert isinstance(on_top(app), ConfirmDialog), "an answer from below closes nothing above"
        await press(pilot, "escape", "escape")
        assert isinstance(on_top(app), BenchScreen)


async def test_a_run_that_cannot_work_is_refused_with_the_reason(desk: Any, make_app: Any) -> None:
    bench = desk(refusal="no binary on pixel-8: push it first")
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r", "enter")
        dialog = app.screen
        await settle(pilot)
        assert app.screen is dialog
        assert "no binary on pixel-8" in str(dialog.query_one("#verdict", Label).render())
        dialog.query_one("#turns", Input).value = "x"
        await settle(pilot)
        assert "takes a whole number" in str(dialog.query_one("#verdict", Label).render())
        bench.refusal = ""
        dialog.query_one("#turns", Input).value = "2"
        await settle(pilot)
        dialog.query_one("#turns", Input).focus()
        await press(pilot, "enter")
        await settle(pilot)
    assert [request.turns for request in bench.told("start_run")] == [2]


async def test_what_is_missing_on_a_device_is_put_there_from_the_dialog(desk: Any, make_app: Any) -> None:
    bench = desk(refusal=f"no engine on {BOARD}: melt setup {BOARD} puts one there")
    bench.lacking = BOARD
    offers = {PHONE: ["llama_server", "mlc"], BOARD: ["llama_server", "ollama"], HOST: ["ollama"]}
    bench.runtimes = lambda device: [Choice(value=name, title=name) for name in offers[device]]
    app = make_app(bench, last_run=RunRequest(devices=(BOARD,), runtime="ollama", on_link_loss="keep"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        bench_of(app).viewer.selected = BOARD
        await press(pilot, "r")
        await settle(pilot)
        dialog = app.screen
        runtime = dialog.query_one("#runtime", ChoiceBox)
        runtime.value = "ollama"
        dialog.query_one("#device-0", Checkbox).value = True
        await settle(pilot)
        assert [value for _, value in runtime.options] == ["", "llama_server"]
        assert runtime.value == ""
        dialog.query_one("#on_link_loss", ChoiceBox).value = "keep"
        runtime.value = "llama_server"
        await settle(pilot)
        await pilot.click("#setup")
        await settle(pilot)
        assert isinstance(app.screen, SetupDialog)
        bench.refusal = ""
        await press(pilot, "enter")
        await until(pilot, lambda: app.screen is dialog)
        await until(pilot, lambda: not dialog.query_one("#setup").display)
        assert bench.told("setup") == [SetupRequest(address=BOARD, runtime="llama_server")]
        await pilot.click("#start")
        await settle(pilot)
    (started,) = bench.told("start_run")
    assert (started.devices, started.runtime, started.on_link_loss) == (
        (PHONE, BOARD),
        "llama_server",
        "keep",
    )


async def test_a_device_that_is_slow_to_answer_is_being_looked_at(desk: Any, make_app: Any) -> None:
    bench, looks = desk(), list[Future[Any]]()

    def look(_: RunRequest) -> "Future[Any]":
        looks.append(Future())
        return looks[-1]

    bench.check_run = look
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        verdict = app.screen.query_one("#verdict", Label)
        await until(pilot, lambda: str(verdict.render()) == "Looking at the devices …")
        bench.check_run = lambda request: done([])
        app.screen.query_one("#turns", Input).value = "2"
        await until(pilot, lambda: str(verdict.render()) == "Ready to start.")
        assert all(look.cancelled() for look in looks), "nobody waits for them any more"


async def test_of_many_devices_all_can_be_chosen_at_once(desk: Any, make_app: Any) -> None:
    bench = desk()
    many = [Choice(value=f"p{i}", title=f"p{i}") for i in range(20)]
    app = make_app(bench)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        asking = app.push_screen(RunDialog(bench, many, RunRequest(devices=("p3",))), wait_for_dismiss=False)
        await asking
        await settle(pilot)
        app.screen.query_one("#every-device", Checkbox).value = True
        await settle(pilot)
        await until(pilot, lambda: len(bench.told("check_run")[-1].devices) == 20)


async def test_a_start_that_fails_is_said_and_not_remembered(desk: Any, make_app: Any) -> None:
    bench, remembered = desk(), list[RunRequest]()
    app = make_app(bench, remember_run=remembered.append)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        await settle(pilot)
        bench.broken = LinkLost("The link broke")
        bench.check_run = lambda request: done([])
        await pilot.click("#start")
        await settle(pilot)
        assert notices(app) == ["The link broke"]
    assert remembered == []


async def test_without_a_device_that_runs_models_there_is_no_dialog(desk: Any, make_app: Any) -> None:
    app = make_app(desk(until_s=0.05, runs=False))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        await settle(pilot)
        assert notices(app) == ["No device here can run a model: d looks for more."]
        await press(pilot, "s")
        await settle(pilot)
        assert notices(app)[-1] == "Nothing is running."


async def test_what_is_left_after_a_stop_is_told(
    desk: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = desk()
    left = f"{BOARD} is away: its engine is ended when it is back"
    monkeypatch.setattr(bench, "stop_run", lambda _: done(left))
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "s", "enter")
        await settle(pilot)
        assert notices(app) == [left]


async def test_a_run_that_has_not_begun_can_be_stopped_and_leaving_asks(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=40.0, runs=False, waits=True)
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert running(bench.timeline.view(bench.now())) == []
        await press(pilot, "q")
        assert isinstance(app.screen, ConfirmDialog)
        await press(pilot, "escape", "s")
        await settle(pilot)
        assert bench.told("stop_run") == [PHONE]
        bench.now_ns += 7 * SECOND
        await press(pilot, "s")
        await settle(pilot)
        assert notices(app) == ["Nothing is running."]


async def test_what_makes_runs_fair_is_asked_for_in_the_dialog(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    app = make_app(bench, last_run=RunRequest(devices=(PHONE,), variants=("threads=2", "threads=4")))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        await settle(pilot)
        assert app.screen.query_one("#variants", Input).value == "threads=2; threads=4"
        app.screen.query_one("#gate", Input).value = "soc<=4o"
        await settle(pilot)
        said = str(app.screen.query_one("#verdict", Label).render())
        assert "“soc<=4o” cannot be read at column 7" in said
        app.screen.query_one("#gate", Input).value = "soc<=40"
        app.screen.query_one("#cooldown", Input).value = "gate"
        app.screen.query_one("#until", ChoiceBox).value = "steady"
        await settle(pilot)
        await pilot.click("#start")
        await settle(pilot)
    (request,) = bench.told("start_run")
    assert (request.gate, request.cooldown, request.until, request.order) == (
        "soc<=40",
        "gate",
        "steady",
        "abba",
    )
    assert request.variants == ("threads=2", "threads=4")


async def test_stop_asks_which_when_several_run(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "s")
        assert isinstance(app.screen, StopDialog)
        await press(pilot, "down", "enter")
        await settle(pilot)
        assert bench.told("stop_run") == [BOARD]
        await press(pilot, "s", "end", "enter")
        await settle(pilot)
        assert bench.told("stop_run") == [BOARD, PHONE, BOARD, HOST]
        await press(pilot, "s", "escape")
        await settle(pilot)
        assert len(bench.told("stop_run")) == 4


async def test_a_mark_and_the_end_of_a_device_by_dialog(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "m")
        app.screen.query_one(Input).value = "fan on"
        await press(pilot, "enter")
        await settle(pilot)
        assert bench.told("mark") == ["fan on"]
        await press(pilot, "m", "enter")
        await press(pilot, "m", "escape")
        assert bench.told("mark") == ["fan on"]
        await press(pilot, "down")
        app.give("remove_device")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        await press(pilot, "y")
        await settle(pilot)
        assert bench.told("remove_device") == [BOARD]


async def test_what_is_picked_is_handed_on(desk: Any, make_app: Any, tmp_path: Path) -> None:
    bench = desk()
    paths = [tmp_path / "a.melt", tmp_path / "b.melt"]
    bench.recordings = [replace(bench.recordings[i], path=path) for i, path in enumerate(paths)]
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "l")
        await settle(pilot)
        await press(pilot, "space", "space", "r")
        page = tmp_path / "a-and-1-more.html"
        assert app.screen.query_one(Input).value == str(page)
        await press(pilot, "enter")
        await settle(pilot)
        assert bench.told("write_report") == [ReportRequest(files=tuple(paths), out=page)]
        await press(pilot, "x")
        app.screen.query_one("#what", Select).value = "turns"
        app.screen.query_one("#form", Select).value = "parquet"
        await settle(pilot)
        out = tmp_path / "a-and-1-more-turns.parquet"
        assert app.screen.query_one(Input).value == str(out)
        out.write_text("somebody's", encoding="utf-8")
        await press(pilot, "enter")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        await press(pilot, "n")
        await settle(pilot)
        assert bench.told("export") == []
        await press(pilot, "x")
        app.screen.query_one("#what", Select).value = "trace"
        await settle(pilot)
        app.screen.query_one(Input).value = str(out)
        await press(pilot, "enter", "y")
        await settle(pilot)
        assert bench.told("export") == [
            ExportRequest(
                files=tuple(paths), table=Table.SAMPLES, format=Format.PERFETTO, out=out, force=True
            )
        ]


async def test_the_library_renames_tags_exports_and_deletes(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "l")
        await settle(pilot)
        await press(pilot, "n", "end", *" 2", "enter")
        await settle(pilot)
        assert bench.told("rename_recording") == [(NIGHT, "night-run 2")]
        await press(pilot, "t", "end", *", hot", "enter")
        await settle(pilot)
        assert bench.told("tag_recording") == [(NIGHT, ["thermal", "desk", "hot"])]
        await press(pilot, "x", "enter")
        await settle(pilot)
        out = NIGHT.with_suffix(".csv")
        assert bench.told("export") == [ExportRequest(files=(NIGHT,), format=Format.CSV, out=out)]
        assert notices(app) == [f"Writing {out} …", f"Written to {out}."]
        await press(pilot, "delete", "enter")
        await settle(pilot)
        assert bench.told("delete_recording") == []
        await press(pilot, "delete", "y")
        await settle(pilot)
        assert bench.told("delete_recording") == [NIGHT]
        assert app.screen.query_one(DataTable).row_count == 2
        assert isinstance(app.screen, LibraryScreen)
        assert "lost" in str(app.screen.query_one("#detail", Label).render())


async def test_what_cannot_be_read_is_not_replayed(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "l", "down", "down", "enter")
        await settle(pilot)
        assert notices(app) == ["Cannot be read: not a recording"]
        assert bench.told("open_recording") == []


def test_tags_are_split_by_commas_each_once() -> None:
    assert split_tags(" a, b ,,a,c d ") == ["a", "b", "c d"]
