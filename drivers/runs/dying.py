"""Why an engine's process ended: by its last lines and its return code. Pure."""

import re
import signal
from collections.abc import Sequence

from drivers.errors import DriverError, NeedsSetup, NotSupported, Refused, RunFailed
from drivers.foreign import printable

_ERROR_LEVEL = re.compile(r"^[\d.]+ E (.*)$")
_ABORT = re.compile(r"^\S+\.\w{1,4}:\d+: (.*)$|^(terminate called .*|error: .*|fatal.*)$", re.IGNORECASE)
"""``file.cpp:123: why``, as ggml's assertions say it; and what runtimes of C++ and programs say."""
_TELLING = ("error loading model", "out of memory", "failed to allocate", "unable to allocate", "bad_alloc")

_STRANGE = re.compile(
    r"not executable: (?:\d\d-bit|magic)|exec format error|ELF\S*: (?:inaccessible or )?not found|cannot execute binary file",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"permission denied|can't execute", re.IGNORECASE)
_UNLINKED = re.compile(
    r"error while loading shared libraries: ([^:]{1,80})|CANNOT LINK EXECUTABLE.*\"(lib[^\"]{1,80})\""
)
_NO_PROGRAM, _NOT_EXECUTABLE = 127, 126
_REFUSED_BY_MKSH = 1
LINE_LIMIT = 1000
"""Characters of a line in which a shell's complaint is looked for."""


def telling(lines: Sequence[str]) -> str:
    """Of an engine's last lines the error that says most about why it ended; empty when none is an error."""
    plain = [printable(line) for line in lines if line.strip()]
    kinds = (
        [line for line in plain if any(word in line for word in _TELLING)],
        [line for line in plain if _ABORT.match(line)],
        [line for line in plain if _ERROR_LEVEL.match(line)],
    )
    return next((_message(found[0]) for found in kinds if found), "")


def last_line(lines: Sequence[str]) -> str:
    """The last that is not blank; empty when there is none."""
    return next((printable(line) for line in reversed(lines) if line.strip()), "")


def ended_by(returncode: int) -> int:
    """The signal that ended it, 0 if none did: by a negative code, or as a shell tells it (128 + n)."""
    if returncode < 0:
        return -returncode
    return returncode - 128 if 128 < returncode <= 128 + signal.NSIG else 0


def death(program: str, returncode: int, lines: Sequence[str]) -> DriverError:
    """Why ``program`` ended by itself, with what to do about it where that is known."""
    return (
        _never_ran(printable(program, 200), returncode, lines)
        or _unlinked(program, lines)
        or _died(returncode, lines)
    )


def _never_ran(program: str, returncode: int, lines: Sequence[str]) -> DriverError | None:
    refused = returncode == _REFUSED_BY_MKSH and any(_said_by_mksh(program, line) for line in lines)
    if not refused and returncode not in {_NO_PROGRAM, _NOT_EXECUTABLE}:
        return None
    said = "\n".join(lines)
    if _STRANGE.search(said):
        return NeedsSetup(
            f"{program} was built for another kind of processor: {last_line(lines)}",
            remedy="melt setup puts one on the device that fits",
        )
    if _FORBIDDEN.search(said):
        return Refused(
            f"the device refuses to execute {program}: {last_line(lines)}", remedy=f"chmod +x {program} there"
        )
    if returncode == _NO_PROGRAM and not _UNLINKED.search(said):
        return NeedsSetup(
            f"there is no program {program} on the device",
            remedy="melt setup puts one there, or name yours with --runtime-arg binary=PATH",
        )
    return None


def _said_by_mksh(program: str, line: str) -> bool:
    """Whether Android's shell says it of this program: any engine may end with that code."""
    return f"{program}: not executable: " in printable(line, LINE_LIMIT)


def _unlinked(program: str, lines: Sequence[str]) -> DriverError | None:
    match = next((found for line in lines if (found := _UNLINKED.search(line))), None)
    if match is None:
        return None
    return NotSupported(
        f"{printable(program, 200)} lacks the library {printable(match[1] or match[2], 80)}",
        remedy="a runtime is a directory: put the program and all its libraries into one",
    )


def _died(returncode: int, lines: Sequence[str]) -> DriverError:
    number = ended_by(returncode)
    if number == signal.SIGKILL:
        return _killed(telling(lines))  # its last line has nothing to do with that
    how = _signal_name(number) if number else f"exit code {returncode}"
    return RunFailed(f"the engine ended with {how}{_last_words(lines)}")


def _killed(error: str) -> DriverError:
    if error:
        return RunFailed(f"the engine ended with SIGKILL: {error}", remedy=f"{_KILLERS}: {_MEMORY}")
    return RunFailed(f"the engine ended with SIGKILL: {_KILLERS}", remedy=_MEMORY)


_KILLERS = "somebody killed it, or the system did when memory ran out"
_MEMORY = "see how much memory is left, then start it again"


def _last_words(lines: Sequence[str]) -> str:
    """An error that it told of; else its last line, called that: it need have nothing to do with its end."""
    error, last = telling(lines), last_line(lines)
    if error:
        return f": {error}"
    return f"; the last line that it printed: {last}" if last else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _message(line: str) -> str:
    match = _ERROR_LEVEL.match(line) or _ABORT.match(line)
    return next(filter(None, match.groups()), "").strip() if match else line
