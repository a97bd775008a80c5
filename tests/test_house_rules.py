"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("house rules")
"""On one worker: each file is parsed once."""

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("drivers/**/*.py"), *ROOT.glob("melt_tui/**/*.py")])
EVERYTHING = sorted([*SOURCES, *ROOT.glob("tests/**/*.py"), *ROOT.glob("screenshots/**/*.py")])
PROTOCOLS = sorted(ROOT.glob("drivers/**/protocol.py"))

LATE_IMPORTS = {
    "melt_tui/config/__init__.py": "the parser is loaded only when there is a file to parse",
    "melt_tui/measures/comparing.py": "scipy.stats takes most of a second, and few sides are skewed",
}
"""Files that may import inside a function, with the reason."""

TOP_LEVEL = {"drivers", "melt_tui", "tests", "screenshots", "pyproject.toml", "README.md", "LICENSE"}

ROOM = re.compile(r"drivers\.(devices|meters|runtimes)\.\w+")

TESTED_FILE_BY_FILE = ("melt_tui/session", "melt_tui/detectors")
"""Rooms in which every file has a test file of its own name; elsewhere every folder has tests."""


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parts[:3])


def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found


def breaches(paths: list[Path], rule: Callable[[Path], Iterator[object]]) -> list[str]:
    """Where a rule is broken: ``file: what``."""
    return [f"{name(path)}: {what}" for path in paths for what in rule(path)]


def called_on(path: Path, attribute: str, owners: set[str]) -> Iterator[int]:
    if f".{attribute}(" not in text(path):
        return
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == attribute
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in owners
        ):
            yield node.lineno


def test_top_level_holds_nothing_else() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    extra = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")} - TOP_LEVEL
    assert {entry for entry in extra if not any(fnmatch(entry, one.rstrip("/")) for one in ignored)} == set()


def test_files_stay_short() -> None:
    assert [name(path) for path in EVERYTHING if len(text(path).splitlines()) > 400] == []


def test_imports_stand_at_the_top() -> None:
    def late(path: Path) -> Iterator[int]:
        indented = re.search(r"^[ \t]+(import|from)\b", text(path), re.MULTILINE)
        for function in ast.walk(tree(path)) if indented else ():
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = ast.walk(function)
                yield from (n.lineno for n in inner if isinstance(n, ast.Import | ast.ImportFrom))

    assert breaches([path for path in SOURCES if name(path) not in LATE_IMPORTS], late) == []


def test_a_protocol_does_no_io() -> None:
    forbidden = re.compile(r"(asyncio|socket|subprocess|time|pathlib|os|drivers\.(links|clock|ticks))(\.|$)")
    assert breaches(PROTOCOLS, lambda path: (one for one in imports(path) if forbidden.match(one))) == []


def test_one_driver_does_not_know_another() -> None:
    def strange(path: Path) -> Iterator[str]:
        return (one for one in imports(path) if ROOM.match(one) and not one.startswith(room(path)))

    rooms = [path for path in SOURCES if ROOM.match(room(path))]
    assert rooms
    assert breaches(rooms, strange) == []


def test_only_the_clock_sleeps() -> None:
    others = [path for path in SOURCES if name(path) != "drivers/clock.py"]
    assert breaches(others, lambda path: called_on(path, "sleep", {"asyncio", "time"})) == []


def test_only_the_clock_reads_the_time() -> None:
    own_process = {"drivers/clock.py", "drivers/runtimes/llama_server/child.py"}
    reading = re.compile(r"\btime\.(?:time|monotonic|perf_counter)(?:_ns)?\(")
    others = [path for path in SOURCES if name(path) not in own_process]
    assert breaches(others, lambda path: iter(reading.findall(text(path)))) == []


def test_every_task_has_an_owner() -> None:
    assert breaches(SOURCES, lambda path: called_on(path, "create_task", {"asyncio", "loop"})) == []
    assert breaches(SOURCES, lambda path: called_on(path, "ensure_future", {"asyncio", "loop"})) == []


def test_one_broad_except() -> None:
    def broad(path: Path) -> Iterator[int]:
        for node in ast.walk(tree(path)) if "except" in text(path) else ():
            if isinstance(node, ast.ExceptHandler):
                named = isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
                if node.type is None or named:
                    yield node.lineno

    others = [path for path in SOURCES if name(path) != "melt_tui/session/guard.py"]
    assert breaches(others, broad) == []


def test_no_colour_in_python() -> None:
    literal = re.compile(r"[\"']#[0-9a-fA-F]{3,8}[\"']|rgb\(")
    screens = [path for path in SOURCES if name(path).startswith("melt_tui/ui/")]
    assert breaches(screens, lambda path: iter(literal.findall(text(path)))) == []


def test_replay_is_no_mode() -> None:
    mode = re.compile(r"\bif (?:not )?(?:self\.)?_?(?:is_)?replay(?:ing)?\b")
    assert breaches(SOURCES, lambda path: iter(mode.findall(text(path)))) == []


def test_nothing_was_left_behind() -> None:
    mark = re.compile(r"# *(?:TODO|FIXME|XXX|HACK)|NotImplementedError\(\"|pytest\.mark\.(?:skip|xfail)\b")
    own = Path(__file__)
    assert breaches([p for p in EVERYTHING if p != own], lambda path: iter(mark.findall(text(path)))) == []


def test_every_room_has_its_tests() -> None:
    tests = {path.relative_to(ROOT / "tests").as_posix() for path in ROOT.glob("tests/**/test_*.py")}
    untested = []
    for path in SOURCES:
        folder = path.relative_to(ROOT).parent.as_posix()
        if path.stem == "__init__" or not any(
            isinstance(node, ast.FunctionDef) for node in ast.walk(tree(path))
        ):
            continue
        own = f"{folder}/test_{path.stem}.py"
        by_room = own in tests or (
            folder not in TESTED_FILE_BY_FILE and any(test.startswith(f"{folder}/") for test in tests)
        )
        if not by_room and f"{Path(folder).parent.as_posix()}/test_{Path(folder).name}.py" not in tests:
            untested.append(name(path))
    assert untested == []


def test_every_protocol_has_its_tests() -> None:
    missing = [
        name(path)
        for path in PROTOCOLS
        if not (ROOT / "tests" / path.relative_to(ROOT).parent / "test_protocol.py").exists()
    ]
    assert missing == []


def test_the_first_screen_reaches_nothing_heavy() -> None:
    heavy = {"numpy", "httpx", "zstandard", "sqlite3", "xllamacpp", "melt_tui.workbench.desk"}
    code = "import sys, melt_tui.cli, melt_tui.cli.screen; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy & set(run.stdout.split()) == set()
