"""The fast shell: what belongs to an order that was replaced is passed over."""

from drivers.clock import SystemClock
from drivers.devices.android.fastshell import FastShell
from drivers.devices.android.gauges import Rounds
from drivers.devices.android.opening import Opening
from drivers.devices.android.ticking import Placing, Tick
from drivers.devices.android.watching import Settings, Watched
from drivers.links.local import LocalShell
from drivers.model import DeviceInfo, DeviceKind, Samples

SETTINGS = Settings(page_size=4096, processors=8, user=2000, builtin=True, children=True)
OPENING = Opening(
    info=DeviceInfo(device="phone", address="adb:x", kind=DeviceKind.PHONE),
    fast=Rounds("melt_fast", ()),
    steady=Rounds("melt_steady", ()),
    services=(),
    missing=(),
    settings=SETTINGS,
    own_time=None,
    paced=True,
)
ROUND = "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0|900 300 100 1 0 1 0|"


async def test_a_line_for_another_process_of_before_is_not_this_ones() -> None:
    watched = Watched("phone", SETTINGS)
    clock = SystemClock()
    shell = FastShell(OPENING, watched, LocalShell(clock), clock, lambda t_ns, channels: [])
    watched.add(11)
    shell._asked_of, shell._key = (11,), 2
    stale = shell._tick(Tick(1, 1, "", mine=("k1", ROUND)), Placing())
    assert stale == []
    fresh = shell._tick(Tick(2, 2, "", mine=("k2", ROUND)), Placing())
    assert [item.channel for item in fresh if isinstance(item, Samples)] == ["rss", "rss_anon", "rss_file"]
