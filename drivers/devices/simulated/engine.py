"""A simulated inference engine: a process's inside, as a state machine that is asked what it has written by now.

It speaks one JSON object a line. In: ``turn``, ``stop``, ``quit``. Out: ``loading``, ``ready``, ``prefill``,
``tokens``, ``end``, ``error``. Token counts are cumulative over the process; ``ms`` is the engine's own time since
the turn's command came.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.simulated.noise import Noise
from drivers.errors import NotSupported

PROGRAM = "sim-engine"
HOP_NS = 50 * MILLISECOND
"""How long it may go on without looking around."""
MODEL_LEAST_BYTES = 200_000_000
"""A model below this size says nothing about a phone's speed: the machine's default weights are simulated instead."""

_WORDS = [
    "the",
    "model",
    "is",
    "warm",
    "and",
    "the",
    "cable",
    "holds",
    "while",
    "numbers",
    "walk",
    "through",
    "every",
    "layer",
    "of",
    "a",
    "machine",
    "that",
    "is",
    "not",
    "there",
    "so",
    "each",
    "word",
    "you",
    "read",
    "came",
    "from",
    "a",
    "list",
    "and",
    "only",
    "its",
    "pace",
    "means",
    "something",
    "here",
    "because",
    "heat",
    "slows",
    "what",
    "power",
    "drives",
    "and",
    "a",
    "patient",
    "clock",
    "counts",
    "both",
]
_COMMAND_LIMIT = 65_536


class Activity(IntEnum):
    """What it does, from light to heavy."""

    IDLE = 0
    LOAD = 1
    DECODE = 2
    PREFILL = 3


@dataclass(frozen=True, slots=True)
class Speeds:
    """How fast the machine is at this moment, and what it keeps for each token."""

    load_bps: float
    prefill_tps: float
    decode_tps: float
    default_weights: int
    context_half: float
    kv_bytes: int
    buffers_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Its command line."""

    weights_bytes: int = 0
    context: int = 2048
    batch: int = 256
    threads: int = 4
    seed: int = 42

    @staticmethod
    def parse(argv: Sequence[str], threads: int) -> "EngineOptions":
        """From ``sim-engine --weights N --context N …``. ``threads`` unless they say so. Raises NotSupported."""
        names = {
            "--weights": "weights_bytes",
            **{f"--{n}": n for n in ("context", "batch", "threads", "seed")},
        }
        found = {"threads": threads}
        for flag, value in zip(argv[1::2], [*argv[2::2], ""][: len(argv[1::2])], strict=True):
            if flag not in names or not value.isdecimal() or len(value) > 15:
                raise NotSupported(f"{PROGRAM} does not understand {flag[:40]!r} {value[:40]!r}")
            found[names[flag]] = int(value)
        options = EngineOptions(**found)
        if not (0 < options.context <= 1 << 20 and 0 < options.batch <= 1 << 16 and options.threads > 0):
            raise NotSupported(f"{PROGRAM} needs a context of 1…1048576, a batch of 1…65536 and a thread")
        return options


@dataclass(slots=True)
class _Turn:
    """The turn in progress."""

    number: int
    begun_ns: int
    prompt: int
    cached: int
    limit: int
    eos: int
    processed: float = 0.0
    prefilled_ns: int = 0
    output: int = 0
    last_ns: int = 0
    next_ns: int = 0


class Engine:
    """From its start to its end. ``poll`` gives the lines written by then, ``next_ns`` when to ask again."""

    def __init__(self, options: EngineOptions, speeds: Callable[[], Speeds], noise: Noise, t_ns: int) -> None:
        self.options = options
        self.returncode: int | None = None
        self.rss_peak = 0.0
        self.activity = Activity.LOAD
        self._speeds = speeds
        self._noise = noise
        self._started_ns = self._seen_ns = self._told_ns = t_ns
        weights = options.weights_bytes
        self._weights = weights if weights >= MODEL_LEAST_BYTES else speeds().default_weights
        self._loaded = 0.0
        self._context = 0
        self.tokens = 0
        """Output tokens since its start."""
        self._turn: _Turn | None = None
        self._out: list[str] = []

    @property
    def rss_file(self) -> float:
        """Bytes of mapped weights in memory."""
        return self._loaded

    @property
    def rss_anon(self) -> float:
        """Bytes of buffers and of the keys and values in the context."""
        speeds = self._speeds()
        used = self._context + (self._turn.processed + self._turn.output if self._turn else 0)
        return 0.25 * speeds.buffers_bytes + (
            0 if self.activity is Activity.LOAD else 0.75 * speeds.buffers_bytes + used * speeds.kv_bytes
        )

    def next_ns(self) -> int:
        """When there is something new, as far as it can tell."""
        if self.activity is Activity.DECODE and self._turn:
            return self._turn.next_ns + self._crossing_ns()
        if self.activity is Activity.PREFILL and self._turn:
            return self._seen_ns + min(HOP_NS, self._needed_ns(self._turn) + self._crossing_ns())
        return self._seen_ns + HOP_NS

    def poll(self, t_ns: int) -> list[str]:
        """Work until ``t_ns``; the lines written since the last call."""
        work = {Activity.LOAD: self._load, Activity.PREFILL: self._prefill, Activity.DECODE: self._decode}
        if self.returncode is None and self.activity in work and t_ns >= self._seen_ns:
            work[self.activity](t_ns)
        self._seen_ns = max(self._seen_ns, t_ns)
        self.rss_peak = max(self.rss_peak, self.rss_file + self.rss_anon)
        lines, self._out = self._out, []
        return lines

    def command(self, line: bytes, t_ns: int) -> None:
        """Obey one line from standard input."""
        try:
            message = json.loads(line[:_COMMAND_LIMIT])
            {"turn": self._begin, "stop": self._stop, "quit": self._quit}[message["cmd"]](message, t_ns)
        except (ValueError, KeyError, TypeError, RecursionError):
            self._say("error", detail="not a command")

    def end(self, returncode: int) -> None:
        """The process ends here."""
        if self.returncode is None:
            self.returncode = returncode
            self.activity = Activity.IDLE
            self._turn = None

    def _say(self, event: str, **fields: object) -> None:
        self._out.append(json.dumps({"event": event, **fields}))

    def _load(self, t_ns: int) -> None:
        speeds = self._speeds()
        self._loaded = min(self._weights, self._loaded + speeds.load_bps * (t_ns - self._seen_ns) / SECOND)
        if self._loaded >= self._weights:
            self.activity = Activity.IDLE
            o = self.options
            self._say(
                "ready", load_s=(t_ns - self._started_ns) / SECOND, build="simulated engine 1", backend="simulated",
                threads=o.threads, context=o.context, batch=o.batch, model="simulated weights",
            )  # fmt: skip
        elif t_ns - self._told_ns >= SECOND // 4:
            self._told_ns = t_ns
            left_s = (self._weights - self._loaded) / speeds.load_bps
            self._say("loading", done=self._loaded / self._weights, eta_s=left_s)

    def _begin(self, message: Mapping[str, object], t_ns: int) -> None:
        turn, prompt, limit = (_count(message[key]) for key in ("turn", "prompt_tokens", "max_tokens"))
        if self.activity is not Activity.IDLE or self.returncode is not None:
            self._say("error", turn=turn, detail="busy")
            return
        if message.get("fresh"):
            self._context = 0
        room = self.options.context - self._context - prompt
        if room < 1:
            self._say("error", turn=turn, detail=f"a prompt of {prompt} tokens does not fit: {self._context} of "
                      f"{self.options.context} are taken")  # fmt: skip
            return
        eos = limit if message.get("ignore_eos") else self._length(turn, prompt)
        self._turn = _Turn(turn, t_ns, prompt, self._context, min(limit, room), eos)
        self.activity = Activity.PREFILL
        self._seen_ns = self._told_ns = t_ns

    def _length(self, turn: int, prompt: int) -> int:
        """Tokens after which the canned answer is complete."""
        return 60 + int(180 * self._noise.uniform("length", self.options.seed * 65_537 + turn * 257 + prompt))

    def _prefill(self, t_ns: int) -> None:
        turn = self._turn
        assert turn is not None
        needed_ns = self._needed_ns(turn)
        if self._seen_ns + needed_ns > t_ns:
            turn.processed += self._prefill_tps() * (t_ns - self._seen_ns) / SECOND
            if t_ns - self._told_ns >= SECOND // 5:
                self._told_ns = t_ns
                self._say("prefill", turn=turn.number, processed=int(turn.processed), total=turn.prompt)
            return
        turn.processed = turn.prompt
        turn.prefilled_ns = turn.next_ns = self._seen_ns + needed_ns
        self._say("prefill", turn=turn.number, processed=turn.prompt, total=turn.prompt)
        self.activity = Activity.DECODE
        self._decode(t_ns)

    def _decode(self, t_ns: int) -> None:
        turn = self._turn
        assert turn is not None
        crossed_ns = t_ns - self._crossing_ns()
        words = []
        while turn.next_ns <= crossed_ns and turn.output < min(turn.limit, turn.eos):
            turn.output += 1
            self.tokens += 1
            words.append(self._word())
            turn.last_ns = turn.next_ns
            turn.next_ns += self._gap_ns(turn)
        if words:
            ms = (turn.last_ns - turn.begun_ns) / MILLISECOND
            self._say("tokens", turn=turn.number, n=self.tokens, ms=round(ms, 6), text="".join(words))
        if turn.output >= min(turn.limit, turn.eos):
            self._finish("limit" if turn.output >= turn.limit else "eos")

    def _needed_ns(self, turn: _Turn) -> int:
        """Until the prompt is evaluated, at the speed of this moment."""
        return round((turn.prompt - turn.processed) / self._prefill_tps() * SECOND)

    def _prefill_tps(self) -> float:
        return self._speeds().prefill_tps * self._scale()

    def _gap_ns(self, turn: _Turn) -> int:
        speeds = self._speeds()
        context = turn.cached + turn.prompt + turn.output
        rate = speeds.decode_tps * self._scale() / (1 + context / speeds.context_half)
        return round(SECOND / rate * (1 + 0.04 * self._noise.normal("gap", self.tokens)))

    def _scale(self) -> float:
        """Weights that are twice as large take twice as long."""
        return self._speeds().default_weights / self._weights

    def _crossing_ns(self) -> int:
        """How long a line takes to get out of the device: 0.3 to 2.3 ms."""
        return int((0.3 + 2 * self._noise.uniform("crossing", self.tokens)) * MILLISECOND)

    def _word(self) -> str:
        pick = int(len(_WORDS) * self._noise.uniform("word", self.options.seed * 1_000_003 + self.tokens))
        return " " + _WORDS[pick]

    def _finish(self, end: str) -> None:
        turn = self._turn
        assert turn is not None
        told: dict[str, object] = {"prompt_tokens": int(turn.processed), "cached_tokens": turn.cached}
        if turn.output:
            told["prompt_ms"] = round((turn.prefilled_ns - turn.begun_ns) / MILLISECOND, 6)
            told["decode_ms"] = round((turn.last_ns - turn.prefilled_ns) / MILLISECOND, 6)
        self._say("end", turn=turn.number, end=end, output_tokens=turn.output, **told)
        self._context = turn.cached + int(turn.processed) + turn.output
        self._turn = None
        self.activity = Activity.IDLE

    def _stop(self, _message: Mapping[str, object], _t_ns: int) -> None:
        if self._turn:
            self._finish("stopped")

    def _quit(self, _message: Mapping[str, object], _t_ns: int) -> None:
        self.end(0)


def _count(value: object) -> int:
    """A whole number from 1 to a million. Raises ValueError."""
    if not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise ValueError
    return value
