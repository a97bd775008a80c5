from pathlib import Path

import pytest

from melt_tui.cli.addresses import refuse, wrong_addresses
from melt_tui.config import Config, load
from melt_tui.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(
        '[[devices]]\naddress = "host"\n[[devices]]\nname = "x"\naddress = "nosuch:1"\n', encoding="utf-8"
    )
    return load(path)


def test_an_address_that_nobody_knows_is_named_with_its_line(config: Config) -> None:
    ((said, remedy),) = wrong_addresses(config)
    assert said == f"{config.path}, line 5: 'nosuch:1' is an unknown address"
    assert remedy.startswith("known are host")
    with pytest.raises(ConfigError, match="line 5"):
        refuse(config, iter(["host", "nosuch:1"]))


def test_what_is_not_to_be_opened_keeps_nothing_from_beginning(config: Config) -> None:
    refuse(config, iter(["host", "nosuch:2"]))
