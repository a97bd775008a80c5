from itertools import islice

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.simulated.body import Cue, CueKind
from drivers.devices.simulated.terminals import terminal_lines
from drivers.devices.simulated.world import World


def test_lines_of_volts_and_amperes_at_their_rate() -> None:
    body = World(1, 0).body("phone")
    writes = list(islice(terminal_lines(body, 0, 100), 20))
    assert [one.t_ns for one in writes] == [50 * MILLISECOND * i for i in range(1, 21)]
    lines = b"".join(one.data for one in writes).decode().splitlines()
    assert len(lines) == 100
    for line in lines:
        volts, amperes = map(float, line.split(","))
        assert 3.6 < volts < 4.3
        assert 0.8 < volts * amperes < 1.4


def test_slow_meters_write_line_by_line() -> None:
    writes = list(islice(terminal_lines(World(1, 0).body("phone"), 0, 2), 3))
    assert [(one.t_ns, one.data.count(b"\n")) for one in writes] == [
        (SECOND // 2, 1),
        (SECOND, 1),
        (3 * SECOND // 2, 1),
    ]


def test_it_goes_on_measuring_when_the_phone_is_away() -> None:
    body = World(1, 0, [Cue(1, "phone", CueKind.CABLE, 0)]).body("phone")
    writes = list(islice(terminal_lines(body, 0, 100), 60))
    assert not body.connected
    assert all(one.data.count(b"\n") == 5 for one in writes)
