"""melt import and melt edit as they are typed: what comes out, what is said, which code they leave with."""

import json
from pathlib import Path

import pytest

from melt_tui.cli.command import run
from melt_tui.store import library

BENCH = {"n_prompt": 0, "n_gen": 128, "samples_ns": [8_000_000_000], "test_time": "2026-01-02T03:04:05Z"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "a.jsonl").write_text(json.dumps(BENCH))
    return tmp_path


def recordings(home: Path) -> list[Path]:
    return sorted((home / "data").rglob("*.melt"))


def test_a_file_becomes_a_recording_beside_the_others(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(home / "a.jsonl")]) == 0
    (path,) = recordings(home)
    told = capsys.readouterr()
    assert told.err == f"imported into {path}\n"
    assert "imported llama-bench results: not measured by melt" in told.out
    assert library.info(path).decode_tps == pytest.approx(16.0)
    assert run(["sessions"]) == 0
    assert "(imported)" in capsys.readouterr().out
    assert run(["import", str(home / "a.jsonl"), "--out", str(home / "b.melt"), "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert document["recording"] == str(home / "b.melt")
    assert run(["import", str(home / "a.jsonl"), "--out", str(home / "b.melt")]) == 2
    assert "exists already" in capsys.readouterr().err


def test_what_cannot_be_taken_does_not_hold_up_the_others(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "bad.jsonl").write_text(json.dumps(BENCH)[:-9])
    assert run(["import", str(home / "bad.jsonl"), str(home / "a.jsonl")]) == 2
    assert len(recordings(home)) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("melt: ")] == [
        f"melt: {home / 'bad.jsonl'} was cut off, or is no JSON: copy it again, or leave its last line out"
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "it is not clear what to import"),
        (["--samples", "a.csv"], "samples and events belong together"),
        (["a", "b", "--into", "s.melt"], "one capture goes into a session at a time"),
        (["a", "--voltage", "4"], "--voltage is of --into"),
        (["a", "b", "--out", "c.melt"], "several files do not go into one recording"),
        (["nowhere"], "there is nothing at nowhere"),
    ],
)
def test_what_does_not_go_together(
    home: Path, capsys: pytest.CaptureFixture[str], typed: list[str], said: str
) -> None:
    assert run(["import", *typed]) == 2
    assert said in capsys.readouterr().err
    assert recordings(home) == []


def test_a_log_of_operators_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node = " -   0: [  4096,     2,     1]          MUL_MAT   (  1) cpu =  18.562 /  18.562 ms, wall =   5.255 /   5.255 ms"
    (home / "ops.txt").write_text(f"=== GRAPH ===\nn_nodes = 1\n{node}\n")
    assert run(["import", "--ops", str(home / "ops.txt")]) == 0
    assert "MUL_MAT" in capsys.readouterr().out
    assert run(["import", "--ops", "--json", str(home / "ops.txt")]) == 0
    (log,) = json.loads(capsys.readouterr().out)
    assert log["per_op"][0]["wall_ms"] == 5.255
    assert log["imported"] is True


def test_a_turn_is_left_out_and_taken_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["import", str(home / "a.jsonl"), "--out", str(home / "b.melt")])
    capsys.readouterr()
    path = str(home / "b.melt")
    assert run(["edit", path, "--exclude", "1"]) == 2
    assert "not left out without a reason" in capsys.readouterr().err
    assert run(["edit", path, "--exclude", "1", "--reason", "a call"]) == 0
    assert "turn 1 of run llama-bench-1 does not count (a call)" in capsys.readouterr().out
    assert library.info(home / "b.melt").decode_tps is None
    assert run(["edit", path, "--undo"]) == 0
    assert "[no longer in force]" in capsys.readouterr().out
    assert library.info(home / "b.melt").decode_tps == pytest.approx(16.0)
    assert run(["edit", path, "--meter", "m", "--exclude", "1"]) == 2


def test_the_same_file_is_recognised(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(home / "a.jsonl")]) == 0
    (path,) = recordings(home)
    (home / "b.jsonl").write_text((home / "a.jsonl").read_text())
    assert run(["import", str(home / "b.jsonl"), "--name", "another"]) == 2, "by what is in it"
    said = capsys.readouterr().err
    assert f"{home / 'b.jsonl'} was imported before, as {path}: delete that, or have it a second time" in said
    assert run(["import", str(home / "a.jsonl"), "--again"]) == 0
    assert len(recordings(home)) == 2
    for name, rate in (("c", 7), ("d", 9)):
        (home / f"{name}.jsonl").write_text(json.dumps(BENCH | {"n_gen": rate}))
    assert (
        run(
            [
                "import",
                *(str(home / f"{name}.jsonl") for name in "aced" if name != "e"),
                str(home / "c.jsonl"),
            ]
        )
        == 2
    )
    assert len(recordings(home)) == 4, "what is new is made, once"
    assert capsys.readouterr().err.count("was imported before") == 2


def test_a_span_and_what_a_capture_was_brought_into_are_others(home: Path) -> None:
    assert run(["import", str(home / "a.jsonl")]) == 0
    (path,) = recordings(home)
    assert run(["trim", str(path), "--from", "0", "--to", "1"]) == 0
    (home / "m.csv").write_text(
        "time (s),current (A),voltage (V)\n" + "".join(f"{i / 100},0.5,5.0\n" for i in range(300))
    )
    into = ["--into", str(path), "--point", "usb-input", "--starts", "0"]
    assert run(["import", str(home / "m.csv"), *into]) == 0
    path.unlink()
    assert len(recordings(home)) == 2
    assert run(["import", str(home / "a.jsonl")]) == 0


def test_what_is_no_recording_does_not_hold_it_up(home: Path) -> None:
    folder = home / "data" / "melt" / "recordings"
    folder.mkdir(parents=True)
    (folder / "x.melt").write_text("nothing")
    assert run(["import", str(home / "a.jsonl")]) == 0
    assert run(["import", str(home / "a.jsonl")]) == 2
