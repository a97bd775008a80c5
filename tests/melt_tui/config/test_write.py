"""Devices are added, changed and forgotten in files that people wrote, and nothing else in them moves."""

import string
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from melt_tui.config import DeviceConfig, write
from melt_tui.config.read import parse, read
from melt_tui.config.write import add_device, change_device, forget_device
from melt_tui.errors import ConfigError

HAND_WRITTEN = """\
# my bench
[run]
model = "demo"   # small

# the phone on the desk
[[devices]]
address = 'adb:X1'      # serial on its back
name = "pixel"  # old one
colour = "orange"
# end of the phone

[[ devices ]] # the board
  address = "ssh://nvidia@orin"
  name    = "orin"

# the meter
[[devices]]
address = "sim:meter"
feeds = "pixel"
point = "usb-input"

# keys at the end
[keys]
run = "R"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(HAND_WRITTEN)
    return path


def test_a_device_is_added_behind_the_last(file: Path) -> None:
    entry = DeviceConfig(address="ssh://u@rpi:2222", name="rpi", colour="#ff8800")
    assert add_device(file, entry).devices[3] == entry
    assert file.read_text() == HAND_WRITTEN.replace(
        'point = "usb-input"\n',
        'point = "usb-input"\n\n[[devices]]\naddress = "ssh://u@rpi:2222"\nname = "rpi"\ncolour = "#ff8800"\n',
    )


def test_the_first_device_of_a_file_and_of_none(tmp_path: Path) -> None:
    none = tmp_path / "new" / "config.toml"
    add_device(none, DeviceConfig(address="host"))
    assert none.read_text() == '[[devices]]\naddress = "host"\n'
    assert none.stat().st_mode & 0o777 == 0o600
    plain = tmp_path / "plain.toml"
    plain.write_bytes(b'\xef\xbb\xbf[screen]\r\ntheme = "x" # y')
    add_device(plain, DeviceConfig(address="host"))
    assert plain.read_bytes() == (
        b'\xef\xbb\xbf[screen]\r\ntheme = "x" # y\r\n\r\n[[devices]]\r\naddress = "host"\r\n'
    )


def test_a_rename_keeps_comments_and_takes_its_meter_along(file: Path) -> None:
    entry = DeviceConfig(address="adb:X1", name="pixel-8", colour="orange")
    change_device(file, "pixel", entry)
    changed = HAND_WRITTEN.replace('name = "pixel"  # old', 'name = "pixel-8"  # old')
    assert file.read_text() == changed.replace('feeds = "pixel"', 'feeds = "pixel-8"')


def test_a_setting_comes_and_goes(file: Path) -> None:
    change_device(file, "orin", DeviceConfig(address="ssh://nvidia@orin", name="orin", colour="blue"))
    coloured = HAND_WRITTEN.replace('name    = "orin"\n', 'name    = "orin"\ncolour = "blue"\n')
    assert file.read_text() == coloured
    change_device(file, "ssh://nvidia@orin", DeviceConfig(address="ssh://nvidia@orin", colour="blue"))
    assert file.read_text() == coloured.replace('  name    = "orin"\n', "")


def test_a_device_is_forgotten_and_its_neighbours_stay(file: Path) -> None:
    after = forget_device(file, "orin")
    assert [one.address for one in after.devices] == ["adb:X1", "sim:meter"]
    gone = '[[ devices ]] # the board\n  address = "ssh://nvidia@orin"\n  name    = "orin"\n\n'
    assert file.read_text() == HAND_WRITTEN.replace(gone, "")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda path: forget_device(path, "nobody"), "no device “nobody” .* there are: pixel, orin, sim:meter"),
        (lambda path: add_device(path, DeviceConfig(address="adb:X1")), "the device adb:X1 is in .* already"),
        (lambda path: add_device(path, DeviceConfig(address="host", name="orin")), "a device called “orin” is in .*toml already"),
        (lambda path: add_device(path, DeviceConfig(address="host", name="a b")), "“name” of a device cannot be"),
        (lambda path: add_device(path, DeviceConfig(address="h", colour="\x1b[31m")), "“colour” of a device"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_the_file_stays(file: Path, act: object, words: str) -> None:
    assert callable(act)
    with pytest.raises(ConfigError, match=words):
        act(file)
    assert file.read_text() == HAND_WRITTEN


@pytest.mark.parametrize(
    "text",
    [
        'devices = [ {address = "host", name = "a"} ]\n',
        '[[devices]]\naddress = "host"\nname = """a"""\n',
        '[[devices]]\naddress = "host"\n"na\\u006De" = "a"\n',
    ],
)
def test_a_file_written_otherwise_is_not_harmed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="by hand"):
        change_device(path, "a", DeviceConfig(address="host", name="b"))
    assert path.read_text() == text


def test_a_string_that_looks_like_a_table_is_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = '[run]\nmodel = """\n[[devices]]\naddress = \'x\'\n"""\n\n[[devices]]\naddress = "host"\n'
    path.write_text(text)
    with pytest.raises(ConfigError):
        forget_device(path, "host")
    assert path.read_text() == text


def test_an_edit_that_changes_anything_else_is_not_kept(file: Path) -> None:
    with pytest.raises(ConfigError, match="by hand"):
        write._edit(file, lambda text, _: text.replace('"demo"', '"other"'), list)
    with pytest.raises(ConfigError, match="by hand"):
        write._edit(file, lambda text, _: text.replace('"orin"', '"other"'), list)
    assert file.read_text() == HAND_WRITTEN


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    forget_device(link, "orin")
    assert link.is_symlink()
    assert len(read(file).devices) == 2


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        add_device(tmp_path / "file" / "config.toml", DeviceConfig(address="host"))


names = st.text(string.printable + "ä“\\\"'[]#=", min_size=1, max_size=12).map(
    lambda text: "".join(text.split())
)
entries = st.lists(
    st.builds(
        DeviceConfig,
        address=names.filter(bool).map("x:{}".format),
        name=names,
        colour=st.sampled_from(["", "red"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=(lambda one: one.address, lambda one: one.name or one.address),
)


@given(entries, st.integers(0, 3), names)
def test_any_devices_added_changed_and_forgotten_read_back(
    devices: list[DeviceConfig], at: int, name: str
) -> None:
    assume(name not in {one.name for one in devices})
    path = Path("/nowhere/config.toml")
    text = HAND_WRITTEN
    for one in devices:
        text = write._added(text, one)
    at = at % len(devices) + 3
    entry = DeviceConfig(address="y:new", name=name)
    changed = parse(write._changed(text, at, entry), path)
    assert changed.devices[at] == entry
    left = parse(write._removed(text, at), path).devices
    assert list(left) == [one for i, one in enumerate(parse(text, path).devices) if i != at]
    assert changed.keys == (("run", "R"),)
