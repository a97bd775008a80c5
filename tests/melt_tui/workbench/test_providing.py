"""A model from an address: fetched here, resumed, judged, pushed; what is no model, or not the one that was meant."""

import asyncio
import errno
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from drivers.clock import SystemClock
from drivers.events import LogLine
from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError, SetupError
from melt_tui.events import RunStarted
from melt_tui.models import demo
from melt_tui.workbench import Place, RunRequest, SessionSetup, SetupRequest, Workbench, fetching
from melt_tui.workbench.addressed import ALOUD_NS, Aloud, described, missing, place_of
from melt_tui.workbench.providing import provided
from melt_tui.workloads.fixed import token_ids
from tests.rigs.gguf_files import LLAMA, gguf
from tests.rigs.virtual_clock import VirtualClock

MODEL = (Path(demo.__file__).parent / "data" / "tiny-english-q8_0.gguf").read_bytes()
SUM = hashlib.sha256(MODEL).hexdigest()
PIECE = 100_000
LIMIT_S = 60.0
PAGE = b"<!DOCTYPE html><html>sign in first</html>" + bytes(1 << 20)


@dataclass
class Site:
    """What a server has, and what it was asked."""

    files: dict[str, bytes]
    etag: str = '"one"'
    cut: bool = False
    """After one piece."""
    whole: bool = False
    """It knows no ranges."""
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Ranges and their condition, as RFC 9110 has them."""

    site: Site

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", name.replace("/moved", "", 1) or "/moved")
            self.end_headers()
            return
        data = self.site.files.get(name)
        if data is None:
            self.send_error(404)
            return
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        known = self.headers.get("If-Range", self.site.etag)
        begin = 0 if known != self.site.etag or self.site.whole else begin
        self.site.asked.append(f"{name} {begin}")
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        if self.site.etag:
            self.send_header("ETag", self.site.etag)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        with_end = data[begin : begin + PIECE] if self.site.cut else data[begin:]
        try:
            self.wfile.write(with_end)
            self.site.sent += len(with_end)
        except ConnectionError:
            pass

    def log_message(self, *args: object) -> None:
        """Nothing: stderr is for the tests."""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(
        {"/a/tiny.gguf": MODEL, "/page": PAGE, "/short.gguf": MODEL[:-5000], "/cut.gguf": MODEL[:5000]}
    )
    handler = type("Here", (Handler,), {"site": made})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}"
        yield made
        server.shutdown()
        thread.join()


@dataclass
class Told:
    """What somebody who waits is told."""

    steps: list[tuple[str, float, float | None]] = field(default_factory=list)

    def __call__(self, step: str, fraction: float, eta_s: float | None) -> None:
        self.steps.append((step, fraction, eta_s))


async def get(url: str, cache: Path, sha256: str = "") -> tuple[bytes, Told]:
    told = Told()
    request = SetupRequest(address="board", model=url, model_sha256=sha256)
    file = await provided(request, cache, SystemClock(), told)
    assert file.sha256 == SUM
    return await asyncio.to_thread(Path(file.path).read_bytes), told


def left(cache: Path) -> list[str]:
    """Files of what was fetched."""
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and "sums" not in path.parts)


@pytest.mark.parametrize("pinned", ["", SUM, SUM.upper()])
async def test_a_model_is_fetched_once(site: Site, tmp_path: Path, pinned: str) -> None:
    url = f"{site.url}/moved/a/tiny.gguf?download=true"
    data, told = await get(url, tmp_path, pinned)
    assert data == MODEL
    fetched = [(fraction, eta_s) for step, fraction, eta_s in told.steps if step == "fetching tiny.gguf"]
    assert fetched[-1] == (1.0, 0.0)
    assert 2 < len(fetched) < 600
    assert told.steps[-1][0] == f"the model is {place_of(url, tmp_path)}, its sha256 {SUM}"
    assert (await get(url, tmp_path, pinned))[0] == MODEL
    assert site.asked == ["/a/tiny.gguf 0"]
    assert left(tmp_path) == ["tiny.gguf"]


@pytest.mark.parametrize(
    ("etag", "later", "pinned", "begins"),
    [
        ('"one"', '"one"', "", [0, PIECE]),
        ("", "", SUM, [0, PIECE]),
        ("", "", "", [0, 0]),
        ('W/"one"', 'W/"one"', "", [0, 0]),
        ('"one"', '"two"', "", [0, 0]),
        ('"one"', '"two"', SUM, [0, 0]),
    ],
)
async def test_what_broke_off_goes_on_where_it_is_the_same_file(
    site: Site, tmp_path: Path, etag: str, later: str, pinned: str, begins: list[int]
) -> None:
    """Half of one version and half of another would be a model that nobody made."""
    url = f"{site.url}/a/tiny.gguf"
    site.cut, site.etag = True, etag
    if etag != later:
        site.files["/a/tiny.gguf"] = bytes(MODEL[:4]) + bytes(len(MODEL) - 4)
    with pytest.raises(SetupError, match="it goes on where it broke off"):
        await get(url, tmp_path, pinned)
    site.cut, site.etag = False, later
    site.files["/a/tiny.gguf"] = MODEL
    assert (await get(url, tmp_path, pinned))[0] == MODEL
    assert site.asked == [f"/a/tiny.gguf {begin}" for begin in begins]
    assert left(tmp_path) == ["tiny.gguf"]


async def test_a_server_without_ranges_begins_anew(site: Site, tmp_path: Path) -> None:
    url = f"{site.url}/a/tiny.gguf"
    site.cut = site.whole = True
    with pytest.raises(SetupError):
        await get(url, tmp_path)
    site.cut = False
    assert (await get(url, tmp_path))[0] == MODEL
    assert site.asked == ["/a/tiny.gguf 0"] * 2


@pytest.mark.parametrize(
    ("path", "sha256", "words"),
    [
        ("/none.gguf", "", r"/none.gguf answers 404: check the address, or .* name it with --model PATH"),
        ("/page", "", r"/page: what it gives is not a GGUF file, it is a web page: give the address of"),
        ("/short.gguf", "", r"what it gives is cut off: 5,000 bytes .* of its weights are missing"),
        ("/cut.gguf", "", r"what it gives is cut off within its header, after 5,000 bytes"),
        ("/a/tiny.gguf", "0" * 64, "is not what was pinned: its sha256 is another"),
        ("/moved", "", r"cannot be fetched: .*redirects"),
    ],
)
async def test_what_is_no_model_is_not_kept(
    site: Site, tmp_path: Path, path: str, sha256: str, words: str
) -> None:
    with pytest.raises(SetupError, match=words):
        await get(f"{site.url}{path}", tmp_path, sha256)
    assert left(tmp_path) == []


async def test_what_does_not_begin_like_a_model_is_not_read_to_its_end(site: Site, tmp_path: Path) -> None:
    site.files["/page"] = PAGE + bytes(64 << 20)
    with pytest.raises(SetupError, match="web page"):
        await get(f"{site.url}/page", tmp_path)
    assert site.sent == 0, "all of it was sent"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/x.gguf", "is no address of a file"),
        ("https://", "is no address of a file"),
        ("http://[::1/x", "is no address of a file"),
    ],
)
async def test_what_is_no_address(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        await get(url, tmp_path)


async def test_a_secret_of_the_address_is_not_told(site: Site, tmp_path: Path) -> None:
    url = site.url.replace("//", "//me:hush@") + "/none.gguf?key=hush#hush"
    with pytest.raises(SetupError) as raised:
        await get(url, tmp_path)
    assert str(raised.value).startswith(f"{site.url}/none.gguf answers 404")


async def test_no_space(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=fetching.SPARE + PIECE))
    with pytest.raises(
        SetupError, match=r"4\.\d MB of .*tiny.gguf are to be fetched, and 67 MB are free in .*: free some"
    ):
        await get(f"{site.url}/a/tiny.gguf", tmp_path)
    assert left(tmp_path) == []


async def test_a_disk_that_fills_up(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/there")

    monkeypatch.setattr(asyncio, "to_thread", full)
    with pytest.raises(
        SetupError, match=r"/there cannot be written .No space left on device.: check the free"
    ):
        await get(f"{site.url}/a/tiny.gguf", tmp_path)


async def test_two_do_not_write_one_file(site: Site, tmp_path: Path) -> None:
    url = f"{site.url}/a/tiny.gguf"
    part = place_of(url, tmp_path).with_name("tiny.gguf.part")
    part.parent.mkdir(parents=True)
    with (
        fetching._alone(part),
        pytest.raises(SetupError, match=r"tiny\.gguf is being fetched by another setup"),
    ):
        await get(url, tmp_path)
    assert (await get(url, tmp_path))[0] == MODEL


async def test_a_file_of_this_computer_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(MODEL)
    assert (await get(str(path), tmp_path, SUM.upper()))[0] == MODEL
    with pytest.raises(SetupError, match=f"is not the model that is meant: its sha256 is {SUM}"):
        await get(str(path), tmp_path, "0" * 64)
    with pytest.raises(ModelError, match="there is no file"):
        await get(str(tmp_path / "none.gguf"), tmp_path)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/a/x.gguf?y=z", "x.gguf"),
        ("https://h/", "model.gguf"),
        ("https://h/..%2F.%2Fx%20y'$(z).gguf", "x_y___z_.gguf"),
        ("https://h/-rf", "rf"),
        ("https://h/" + "x" * 500 + ".gguf", "x" * 115 + ".gguf"),
    ],
)
def test_names_that_a_device_can_bear(tmp_path: Path, url: str, name: str) -> None:
    assert place_of(url, tmp_path).name == name
    assert place_of(url, tmp_path).parent.parent == tmp_path / "fetched"
    assert place_of(f"{url}&other", tmp_path).parent != place_of(url, tmp_path).parent


def parts_of_one() -> dict[str, bytes]:
    """By name, files of one model."""
    keys: list[dict[str, object]] = [{"split.no": i, "split.count": 2} for i in range(2)]
    keys[0] |= LLAMA
    tensors = [[(f"t{i}", (256,), 12, 0)] for i in range(2)]
    return {f"m-0000{i + 1}-of-00002.gguf": gguf(keys[i], tensors[i], data=144) for i in range(2)}


def test_all_files_of_a_model_are_fetched(site: Site, tmp_path: Path) -> None:
    def get_all(request: SetupRequest, cache: Path) -> ModelFile:
        return asyncio.run(provided(request, cache, SystemClock(), Told()))

    parts = parts_of_one()
    site.files |= {f"/b/{name}": content for name, content in parts.items()}
    url = f"{site.url}/b/m-00001-of-00002.gguf?download=true"
    assert (missing(url, tmp_path), described(url, tmp_path).size_bytes) == (True, 0)
    request = SetupRequest(address="board", model=url)
    file = get_all(request, tmp_path)
    assert [Path(one.path).read_bytes() for one in file.parts] == list(parts.values())
    assert [one.sha256 for one in file.parts] == [hashlib.sha256(one).hexdigest() for one in parts.values()]
    assert (missing(url, tmp_path), described(url, tmp_path).vocabulary) == (False, 3)
    assert site.asked == [f"/b/{name} 0" for name in parts]
    Path(file.parts[1].path).unlink()
    assert missing(url, tmp_path)
    assert get_all(request, tmp_path) == file
    del site.files["/b/m-00002-of-00002.gguf"]
    Path(file.parts[1].path).unlink()
    with pytest.raises(SetupError, match=r"/b/m-00002-of-00002\.gguf answers 404"):
        get_all(request, tmp_path)


async def test_a_sum_is_that_of_the_first_file_and_checked_before_another_is_fetched(
    site: Site, tmp_path: Path
) -> None:
    parts = parts_of_one()
    site.files |= {f"/b/{name}": content for name, content in parts.items()}
    (first, content), _ = parts.items()
    sha256, url, told = hashlib.sha256(content).hexdigest(), f"{site.url}/b/{first}", Told()
    pinned = SetupRequest(address="board", model=url, model_sha256=sha256.upper())
    with pytest.raises(SetupError, match="is not what was pinned"):
        await provided(replace(pinned, model_sha256="0" * 64), tmp_path, SystemClock(), told)
    assert site.asked == [f"/b/{first} 0"]
    file = await provided(pinned, tmp_path, SystemClock(), told)
    assert told.steps[-1][0] == f"the model is {file.path}, that file’s sha256 {sha256}"
    here = replace(pinned, model=file.path)
    assert await provided(here, tmp_path, SystemClock(), told) == file
    with pytest.raises(SetupError, match=f"is not the model that is meant: its sha256 is {sha256}"):
        await provided(replace(here, model_sha256=file.sha256), tmp_path, SystemClock(), told)


@pytest.mark.parametrize("workload", ["pp4/tg2", "chat"])
def test_a_run_fetches_its_model_first(site: Site, tmp_path: Path, workload: str) -> None:
    setup = SessionSetup(
        places=(Place(address="sim:phone?tps=400", name="p"),), folder=tmp_path, cache=tmp_path / "models"
    )
    request = RunRequest(
        devices=("p",), model=f"{site.url}/a/tiny.gguf", workload=workload, turns=1, max_tokens=2
    )
    with Workbench(setup) as bench:
        with pytest.raises(SetupError, match="answers 404"):
            bench.start_when_up(replace(request, model=f"{site.url}/none.gguf")).result(LIMIT_S)
        bench.start_when_up(request).result(LIMIT_S)
        bench.wait_runs().result(LIMIT_S)
        (started,) = bench.timeline.events(0, bench.now(), kinds=(RunStarted,))
        said = bench.timeline.events(0, bench.now(), kinds=(LogLine,))
    assert isinstance(started, RunStarted)
    assert started.run == "r1", "neither what was judged nor what was refused is a run"
    assert started.spec.model is not None
    assert started.spec.workload is not None
    assert (started.spec.model.size_bytes, started.spec.model.vocabulary) == (len(MODEL), 2048)
    prompt = started.spec.workload.conversations[0][0]
    assert prompt.tokens == (token_ids(4, 2048) if workload == "pp4/tg2" else ()), "of its own vocabulary"
    assert any(isinstance(one, LogLine) and one.text.startswith("fetching tiny.gguf: ") for one in said)
    assert site.asked == ["/a/tiny.gguf 0"]


async def test_of_what_takes_long_is_told_now_and_then(virtual_clock: VirtualClock) -> None:
    said: list[str] = []
    aloud = Aloud(virtual_clock, said.append)
    for step, fraction, eta_s in (("a", 0.0, None), ("a", 0.1, 9.0), ("b", 0.0, None)):
        aloud(step, fraction, eta_s)
    await virtual_clock.sleep_until(virtual_clock.now() + ALOUD_NS)
    aloud("a", 0.5, 75.0)
    assert said == ["a: 0 %", "b: 0 %", "a: 50 %, 75 s to go"]
