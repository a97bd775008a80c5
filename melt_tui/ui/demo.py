"""The demo's script: what is said when, and which command is then given. Times are those of the session."""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Cue(NamedTuple):
    """From ``at_s`` after the session's start: a caption, and a command of ``commands.py`` given once."""

    at_s: float
    caption: str
    action: str = ""
    speaker: str = ""
    """A device whose first token it waits for; left out when the next cue comes before that."""


DEMO: tuple[Cue, ...] = (
    Cue(
        0,
        "Three simulated devices are up; a real llama.cpp engine is loading the demo model on this computer",
    ),
    Cue(
        3,
        "Real tokens from this computer, a toy model's text · g shows what it writes, e what happens",
        speaker="host",
    ),
    Cue(16, "Every chart shares one time axis · ← → move a cursor that shows every value at that instant"),
    Cue(
        26,
        "The simulated phone, chosen by ↓: watch its °C, its W, and its joules for each token at the right",
        "select_down",
    ),
    Cue(38, "Soon it is too hot: the shaded band and the events say which limit the platform puts in force"),
    Cue(45, "The simulated phone throttles and says why · ] and [ go from event to event"),
    Cue(58, "Slower, cooler: the token rate follows the clock · a and b mark a span and give its figures"),
    Cue(70, "The phone's cable is pulled: its charts stop, everything else goes on"),
    Cue(75, "It is back; the gap stays in the recording, as it should · m puts a mark of your own"),
    Cue(90, "Instant replay: back to where throttling began, while the recording goes on", "first_onset"),
    Cue(104, "space freezes and goes on, . and , play faster and slower, End comes back to now"),
    Cue(116, "Back to now · r starts a run of your own, l shows what was recorded, ? every key", "end"),
    Cue(126, ""),
)


class Script:
    """Walks through the cues as time goes by, once."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = sorted(cues, key=lambda cue: cue.at_s)
        self._next = 0

    def due(self, elapsed_s: float, spoken: Callable[[str], bool]) -> list[Cue]:
        """The cues that have become due since the last call, in order; ``spoken`` says which devices have given a token."""
        come = [cue for cue in self._cues[self._next :] if cue.at_s <= elapsed_s]
        said = [cue for cue in come if not cue.speaker or spoken(cue.speaker)]
        waits = bool(come) and come[-1] not in said
        self._next += len(come) - waits
        return said

    @property
    def over(self) -> bool:
        """Whether every cue has been given."""
        return self._next == len(self._cues)
