"""What is plugged in, told by the kernel's own files."""

from pathlib import Path

import pytest

from drivers.links.adbusb import plugged_in


def interface(devices: Path, name: str, *words: str) -> None:
    folder = devices / name
    folder.mkdir(parents=True)
    for file, word in zip(
        ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), words, strict=False
    ):
        (folder / file).write_text(f"{word}\n")


def test_a_phone_is_known_by_its_interface(tmp_path: Path) -> None:
    assert plugged_in(tmp_path / "none") is False
    interface(tmp_path, "1-1:1.0", "08", "06", "50")
    interface(tmp_path, "1-2:1.0", "ff", "42", "03")
    interface(tmp_path, "1-3:1.0", "ff")
    assert plugged_in(tmp_path) is False
    interface(tmp_path, "1-2:1.1", "ff", "42", "01")
    assert plugged_in(tmp_path) is True


def test_elsewhere_nobody_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert plugged_in(tmp_path) is None
