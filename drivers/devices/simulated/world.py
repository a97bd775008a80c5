"""The simulated world: its machines, made when first asked for, and the script that they play by."""

from collections.abc import Sequence
from zlib import crc32

from drivers.devices.simulated.bodies import JETSON, PHONE
from drivers.devices.simulated.body import Body, Cue, CueKind
from drivers.devices.simulated.noise import Noise

SPECS = {"phone": PHONE, "jetson": JETSON}

DEMO: tuple[Cue, ...] = (
    Cue(0.0, "phone", CueKind.STATUS, 0),
    Cue(42.0, "phone", CueKind.HOT_PLATE, 81.0),
    Cue(45.0, "phone", CueKind.STATUS, 3),
    Cue(62.0, "phone", CueKind.HOT_PLATE, None),
    Cue(70.0, "phone", CueKind.CABLE, 0),
    Cue(75.0, "phone", CueKind.CABLE, 1),
    Cue(75.0, "phone", CueKind.STATUS, None),
)
"""The script of the demo: the phone throttles at 0:45, its cable is away from 1:10 to 1:15."""


class World:
    """Machines by kind and name. The ones without a name are those that scripts and meters speak of."""

    def __init__(self, seed: int, start_ns: int, cues: Sequence[Cue] = ()) -> None:
        self.start_ns = start_ns
        self._seed = seed
        self._cues = cues
        self._bodies: dict[tuple[str, str, int], Body] = {}

    def body(
        self, kind: str, name: str = "", *, seed: int | None = None, decode_tps: float | None = None
    ) -> Body:
        """The machine of that kind (``phone``, ``jetson``), name and seed: always the same one."""
        seed = self._seed if seed is None else seed
        key = (kind, name, seed)
        if key not in self._bodies:
            cues = [] if name else [cue for cue in self._cues if cue.body == kind]
            noise = Noise(seed ^ crc32(f"{kind}:{name}".encode()))
            self._bodies[key] = Body(SPECS[kind], noise, self.start_ns, cues, decode_tps=decode_tps)
        return self._bodies[key]
