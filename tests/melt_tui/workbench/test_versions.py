"""Versions of libraries against the bounds that the package states."""

import importlib.metadata

import pytest

from melt_tui.workbench import doctor, versions
from melt_tui.workbench.versions import Needed, Seen

STATED = (
    "httpx<1,>=0.28",
    "adbutils<3,>=2.12; extra == 'android'",
    'xllamacpp (==2026.10.11549) ; extra == "local"',
    "colorama>=0.4; sys_platform == 'win32'",
    "melt-tui[local,android]; extra == 'all'",
)


def test_what_the_metadata_require() -> None:
    assert [*versions.needs(STATED)] == [
        Needed("httpx", "<1,>=0.28"),
        Needed("adbutils", "<3,>=2.12", "android"),
        Needed("xllamacpp", "==2026.10.11549", "local"),
        Needed("melt-tui", "", "all"),
    ]


@pytest.mark.parametrize(
    ("version", "bounds", "good"),
    [
        ("2.12.1", "<3,>=2.12", True),
        ("2.12", "<3,>=2.12.0", True),
        ("2.9", "<3,>=2.12", False),
        ("3.0", "<3,>=2.12", False),
        ("10.0", "<3,>=2.12", False),
        ("3.0", ">2.12,<=3", True),
        ("2026.10.11549+cu128", "==2026.10.11549", True),
        ("2026.10.11550", "==2026.10.11549", False),
        ("1.5", "!=1.5", False),
        ("unknown", "<3", True),
        ("1.0", "", True),
    ],
)
def test_whether_a_version_lies_in_its_bounds(version: str, bounds: str, good: bool) -> None:
    assert versions.within(version, bounds) is good


def test_every_extra_is_known_to_the_package() -> None:
    """Of the environment of the tests, which has all of them in versions that will do."""
    for extra in doctor.EXTRAS:
        seen = versions.seen(extra)
        assert seen, extra
        assert all(one.good for one in seen), [one.said for one in seen]


def test_one_out_of_bounds_or_missing_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(name: str) -> str:
        if name in {"cryptography", "httpx"}:
            raise importlib.metadata.PackageNotFoundError
        return {"adbutils": "3.1"}.get(name, found(name))

    found = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", version)
    told = {one.subject: one for one in doctor.examine({}, {})}
    android, serial, libraries = told["extra android"], told["extra serial"], told["libraries"]
    assert (android.good, android.remedy) == (False, "pip install 'melt-tui[android]'")
    assert android.detail == "phones over adb: adbutils 3.1, but <3,>=2.12 is needed"
    assert serial.good is False
    assert "cryptography is not installed" in serial.detail
    assert (libraries.detail, libraries.remedy) == ("httpx is not installed", "pip install 'melt-tui'")
    assert told["extra ssh"].good
    assert told["extra ssh"].detail == f"boards over SSH: asyncssh {found('asyncssh')}"


def test_where_melt_is_no_package_nothing_is_said_of_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PACKAGE", "no-such-package")
    assert versions.seen("ssh") == []
    ssh = next(one for one in doctor.examine({}, {}) if one.subject == "extra ssh")
    assert (ssh.good, ssh.detail) == (True, "boards over SSH")


def test_what_is_said() -> None:
    needed = Needed("adbutils", "<3,>=2.12")
    assert Seen(needed, "2.13").said == "adbutils 2.13"
    assert Seen(needed, "").said == "adbutils is not installed"
