"""An engine put on a phone and a board over their real links: an archive, a folder, a program, and what must not be."""

import functools
import hashlib
import http.server
import os
import re
import shutil
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from drivers.errors import NotSupported, Refused
from drivers.events import LogLine
from drivers.runs.places import LLAMA_CPP
from melt_tui.errors import MeltError, ModelError, SetupError
from melt_tui.models import demo
from melt_tui.workbench import RunRequest, SessionSetup, SetupRequest, Workbench
from melt_tui.workbench import installing as module
from tests.rigs.lab import BOARD_ENGINE, MODEL, PATIENCE_S, PHONE_ENGINE, Lab, lab, until, up
from tests.rigs.programs import install_real_server

ARM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(44)
HERE = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(44)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), engines=False) as standing:
        yield standing


@pytest.fixture
def setup(rig: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionSetup:
    monkeypatch.setenv("HOME", str(rig.board.person.home))
    return rig.setup(tmp_path)


@pytest.fixture
def bench(setup: SessionSetup) -> Iterator[Workbench]:
    with Workbench(setup) as opened:
        until(lambda: up(opened, "phone", "board"))
        yield opened


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """What a release holds: our program and others, a library under two names, a licence."""
    folder = tmp_path / "build"
    install_real_server(folder)
    (folder / "libggml.so.1").write_bytes(HERE + os.urandom(3000))
    (folder / "libggml.so").symlink_to("libggml.so.1")
    (folder / "llama-quantize").write_bytes(HERE)
    (folder / "LICENSE").write_text("MIT")
    return folder


@pytest.fixture
def archive(build: Path, tmp_path: Path) -> Path:
    path = tmp_path / "llama-b1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(build, "llama-b1")
    return path


def install(bench: Workbench, **request: str) -> list[str]:
    """The steps that were told."""
    steps: list[str] = []
    bench.setup(SetupRequest(**request), lambda step, *_: steps.append(step)).result(PATIENCE_S)
    return steps


def engine_of(rig: Lab, device: str) -> Path:
    return rig.phone.root / PHONE_ENGINE if device == "phone" else rig.board.home / BOARD_ENGINE


@pytest.mark.parametrize("device", ["phone", "board"])
def test_an_archive_becomes_an_engine_that_runs(
    bench: Workbench, rig: Lab, archive: Path, device: str
) -> None:
    there = engine_of(rig, device)
    request = RunRequest(devices=(device,), model=MODEL, turns=1, max_tokens=8, context=256)
    shutil.rmtree(there, ignore_errors=True)
    (lacking,) = bench.check_run(request).result(PATIENCE_S)
    assert (lacking.device, lacking.setup) == (device, True)
    assert f"melt setup {device} puts one there" in lacking.sentence
    there.mkdir(parents=True, exist_ok=True)
    if device == "phone":
        for folder in (there, *there.parents[: len(there.relative_to(rig.phone.root).parts) - 3]):
            folder.chmod(0o777)
    (there / "libggml-of-another-release.so").write_text("stale")
    steps = install(bench, address=device, source=str(archive), model=MODEL)
    assert f"pushing the engine to {device}" in steps
    seen = {path.name for path in there.iterdir() if not path.name.endswith(".sha256")}
    assert seen == {"llama-server", "libggml.so.1", "libggml.so", "LICENSE", module.NOTE}
    assert (there / "libggml.so").readlink() == Path("libggml.so.1")
    (large,) = bench.check_run(replace(request, model="synthetic:llama-2-13b", context=10**6)).result(
        PATIENCE_S
    )
    assert re.search(r"needs about \d{3}\.\d GB of memory .* are available on", large.sentence)
    assert not large.setup
    assert bench.check_run(request).result(PATIENCE_S) == ()
    bench.start_run(request).result(PATIENCE_S)
    bench.wait_runs().result(PATIENCE_S)
    assert bench.timeline.view(bench.now()).runs[device].turns_ended == 1
    os.utime(there / "libggml.so.1", (1_000_000_000, 1_000_000_000))
    install(bench, address=device, source=str(archive))
    assert (there / "libggml.so.1").stat().st_mtime == 1_000_000_000, "it was sent again"
    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_a_device_outside_the_session_and_a_folder(setup: SessionSetup, rig: Lab, build: Path) -> None:
    with Workbench(replace(setup, places=())) as bench:
        install(bench, address=rig.board.address, source=str(build))
    assert (engine_of(rig, "board") / "llama-server").stat().st_mode & 0o111
    rig.board.wait_until_empty()


class Archives(http.server.SimpleHTTPRequestHandler):
    """Files with ranges, as a release server gives them."""

    asked: ClassVar[list[str]] = []
    cut = False

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.exists():
            self.send_error(404)
            return
        data = path.read_bytes()
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.asked.append(f"{self.path} {begin}")
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin : begin + 1000] if self.cut else data[begin:])

    def log_message(self, *args: object) -> None:
        """Nothing: stderr is for the tests."""


@pytest.fixture
def release(archive: Path) -> Iterator[str]:
    handler = functools.partial(Archives, directory=str(archive.parent))
    Archives.asked, Archives.cut = [], False
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{archive.name}"
        server.shutdown()
        thread.join()


def test_a_download_goes_on_where_it_broke_off_and_is_not_repeated(
    bench: Workbench, archive: Path, release: str, setup: SessionSetup
) -> None:
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    Archives.cut = True
    with pytest.raises(SetupError, match="goes on where it broke off"):
        install(bench, address="board", source=release, sha256=sha256)
    Archives.cut = False
    install(bench, address="board", source=release, sha256=sha256)
    assert Archives.asked == [f"/{archive.name} 0", f"/{archive.name} 1000"]
    for path in setup.downloads.iterdir():
        path.unlink()
    assert "the engine is there already" in install(bench, address="board", source=release, sha256=sha256)
    assert len(Archives.asked) == 2


def test_what_is_not_what_was_pinned_is_thrown_away(
    bench: Workbench, release: str, setup: SessionSetup
) -> None:
    with pytest.raises(SetupError, match="its sha256 is another"):
        install(bench, address="board", source=release, sha256="0" * 64)
    assert list(setup.downloads.iterdir()) == []
    with pytest.raises(SetupError, match="--sha256"):
        install(bench, address="board", source=release)
    with pytest.raises(SetupError, match="answers 404"):
        install(bench, address="board", source=f"{release}x", sha256="0" * 64)


def test_a_model_from_an_address_is_put_there_once(
    bench: Workbench, rig: Lab, build: Path, archive: Path, release: str
) -> None:
    data = (Path(demo.__file__).parent / "data" / "tiny-english-q8_0.gguf").read_bytes()
    (archive.parent / "tiny.gguf").write_bytes(data)
    sha256, url = hashlib.sha256(data).hexdigest(), release.replace(archive.name, "tiny.gguf")
    asked = {"address": "board", "source": str(build), "model": url}
    there = rig.board.home / BOARD_ENGINE.partition("runtimes")[0] / "models" / "tiny.gguf"
    for wrong, words in (("0" * 64, "sha256 is another"), ("12", "12 is no sha256: .* --model-sha256")):
        with pytest.raises(SetupError, match=words):
            install(bench, **asked, model_sha256=wrong)
    assert not there.exists()
    assert install(bench, **asked)[1] == "fetching tiny.gguf"
    assert there.read_bytes() == data
    os.utime(there, (1_000_000_000, 1_000_000_000))
    install(bench, **asked, model_sha256=sha256)
    assert there.stat().st_mtime == 1_000_000_000, "it was sent again"
    assert Archives.asked == ["/tiny.gguf 0"] * 2
    lines = bench.timeline.events(0, bench.now(), kinds=(LogLine,))
    said = [line.text for line in lines if isinstance(line, LogLine)]
    assert said.count(f"tiny.gguf is on board, its sha256 is {sha256}") == 2


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"runtime": "ollama"}, NotSupported, "ollama is not put on devices by melt"),
        ({"source": "/nowhere/at/all"}, SetupError, "there is no /nowhere/at/all"),
        ({"source": "{build}/LICENSE"}, SetupError, "neither a .zip nor a .tar"),
        ({"source": "{build}", "runtime": "llama_bench"}, SetupError, "there is no llama-bench"),
        ({"source": "{build}", "model": "/no/model.gguf"}, MeltError, "model"),
    ],
)
def test_what_cannot_be_is_refused(
    bench: Workbench, build: Path, change: dict[str, str], error: type[Exception], words: str
) -> None:
    request = {"address": "board", "source": "{build}", **change}
    request = {key: value.format(build=build) for key, value in request.items()}
    with pytest.raises(error, match=words):
        install(bench, **request)


@pytest.mark.parametrize("model", ["http://127.0.0.1:1/x.gguf", "/no/model.gguf", "{build}/LICENSE"])
def test_a_model_that_cannot_be_had_leaves_the_device_as_it_was(
    bench: Workbench, rig: Lab, build: Path, model: str
) -> None:
    (build / "marked.txt").write_text("x")
    with pytest.raises((ModelError, SetupError)):
        install(bench, address="board", source=str(build), model=model.format(build=build))
    assert not (engine_of(rig, "board") / "marked.txt").exists()


@pytest.mark.parametrize("name", ["llama-server", "libggml-cpu.so"])
def test_a_build_for_another_processor_is_not_sent(
    bench: Workbench, rig: Lab, build: Path, name: str
) -> None:
    (build / name).write_bytes(ARM)
    (build / "marked.txt").write_text("x")
    with pytest.raises(NotSupported, match=f"{name} was built for aarch64 .* board is x86_64"):
        install(bench, address="board", source=str(build))
    assert not (engine_of(rig, "board") / "marked.txt").exists()


@pytest.mark.parametrize("device", ["phone", "board"])
def test_what_does_not_start_or_is_something_else_leaves_the_engine_that_is_there(
    bench: Workbench, rig: Lab, build: Path, device: str
) -> None:
    install(bench, address=device, source=str(build))
    there = engine_of(rig, device)
    before = (there / "llama-server").read_bytes()
    (build / "llama-server").write_text("#!/no/such/loader\n")
    with pytest.raises(NotSupported, match=f"llama-server does not start on {device}"):
        install(bench, address=device, source=str(build))
    with pytest.raises(NotSupported, match=r"is not llama\.cpp's llama-server: .* it says"):
        install(bench, address=device, source="/bin/true")
    assert (there / "llama-server").read_bytes() == before
    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_a_swap_that_was_cut_short_is_undone_by_the_next_setup(
    bench: Workbench, rig: Lab, build: Path
) -> None:
    install(bench, address="board", source=str(build))
    there = engine_of(rig, "board")
    there.rename(there.with_name("llama.cpp.old"))
    with pytest.raises(NotSupported, match=r"is not llama\.cpp's"):
        install(bench, address="board", source="/bin/true")
    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_one_program_gets_its_name(bench: Workbench, rig: Lab, tmp_path: Path) -> None:
    install_real_server(tmp_path / "one")
    mine = (tmp_path / "one" / "llama-server").rename(tmp_path / "my-build")
    install(bench, address="board", source=str(mine))
    assert (engine_of(rig, "board") / "llama-server").read_bytes() == mine.read_bytes()


def test_neither_this_computer_nor_what_is_simulated(setup: SessionSetup) -> None:
    with Workbench(replace(setup, places=())) as bench:
        for address, words in (("host", "needs no setup"), ("sim:phone", "cannot be set up")):
            with pytest.raises(NotSupported, match=words):
                install(bench, address=address)


def test_a_board_without_space(bench: Workbench, rig: Lab, build: Path) -> None:
    if not rig.board.confined:
        pytest.skip("this system lets no small disk be made")
    (build / "libbig.so").write_bytes(HERE + os.urandom(2 << 20))
    runtimes = engine_of(rig, "board").parent
    shutil.rmtree(runtimes, ignore_errors=True)
    runtimes.parent.mkdir(parents=True, exist_ok=True)
    runtimes.symlink_to(rig.board.small)
    try:
        with pytest.raises(Refused, match=r"free where|space left"):
            install(bench, address="board", source=str(build))
        assert list(rig.board.small.iterdir()) == []
    finally:
        runtimes.unlink()


def test_the_pinned_releases_are_whole() -> None:
    for (system, machine), (name, sha256) in LLAMA_CPP.checksums.items():
        asset = LLAMA_CPP.asset(system, {"arm64": "aarch64", "x64": "x86_64"}[machine])
        assert asset.url.startswith("https://")
        assert asset.url.endswith(name)
        assert len(bytes.fromhex(sha256)) == 32
