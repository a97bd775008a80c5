import subprocess
import sys
from pathlib import Path

import pytest

from melt_tui import config
from melt_tui.config import places
from melt_tui.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", places.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="the places of Linux")
def test_the_platforms_places(home: Path) -> None:
    assert places.config_file() == home / ".config/melt/config.toml"
    assert places.state_file() == home / ".local/state/melt/last-run.json"
    assert places.model_cache() == home / ".cache/melt/models"
    assert places.recordings_folder() == home / ".local/share/melt/recordings"
    assert home / ".local/state/melt" in [places.log_folder(), *places.log_folder().parents]


def test_a_variable_names_another_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.VARIABLE, "~/other.toml")
    assert places.config_file() == home / "other.toml"
    with pytest.raises(ConfigError, match="there is no config file"):
        config.load()
    (home / "other.toml").write_text("[run]\nturns = 3\n", encoding="utf-8")
    assert config.load().run.turns == 3


def test_without_a_file_the_defaults_hold(home: Path) -> None:
    assert config.load() == config.Config()
    with pytest.raises(ConfigError, match="there is no config file"):
        config.load(home / "none.toml")


def test_a_file_at_its_place_is_read() -> None:
    path = places.config_file()
    path.parent.mkdir(parents=True)
    path.write_text('[run]\nmodel = "x.gguf"\n', encoding="utf-8")
    assert config.load().run.model == "x.gguf"
    assert config.load().path == path


def test_the_parser_is_not_loaded_without_a_file(home: Path) -> None:
    code = "import sys; from melt_tui.config import load; load(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"HOME": str(home)}
    ).stdout.split()
    assert not {"tomllib", "textual", "numpy", "melt_tui.config.read"} & set(loaded)
