"""The header line and the transport strip, from what was seen and how the session stands."""

from datetime import UTC, datetime, tzinfo

from drivers.model import Quantity
from melt_tui.events import SELF
from melt_tui.format import clock, number, stamp
from melt_tui.timeline import View
from melt_tui.ui.look import Look, running
from melt_tui.ui.picture import origin_ns
from melt_tui.ui.playhead import Mode, Playhead, Reach
from melt_tui.ui.renderables.header import HeaderModel
from melt_tui.ui.renderables.transport import TransportModel
from melt_tui.ui.standing import imported_by, simulated
from melt_tui.ui.topics import Stock, devices
from melt_tui.workbench import Status


def header_model(
    look: Look, status: Status | None, playhead: Playhead, reach: Reach, now_ns: int, zone: tzinfo | None
) -> HeaderModel:
    """How the session stands; ``status`` None: a recording is looked at, nothing is in progress."""
    view = look.view
    t_ns = playhead.at(now_ns, reach)
    known = devices(view)
    return HeaderModel(
        recording=f"REC {clock((now_ns - status.started_ns) / 1e9)}" if status and status.recording else "",
        problem=status.problem if status else "",
        view=view_word(playhead, (t_ns - origin_ns(view, reach.first_ns)) / 1e9, live=reach.live),
        session=_session_name(view, status),
        devices=f"{len(known)} {'device' if len(known) == 1 else 'devices'} · {len(running(view))} running",
        note=_note(view, simulated=any(simulated(view, device.device) for device in known)),
        cost=_cost(look.stock),
        clock=_wall_clock(view, t_ns, zone),
    )


def view_word(playhead: Playhead, at_s: float, *, live: bool) -> str:
    """What is shown when it is not simply the newest: ``FROZEN 00:01:12``, ``REPLAY ×2 00:01:12``."""
    if playhead.mode is Mode.FROZEN:
        return f"FROZEN {clock(at_s)}"
    if playhead.mode is Mode.PLAYING or not live:
        return f"REPLAY ×{playhead.speed:g} {clock(at_s)}"
    return ""


def transport_model(name: str, playhead: Playhead, reach: Reach, now_ns: int, origin: int) -> TransportModel:
    """Where the playhead is within a recording."""
    t_ns = playhead.at(now_ns, reach)
    return TransportModel(
        name=name,
        start=clock((reach.first_ns - origin) / 1e9),
        now=stamp((t_ns - origin) / 1e9),
        end=clock((reach.edge_ns - origin) / 1e9),
        share=(t_ns - reach.first_ns) / reach.length_ns,
        speed=f"×{playhead.speed:g}",
        playing=playhead.mode is Mode.PLAYING,
        looping=playhead.loop,
    )


def _note(view: View, *, simulated: bool) -> str:
    """What is no measurement of ours."""
    imported = [imported_by(view, device) for device in view.devices]
    all_of_it = view.session is not None and dict(view.session.settings).get("imported")
    marks = (
        "imported" if all_of_it else "some imported" if any(imported) else "",
        "some simulated" * simulated,
    )
    return ", ".join(mark for mark in marks if mark)


def _session_name(view: View, status: Status | None) -> str:
    if view.session and view.session.name:
        return view.session.name
    return status.session if status else ""


def _cost(stock: Stock) -> str:
    """melt's own share of a core, as its own device tells it."""
    channel = stock.main(SELF, Quantity.CPU_USE)
    reading = stock.view.readings.get(channel.key) if channel else None
    return f"self {number(reading.value, 2)} % cpu" if reading else ""


def _wall_clock(view: View, t_ns: int, zone: tzinfo | None) -> str:
    if view.session is None:
        return ""
    wall_s = (view.session.wall_ns + t_ns - view.session.t_ns) / 1e9
    moment = datetime.fromtimestamp(wall_s, UTC)
    return f"{moment.astimezone(zone):%H:%M:%S}"
