from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.config.model import Config, DeviceConfig, RunConfig, ScreenConfig, SessionConfig
from melt_tui.config.read import parse, read
from melt_tui.errors import ConfigError

PLACE = Path("/home/me/melt/config.toml")

WHOLE = """\
[[devices]]
address = "adb:R5CT"
name = "pixel-8"
colour = "orange"

[[devices]]
address = "serial:/dev/ttyACM0?family=tc66"
name = "tc66"
feeds = "pixel-8"
point = "usb-input"

[run]
model = "synthetic:tinyllama-1.1b"
workload = "pp512/tg128"
turns = 48
pause = 5
threads = 4
top_p = 0.9
runtime_args = ["--flash-attn", "on"]

[session]
recordings = "/data/melt"
min_minutes = 2
keep_short = true

[screen]
theme = "nord"
frame_rate = 20

[keys]
run = "ctrl+r"
"log.search" = "f3"
"""


def test_simulated_devices_may_be_there_twice() -> None:
    assert len(parse('[[devices]]\naddress = "sim:phone"\n' * 2, PLACE).devices) == 2


def test_a_whole_file() -> None:
    assert parse(WHOLE, PLACE) == Config(
        devices=(
            DeviceConfig(address="adb:R5CT", name="pixel-8", colour="orange"),
            DeviceConfig(
                address="serial:/dev/ttyACM0?family=tc66", name="tc66", feeds="pixel-8", point="usb-input"
            ),
        ),
        run=RunConfig(
            model="synthetic:tinyllama-1.1b",
            workload="pp512/tg128",
            turns=48,
            pause_s=5.0,
            threads=4,
            top_p=0.9,
            runtime_args=("--flash-attn", "on"),
        ),
        session=SessionConfig(recordings=Path("/data/melt"), min_minutes=2.0, keep_short=True),
        screen=ScreenConfig(theme="nord", frame_rate=20),
        keys=(("run", "ctrl+r"), ("log.search", "f3")),
        path=PLACE,
    )


def test_an_empty_file_is_the_defaults() -> None:
    assert parse("", PLACE) == Config(path=PLACE)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "said"),
    [
        (
            "turn = 48",
            "turns = 48",
            15,
            "there is no setting “turn” in [run]: did you mean turns? known are model,",
        ),
        ("turns = 0", "turns = 48", 15, "“turns” in [run] cannot be 0: give a whole number from 1 to"),
        ('turns = "a"', "turns = 48", 15, "“turns” in [run] cannot be the text 'a'"),
        ("max-tokens = 5", "turns = 48", 15, "no setting “max-tokens” in [run]: did you mean max_tokens?"),
        (
            "frame_rate = 99",
            "frame_rate = 20",
            28,
            "“frame_rate” in [screen] cannot be 99: give a whole number from 1 to 60",
        ),
        (
            'point = "usb"',
            'point = "usb-input"',
            10,
            '“point” in [devices] cannot be "usb": give a text like',
        ),
        ("", 'point = "usb-input"', 9, "a meter that feeds a device needs a reference point"),
        ('name = "pixel-8"', 'name = "tc66"', 8, "two devices are called “pixel-8”"),
        (
            'address = "adb:R5CT"',
            'address = "serial:/dev/ttyACM0?family=tc66"',
            7,
            "the device adb:R5CT is there twice: leave one of them out",
        ),
        ("", 'address = "adb:R5CT"', 1, "a device has no address"),
        ("[sesion]", "[session]", 21, "no setting “sesion” at the top: did you mean session?"),
        ("run = 3", 'run = "ctrl+r"', 31, "“run” in [keys] cannot be the number 3"),
    ],
)
def test_a_wrong_line_is_named(wrong: str, right: str, line: int, said: str) -> None:
    assert right in WHOLE
    with pytest.raises(ConfigError) as caught:
        parse(WHOLE.replace(right, wrong), PLACE)
    assert str(caught.value).startswith(f"{PLACE}, line {line}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('model = "demo"\n', "line 1: there is no setting “model” at the top: it belongs under [run]"),
        ("devices = 3", "line 1: “devices” is not a list: write [[devices]]"),
        ("devices = [3]", "line 1: “devices” is not a table"),
        ("run = 3", "line 1: “run” is not a table: write [run]"),
        ("[[run]]", "line 1: “run” is not a table"),
        ("keys = 3", "line 1: “keys” is not a table"),
        ("a = [1,\n\n", "is not TOML: "),
        ("[run]\nturns 3", "is not TOML: Expected '=' after a key in a key/value pair (at line 2, column 7)"),
        ("a=" + "[" * 5000, "cannot be parsed"),
        ("evil\x1b = 3", "is not TOML"),
        ('"evil\\u001b[2J" = 3', "“evil?[2J”"),
    ],
)
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, PLACE)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.remedy


def test_from_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[run]\r\nturns = 3\r\n")
    assert read(path).run.turns == 3
    path.write_bytes(b"[run]\n# caf\xe9\n")
    with pytest.raises(ConfigError, match="line 2: this is not UTF-8"):
        read(path)
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(ConfigError, match="larger than a config file"):
        read(path)
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    said = ""
    try:
        parse(text, PLACE)
    except ConfigError as error:
        said = str(error)
    assert said.isprintable()


@given(st.integers(0, len(WHOLE)), st.text(max_size=8))
def test_any_slip_is_read_or_refused(at: int, slip: str) -> None:
    said = ""
    try:
        parse(WHOLE[:at] + slip + WHOLE[at:], PLACE)
    except ConfigError as error:
        said = str(error)
    assert said.isprintable()
    assert not said or said.startswith(str(PLACE))
