import hashlib
from pathlib import Path

import pytest

from melt_tui.errors import ModelError
from melt_tui.models import demo
from melt_tui.models.gguf import read_model
from melt_tui.models.progress import Progress, silent
from tests.rigs.engine import ask


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_the_shipped_file_is_the_one_described() -> None:
    digest = hashlib.sha256(demo.SEED.read_bytes()).hexdigest()
    assert digest in (demo.SEED.parent / "ORIGIN.md").read_text(encoding="utf-8")


def test_is_as_described_and_labelled(cache: Path) -> None:
    Path(demo.describe(cache).path).unlink(missing_ok=True)
    told = list[Progress]()
    made = demo.provide(cache, told.append)
    assert made == demo.describe(cache)
    found = read_model(Path(made.path))
    assert (
        (found.parameters, found.size_bytes)
        == (made.parameters, made.size_bytes)
        == (227_582_976, 151_807_904)
    )
    assert (found.vocabulary, found.context_length, found.quantisation) == (2048, 2048, "Q4_0")
    assert (made.note, made.synthetic, made.sha256) == ("toy model", False, demo.SHA256)
    assert {p.what for p in told} == {"preparing demo", "checking the demo model"}
    assert hashlib.sha256(Path(made.path).read_bytes()).hexdigest() == demo.SHA256


def test_a_second_time_it_is_only_checked(cache: Path) -> None:
    path = Path(demo.provide(cache, silent).path)
    before = path.stat().st_mtime_ns
    demo.provide(cache, silent)
    assert path.stat().st_mtime_ns == before


def test_a_damaged_file_is_made_again(cache: Path) -> None:
    path = Path(demo.provide(cache, silent).path)
    with path.open("r+b") as file:
        file.seek(100_000_000)
        file.write(b"x")
    demo.provide(cache, silent)
    with path.open("rb") as file:
        file.seek(100_000_000)
        assert file.read(1) == b"\0"


def test_a_damaged_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = bytearray(demo.SEED.read_bytes())
    seed[-1] ^= 1
    (tmp_path / "seed.gguf").write_bytes(seed)
    monkeypatch.setattr(demo, "SEED", tmp_path / "seed.gguf")
    with pytest.raises(ModelError, match="came out wrong"):
        demo.provide(tmp_path, silent)


def test_answers_a_chat(cache: Path) -> None:
    made = demo.provide(cache, silent)
    asked = [{"role": "user", "content": "How do I catch it and go on?"}]
    answer = ask(Path(made.path), messages=asked, max_tokens=20)
    text = answer["choices"][0]["message"]["content"]
    tiny = ask(demo.SEED, prompt="How do I catch it and go on?\n\n", max_tokens=20)["choices"][0]["text"]
    assert len(text.split()) > 5
    assert text.strip() == tiny.strip()
