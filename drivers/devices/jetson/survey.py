"""What a board has, as its survey told it. Pure; any text in, never raises."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LINES_LIMIT = 20_000
TEXT_LIMIT = 16_384
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Survey:
    """Files that are there, and what was read of them."""

    files: Mapping[str, str] = field(default_factory=dict)
    """First line by path; empty also for what was not read."""
    refused: frozenset[str] = frozenset()
    """Files that may not be read."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Whole texts by path."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Where commands are, and what the kernel calls itself."""

    def find(self, pattern: str) -> Sequence[str]:
        """Paths that match wholly, numbers in them in order of value."""
        matching = re.compile(pattern)
        return sorted((path for path in self.files if matching.fullmatch(path)), key=_by_number)

    def text(self, path: str) -> str | None:
        """What a file said; None where there is none."""
        return self.texts.get(path, self.files.get(path))


def parse(answer: str, root: str = "") -> Survey:
    """The survey's output. What is in none of its forms is left out."""
    files: dict[str, str] = {}
    facts: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    refused: set[str] = set()
    section: list[str] | None = None
    for line in answer.split("\n")[:LINES_LIMIT]:
        head, tab, value = line.partition("\t")
        if line.startswith("@/"):
            section = texts.setdefault(line[1:], [])
        elif section is not None:
            section.append(line[:TEXT_LIMIT])
        elif tab and head.startswith("$"):
            facts.setdefault(head[1:], value.strip()[:TEXT_LIMIT])
        elif tab and head.startswith("!"):
            refused.add(head[1:].removeprefix(root))
        elif tab:
            files.setdefault(head.removeprefix(root), value[:TEXT_LIMIT])
    whole = {path: "\n".join(section) for path, section in texts.items()}
    return Survey(files, frozenset(refused), whole, facts)


def _by_number(path: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(path))
