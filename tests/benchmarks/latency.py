"""How soon the screen answers under load: from a key to its answer, and from a sample to its number on the terminal.

The whole bench (``tests.rigs.load``) and one more device, whose readings are numbers that tell which sample they are
(``tests.rigs.stamped``), on a terminal of 200×50. Keys are zooms, at random moments: their answer is the span that they
lead to in the first chart's title. A sample has arrived when its number, or that of a later one, has been read from the
terminal.
"""

import random
import re
import sys
import time
from collections.abc import Iterable, Iterator
from statistics import median

from drivers.clock import MILLISECOND
from drivers.model import Samples
from melt_tui.store.recording import Recording
from tests.rigs.installed import PATIENCE_S, Screen, home, parser, report, started
from tests.rigs.load import SIZE, Load, settle
from tests.rigs.stamped import ADDRESS, FIRST, NUMBERS, POWER

SETTLED_S = 12.0
FRAME_MS = 100.0

KEYS = (("-", "30 s"), ("+", "20 s"))
"""Each with the span that it leads to, in turn. The session is longer than both, so that neither changes by itself."""

_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_SPAN = re.compile("pin ▸ ([0-9.]+ [a-z]+)".encode())
_NUMBER = re.compile(rb"(?<![0-9.])([0-9]{3}) W")


def key_answers(screen: Screen, keys: int) -> Iterator[float]:
    """Milliseconds from each key to its answer."""
    for _ in range(8):
        sent_ns = screen.send("+")
        if _spans_of(screen, sent_ns)[-1] == KEYS[-1][1]:
            break
    for i in range(keys):
        time.sleep(random.uniform(0.25, 0.45))
        key, goal = KEYS[i % len(KEYS)]
        sent_ns = screen.send(key)
        yield (_shown_ns(screen, sent_ns, goal) - sent_ns) / MILLISECOND


def _spans_of(screen: Screen, since_ns: int) -> list[str]:
    """The spans that the title told in a second."""
    time.sleep(1.0)
    found = (_SPAN.findall(text) for _, text in texts(screen.since(since_ns)))
    return [span.decode() for spans in found for span in spans]


def _shown_ns(screen: Screen, sent_ns: int, span: str) -> int:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for t_ns, text in texts(screen.since(sent_ns)):
            if span.encode() in _SPAN.findall(text):
                return t_ns
        time.sleep(0.001)
    raise TimeoutError(f"a key was not answered by {span}")


def texts(pieces: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """What was drawn without its escapes; a run of text cut in two by the reading is told when it is whole."""
    rest = b""
    for t_ns, piece in pieces:
        whole, escape, begun = (rest + piece).rpartition(b"\x1b")
        rest = escape + begun
        yield t_ns, _ESCAPE.sub(b"", whole)


def arrivals(screen: Screen, since_ns: int) -> Iterator[tuple[int, int]]:
    """When each number was read from the terminal, counted on beyond the last of three digits."""
    turns, before = 0, FIRST
    for t_ns, text in texts(screen.since(since_ns)):
        for found in _NUMBER.findall(text):
            number = int(found)
            turns += number < before
            before = number
            yield t_ns, turns * NUMBERS + number - FIRST


def sample_latencies(shown: list[tuple[int, int]], taken_ns: list[int]) -> Iterator[float]:
    """Milliseconds from each sample to the moment at which it, or a later one, was there."""
    first = shown[0][1]
    after = first
    for t_ns, number in shown[1:]:
        for i in range(after + 1, number + 1):
            yield (t_ns - taken_ns[i]) / MILLISECOND
        after = max(after, number)


def rank(values: list[float], share: float) -> float:
    """The value at that share of the order, nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1)]


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--keys", type=int, default=150)
    options_parser.add_argument("--seconds", type=float, default=40.0)
    options = options_parser.parse_args()
    keys, seconds = (40, 15.0) if options.quick else (options.keys, options.seconds)
    random.seed(1)
    load = Load.of(3600)
    argv = [sys.executable, "-m", "tests.rigs.stamped", "run", "--device", ADDRESS, *load.arguments[1:]]
    with home() as at:
        with started(argv, at.environment, SIZE) as running:
            screen = running.screen
            assert screen is not None
            settle(at, SETTLED_S)
            since_ns = time.monotonic_ns()
            time.sleep(seconds)
            shown = list(arrivals(screen, since_ns))
            answers = list(key_answers(screen, keys))
            running.interrupt()
        recording = Recording(at.recordings[-1])
        first_ns, last_ns = recording.span()
        taken_ns = [
            t_ns for block in recording.samples(POWER.key, first_ns, last_ns) for t_ns in _times(block)
        ]
        recording.close()
    turn = _turn_of(shown[0], taken_ns)
    lateness = list(sample_latencies([(t_ns, turn + number) for t_ns, number in shown], taken_ns))
    print(f"{len(answers)} keys, median {median(answers):.1f} ms, greatest {max(answers):.1f} ms")
    print(f"{len(lateness)} samples, median {median(lateness):.1f} ms, greatest {max(lateness):.1f} ms")
    good = [
        report("key to painted answer under load, p95, ms", rank(answers, 0.95), 50.0, "{:.1f}"),
        report("sample to terminal under load, p99, frames", rank(lateness, 0.99) / FRAME_MS, 1.25),
    ]
    return 0 if all(good) else 1


def _times(block: Samples) -> Iterator[int]:
    return map(block.time_at, range(block.n))


def _turn_of(first: tuple[int, int], taken_ns: list[int]) -> int:
    """By how many the numbers had been counted round before: the newest sample of that number taken by then."""
    t_ns, number = first
    return max(n - number for n in range(number, len(taken_ns), NUMBERS) if taken_ns[n] <= t_ns)


if __name__ == "__main__":
    raise SystemExit(main())
