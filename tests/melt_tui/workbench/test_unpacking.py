"""Archives from outside: what is good comes out, what leads out or is too large never does."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melt_tui.errors import SetupError
from melt_tui.workbench import unpacking
from melt_tui.workbench.unpacking import unpack

Put = Callable[[str, bytes], None]


def tar_of(path: Path, *members: tuple[str, bytes | str, int]) -> Path:
    """Members: name, content or (as text) the target of a link, mode."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content, mode in members:
            info = tarfile.TarInfo(name)
            info.mode = mode
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def zip_of(path: Path, *members: tuple[str, bytes | str, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            kind = stat.S_IFLNK if isinstance(content, str) else stat.S_IFREG
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (kind | mode) << 16
            packed.writestr(info, content)
    return path


@pytest.fixture(params=[tar_of, zip_of])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    return lambda *members: request.param(tmp_path / "a.archive", *members)


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_files_modes_and_links_come_out(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make(
        ("b1/llama-server", b"program", 0o755),
        ("b1/libx.so.1", b"lib", 0o4666),
        ("b1/libx.so", "libx.so.1", 0o777),
        ("./b1/deep/up.so", "../libx.so", 0o777),
    )
    unpack(archive, tmp_path / "out")
    out = tmp_path / "out"
    assert left(out) == ["b1", "b1/deep", "b1/deep/up.so", "b1/libx.so", "b1/libx.so.1", "b1/llama-server"]
    assert (out / "b1/llama-server").stat().st_mode & 0o7777 == 0o755
    assert (out / "b1/libx.so.1").stat().st_mode & 0o7777 == 0o644
    assert (out / "b1/deep/up.so").read_bytes() == b"lib"


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", b"x", 0o644)],
        [("/evil", b"x", 0o644)],
        [("a/../../evil", b"x", 0o644)],
        [("a\\..\\..\\evil", b"x", 0o644)],
        [("out", "..", 0o777), ("out/evil", b"x", 0o644)],
        [("link", "../evil", 0o777)],
        [("link", "/etc/passwd", 0o777)],
        [("d/one", "..", 0o777), ("d/one/two", "../..", 0o777)],
        [("d/one", "..", 0o777), ("d/one/two", "../..", 0o777), ("d/one/two/evil", "x", 0o777)],
        [("a/" * 600 + "x", b"x", 0o644)],
    ],
)
def test_what_leads_out_is_refused_whole(
    make: Callable[..., Path], tmp_path: Path, members: list[tuple[str, bytes | str, int]]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    archive = make(*members)
    with pytest.raises(SetupError):
        unpack(archive, home / "deep" / "out")
    assert left(home) in ([], ["deep"])


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("node")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(SetupError, match="no file, folder or link"):
        unpack(path, tmp_path / "out")


def test_a_bomb_is_stopped_by_what_comes_out_of_it(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make(*((f"zeros-{i}", bytes(1 << 20), 0o644) for i in range(5)))
    assert archive.stat().st_size < 100_000
    with pytest.raises(SetupError, match="holds more than"):
        unpack(archive, tmp_path / "out", size_limit=3 << 20)
    assert not (tmp_path / "out").exists()


def test_too_many_entries(make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "ENTRIES_LIMIT", 10)
    with pytest.raises(SetupError, match="more than 10 entries"):
        unpack(make(*((f"f{i}", b"", 0o644) for i in range(11))), tmp_path / "out")


places = st.floats(0, 1, exclude_max=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6), st.floats(0.5, 1))
def test_any_damage_is_told_and_never_gets_out(
    make: Callable[..., Path], tmp_path: Path, damage: list[tuple[float, int]], kept: float
) -> None:
    archive = make(("b1/llama-server", bytes(range(256)) * 2, 0o755), ("b1/x", "llama-server", 0o777))
    whole = bytearray(archive.read_bytes())
    for place, value in damage:
        whole[int(place * len(whole))] = value
    archive.write_bytes(bytes(whole[: round(kept * len(whole))]))
    before = set(tmp_path.iterdir())
    folder = tmp_path / f"out-{len(before)}"
    with suppress(SetupError):
        unpack(archive, folder)
    assert set(tmp_path.iterdir()) - before <= {folder}
