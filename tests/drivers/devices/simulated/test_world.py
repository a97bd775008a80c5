from drivers.clock import SECOND
from drivers.devices.simulated.body import Cue, CueKind
from drivers.devices.simulated.engine import EngineOptions
from drivers.devices.simulated.governor import Status
from drivers.devices.simulated.world import DEMO, World
from tests.rigs.simulated_runs import decode


def test_a_machine_is_the_same_one_whenever_it_is_asked_for() -> None:
    world = World(3, 0)
    assert world.body("phone") is world.body("phone")
    others = [world.body("jetson"), world.body("phone", "b"), world.body("phone", seed=4)]
    assert len({id(body) for body in [world.body("phone"), *others]}) == 4


def test_machines_of_one_seed_do_not_tremble_together() -> None:
    world = World(3, 0)
    first, second = world.body("phone", "a"), world.body("phone", "b")
    first.advance(10 * SECOND)
    second.advance(10 * SECOND)
    assert first.power_w != second.power_w


def test_a_script_reaches_the_machine_without_a_name_only() -> None:
    world = World(3, 0, [Cue(1, "phone", CueKind.CABLE, 0)])
    bodies = [world.body("phone"), world.body("phone", "b"), world.body("jetson")]
    for body in bodies:
        body.advance(2 * SECOND)
    assert [body.connected for body in bodies] == [False, True, True]


def test_the_demo_throttles_the_phone_sharply_at_0_45() -> None:
    body = World(1, 0, DEMO).body("phone")
    _, engine = body.start_engine(EngineOptions(), 2 * SECOND)
    decode(body, engine, 2 * SECOND, 41 * SECOND)
    before = decode(body, engine, 41 * SECOND, 45 * SECOND - 1) / 4
    seen = [body.status]
    assert 70 < body.temperatures["soc"] < 76
    watts = body.power_w
    body.advance(45 * SECOND)
    seen.append(body.status)
    assert body.governor.cap(1) == 1.59e9
    decode(body, engine, 45 * SECOND, 46 * SECOND + SECOND // 2)
    after = decode(body, engine, 46 * SECOND + SECOND // 2, 50 * SECOND) / 3.5
    assert 0.5 < after / before < 0.7
    assert 0.4 < body.power_w / watts < 0.65
    decode(body, engine, 50 * SECOND, 69 * SECOND)
    assert [*seen, body.status] == [Status.NONE, Status.SEVERE, Status.SEVERE]
    assert body.connected


def test_the_demo_pulls_the_cable_at_1_10_and_puts_it_back_at_1_15() -> None:
    body = World(1, 0, DEMO).body("phone")
    seen = {}
    for second in (69.9, 70, 74.9, 75):
        body.advance(round(second * SECOND))
        seen[second] = body.connected
    assert seen == {69.9: True, 70: False, 74.9: False, 75: True}
    _, engine = body.start_engine(EngineOptions(), 76 * SECOND)
    assert decode(body, engine, 76 * SECOND, 90 * SECOND) > 150
    assert body.status is Status.NONE
