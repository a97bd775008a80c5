"""Models in several files."""

import hashlib
from pathlib import Path

import pytest

from melt_tui.errors import ModelError
from melt_tui.models import catalog
from melt_tui.models.gguf import read_model
from melt_tui.models.split import names_of
from tests.rigs.gguf_files import LLAMA, gguf

NAMES = [f"m-0000{i}-of-00003.gguf" for i in (1, 2, 3)]


def part(place: int, *, count: int = 3, tensors: int = 2, told: int = 4) -> bytes:
    keys: dict[str, object] = {"split.no": place, "split.count": count}
    keys |= {"split.tensors.count": told} if place == 0 else {}
    table = [(f"t{place}.{i}", (256,), 12, 0) for i in range(tensors)]
    return gguf({**(LLAMA if place == 0 else {}), **keys}, table, data=144 + place)


def written(folder: Path, **parts: bytes) -> Path:
    """The first part; those that are named are others than they should be."""
    usual = {"one": part(0, tensors=0), "two": part(1), "three": part(2)}
    for name, content in zip(NAMES, (usual | parts).values(), strict=True):
        (folder / name).write_bytes(content)
    return folder / NAMES[0]


def test_all_files_count(tmp_path: Path) -> None:
    first = written(tmp_path)
    found = read_model(first)
    sizes = [(tmp_path / name).stat().st_size for name in NAMES]
    assert (found.path, found.size_bytes, found.parameters) == (str(first), sum(sizes), 4 * 256)
    assert (found.name, found.vocabulary, found.note) == ("little llama", 3, "")
    assert found.quantisation == "Q4_K_M", "by the tensors of the others: the first has none"
    assert [(one.path, one.size_bytes) for one in found.parts] == [
        (str(tmp_path / name), size) for name, size in zip(NAMES, sizes, strict=True)
    ]


def test_each_file_has_its_sum_and_the_model_one_of_all(tmp_path: Path) -> None:
    first = written(tmp_path)
    sums = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in NAMES]
    found = catalog.resolve(str(first), tmp_path / "cache")
    assert [one.sha256 for one in found.parts] == sums
    assert found.sha256 == hashlib.sha256("".join(f"{one}\n" for one in sums).encode()).hexdigest()
    (tmp_path / NAMES[2]).write_bytes(part(2) + b"\0")
    assert catalog.resolve(str(first), tmp_path / "cache").sha256 != found.sha256


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"two": part(2)}, "m-00002-of-00003.gguf is not part 2 of 3 of a model"),
        ({"two": part(1, count=4)}, "is not part 2 of 3"),
        ({"three": part(2)[:-146]}, "m-00003-of-00003.gguf is cut off"),
        ({"three": part(2, tensors=1)}, "hold 3 tensors, and should 4"),
        ({"three": b""}, "m-00003-of-00003.gguf is not a GGUF file, it is empty"),
        ({"one": part(1)}, "is part 2 of a split model"),
    ],
)
def test_files_that_are_not_of_one_model(tmp_path: Path, others: dict[str, bytes], said: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(written(tmp_path, **others))
    assert said in caught.value.sentence


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    first = written(tmp_path)
    (tmp_path / NAMES[1]).unlink()
    with pytest.raises(ModelError, match=r"m-00002-of-00003\.gguf is missing, one of the 3 files"):
        read_model(first)
    with pytest.raises(ModelError, match="is not named so that an engine finds the others"):
        read_model(first.rename(tmp_path / "m.gguf"))


@pytest.mark.parametrize(
    "name",
    [
        "m.gguf",
        "m-00002-of-00003.gguf",
        "m-00001-of-00001.gguf",
        "m-00001-of-99999.gguf",
        "-00001-of-00002.gguf",
    ],
)
def test_names_that_are_no_first_part(name: str) -> None:
    assert names_of(name) == []
    assert names_of(NAMES[0]) == NAMES
