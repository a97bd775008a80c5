from pathlib import Path

from melt_tui.cli.names import sentences, wrong_names
from melt_tui.config import Config, load


def test_a_name_that_is_no_command_is_named_with_its_line_and_what_would_be_right(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\nrun = "x"\nfrezze = "z"\n"add-devise" = "y"\nfly = "w"\n', encoding="utf-8")
    config = load(path)
    assert wrong_names(config)[1:] == (
        (
            f"{path}, line 5: there is no command “fly”",
            wrong_names(config)[1][1],
        ),
        (f"{path}, line 3: there is no command “frezze”", "did you mean freeze?"),
    )
    assert next(sentences(config)) == (
        f"{path}, line 4: there is no command “add-devise”: did you mean add_device?"
    )
    assert wrong_names(config)[1][1].startswith("known are run, stop, freeze")


def test_a_colour_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[[devices]]\naddress = "host"\ncolour = "blue"\n[[devices]]\naddress = "adb:X"\ncolour = "orange"\n',
        encoding="utf-8",
    )
    assert [said for said, _ in wrong_names(load(path))] == [f"{path}, line 6: there is no colour “orange”"]


def test_without_a_file_to_look_into_the_name_alone_is_told(tmp_path: Path) -> None:
    assert list(sentences(Config(keys=(("runn", "x"),)))) == ["there is no command “runn”: did you mean run?"]
    gone = Config(keys=(("runn", "x"),), path=tmp_path / "gone.toml")
    assert wrong_names(gone)[0][0] == f"{tmp_path}/gone.toml: there is no command “runn”"
    assert wrong_names(Config(keys=(("run", "x"),))) == ()
