"""How the next token is chosen, as an engine is asked for it: its own words stand above ours. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from drivers.model import Sampling
from drivers.runs.args import flag_words, json_value

UNASKED: Final = Sampling(temperature=None, top_k=None, top_p=None, seed=None)
"""Of an engine that is not told how."""

_FLAGS: Final[Mapping[str, str]] = {
    "--temp": "temperature", "--temperature": "temperature", "--top-k": "top_k", "--top-p": "top_p",
    "--seed": "seed", "-s": "seed",
}  # fmt: skip
"""Of llama.cpp's programs."""


def overruled(ours: Sampling, given: Mapping[str, object]) -> Sampling:
    """With what a person gave by its name in place of ours; None where that is no number."""
    return Sampling(
        temperature=_number(given["temperature"]) if "temperature" in given else ours.temperature,
        top_k=_whole(given["top_k"]) if "top_k" in given else ours.top_k,
        top_p=_number(given["top_p"]) if "top_p" in given else ours.top_p,
        seed=_whole(given["seed"]) if "seed" in given else ours.seed,
    )


def overruled_by_flags(ours: Sampling, args: Sequence[str]) -> Sampling:
    """The same of flags, of which a program takes the last."""
    given = [(word.replace("_", "-"), value) for word, value in pairwise(flag_words(args))]
    return overruled(ours, {_FLAGS[word]: json_value(value) for word, value in given if word in _FLAGS})


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
