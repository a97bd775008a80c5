"""Reports: one page that needs nothing, in which all text is text, and what it says of runs."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from drivers.base import Item
from melt_tui.analysis.export_request import ReportRequest
from melt_tui.analysis.page import write_report
from melt_tui.errors import MeltError
from melt_tui.events import DeviceUp, Mark, SessionStarted
from melt_tui.importing.choosing import bring
from tests.rigs.compared import Made
from tests.rigs.melt_folder import mlc_app
from tests.rigs.sessions import at, closing, opening
from tests.rigs.written import write

EVIL = '</style><script>alert(1)</script><img src="http://x/y" onerror=z>\x1b[2J'


class Reader(HTMLParser):
    """What a browser sees: the elements, their attributes, the text outside of the sheet."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def report(place: Path, *paths: Path, title: str = "") -> str:
    out = place / "report.html"
    write_report(ReportRequest(files=paths, out=out, title=title, force=True))
    return out.read_text(encoding="utf-8")


def test_two_runs_side_by_side_with_plots_figures_setup_and_caveats(tmp_path: Path) -> None:
    paths = [tmp_path / "a.melt", tmp_path / "b.melt"]
    Made(limited=True, synthetic=True).record(paths[0])
    Made(rate=12.5, wall_s=100.0, synthetic=True, threads=5).record(paths[1])
    page = report(tmp_path, *paths, title="Night <1>")
    seen = Reader(page)
    for told in (
        "Night <1>", "Runs at a glance", "Comparison", "Run 1: demo on desk", "Run 2: demo on desk", "AMD Ryzen 7",
        "The weights are made up to the true shape", "a limit of the platform was in force", "board-input",
        "evening · llama_server · chat", "these runs only", "not looked for", "What the words mean",
    ):  # fmt: skip
        assert told in seen.said, told
    assert seen.said.count("not looked for") == 6, (
        "at a glance, among the figures and under throttling, of each"
    )
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(figures) >= 8
    for figure in figures:
        assert any(one.get("points") for one in ET.fromstring(figure).iter())
    assert "/m/demo.gguf" not in page, "where files lie is nobody's business"


def test_it_loads_nothing_and_its_policy_forbids_to(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    Made().record(path)
    page = report(tmp_path, path)
    seen = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "a", "form", "base"} & set(seen.tags)
    assert not [
        name for name, _ in seen.attributes if name in {"style", "src", "href"} or name.startswith("on")
    ]
    policy = (
        dict(seen.attributes)["http-equiv"],
        next(v for _, v in seen.attributes if v and "default-src" in v),
    )
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    known = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'",
    )
    assert not re.search(r"url\(|@import|https?:", style)


def test_text_of_devices_and_files_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, [_evil(item) for item in Made(model=EVIL).items()], size=1000)
    page = report(tmp_path, path, title=EVIL)
    seen = Reader(page)
    assert not {"script", "img"} & set(seen.tags)
    assert page.count("<style>") == page.count("</style>") == 1
    assert "<script>alert(1)</script>" in seen.said
    assert "\x1b" not in page


def _evil(item: Item) -> Item:
    match item:
        case SessionStarted():
            return replace(item, name=EVIL, host=EVIL)
        case DeviceUp():
            info = replace(item.info, model=EVIL, os=EVIL, facts=((EVIL, EVIL),))
            return replace(item, info=info)
    return item


@pytest.mark.parametrize(
    "items",
    [
        [],
        [*opening(), *closing(0)],
        [Mark(t_ns=at(1), device="melt", name="x")],
        Made(prompts=()).items()[:-1],
    ],
    ids=["nothing", "no run", "no start", "a run of no turns, cut off"],
)
def test_recordings_that_hold_little(items: list[Item], tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    write(path, items, size=1000)
    seen = Reader(report(tmp_path, path))
    assert ("Nothing was run in this recording." in seen.said) != ("demo on desk" in seen.said)


def test_what_was_imported_is_marked_and_told_as_melt_defines_it(tmp_path: Path) -> None:
    (path,) = bring(mlc_app(tmp_path / "melt"), lambda _: tmp_path / "i.melt")
    seen = Reader(report(tmp_path, path))
    for told in (
        "imported MELT folder, MLC on Android: not measured by melt", "decode rate (reported) 10.0 tok/s",
        "throttled cannot be told", "results as MELT defines them", "mWh and", "clock monsoon against pixel-6a",
    ):  # fmt: skip
        assert told in seen.said, told


def test_what_cannot_be_compared_says_why(tmp_path: Path) -> None:
    paths = [tmp_path / "a.melt", tmp_path / "b.melt"]
    Made().record(paths[0])
    Made(synthetic=True, wall_s=50.0).record(paths[1])
    assert "Cannot be compared: " in Reader(report(tmp_path, *paths)).said


def test_what_stands_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    Made().record(path)
    with pytest.raises(MeltError, match="is a recording"):
        write_report(ReportRequest(files=(path,), out=path, force=True))
    (tmp_path / "r.html").write_text("x", encoding="utf-8")
    with pytest.raises(MeltError, match="exists already"):
        write_report(ReportRequest(files=(path,), out=tmp_path / "r.html"))
    with pytest.raises(MeltError, match="could not be written"):
        write_report(ReportRequest(files=(path,), out=tmp_path / "none" / "r.html"))
