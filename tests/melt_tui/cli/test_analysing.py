"""``melt analyse``, in one process."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from melt_tui.cli.analysing import analyse
from melt_tui.cli.parser import parser
from melt_tui.errors import BadRecording, UsageError
from melt_tui.events import SELF, SessionStarted
from melt_tui.session.bus import Bus
from melt_tui.store.recorder import Recorder
from tests.rigs.token_traces import Trace, at, severe


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that throttles at 45 s, recorded without a detector."""
    path = tmp_path_factory.mktemp("kept") / "a.melt"
    recorder = Recorder(path)
    bus = Bus((recorder,))
    bus.publish(SessionStarted(t_ns=at(-2), device=SELF, wall_ns=0, name="s", version="1", host="h"))
    for item in Trace(lambda t: 20.0 if t < 45 else 12.0, others=[severe(44)], seconds=70).items():
        bus.publish(item)
    recorder.close()
    return path


def asked(recording: Path, *more: str) -> Namespace:
    return parser().parse_args(["analyse", str(recording), *more])


def test_it_tells_of_every_run(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyse(asked(recording)) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head == "run r, on phone"
    assert first.startswith("  throttling: from 47 s on")


def test_in_json_the_settings_stand_beside_the_result(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyse(asked(recording, "--json", "--set", "below=0.5", "--detector", "two-witnesses")) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["run"], run["device"], run["throttling"]["onset_s"]) == ("r", "phone", None)
    assert run["throttling"]["parameters"]["below"] == "0.5"


@pytest.mark.parametrize("wrong", [("--set", "below"), ("--set", "x=1"), ("--detector", "x")])
def test_what_there_is_not_is_refused(recording: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        analyse(asked(recording, *wrong))


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecording):
        analyse(asked(tmp_path / "none.melt"))
