"""Classes of traces: what can slow a model down, and what looks like it."""

from dataclasses import replace

import numpy as np

from tests.rigs.throttling import alike, slower
from tests.rigs.throttling.machines import Draw
from tests.rigs.throttling.plan import Make
from tests.rigs.throttling.trace import Trace, play

NEVER_THERMAL = (
    "context growth alone",
    "context growth, a limit told",
    "background load alone",
    "memory short, not told",
)
"""In these no onset may be called thermal, ever."""

CLASSES: dict[str, Make] = {
    "sudden, phone": slower.sudden_phone,
    "sudden, board": slower.sudden_board,
    "sudden, computer": slower.sudden_host,
    "slow, phone": slower.slow_phone,
    "slow, board or computer": slower.slow_other,
    "oscillating governor": slower.oscillating,
    "power limit, board": slower.power_board,
    "power limit, computer": slower.power_host,
    "current limit, phone": slower.current_phone,
    "operating-system cap": slower.system_cap,
    "memory pressure": slower.memory,
    "always NONE, caps fall": slower.always_none,
    "sensor stuck, throttles": slower.stuck,
    "gaps, throttles": slower.gaps,
    "clocks off, throttles": slower.clocks,
    "2 tok/s, throttles": slower.few_tokens,
    "100 tok/s, throttles": slower.many_tokens,
    "long talk, throttles": slower.talk_throttles,
    "short turns, throttles": slower.short_turns,
    "long prompts, throttle": slower.long_prompts,
    "bad link, throttles": slower.bad_link,
    "busy, later hot": slower.busy_then_hot,
    "short run": slower.short_run,
    "nothing tells of it": slower.hidden,
    "warm start": alike.warm,
    "context growth alone": alike.talk,
    "context growth, a limit told": alike.talk_told,
    "background load alone": alike.background,
    "memory short, not told": slower.memory_hidden,
    "limit told, not slower": alike.told_only,
    "capped a little": alike.shallow,
    "sensor stuck hot": alike.stuck_hot,
    "cool, phone": alike.cool_phone,
    "cool, board": alike.cool_board,
    "cool, computer": alike.cool_host,
    "cool, counter blinks": alike.blinking,
    "cool, bad link": slower.bad_link_cool,
    "told, prompts differ": alike.prompts_differ,
    "cool, gaps": slower.gaps_cool,
    "cool, clocks off": slower.clocks_cool,
    "cool, 2 tok/s": slower.few_tokens_cool,
    "cool, 100 tok/s": slower.many_tokens_cool,
}


def generator(name: str, seed: int) -> np.random.Generator:
    """Of one trace: every class has its own for a seed, whatever other classes there are."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *name.encode()])))


def trace(name: str, seed: int) -> Trace:
    """One trace of the class."""
    rng = generator(name, seed)
    draw = Draw(rng)
    plan = CLASSES[name](draw)
    return play(replace(plan, noise=draw.noise()), rng)
