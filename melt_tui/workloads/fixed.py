"""llama-bench's workloads: ``ppN`` (a prompt of N tokens), ``tgM`` (M generated tokens), ``ppN/tgM`` (both in turn).

Prompts are token ids, so that their count is exact whatever the tokenizer; the text that they stand for means nothing.
"""

import math
import re
from typing import Final

from melt_tui.errors import WorkloadError

MAX_TOKENS: Final = 131_072
ASSUMED_VOCABULARY: Final = 2_000
"""Where the model's is not known: every language model knows more tokens than that."""
_FORM: Final = re.compile(r"(?:pp(?P<pp>\d{1,9}))?(?P<and>[/+,])?(?:tg(?P<tg>\d{1,9}))?", re.ASCII)


def parse(name: str) -> tuple[int, int] | None:
    """``(prompt tokens, generated tokens)``, 0 for a phase that is not named; None when it is no such name.

    Raises ``WorkloadError`` for counts out of bounds.
    """
    found = _FORM.fullmatch(name.lower())
    if found is None or not name:
        return None
    both = found["pp"] is not None and found["tg"] is not None
    if both != (found["and"] is not None):
        return None
    counts = int(found["pp"] or 0), int(found["tg"] or 0)
    named = [n for n, text in zip(counts, (found["pp"], found["tg"]), strict=True) if text is not None]
    if not all(1 <= n <= MAX_TOKENS for n in named):
        raise WorkloadError(f"{name} is out of bounds", f"give counts from 1 to {MAX_TOKENS:,}")
    return counts


def token_ids(count: int, vocabulary: int | None) -> tuple[int, ...]:
    """``count`` ids, the same every time, out of the middle of the vocabulary: below lie controls and bytes, at its
    end more controls. Ids repeat only after the whole middle was used."""
    size = vocabulary or ASSUMED_VOCABULARY
    low, high = min(300, size // 2), max(size // 2 + 1, size * 9 // 10)
    span = high - low
    step = next(k for k in range(max(1, int(span * 0.618)), 0, -1) if math.gcd(k, span) == 1)
    return tuple(low + i * step % span for i in range(1, count + 1))
