"""A workload from a JSON file in MELT's form: a list of conversations, each a list of prompts."""

import json
from pathlib import Path
from typing import Any, Final

from melt_tui.errors import WorkloadError
from melt_tui.format import byte_count, plain

MAX_BYTES: Final = 16 << 20
MAX_PROMPTS: Final = 20_000
MAX_PROMPT_CHARACTERS: Final = 200_000
_FORM: Final = (
    'give a JSON list of conversations, each a list of prompts: [["first prompt", "second prompt"]]'
)
_KINDS: Final = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


def read(path: Path) -> tuple[tuple[str, ...], ...]:
    """The conversations of this file, at least one, each with at least one prompt. Raises ``WorkloadError``."""
    shown = plain(str(path), 200)
    content = _parse(shown, _content(path, shown))
    if not isinstance(content, list):
        raise WorkloadError(f"{shown} holds {_kind(content)}, not a list", _FORM)
    conversations = tuple(_conversation(shown, i, part) for i, part in enumerate(content, start=1))
    if not conversations:
        raise WorkloadError(f"{shown} holds no conversation", _FORM)
    if sum(map(len, conversations)) > MAX_PROMPTS:
        raise WorkloadError(f"{shown} holds more than {MAX_PROMPTS:,} prompts", "split it into several files")
    return conversations


def _content(path: Path, shown: str) -> bytes:
    try:
        if not path.exists():
            raise WorkloadError(f"there is no workload file {shown}", "check the path")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise WorkloadError(f"{shown} cannot be read ({why})", "check the path and its rights") from error
    if len(content) > MAX_BYTES:
        raise WorkloadError(f"{shown} is larger than {byte_count(MAX_BYTES)}", "split it into several files")
    return content


def _parse(shown: str, content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise WorkloadError(f"{shown} is not JSON ({place}: {error.msg})", _FORM) from error
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{shown} is not UTF-8 text (byte {error.start})", _FORM) from error
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{shown} cannot be parsed ({plain(str(error))})", _FORM) from error


def _conversation(shown: str, number: int, part: Any) -> tuple[str, ...]:
    place = f"{shown}: conversation {number}"
    if not isinstance(part, list):
        raise WorkloadError(f"{place} is {_kind(part)}, not a list of prompts", _FORM)
    if not part:
        raise WorkloadError(f"{place} is empty", "give it a prompt or leave it out")
    return tuple(_prompt(f"{place}, prompt {i}", prompt) for i, prompt in enumerate(part, start=1))


def _prompt(place: str, prompt: Any) -> str:
    if not isinstance(prompt, str):
        raise WorkloadError(f"{place} is {_kind(prompt)}, not text", _FORM)
    if not prompt.strip():
        raise WorkloadError(f"{place} is empty", "give it a text or leave it out")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise WorkloadError(f"{place} is longer than {MAX_PROMPT_CHARACTERS:,} characters", "shorten it")
    if any("\ud800" <= c <= "\udfff" for c in prompt):
        raise WorkloadError(f"{place} holds half a character (a lone surrogate)", "write it as UTF-8")
    return prompt


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")
