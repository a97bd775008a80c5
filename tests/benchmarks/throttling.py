"""The throttling detector against generated traces whose truth is known, on fresh seeds each time.

    python -m tests.benchmarks.throttling [--quick] [--seeds N] [--seed S] [--only CLASS]

The traces come from physics, an engine and what a platform tells (``tests.rigs.throttling``), written without knowledge
of the detector. Of every class ``--seeds`` traces are played, from seed ``--seed`` on; the seed is printed, and the same
seed gives the same traces. With ``--only`` everything that is said of each trace is printed beside its truth.
"""

import argparse
import secrets
import statistics
import time
from collections.abc import Iterable, Sequence

from melt_tui.detectors.throttling import Throttling
from melt_tui.events import ThrottleOnset, ThrottleReference, ThrottleWatched
from tests.rigs.installed import parser, report
from tests.rigs.throttling.classes import CLASSES, NEVER_THERMAL, trace
from tests.rigs.throttling.judging import Judged, Told, judge, listen
from tests.rigs.throttling.trace import Trace
from tests.rigs.throttling.truth import Episode

SECOND = 1_000_000_000
WORST = 3
UNEXPLAINED = ("nothing tells of it", "background load alone", "memory short, not told")
_ROW = "{:<28} {:>5} {:>7} {:>6} {:>6} {:>6} {:>6} {:>8} {:>7} {:>8} {:>7} {:>6} {:>6}"


def options_of(argv: Sequence[str] | None = None) -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument(
        "--seeds", type=int, metavar="N", help="traces of each class; default 10, with --quick 2"
    )
    made.add_argument(
        "--seed", type=int, metavar="S", help="of the first; default: of the system's randomness"
    )
    made.add_argument(
        "--only", choices=tuple(CLASSES), metavar="CLASS", help="one class, and all that is said"
    )
    return made.parse_args(argv)


def main() -> int:
    options = options_of()
    first = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    count = options.seeds or (2 if options.quick else 10)
    print(f"{count} traces of each class; repeat with --seed {first} --seeds {count}")
    judged: dict[str, list[Judged]] = {name: [] for name in CLASSES if options.only in {None, name}}
    making = listening = 0.0
    for name, of in judged.items():
        for seed in range(first, first + count):
            begun = time.process_time()
            one = trace(name, seed)
            made = time.process_time()
            told = listen(one, Throttling())
            making, listening = making + made - begun, listening + time.process_time() - made
            of.append(judge(name, seed, one, told))
            if options.only:
                tell(seed, one, told)
    table(judged)
    unexplained(judged)
    everything = [one for of in judged.values() for one in of]
    worst(everything)
    print(f"CPU: {making:.1f} s to make the traces, {listening:.1f} s to listen")
    return 0 if all(figures(everything)) else 1


def figures(all_of: Sequence[Judged]) -> list[bool]:
    """What must hold."""
    expected = sum(one.expected for one in all_of)
    found = sum(one.found for one in all_of)
    standing = sum(one.standing for one in all_of)
    onsets, false = sum(one.onsets for one in all_of), sum(len(one.false) for one in all_of)
    hours = sum(one.hours for one in all_of)
    wrong = sum(len(one.wrong_reason) for one in all_of)
    delays = [delay for one in all_of for delay in one.delays_s]
    lateness = [late for one in all_of for late in one.lateness]
    thermal = sum(one.thermal for one in all_of if one.name in NEVER_THERMAL)
    print(
        f"{hours:.1f} h, {expected} onsets, {standing} of them while one told before still stood: "
        f"recall of the others {_share(found - standing, expected - standing)}, "
        f"precision {_share(onsets - false, onsets)}, median delay {_median(delays):.2f} s, "
        f"reason right {_share(found - wrong, found)}"
    )
    return [
        report("onsets missed, %", 100 * (expected - found) / max(1, expected - standing), 5.0),
        report("confirmed onsets that are none, % of all", 100 * false / max(1, onsets), 5.0),
        report("confirmed onsets that are none, per 10 h", 10 * false / max(1e-9, hours), 1.0),
        report("delay to the suspicion, median, of max(5 s, 8 tokens)", _median(lateness), 1.0),
        report("onsets put down to another reason, %", 100 * wrong / max(1, found), 5.0),
        report("growth of context, background, short memory called thermal", thermal, 0, "{:.0f}"),
    ]


def table(judged: dict[str, list[Judged]]) -> None:
    """By class."""
    print()
    head = (
        "class",
        "h",
        "onsets",
        "found",
        "early",
        "false",
        "f/10h",
        "delay s",
        "of lim",
        "dated s",
        "reason",
        "ends",
        "vain/h",
    )
    print(_ROW.format(*head))
    for name, of in judged.items():
        hours, expected = sum(one.hours for one in of), sum(one.expected for one in of)
        found, false = sum(one.found for one in of), sum(len(one.false) for one in of)
        wrong = sum(len(one.wrong_reason) for one in of)
        dated = [abs(off) for one in of for off in one.dated_s]
        print(
            _ROW.format(
                name,
                f"{hours:.1f}",
                expected or "–",
                found if expected else "–",
                sum(len(one.early) for one in of),
                false,
                f"{10 * false / hours:.1f}",
                _told([delay for one in of for delay in one.delays_s]),
                _told([late for one in of for late in one.lateness]),
                _told(dated),
                _share(found - wrong, found),
                _share(sum(one.ended for one in of), sum(one.recovering for one in of)),
                f"{sum(one.vain for one in of) / hours:.1f}",
            )
        )
    print(
        "found: confirmed where expected, and dated near it · early: confirmed and true, dated more than 15 s too early "
        "(not found) · false: nothing throttles\n"
        "delay: true crossing to suspicion, median · "
        "of lim: the same, of max(5 s, 8 tokens)\n"
        "dated: |onset − truth|, median · ends: of those that recover, whose end was told in time · "
        "vain: suspicions where nothing takes speed away\n"
    )


def unexplained(judged: dict[str, list[Judged]]) -> None:
    """Where the speed falls and no limit can be seen, that is what is to be said."""
    for name in UNEXPLAINED:
        of = judged.get(name, [])
        if of:
            said = sum(one.unexplained > 0 for one in of)
            print(f"{name}: called slower, cause unknown, in {said} of {len(of)} traces")


def worst(all_of: Iterable[Judged]) -> None:
    """Where to look first: the deepest that were missed, and what was told and is not so."""
    missed = sorted(
        ((episode.share, one, episode) for one in all_of for episode in one.missed),
        key=lambda entry: entry[0],
    )
    for _, one, episode in missed[:WORST]:
        print(f"missed  {_named(one)}  {_described(episode, one)}")
    false = [(one, onset) for one in all_of for onset in one.false]
    for one, onset in false[:WORST]:
        print(
            f"false   {_named(one)}  {onset.reason} by {onset.limit}, {onset.phase}, at {onset.elapsed_s:.1f} s, {onset.ratio:.2f}"
        )
    reasons = [(one, *wrong) for one in all_of for wrong in one.wrong_reason]
    for one, episode, said in reasons[:WORST]:
        print(f"reason  {_named(one)}  said {said}, is {' or '.join(sorted(episode.reasons))}")


def _named(one: Judged) -> str:
    return f"--only {one.name!r} --seed {one.seed} --seeds 1"


def _described(episode: Episode, one: Judged) -> str:
    length_s = (episode.end_ns - episode.onset_ns) / SECOND
    return f"{episode.tps:.1f} tok/s to {100 * episode.share:.0f} % for {length_s:.0f} s"


def tell(seed: int, one: Trace, told: Sequence[Told]) -> None:
    """Truth and what was said, in seconds since the run's start."""
    start_ns = one.truth.run_ns[0]

    def at(t_ns: int) -> str:
        return f"{(t_ns - start_ns) / SECOND:8.2f}"

    print(f"\nseed {seed}: {one.device}, {one.seconds:.0f} s. {one.truth.notes}")
    for episode in one.truth.episodes:
        mechanism = "–" if episode.mechanism_ns is None else at(episode.mechanism_ns).strip()
        print(
            f"  truth {at(episode.onset_ns)} to {at(episode.end_ns)}: {100 * episode.share:.0f} % of {episode.tps:.1f} tok/s, "
            f"limit since {mechanism}, {' or '.join(sorted(episode.reasons))}; {episode.why_not or 'to be found'}"
        )
    for a_ns, b_ns in one.truth.slowed_ns:
        print(f"  other {at(a_ns)} to {at(b_ns)}")
    for at_ns, event in told:
        if isinstance(event, ThrottleWatched):
            continue
        when = f" confirmed {at(event.confirmed_ns).strip()}" if isinstance(event, ThrottleOnset) else ""
        rate = f" {event.reason}" if isinstance(event, ThrottleReference) else ""
        print(f"  said  {at(at_ns)} of {at(event.t_ns)}:{when}{rate} {event}")
    print()


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def _told(values: Sequence[float]) -> str:
    return f"{_median(values):.2f}" if values else "–"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "–"


if __name__ == "__main__":
    raise SystemExit(main())
