import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melt_tui.errors import WorkloadError
from melt_tui.workloads import file

SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "input.json"
    path.write_bytes(content)
    return path


def test_melts_form(tmp_path: Path) -> None:
    content = '[["Hello", "And then?\\nGo on."],\n ["Grüße 👋"]]'
    assert file.read(written(tmp_path, content.encode())) == (("Hello", "And then?\nGo on."), ("Grüße 👋",))
    assert file.read(written(tmp_path, b"\xef\xbb\xbf" + content.encode()))[1] == ("Grüße 👋",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"input.json is not JSON \(line 1, column 1"),
        (b'[["a"],\n ["b"', r"is not JSON \(line 2, column 6"),
        (b"\xff\xfe", r"is not UTF-8 text \(byte 0\)"),
        (b"[" * 100_000, "cannot be parsed"),
        (b"[[" + b"9" * 5000 + b"]]", "cannot be parsed"),
        (b'{"a": 1}', "holds an object, not a list"),
        (b"3", "holds a number, not a list"),
        (b"[]", "holds no conversation"),
        (b'["a", "b"]', "conversation 1 is text, not a list of prompts"),
        (b'[["a"], []]', "conversation 2 is empty"),
        (b'[["a"], ["b", 3]]', "conversation 2, prompt 2 is a number, not text"),
        (b'[["a", null]]', "conversation 1, prompt 2 is null"),
        (b'[["a", true]]', "prompt 2 is true or false"),
        (b'[["a", " \\n"]]', "conversation 1, prompt 2 is empty"),
        (b'[["\\ud800"]]', "lone surrogate"),
        (json.dumps([["x" * 200_001]]).encode(), "longer than 200,000 characters"),
        (json.dumps([["x"] * 20_001]).encode(), "more than 20,000 prompts"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(WorkloadError, match=said) as caught:
        file.read(written(tmp_path, content))
    assert caught.value.remedy


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkloadError, match="there is no workload file"):
        file.read(tmp_path / "none.json")
    with pytest.raises(WorkloadError, match="cannot be read"):
        file.read(tmp_path)
    with pytest.raises(WorkloadError, match=r"cannot be read \(File name too long\)"):
        file.read(tmp_path / ("x" * 5000))
    monkeypatch.setattr(file, "MAX_BYTES", 10)
    with pytest.raises(WorkloadError, match="larger than 10 B"):
        file.read(written(tmp_path, b'[["hello"]]'))


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)


@SETTINGS
@given(st.lists(st.lists(_TEXT, min_size=1, max_size=5), min_size=1, max_size=5))
def test_any_conversations_come_back(tmp_path: Path, conversations: list[list[str]]) -> None:
    read = file.read(written(tmp_path, json.dumps(conversations).encode()))
    assert [list(conversation) for conversation in read] == conversations


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@SETTINGS
@given(st.one_of(st.binary(max_size=60), _JSON.map(lambda item: json.dumps(item).encode())))
def test_anything_else_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    said = ""
    try:
        read = file.read(written(tmp_path, content))
    except WorkloadError as error:
        said = str(error)
    assert said.isprintable()
    if not said:
        assert json.loads(content.decode("utf-8-sig")) == [list(conversation) for conversation in read]
