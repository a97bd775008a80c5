"""What tests of the adb link share: a shell to a rig's phone, and plugging it in again."""

from drivers.clock import SystemClock
from drivers.errors import LinkError
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
from drivers.ticks import ticks
from tests.rigs.adb_phone import Phone, Server

CLOCK = SystemClock()


def shell_of(server: Server, pixel: Phone) -> AdbShell:
    return AdbShell(AdbServer(port=server.port), pixel.serial, CLOCK)


async def bring_back(server: Server, other: Phone) -> None:
    """Plug it in again, and try as the sampler does until it answers."""
    other.cue("back")
    async for _ in ticks(CLOCK, 50_000_000):
        try:
            await AdbServer(port=server.port).reach(other.serial)
            await shell_of(server, other).run(["true"])
        except LinkError:
            continue
        return
