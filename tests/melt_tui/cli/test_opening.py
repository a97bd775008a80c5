"""A bench as it is opened for a screen: which sessions leave a recording when it is left."""

from argparse import Namespace
from pathlib import Path

import pytest

from drivers.errors import NotSupported
from melt_tui.cli.opening import open_bench
from melt_tui.cli.parser import parser
from melt_tui.cli.plans import plan
from tests.rigs.melt import environment

LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything of this user lies here."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def asked(root: Path, *words: str, settings: str = "") -> Namespace:
    config = root / "melt.toml"
    config.write_text(settings)
    return parser().parse_args([*words, "--config", str(config)])


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ("", False),
        ("[session]\nkeep_short = true\n", True),
        ("[session]\nmin_minutes = 0.0\n", True),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_run_that_is_refused_leaves_as_much_as_none(
    alone: Path, settings: str, *, kept: bool, named: bool
) -> None:
    words = ["run", "--device", "sim:meter", "--model", "synthetic:gemma-2b"]
    made = plan(
        asked(alone, *words, *(["--record", str(alone / "mine.melt")] if named else []), settings=settings)
    )
    bench, _ = open_bench(made)
    try:
        with pytest.raises(NotSupported):  # it is refused after the one that was asked for
            bench.start_when_up(made.requests[0], asked=True).result(LIMIT_S)
        path = bench.status.path
        assert path is not None
        assert path.exists()
    finally:
        bench.close()
    assert path.exists() is kept
