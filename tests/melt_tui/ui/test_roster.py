from dataclasses import replace
from typing import Any

from drivers.events import Absent
from drivers.model import DeviceKind, Found
from melt_tui.config import DeviceConfig
from melt_tui.timeline import DeviceState
from melt_tui.ui.renderables.cards import CardState
from melt_tui.ui.renderables.roster import RosterEntry, Standing
from melt_tui.ui.roster import Known, groups
from melt_tui.ui.topics import Stock
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, Story, at, timeline

VIEW = timeline(Story()).view(at(60))
S24 = Found(address="adb:X1", kind=DeviceKind.PHONE, title="Galaxy S24")
SAID_NO = replace(
    S24, ready=False, reason="phone says unauthorised", next_step="accept the prompt on its screen"
)
SIM = Found(address="sim:phone", kind=DeviceKind.PHONE, title="simulated phone")


def known(**more: Any) -> Known:
    return Known(stock=more.pop("stock", Stock(VIEW)), **more)


def entries(known: Known) -> dict[str, RosterEntry]:
    return {entry.key: entry for group in groups(known) for entry in group.entries}


def state(name: str, state: DeviceState, *, seen: bool = True, **more: Any) -> Stock:
    """The session with one device in another state; ``seen``: it was up before."""
    device = VIEW.devices[name]
    other = replace(device, state=state, info=device.info if seen else None, **more)
    return Stock(replace(VIEW, devices={**VIEW.devices, name: other}, runs={}))


def test_devices_stand_under_their_links_and_an_empty_link_says_what_to_do() -> None:
    made = groups(known(found=[]))
    assert [(group.title, [one.title for one in group.entries]) for group in made] == [
        ("This computer", [HOST]),
        ("Phones over adb", []),
        ("iPhones over USB", []),
        ("Boards over SSH", []),
        ("Power meters", []),
        ("Simulated", [PHONE, BOARD, METER]),
    ]
    assert "plug one in" in made[1].empty
    assert groups(known())[1].empty == "looking …"


def test_a_device_of_the_session_says_state_and_who_it_is() -> None:
    phone = entries(known())[f"name {PHONE}"]
    assert (phone.state, phone.said, phone.detail) == (CardState.RUNNING, "up", "Pixel 8 · Android 15")
    assert (phone.address, phone.simulated, phone.colour, phone.saved) == ("sim:phone", True, 0, "")


def test_what_was_found_and_is_open_stands_once_but_a_simulated_one_can_be_opened_again() -> None:
    host = Found(address="host", kind=DeviceKind.HOST, title="this computer")
    stream = replace(SIM, address="sim:stream")
    told = entries(known(found=[host, S24, SIM, stream]))
    assert "at host" not in told
    assert (told["at adb:X1"].state, told["at adb:X1"].said) == (Standing.READY, "ready")
    assert (told["at sim:phone"].state, told["at sim:phone"].said) == (Standing.MORE, "another")
    assert told["at sim:stream"].state is Standing.READY


def test_what_cannot_be_opened_says_why_and_the_next_step() -> None:
    told = entries(known(found=[SAID_NO]))["at adb:X1"]
    assert (told.state, told.reason, told.next_step) == (
        Standing.NOT_READY,
        "phone says unauthorised",
        "accept the prompt on its screen",
    )


def test_a_lost_or_failed_device_says_why_the_newest_look_first() -> None:
    failed = state(HOST, DeviceState.FAILED, reason="no key", remedy="press t")
    told = entries(known(stock=failed, found=[]))[f"name {HOST}"]
    assert (told.state, told.said, told.reason, told.next_step) == (
        CardState.FAILED, "failed", "no key", "press t",
    )  # fmt: skip
    lost = state(HOST, DeviceState.LOST, reason="the cable was pulled", since_ns=at(57))
    seen = Found(
        address="host", kind=DeviceKind.HOST, title="h", ready=False, reason="offline", next_step="plug it in"
    )
    told = entries(known(stock=lost, found=[seen]))[f"name {HOST}"]
    assert (told.said, told.reason, told.next_step) == ("away 3.0 s", "offline", "plug it in")


def test_a_device_that_is_up_says_what_it_lacks_where_something_can_be_done() -> None:
    """Since it is up, and each thing once: what was installed meanwhile is not asked for again."""
    since_ns = VIEW.devices[HOST].since_ns
    lacks = Absent(
        t_ns=since_ns, device=HOST, what="tegrastats", reason="it is not installed", remedy="install it"
    )
    others = [
        replace(lacks, t_ns=since_ns - 1, what="before"),
        replace(lacks, what="fan", remedy=""),
        replace(lacks, device=PHONE, what="charge"),
    ]
    told = entries(known(absences=[*others, lacks, replace(lacks, t_ns=since_ns + 1)]))[f"name {HOST}"]
    assert (told.reason, told.next_step) == ("no tegrastats: it is not installed", "install it")
    rails = replace(lacks, what="power", reason="no rails")
    told = entries(known(absences=[lacks, rails]))[f"name {HOST}"]
    assert (told.reason, told.next_step) == (
        "no tegrastats: it is not installed; no power: no rails", "install it",
    )  # fmt: skip
    away = state(HOST, DeviceState.LOST, reason="the cable was pulled")
    assert entries(known(stock=away, absences=[lacks]))[f"name {HOST}"].reason == "the cable was pulled"


def test_a_device_that_was_never_up_is_known_by_where_it_is_looked_for_or_by_the_config_file() -> None:
    never = state(HOST, DeviceState.CONNECTING, seen=False)
    told = entries(known(stock=never, addresses={HOST: "ssh://a@b"}))[f"name {HOST}"]
    assert (told.group, told.address, told.state) == ("ssh", "ssh://a@b", CardState.BUSY)
    saved = [DeviceConfig(address="ssh://a@b", name=HOST)]
    told = entries(known(stock=never, saved=saved))[f"name {HOST}"]
    assert (told.group, told.address, told.saved) == ("ssh", "ssh://a@b", HOST)
    nowhere = groups(known(stock=never))
    assert [group.title for group in nowhere][-1] == "others"


def test_devices_of_the_config_file_are_known_by_address_and_listed_when_they_are_away() -> None:
    saved = [
        DeviceConfig(address="adb:X1", name="my-s24"),
        DeviceConfig(address="ssh://a@b"),
        DeviceConfig(address="host"),
        DeviceConfig(address="serial:/dev/ttyUSB0?family=tc66", name="meter"),
    ]
    told = entries(known(found=[S24], saved=saved))
    assert (told["at adb:X1"].title, told["at adb:X1"].detail, told["at adb:X1"].saved) == (
        "my-s24", "Galaxy S24", "my-s24",
    )  # fmt: skip
    assert told[f"name {HOST}"].saved == "host"
    away = told["kept ssh://a@b"]
    assert (away.title, away.state, away.said) == ("ssh://a@b", Standing.AWAY, "not open")
    assert told["kept serial:/dev/ttyUSB0?family=tc66"].group == "meter"


def test_options_of_an_address_do_not_make_it_another_device() -> None:
    saved = [DeviceConfig(address="host?watch=1", name="pc")]
    told = entries(known(saved=saved, found=[]))
    assert told[f"name {HOST}"].saved == "pc"
    assert not any(key.startswith("kept") for key in told)
