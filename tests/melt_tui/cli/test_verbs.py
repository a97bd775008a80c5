"""Every verb, most as processes of their own: what it prints, what it leaves, how it ends."""

import csv
import io
import json
import signal
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from melt_tui.analysis import export
from tests.rigs.melt import melt, start
from tests.rigs.typed import Typed

pytestmark = pytest.mark.xdist_group("verbs")
"""On one worker: the run that most of them look at is made once."""

HOLE_S = 5 / 100
"""Five periods of the simulated meter."""
LEAST_COVERED = 0.95

RUN = ("run", "--headless", "--json", "--max-tokens", "20")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def recording(home: Path) -> Path:
    """A run on two simulated devices beside a meter that only watches."""
    path = home / "run.melt"
    devices = ("--device", "sim:phone", "--device", "sim:jetson", "--device", "sim:meter")
    done = melt(home, *RUN, *devices, "--turns", "2", "--record", str(path))
    assert done.returncode == 0, done.stderr
    (home / "run.json").write_text(done.stdout, encoding="utf-8")
    return path


def one_sentence(text: str) -> str:
    assert text.startswith("melt: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_run_prints_the_summary_of_its_recording(home: Path, recording: Path) -> None:
    printed = json.loads((home / "run.json").read_text(encoding="utf-8"))
    again = melt(home, "summary", str(recording), "--json")
    assert json.loads(again.stdout) == printed
    assert {run["device"] for run in printed["runs"]} == {"sim-phone", "sim-jetson"}
    for run in printed["runs"]:
        assert [turn["output_tokens"] for turn in run["turns"]] == [20, 20]
        assert run["synthetic"] is False
        assert run["simulated"] is True
    assert set(printed["self"]) >= {"cpu_percent", "rss_bytes", "loop_lag_p99_ms"}


def test_summary_for_people(typed: Typed, recording: Path) -> None:
    told = typed.told("summary", str(recording))
    assert "sim-phone" in told
    assert "tok/s" in told
    assert "simulated" in told


def test_export_gives_rows_of_samples_and_events(home: Path, recording: Path) -> None:
    samples = melt(home, "export", str(recording), "--format", "csv").stdout.splitlines()
    assert samples[0] == "t_s,device,channel,unit,value"
    assert sum(",sim-phone,soc,°C," in row for row in samples) > 5
    out = home / "events.csv"
    melt(home, "export", str(recording), "--table", "events", "--out", str(out))
    events = out.read_text(encoding="utf-8").splitlines()
    assert events[0] == "t_s,device,kind,detail"
    assert sum("TurnEnded" in row for row in events) == 4


def test_energies_are_those_of_the_exported_samples(home: Path, recording: Path) -> None:
    """Reckoned again from the tables alone: trapezoids between the meter's samples, cut at the turn's ends, holes left out."""
    tables = {table: exported(recording, table) for table in ("samples", "events")}
    energies = melt(home, "export", str(recording), "--table", "energy").stdout.splitlines()
    meter = [row.split(",") for row in tables["samples"] if ",sim-meter,power," in row]
    power = [(float(row[0]), float(row[-1])) for row in meter]
    run = next(
        run
        for run in json.loads((home / "run.json").read_text(encoding="utf-8"))["runs"]
        if run["device"] == "sim-phone"
    )
    fed = {(one["scope"], one["turn"]): one for one in run["energy"] if one["source"] == "sim-meter power"}
    assert set(fed) == {("run", None), ("load", None)} | {
        (scope, turn) for scope in ("turn", "prefill", "decode") for turn in (1, 2)
    }
    for turn in (1, 2):
        sent_s, first_s, last_s = _moments(tables["events"], "sim-phone", turn)
        whole, covered = _joules(power, sent_s, last_s)
        decode, decode_covered = _joules(power, first_s, last_s)
        assert fed["turn", turn]["gross_j"] == pytest.approx(whole, rel=1e-5)
        assert fed["decode", turn]["gross_j"] == pytest.approx(decode, rel=1e-5)
        assert fed["turn", turn]["point"] == "battery-terminals"
        assert fed["turn", turn]["coverage"] == pytest.approx(covered, rel=1e-5)
        per_token = {
            one["definition"]: one["gross_j"]
            for one in run["per_token"]
            if (one["turn"], one["source"]) == (turn, "sim-meter power")
        }
        assert per_token["whole"] == _each(whole, covered, 20)
        assert per_token["melt"] == _each(whole, covered, 19)
        assert per_token["decode"] == _each(decode, decode_covered, 19)
    begins = f"run,{run['run']},sim-phone,turn,2,battery-terminals,"
    rows = [row for row in energies if row.startswith(begins)]
    assert [float(row.split(",")[7]) for row in rows] == [fed["turn", 2]["gross_j"]]


def exported(recording: Path, table: str) -> list[str]:
    """Its rows without the head."""
    out = io.StringIO()
    export.write(recording, table, out)
    return out.getvalue().splitlines()[1:]


def _moments(events: list[str], device: str, turn: int) -> tuple[float, float, float]:
    """Prompt sent, first and last token, in the seconds of the tables."""
    by_kind: dict[str, tuple[float, dict[str, int]]] = {}
    for seconds, of, kind, detail in csv.reader(events):
        if of == device and kind in {"TurnStarted", "FirstToken", "TurnEnded"}:
            known = json.loads(detail)
            if known["turn"] == turn:
                by_kind[kind] = (float(seconds), known)
    (sent_s, _), (first_s, _), (_, ended) = (
        by_kind[kind] for kind in ("TurnStarted", "FirstToken", "TurnEnded")
    )
    return sent_s, first_s, first_s + (ended["last_token_ns"] - ended["first_token_ns"]) / 1e9


def _joules(power: list[tuple[float, float]], a: float, b: float) -> tuple[float, float]:
    """Joules from ``a`` to ``b``, and how much of it was measured, 0…1."""
    total = covered = 0.0
    for (t0, p0), (t1, p1) in pairwise(power):
        low, high = max(t0, a), min(t1, b)
        if low < high and t1 - t0 <= HOLE_S:
            middle = p0 + (p1 - p0) * ((low + high) / 2 - t0) / (t1 - t0)
            total += middle * (high - low)
            covered += high - low
    return total, covered / (b - a)


def _each(joules: float, covered: float, tokens: int) -> object:
    """None where too much is missing to divide it."""
    return pytest.approx(joules / tokens, rel=1e-5) if covered >= LEAST_COVERED else None


def test_a_person_with_the_sqlite_shell_finds_the_way(recording: Path) -> None:
    with sqlite3.connect(f"file:{recording}?mode=ro", uri=True) as shell:
        tables = {
            row[0] for row in shell.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        }
        assert {"devices", "channels", "runs", "turns", "events", "seconds"} <= tables
        assert shell.execute("SELECT count(*) FROM turns").fetchone() == (4,)
    shell.close()


def test_sessions_lists_what_was_recorded(tmp_path: Path) -> None:
    melt(tmp_path, *RUN, "--device", "sim:phone", "--turns", "1")
    (row,) = json.loads(melt(tmp_path, "sessions", "--json").stdout)
    assert (row["devices"], row["runs"], row["state"]) == (["sim-phone"], 1, "ended")
    assert "sim-phone (simulated)" in melt(tmp_path, "sessions").stdout


def test_what_is_wrong_with_a_recording_stands_below_the_table(tmp_path: Path) -> None:
    made = melt(tmp_path, "watch", "--headless", "--device", "sim:phone", "--seconds", "0.5")
    (whole,) = Path(made.stderr.rpartition("recorded in ")[2].strip()).parent.glob("*.melt")
    (whole.parent / "cut.melt").write_bytes(whole.read_bytes()[:9000])
    head, *rows, told = melt(tmp_path, "sessions").stdout.splitlines()
    assert told.startswith("cut.melt is unreadable: ")
    (damaged,) = [row for row in rows if row.endswith("cut.melt")]
    assert damaged[head.index("state") :].split()[0] == "unreadable"


def test_doctor_finds_keys_of_no_command(typed: Typed, home: Path) -> None:
    config = home / "wrong.toml"
    config.write_text('[keys]\nrunn = "x"\n', encoding="utf-8")
    code, told, _ = typed.run("doctor", "--json", "--config", str(config))
    wrong = [finding for finding in json.loads(told) if finding["subject"] == "settings"]
    assert [finding["remedy"] for finding in wrong] == ["did you mean run?"]
    assert code == 1


def test_devices_and_doctor(home: Path) -> None:
    found = json.loads(melt(home, "devices", "--json").stdout)
    assert {"host", "sim:phone", "sim:jetson", "sim:meter"} <= {one["address"] for one in found}
    checked = melt(home, "doctor", "--json")
    subjects = {finding["subject"]: finding["good"] for finding in json.loads(checked.stdout)}
    assert subjects["Python"] is True
    assert subjects["recordings"] is True


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("run", "--headless", "--device", "sim:toaster"), 2, "unknown address"),
        (("run", "--headless", "--device", "sim:meter"), 2, "can run a model"),
        (("run", "--headless", "--device", "sim:phone", "--runtime", "vllm"), 2, "it offers simulated"),
        (("run", "--headless", "--device", "host", "--model", "/dev/zero"), 2, "/dev/zero is not a file"),
        (("summary", "\x1b]0;no\x07thing"), 2, "�]0;no�thing"),
        (("run", "--headless"), 2, "no device was named"),
        (("run", "--headless", "--device", "host", "--model", "synthetic:gpt-9"), 2, "known shapes are"),
        (("run", "--headless", "--device", "host", "--model", "nothing.gguf"), 2, "nothing.gguf"),
        (("run", "--headless", "--device", "sim:phone", "--workload", "dance"), 2, "dance"),
        (("summary", "nothing.melt"), 2, "nothing.melt"),
        (("export", "nothing.melt", "--out", "never.csv"), 2, "nothing.melt"),
        (("replay", "nothing.melt"), 2, "no terminal to draw on: open one"),
        (("demo",), 2, "no terminal"),
        (("sessions", "--config", "nothing.toml"), 2, "nothing.toml"),
    ],
)
def test_what_cannot_work_is_one_sentence(typed: Typed, argv: tuple[str, ...], code: int, words: str) -> None:
    ended, out, said = typed.run(*argv)
    assert words in one_sentence(said.splitlines(keepends=True)[-1])
    assert "Traceback" not in said
    assert (ended, out) == (code, "")
    assert not Path("never.csv").exists()


@pytest.mark.parametrize("record", [(), ("--record", "new.melt")])
@pytest.mark.parametrize(
    "wrong", [("--model", "none.gguf"), ("--runtime", "vllm"), ("--threads", "5000"), ("--url", "h:99999")]
)
def test_a_run_that_is_refused_leaves_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, ...], record: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = melt(tmp_path, "run", "--headless", "--device", "host", *wrong, *record)
    assert said.returncode == 2
    assert "recorded in" not in said.stderr
    assert list(tmp_path.rglob("*.melt*")) == []


def test_a_file_that_was_there_before_a_refused_run_stays(tmp_path: Path) -> None:
    mine = tmp_path / "mine.melt"
    mine.write_text("mine", encoding="utf-8")
    said = melt(tmp_path, "run", "--headless", "--device", "host", "--threads", "5000", "--record", str(mine))
    assert said.returncode == 2
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_run_whose_device_is_given_up_says_where_that_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    said = melt(tmp_path, "run", "--headless", "--device", "sim:phone?colour=red", "--record", str(path))
    assert said.returncode == 1
    assert said.stderr.splitlines()[-2] == f"recorded in {path}"
    assert "has no option 'colour'" in one_sentence(said.stderr.splitlines(keepends=True)[-1])


def test_a_terminal_without_unicode_gets_all_that_it_can_show(home: Path, recording: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    told = melt(home, "summary", str(recording), more=ascii_only)
    assert (told.returncode, told.stderr) == (0, "")
    assert "tok/s" in told.stdout
    figures = melt(home, "summary", str(recording), "--json", more=ascii_only).stdout
    assert json.loads(figures) == json.loads((home / "run.json").read_text(encoding="utf-8"))
    assert "sim-phone,soc,?C" in melt(home, "export", str(recording), more=ascii_only).stdout


def test_a_watch_of_which_every_device_is_given_up_ends(home: Path) -> None:
    said = melt(home, "watch", "--headless", "--device", "sim:phone?colour=red")
    assert said.returncode == 1
    assert "given up: sim:phone has no option 'colour'" in said.stderr


def test_debug_adds_the_traceback(home: Path) -> None:
    said = melt(home, "summary", "nothing.melt", "--debug").stderr
    assert "Traceback" in said


def test_a_wrong_setting_is_named_with_its_line(home: Path) -> None:
    config = home / "wrong.toml"
    config.write_text("[run]\nmodel = 'demo'\nturnz = 3\n", encoding="utf-8")
    said = one_sentence(melt(home, "sessions", "--config", str(config)).stderr)
    assert "line 3" in said
    assert "turns" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_cleanly_and_keeps_the_recording(home: Path, number: int) -> None:
    path = home / f"interrupted-{number}.melt"
    running = start(
        home,
        "run",
        "--headless",
        "--json",
        "--device",
        "sim:phone",
        "--workload",
        "sustained",
        "--record",
        str(path),
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "turn 1 started" in line:
            break
    running.send_signal(number)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    (run,) = json.loads(out)["runs"]
    assert run["outcome"] == "stopped"
    assert not path.with_name(f"{path.name}-wal").exists()


def test_a_recording_that_cannot_be_written_is_said_at_once(home: Path) -> None:
    said = melt(home, "watch", "--headless", "--device", "sim:phone", "--record", "/proc/no.melt")
    assert said.returncode == 2
    assert "/proc/no.melt" in one_sentence(said.stderr.splitlines(keepends=True)[-1])
