"""From options and settings to what is asked for."""

from pathlib import Path

from melt_tui.cli.options import asked_run, session_setup
from melt_tui.cli.parser import parser
from melt_tui.config import Config, DeviceConfig, RunConfig, SessionConfig
from melt_tui.workbench import Place

METER = DeviceConfig(address="sim:meter", name="m", feeds="sim-phone", point="usb-input")


def test_what_was_typed_wins_over_the_settings() -> None:
    config = Config(run=RunConfig(model="a.gguf", turns=5, pause_s=1.0, ignore_eos=True))
    options = parser().parse_args(["run", "--turns", "2", "--pause", "0", "--runtime-arg=--x"])
    request = asked_run(options, config, ("host",))
    assert (request.devices, request.model, request.turns) == (("host",), "a.gguf", 2)
    assert (request.pause_s, request.runtime_args, request.ignore_eos) == (0.0, ("--x",), True)


def test_devices_come_from_the_settings_unless_named(tmp_path: Path) -> None:
    config = Config(devices=(METER,), session=SessionConfig(recordings=tmp_path))
    setup = session_setup(parser().parse_args([]), config)
    known = Place(address="sim:meter", name="m", feeds="sim-phone", point="usb-input")
    assert setup.places == (known,)
    assert setup.folder == tmp_path
    named = session_setup(parser().parse_args(["--device", "host", "--device", "sim:meter"]), config)
    assert named.places == (Place(address="host"), known)


def test_short_sessions_are_dropped_by_the_bench_alone() -> None:
    options = parser().parse_args([])
    assert session_setup(options, Config()).keep_s == 600
    assert session_setup(options, Config(), keep=True).keep_s == 0
    assert session_setup(options, Config(session=SessionConfig(keep_short=True))).keep_s == 0


def test_every_setting_in_force_is_told_to_the_recording() -> None:
    settings = dict(session_setup(parser().parse_args(["--device", "host"]), Config()).settings)
    assert settings["run.model"] == "demo"
    assert settings["session.commit_interval_ms"] == "250"
    assert settings["option.device"] == "['host']"
