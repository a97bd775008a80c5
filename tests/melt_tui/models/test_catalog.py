import hashlib
import os
from pathlib import Path

import pytest

from melt_tui.errors import ModelError
from melt_tui.models import catalog, demo
from melt_tui.models.shapes import SHAPES, Quantisation, Shape
from tests.rigs.gguf_files import LITTLE

TINY = Shape(name="tiny", layers=1, width=64, feed_forward=64, heads=2, kv_heads=2, vocabulary=300)


def test_a_path(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(LITTLE)
    found = catalog.resolve(str(path), tmp_path / "cache")
    assert (found.path, found.parameters, found.synthetic, found.note) == (str(path), 1536, False, "")
    assert found.sha256 == hashlib.sha256(LITTLE).hexdigest()
    described = catalog.describe(str(path), tmp_path / "cache")
    assert (described.sha256, described.parameters) == ("", 1536)


@pytest.mark.parametrize("name", ["demo", "synthetic:smollm-135m"])
def test_a_cache_out_of_reach(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def forbidden(path: Path, **how: bool) -> os.stat_result:
        if tmp_path in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(ModelError, match=r"\(Permission denied\): check the disk"):
        catalog.resolve(name, tmp_path / "cache")


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.gguf").write_bytes(LITTLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert catalog.resolve("x.gguf", tmp_path / "cache").path == str(tmp_path / "x.gguf")
    assert catalog.resolve("~/x.gguf", tmp_path / "cache").path == str(tmp_path / "x.gguf")


def test_synthetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "SHAPES", {"tiny": TINY})
    found = catalog.resolve("synthetic:tiny:f16", tmp_path)
    assert (found.name, found.quantisation, found.synthetic) == ("tiny", "F16", True)
    assert found.sha256 == hashlib.sha256(Path(found.path).read_bytes()).hexdigest()
    assert catalog.describe("synthetic:tiny:f16", tmp_path).path == found.path


def test_demo_is_described_before_it_is_there(tmp_path: Path) -> None:
    assert catalog.describe("demo", tmp_path) == demo.describe(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name", "quantisation"),
    [
        ("synthetic:tinyllama-1.1b", "tinyllama-1.1b", Quantisation.Q4_0),
        ("synthetic:tinyllama-1.1b:q8_0", "tinyllama-1.1b", Quantisation.Q8_0),
        ("synthetic:gemma-2b-f16", "gemma-2b", Quantisation.F16),
        ("synthetic:Gemma-2B:Q4_0", "gemma-2b", Quantisation.Q4_0),
    ],
)
def test_names_of_synthetic_models(text: str, name: str, quantisation: Quantisation) -> None:
    assert catalog.parse_synthetic(text) == (SHAPES[name], quantisation)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dmo", r"no model “dmo”: did you mean demo\?"),
        ("tinyllama", r"did you mean synthetic:tinyllama-1.1b\? known are demo, synthetic:SHAPE"),
        ("zzz", r"no model “zzz”: known are demo"),
        ("synthetic:tinylama", r"did you mean tinyllama-1.1b\? known shapes are demo-77m"),
        ("synthetic:", "no synthetic model “”"),
        ("evil\x1b[2J", r"“evil\?\[2J”"),
        ("~nobody-has-this-name/x.gguf", "is not a path"),
        ("none.gguf", "there is no file /"),
        ("folder/none", "there is no file /"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, text: str, said: str) -> None:
    for ask in (catalog.resolve, catalog.describe):
        with pytest.raises(ModelError, match=said):
            ask(text, tmp_path)


def test_choices_can_be_resolved() -> None:
    choices = catalog.choices()
    assert choices[0].value == "demo"
    assert "toy model" in choices[0].remark
    for choice in choices[1:]:
        assert catalog.parse_synthetic(choice.value)[0].name == choice.title
        assert "synthetic weights" in choice.remark
