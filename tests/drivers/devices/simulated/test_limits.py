from drivers.devices.simulated.governor import Status
from drivers.devices.simulated.limits import Limits
from drivers.devices.simulated.world import World
from drivers.events import LimitEngaged, LimitReleased


def test_limits_are_told_when_they_change() -> None:
    body = World(1, 0).body("phone")
    limits = Limits(body, "pixie")
    assert list(limits.changes(0)) == []

    body.governor.status = Status.SEVERE
    assert list(limits.changes(5)) == [
        LimitEngaged(t_ns=5, device="pixie", limit="thermal status", reason="thermal", detail="SEVERE"),
        LimitEngaged(
            t_ns=5,
            device="pixie",
            limit="cpu cap policy0",
            reason="operating-system cap",
            detail="1.80 → 1.40 GHz",
        ),
        LimitEngaged(
            t_ns=5,
            device="pixie",
            limit="cpu cap policy4",
            reason="operating-system cap",
            detail="2.84 → 1.59 GHz",
        ),
    ]
    assert list(limits.changes(6)) == []

    body.governor.status = Status.LIGHT
    assert list(limits.changes(7)) == [
        LimitEngaged(t_ns=7, device="pixie", limit="thermal status", reason="thermal", detail="LIGHT"),
        LimitEngaged(
            t_ns=7,
            device="pixie",
            limit="cpu cap policy4",
            reason="operating-system cap",
            detail="2.84 → 2.40 GHz",
        ),
        LimitReleased(t_ns=7, device="pixie", limit="cpu cap policy0"),
    ]

    body.governor.status = Status.NONE
    assert {event.limit for event in limits.changes(8) if isinstance(event, LimitReleased)} == {
        "thermal status",
        "cpu cap policy4",
    }


def test_a_board_names_its_own_caps() -> None:
    body = World(1, 0).body("jetson")
    body.governor.status = Status.SEVERE
    told = {event.limit for event in Limits(body, "orin").changes(0) if isinstance(event, LimitEngaged)}
    assert told == {"thermal status", "cpu cap", "gpu cap"}
