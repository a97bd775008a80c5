"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("drivers/**/*.py"), *ROOT.glob("melt_tui/**/*.py")])
EVERYTHING = sorted([*SOURCES, *ROOT.glob("tests/**/*.py"), *ROOT.glob("screenshots/**/*.py")])

LATE_IMPORTS = {
    "melt_tui/config/__init__.py": "the parser is loaded only when there is a config file",
    "melt_tui/cli/__init__.py": "a verb imports what it needs, so that the first paint waits for nothing",
    "melt_tui/cli/screen.py": "the screen is imported by the verbs that have one",
}
"""Files that may import inside a function, with the reason."""

TOP_LEVEL = {"drivers", "melt_tui", "tests", "screenshots", "pyproject.toml", "README.md", "LICENSE"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(module: ast.AST) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(module: ast.AST, attribute: str) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == attribute
        ):
            yield node


def test_top_level_holds_nothing_else() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    extra = {line.split("/")[0] for line in tracked.splitlines()} - TOP_LEVEL
    assert {entry for entry in extra if not entry.startswith(".")} == set()


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_stand_at_the_top(path: Path) -> None:
    if name(path) in LATE_IMPORTS:
        return
    functions = [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = [n.lineno for f in functions for n in ast.walk(f) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert late == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("drivers/**/protocol.py")), ids=name)
def test_a_protocol_does_no_io(path: Path) -> None:
    forbidden = ("asyncio", "socket", "subprocess", "time", "drivers.links", "drivers.clock", "pathlib", "os")
    touched = [i for i in imports(tree(path)) if i in forbidden or i.startswith("drivers.links")]
    assert touched == []


ROOM = re.compile(r"drivers\.(devices|meters|runtimes)\.\w+")


def test_one_driver_does_not_know_another() -> None:
    rooms = [path for path in SOURCES if ROOM.match(".".join(path.relative_to(ROOT).parts))]
    strange = [
        (name(path), imported)
        for path in rooms
        for imported in imports(tree(path))
        if ROOM.match(imported) and not imported.startswith(".".join(path.relative_to(ROOT).parts[:3]))
    ]
    assert strange == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_only_the_clock_sleeps(path: Path) -> None:
    if name(path) == "drivers/clock.py":
        return
    sleeps = [
        call.lineno
        for call in calls(tree(path), "sleep")
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"asyncio", "time"}
    ]
    assert sleeps == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_task_has_an_owner(path: Path) -> None:
    bare = [
        call.lineno
        for call in [*calls(tree(path), "create_task"), *calls(tree(path), "ensure_future")]
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"asyncio", "loop"}
    ]
    assert bare == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_one_broad_except(path: Path) -> None:
    if name(path) == "melt_tui/session/guard.py":
        return
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    broad = [
        handler.lineno
        for handler in handlers
        if handler.type is None
        or (isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"})
    ]
    assert broad == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("melt_tui/ui/**/*.py")), ids=name)
def test_no_colour_in_python(path: Path) -> None:
    assert re.findall(r"[\"']#[0-9a-fA-F]{3,8}[\"']|rgb\(", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_replay_is_no_mode(path: Path) -> None:
    assert not re.search(r"\bif (self\.)?_?(is_)?replay(ing)?\b", path.read_text(encoding="utf-8"))


def test_every_source_has_its_test() -> None:
    tests = {path.relative_to(ROOT / "tests").as_posix() for path in ROOT.glob("tests/**/test_*.py")}
    missing = []
    for path in SOURCES:
        if path.name in {"__init__.py", "__main__.py", "channels.py"} or "def " not in path.read_text(
            encoding="utf-8"
        ):
            continue
        folder = path.relative_to(ROOT).parent
        mirrored = {f"{folder}/test_{path.stem}.py", f"{folder.parent}/test_{folder.name}.py"}
        if not mirrored & tests:
            missing.append(name(path))
    assert missing == []


def test_the_first_screen_reaches_nothing_heavy() -> None:
    heavy = {"numpy", "httpx", "zstandard", "sqlite3", "xllamacpp", "melt_tui.workbench.desk"}
    code = "import sys, melt_tui.ui.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert heavy & set(loaded) == set()
