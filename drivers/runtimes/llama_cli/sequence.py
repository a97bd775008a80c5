"""Turns that a device takes one after the other by itself: the script, and its marks in what they print. Pure.

Standard output and standard error are read apart: each holds a mark where a turn begins and where it has ended.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drivers.model import Workload

SEPARATOR: Final = "\x1e"
MARK_LIMIT: Final = 80
TEXT_LIMIT: Final = 90_000
"""Characters that the script's arguments may hold together: a command line takes 128 KiB."""

# What it prints it reads again by a descriptor of its own: while mksh starts what is in $( ), its output is that pipe.
# A mark goes out in one write, or what the engine says at that moment comes between: toybox's printf makes several.
SCRIPT: Final = r"""
mark=$1 command=$2 plan=$3 body=$4 rounds=$5 most=$6 pause=$7 shared=$8; shift 8
exec 9>&1; n=0 round=0 said= sep=$(printf '\036') nl='
'
put() { case $KSH_VERSION in ?*) print -rn -- "$1" ;; *) printf %s "$1" ;; esac; }
note() { put "$sep$mark $n $1$sep"; }
tell() { note "$1"; note "$1" >&2; }
bare() { b=$1; while :; do case $b in *" "|*"$nl") b=${b%?} ;; *) break ;; esac; done; }
while :; do
  for step in $plan; do
    [ "$n" != "$most" ] || exit 0
    n=$((n+1))
    [ "$n" = 1 ] || [ "$pause" = 0 ] || sleep "$pause"
    eval "prompt=\${${step#?}}"
    case $step in f*) said=$prompt ;; *) said=$said$prompt ;; esac
    tell begin
    read -r x at <"/proc/$$/fdinfo/1"
    eval "$command"' -p "$said" </dev/null 9>&- &'
    child=$!
    note "pid $child" >&2
    [ -z "$MELT_LEASE" ] || echo "$child" >"$MELT_LEASE/watch"
    wait "$child"
    rc=$?
    if [ -n "$shared" ]; then
      reply=$(tail -c "+$((at+1))" "/proc/$$/fd/9"; echo x)
      reply=${reply%x}; bare "$reply"
      case $b in *"[end of text]") reply=${b%"[end of text]"}; reply=${reply%" "} ;; esac
      said=$said$reply
    fi
    tell "ended $rc"
    [ "$rc" = 0 ] || exit "$rc"
  done
  [ "$round" != "$rounds" ] || exit 0
  round=$((round+1)) plan=$body
done
"""
"""Takes one turn after the other, each in a process of its own, and ends with the return code of the first that fails.

``plan``: the warm-up turns, ``body``: those of one repetition, words ``f3`` (the third prompt, context empty) or ``c4``
(the fourth, after what was said). ``rounds`` or ``most`` turns end it, where they are not empty.
"""


def sequence_argv(workload: Workload, command: Sequence[str], mark: str) -> tuple[str, ...]:
    """The command that takes all turns of ``workload``, each by ``command -p PROMPT``: as ``schedule`` orders them."""
    prompts = [prompt.text for talk in workload.conversations for prompt in talk]
    words: list[str] = []
    for talk in workload.conversations:
        for index in range(len(talk)):
            fresh = index == 0 or not workload.share_context
            words.append(f"{'f' if fresh else 'c'}{len(words) + 1}")
    shared = any(word.startswith("c") for word in words)
    most = "" if workload.turns is None else str(workload.warmup + workload.turns)
    rounds = "" if workload.repeat == 0 else str(workload.repeat)
    return (
        *("sh", "-c", SCRIPT, "melt", mark, shlex.join(command), " ".join(["f1"] * workload.warmup)),
        *(" ".join(words), rounds, most, f"{workload.pause_s:g}", "1" if shared else ""),
        *prompts,
    )


class Word(StrEnum):
    """What a mark says."""

    BEGIN = "begin"
    PID = "pid"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Mark:
    """A turn begins, its process is known, or it has ended."""

    turn: int
    word: Word
    number: int = 0
    """The process id, or the return code."""


class MarkSplitter:
    """One stream: text, and the marks in it, as they come."""

    def __init__(self, mark: str) -> None:
        self._pattern = re.compile(
            rf"{SEPARATOR}{re.escape(mark)} ([0-9]{{1,9}}) (?:(begin)|(pid|ended) ([0-9]{{1,10}})){SEPARATOR}"
        )
        self._rest = ""

    def feed(self, piece: str) -> Iterator[str | Mark]:
        """What a piece holds; the beginning of what may be a mark waits."""
        text, at = self._rest + piece, 0
        for match in self._pattern.finditer(text):
            if match.start() > at:
                yield text[at : match.start()]
            yield Mark(int(match[1]), Word(match[2] or match[3]), int(match[4] or 0))
            at = match.end()
        rest = text[at:]
        begun = rest.rfind(SEPARATOR, max(0, len(rest) - MARK_LIMIT))
        whole = rest if begun < 0 else rest[:begun]
        self._rest = rest[len(whole) :]
        if whole:
            yield whole
