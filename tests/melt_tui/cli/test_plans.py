from pathlib import Path

import pytest

from melt_tui.cli.parser import parser
from melt_tui.cli.plans import DEMO_REQUESTS, Plan, plan
from melt_tui.errors import ConfigError, UsageError


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config file of the test's own."""
    path = tmp_path / "config.toml"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("MELT_CONFIG", str(path))
    return path


def planned(*words: str) -> Plan:
    return plan(parser().parse_args(words))


def test_the_bench_opens_this_computer_where_nothing_is_configured(config: Path) -> None:
    bench = planned()
    assert [place.address for place in bench.setup.places] == ["host"]
    assert (bench.requests, bench.seconds, bench.headless) == ((), None, False)
    config.write_text('[[devices]]\naddress = "sim:phone"\n', encoding="utf-8")
    assert [place.address for place in planned().setup.places] == ["sim:phone"]


def test_the_demo_runs_here_beside_simulated_devices() -> None:
    demo = planned("demo", "--seconds", "3", "--headless", "--json")
    assert [place.address for place in demo.setup.places] == ["host", "sim:phone", "sim:jetson", "sim:meter"]
    assert demo.requests == DEMO_REQUESTS
    assert demo.setup.script
    assert (demo.seconds, demo.headless, demo.as_json) == (3, True, True)
    alone = planned("demo", "--no-simulated")
    assert [place.address for place in alone.setup.places] == ["host"]
    assert alone.requests == DEMO_REQUESTS[:1]
    assert not alone.setup.script


def test_phones_come_by_themselves_unless_devices_were_named(config: Path) -> None:
    config.write_text('[[devices]]\naddress = "sim:phone"\nname = "left"\n', encoding="utf-8")
    asked = {
        (): True,
        ("demo",): True,
        ("demo", "--no-simulated"): True,
        ("watch",): True,
        ("watch", "--device", "left"): False,
        ("--device", "sim:jetson"): False,
        ("run",): False,
        ("run", "--device", "host"): False,
    }
    assert {words: planned(*words).setup.plugged for words in asked} == asked


def test_a_device_of_the_config_file_is_named_by_its_name(config: Path) -> None:
    config.write_text(
        '[[devices]]\naddress = "ssh://u@orin"\nname = "orin"\ncolour = "red"\n', encoding="utf-8"
    )
    setup = planned("watch", "--device", "orin").setup
    assert [(place.address, place.name) for place in setup.places] == [("ssh://u@orin", "orin")]
    assert (setup.config, [one.colour for one in setup.saved]) == (config, ["red"])
    with pytest.raises(UsageError, match=r"ssh://u@orin was given twice"):
        planned("watch", "--device", "orin", "--device", "ssh://u@orin")


def test_what_becomes_of_a_run_when_its_link_goes(config: Path) -> None:
    (request,) = planned("run", "--device", "host").requests
    assert (request.on_link_loss, request.lease_s) == ("stop", 900.0)
    config.write_text('[run]\non_link_loss = "keep"\nlease = 60\n', encoding="utf-8")
    (request,) = planned("run", "--device", "host").requests
    assert (request.on_link_loss, request.lease_s) == ("keep", 60.0)
    (request,) = planned("run", "--device", "host", "--on-link-loss", "stop", "--lease", "30").requests
    assert (request.on_link_loss, request.lease_s) == ("stop", 30.0)


def test_how_long_a_device_is_left_alone_before_a_run(config: Path) -> None:
    assert planned("run", "--device", "host").requests[0].baseline_s == 0
    config.write_text("[run]\nbaseline = 60\n", encoding="utf-8")
    assert planned("run", "--device", "host").requests[0].baseline_s == 60
    assert planned("run", "--device", "host", "--baseline", "5").requests[0].baseline_s == 5


def test_seconds_of_a_run_are_its_own_those_of_watching_the_session_s() -> None:
    run = planned("run", "--device", "sim:phone", "--seconds", "7", "--turns", "2")
    (request,) = run.requests
    assert (request.seconds, request.turns, request.devices) == (7, 2, ())
    assert run.seconds is None
    watch = planned("watch", "--device", "sim:phone", "--seconds", "7")
    assert (watch.seconds, watch.requests) == (7, ())


def test_a_replay_opens_nothing_and_records_nothing() -> None:
    replay = planned("replay", "some.melt")
    assert replay.looked_at == Path("some.melt")
    assert replay.setup.places == ()
    assert not replay.setup.recording


def test_the_settings_may_ask_for_no_screen(config: Path) -> None:
    config.write_text("[screen]\nheadless = true\njson = true\n", encoding="utf-8")
    assert planned("watch", "--device", "host").headless
    assert planned("demo").as_json
    assert not planned().headless


@pytest.mark.parametrize("verb", ["run", "watch"])
def test_a_device_must_be_named(verb: str) -> None:
    with pytest.raises(UsageError, match="no device was named"):
        planned(verb)


@pytest.mark.parametrize("verb", [["run"], ["watch"], []])
def test_a_device_that_is_named_twice(verb: list[str]) -> None:
    with pytest.raises(UsageError, match="--device host was given twice: name each device once"):
        planned(*verb, "--device", "host", "--device", "sim:phone", "--device", "host")
    both = planned(*verb, "--device", "sim:phone", "--device", "sim:phone").setup.places
    assert len(both) == 2, "simulated devices are made as often as they are named"


@pytest.mark.parametrize("option", ["model", "threads", "context", "batch", "runtime-arg"])
def test_what_a_running_server_cannot_be_told(option: str) -> None:
    words = ["run", "--device", "host", f"--{option}=4"]
    assert planned(*words).requests[0].url == ""
    with pytest.raises(UsageError, match=f"--{option} has no effect on a server that is running already"):
        planned(*words, "--url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("runtime", "told"),
    [
        ("ollama", {"threads", "context", "batch", "runtime-arg"}),
        ("mlc", {"runtime-arg"}),
        ("ollama@host, mlc@sim-phone", {"runtime-arg"}),
        ("llama_server@host, ollama", set()),
    ],
)
def test_what_goes_with_each_request_is_told_to_a_running_server(runtime: str, told: set[str]) -> None:
    refused = set[str]()
    for option in ("model", "threads", "context", "batch", "runtime-arg"):
        try:
            planned("run", "--device=host", "--url=http://h:1", f"--runtime={runtime}", f"--{option}=4")
        except UsageError:
            refused.add(option)
    assert {"model", "threads", "context", "batch", "runtime-arg"} - refused == told


def test_a_wrong_setting_is_told(config: Path) -> None:
    config.write_text("[screen]\nframe_rate = -1\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        planned()
