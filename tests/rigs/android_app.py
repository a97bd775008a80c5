"""``am``, ``pidof``, ``dumpsys`` and ``logcat`` of a phone with one app. Test equipment: programs for PATH, strict about their words.

The state of the phone is a folder: ``running`` holds the app's pid, ``calls`` what was asked, ``log`` what it writes.
"""

import sys
import time
from pathlib import Path

PACKAGE, ACTIVITY, PID = "ai.mlc.mlcchat", ".MainActivity", 4242
VERSION = "0.9-rc1"


def am(folder: Path, words: list[str]) -> None:
    match words:
        case ["start", "-n", name] if name == f"{PACKAGE}/{ACTIVITY}":
            (folder / "running").write_text(str(PID))
            print(f"Starting: Intent {{ cmp={name} }}")
        case ["start", "-n", name]:
            print(
                f"Starting: Intent {{ cmp={name} }}\nError type 3\nError: Activity class {{{name}}} does not exist."
            )
        case ["force-stop", name] if name == PACKAGE:
            (folder / "running").unlink(missing_ok=True)
        case _:
            sys.exit(f"Error: unknown command {words}")


def pidof(folder: Path, words: list[str]) -> None:
    running = folder / "running"
    if words != [PACKAGE] or not running.exists():
        sys.exit(1)
    print(running.read_text())


def dumpsys(_: Path, words: list[str]) -> None:
    if words != ["package", PACKAGE]:
        sys.exit(f"Can't find service: {words}")
    print(
        f"Packages:\n  Package [{PACKAGE}] (42a7):\n    versionCode=3 minSdk=26\n    versionName={VERSION}\n    flags=[ ]"
    )


def logcat(folder: Path, words: list[str]) -> None:
    if words != ["-v", "epoch", "-T", "1", "--pid", str(PID)]:
        sys.exit(f"logcat: Unknown option {words}")
    for line in (folder / "log").read_text().splitlines():
        if line == "!app ends":
            (folder / "running").unlink()
        elif line == "!log ends":
            return
        else:
            print(line, flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    state, program, *asked = sys.argv[1:]
    with (Path(state) / "calls").open("a") as calls:
        calls.write(" ".join([program, *asked]) + "\n")
    {"am": am, "pidof": pidof, "dumpsys": dumpsys, "logcat": logcat}[program](Path(state), asked)
