"""Options of ``melt run`` for runs that can be compared: what they wait for, what ends them, what is run in turn."""

import argparse

from melt_tui.cli.typed import count, fraction, words


def fair_options(into: argparse.ArgumentParser) -> None:
    """Add them. What a condition may say is told by ``melt_tui.measures.conditions``."""
    into.add_argument(
        "--gate",
        type=words,
        metavar="CONDITION",
        help='each run begins when it holds, as "soc<=40 and slope<2/60s" (°C; slope: change in 60 s, up or down)',
    )
    into.add_argument(
        "--gate-timeout", type=fraction, metavar="S", help="give a condition so long to hold (1800)"
    )
    into.add_argument(
        "--cooldown", type=words, metavar="S|CONDITION", help="between runs: seconds, gate, or a condition"
    )
    into.add_argument(
        "--ceiling",
        type=words,
        metavar="CONDITION",
        help='stop a run when it does not hold, as "soc<=85", or when its sensor is lost',
    )
    into.add_argument(
        "--until",
        choices=("steady",),
        help="end a run when its rate is steady: after 20 min at the earliest, an hour at most without --seconds",
    )
    into.add_argument("--runs", type=count, metavar="N", help="runs of each variant (2), or of the one (1)")
    into.add_argument(
        "--variant",
        dest="variants",
        action="append",
        type=words,
        metavar="SETTINGS",
        help='run several in turn on each device: "q4: model=a.gguf threads=4"; give it once for each',
    )
    into.add_argument(
        "--order",
        choices=("abba", "abab", "aabb"),
        help="in which order variants take turns (abba): later runs find a warmer device",
    )
