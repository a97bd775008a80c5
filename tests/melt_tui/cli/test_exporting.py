"""``melt export`` and ``melt report`` as they are typed."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from melt_tui.analysis.export_request import Format, Table
from melt_tui.analysis.tidy import columns_of
from melt_tui.cli.exporting import export
from melt_tui.cli.parser import parser
from melt_tui.cli.reporting import report
from melt_tui.errors import UsageError
from tests.rigs.compared import Made

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Made().record(tmp_path / "a.melt")
    return tmp_path / "a.melt"


def test_words_are_those_that_an_export_knows() -> None:
    for table in Table:
        assert parser().parse_args(["export", "x", "--table", table]).table == table
    for form in Format:
        assert parser().parse_args(["export", "x", "--format", form]).format == form


def test_columns_are_told_without_a_recording(capsys: Captured) -> None:
    for table in Table:
        assert export(parser().parse_args(["export", "--columns", "--table", table])) == 0
        told = capsys.readouterr().out
        for column in columns_of(table):
            assert f"{column.name} " in told
            assert column.meaning in told
    names = [column.name for column in columns_of(Table.RUNS)]
    assert len(set(names)) == len(names)


def test_a_table_to_stdout_or_a_file(path: Path, capsys: Captured) -> None:
    assert export(parser().parse_args(["export", str(path), "--table", "turns"])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("recording,run,device,")
    assert len(lines) == 4
    out = path.with_suffix(".parquet")
    typed = ["export", str(path), "--wide", "--every", "1", "--out", str(out)]
    assert export(parser().parse_args(typed)) == 0
    assert "scale/power [W]" in pq.read_schema(out).names
    assert capsys.readouterr().out == ""
    with pytest.raises(UsageError, match="no recording was named"):
        export(parser().parse_args(["export"]))


def test_a_page_says_where_it_lies(path: Path, capsys: Captured) -> None:
    out = path.with_suffix(".html")
    assert report(parser().parse_args(["report", str(path), "--out", str(out), "--title", "Mine"])) == 0
    assert "<title>Mine · melt report</title>" in out.read_text(encoding="utf-8")
    assert capsys.readouterr() == ("", f"written to {out}\n")
    assert report(parser().parse_args(["report", str(path), "--out", "-"])) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
