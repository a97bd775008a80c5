"""Looking a board over when it is opened: what it has, who it is, and which groups will be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from drivers import linux
from drivers.caps import Highest
from drivers.devices.jetson import protocol, rails, readers, scripts, sensors
from drivers.devices.jetson.channels import ASKED_RAIL_HZ, FAST_HZ, SENSOR_HZ
from drivers.devices.jetson.limits import Cooler, Counter, find_limits
from drivers.devices.jetson.processes import Processes
from drivers.devices.jetson.protocol import Board, PowerMode
from drivers.devices.jetson.rails import Rails
from drivers.devices.jetson.readers import Missing, Reader
from drivers.devices.jetson.sampling import Group
from drivers.devices.jetson.survey import Survey, parse
from drivers.devices.jetson.telling import Telling
from drivers.errors import Garbled, LinkTimeout, Refused
from drivers.foreign import printable
from drivers.links.base import ShellLink
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity

RUNTIMES = ("llama_server", "llama_cli", "llama_bench", "ollama", "mlc")
SURVEY_LIMIT_S = 15.0
MODE_LIMIT_S = 4.0
GLANCE_LIMIT_S = 4.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A board that was looked over."""

    survey: Survey
    board: Board | None
    info: DeviceInfo
    groups: Sequence[Group]
    processes: Processes
    rails: Rails | None
    """For the poller; None where there are none, or they are asked for as a group."""
    python: str
    """The board's Python, for the poller."""
    tegrastats: str
    """Where it is; empty where it is not."""
    telling: Telling
    missing: Sequence[Missing]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those from the start; of tegrastats and of processes they open later."""
        polled = self.rails.channels if self.rails else ()
        return (*(channel for group in self.groups for channel in group.channels), *polled)


async def survey(shell: ShellLink, root: str) -> Survey:
    """What the board has. Raises LinkTimeout, LinkLost, Refused, Garbled."""
    done = await shell.run(("sh", "-c", scripts.survey(root)), timeout_s=SURVEY_LIMIT_S)
    found = parse(done.out, root)
    if "kernel" not in found.facts:
        said = printable(done.err or done.out, 120)
        raise Garbled(
            f"the other end does not answer as a Linux shell does: {said!r}",
            remedy="log in there and see what its shell prints before the prompt",
        )
    return found


async def power_mode(shell: ShellLink, found: Survey) -> PowerMode:
    """What ``nvpmodel -q`` says; nothing where it is not there, or hangs."""
    command = found.facts.get("nvpmodel")
    if not command:
        return PowerMode()
    try:
        done = await shell.run((command, "-q"), timeout_s=MODE_LIMIT_S)
    except (LinkTimeout, Refused):
        return PowerMode()
    return protocol.power_mode(f"{done.out}\n{done.err}")


def facts(found: Survey, mode: PowerMode) -> tuple[tuple[str, str], ...]:
    """What is worth knowing of the board beside who it is."""
    return tuple((what, value) for what, value in _facts(found, mode) if value)


def look(
    device: str, address: str, found: Survey, mode: PowerMode, rails_hz: int, highest: Highest
) -> Finding:
    """Everything that a survey makes of a board; ``highest`` is what was seen of its caps before."""
    model, compatible = found.text("/proc/device-tree/model"), found.text("/proc/device-tree/compatible")
    board = protocol.board(model, compatible)
    jetson = board is not None or bool(protocol.l4t(found.text("/etc/nv_tegra_release")))
    tegrastats = found.facts.get("tegrastats", "")
    processes = Processes(device, cores=_count(found, "cores", 1), ticks_hz=_count(found, "ticks", 100))
    polled, asked, unknown_input = _rails(device, found, board, rails_hz)
    groups, missing = _groups(device, found, processes, highest, gpu=not tegrastats)
    groups += asked
    rails_known = bool(polled or asked)
    clocks = bool(readers.policies(found))
    zones = bool(found.find(r"/sys/class/thermal/thermal_zone[0-9]+/temp"))
    return Finding(
        survey=found,
        board=board,
        info=_info(device, address, found, mode),
        groups=groups,
        processes=processes,
        rails=polled,
        python=found.facts.get("python3", ""),
        tegrastats=tegrastats,
        telling=Telling(device, board, rails=not rails_known, temperatures=not zones, clocks=not clocks),
        missing=(
            *missing,
            *unknown_input,
            *_powerless(groups, rails=rails_known, tegrastats=tegrastats),
            *_software(jetson=jetson, tegrastats=tegrastats, rails=rails_known),
        ),
    )


def _rails(
    device: str, found: Survey, board: Board | None, rate_hz: int
) -> tuple[Rails | None, list[Group], list[Missing]]:
    """Rails for the poller, or as a group that is asked for."""
    known = rails.find(found, board)
    if not known:
        return None, [], []
    if found.facts.get("pread") == "1":
        polled = Rails(device, board, known, rate_hz=rate_hz, own_clock=True)
        return polled, [], polled.missing
    asked = Rails(device, board, known, rate_hz=ASKED_RAIL_HZ, own_clock=False)
    slower = Missing(
        f"power rails at {rate_hz} Hz",
        f"the board has no Python that can poll them, so they are read {ASKED_RAIL_HZ} times a second",
        "sudo apt install python3 on the board",
    )
    return None, [Group("g_rails", "power rails", ASKED_RAIL_HZ, (asked,))], [slower, *asked.missing]


def _groups(
    device: str, found: Survey, processes: Processes, highest: Highest, *, gpu: bool
) -> tuple[list[Group], list[Missing]]:
    energies = readers.find_energies(found, device)
    temperatures, no_temperature = sensors.find_temperatures(found, device)
    fans, no_fan = sensors.find_fans(found, device)
    pressure, no_pressure = readers.find_pressure(found, device)
    load, clock = readers.find_gpu(found, device)
    limits: list[Reader] = [*readers.find_clocks(found, device), *clock, *find_limits(found, device, highest)]
    groups = [
        Group(
            "g_fast",
            "energy counters and what the run uses",
            FAST_HZ,
            [*energies, *(load if gpu else [])],
            processes=processes,
        ),
        Group("g_use", "use of the processor and memory", SENSOR_HZ, readers.find_use(device), pressure),
        Group("g_limits", "clocks and limits", SENSOR_HZ, limits),
        Group(
            "g_sensors",
            "temperatures and fans",
            SENSOR_HZ,
            [*temperatures, *sensors.find_powers(found, device)],
            fans,
        ),
    ]
    missing = [*no_temperature, *no_fan, *no_pressure, *readers.energy_missing(found, energies)]
    missing += [] if readers.policies(found) else [_NO_CAP]
    missing += [] if any(isinstance(reader, Cooler | Counter) for reader in limits) else [_NO_LIMIT]
    missing += [] if load or not gpu else [_NO_GPU]
    return groups, missing


_NO_CAP = Missing("frequency cap", "this board's kernel controls no clock (no cpufreq)")
_NO_LIMIT = Missing("thermal limits", "this board's kernel tells no cooling device and counts no throttling")
_NO_GPU = Missing("GPU use", "there is no tegrastats, and no GPU driver that tells its load")
_NO_POWER = Missing(
    "power", "this board has no power monitor that the kernel knows", "put a meter into its supply"
)


def _powerless(groups: Sequence[Group], *, rails: bool, tegrastats: str) -> list[Missing]:
    told = (channel.quantity for group in groups for channel in group.channels)
    return [] if rails or tegrastats or Quantity.POWER in told else [_NO_POWER]


NO_TEGRASTATS = Missing(
    "tegrastats",
    "there is no tegrastats on this board: it will not tell all that it could",
    "sudo apt install nvidia-l4t-tools on the board",
)


async def lacks_tegrastats(shell: ShellLink, root: str) -> bool:
    """Whether it is a Jetson without its tegrastats. Raises LinkTimeout, LinkLost, Refused."""
    done = await shell.run(("sh", "-c", scripts.tegra(root)), timeout_s=GLANCE_LIMIT_S)
    return protocol.tegra(done.out)


def _software(*, jetson: bool, tegrastats: str, rails: bool) -> list[Missing]:
    if not jetson or tegrastats:
        return []
    what = "use of GPU and memory controller" + ("" if rails else ", power rails")
    return [Missing("tegrastats", f"it is not installed on this board: no {what}", NO_TEGRASTATS.remedy)]


def _info(device: str, address: str, found: Survey, mode: PowerMode) -> DeviceInfo:
    return DeviceInfo(
        device=device,
        address=address,
        kind=DeviceKind.BOARD,
        model=_model(found),
        os=linux.os_name(found.text("/etc/os-release")) or linux.name(found.facts.get("kernel")),
        runtimes=RUNTIMES,
        facts=facts(found, mode),
    )


def _model(found: Survey) -> str:
    board = linux.name((found.text("/proc/device-tree/model") or "").replace("\0", " "))
    product = linux.name(
        f"{found.text('/sys/class/dmi/id/sys_vendor') or ''} {found.text('/sys/class/dmi/id/product_name') or ''}"
    )
    processor = linux.cpuinfo(found.text("/proc/cpuinfo"), "model name", "Model", "Hardware")
    return board or product or processor or linux.name(found.facts.get("machine"))


def _facts(found: Survey, mode: PowerMode) -> list[tuple[str, str]]:
    governors = {
        linux.name(found.text(path))
        for path in found.find(r"/sys/devices/system/cpu/cpufreq/policy[0-9]+/scaling_governor")
    }
    total = linux.kilobytes(found.text("/proc/meminfo"), "MemTotal")
    return [
        ("power mode", str(mode)),
        ("fan mode", mode.fan),
        ("jetpack", protocol.jetpack(protocol.l4t(found.text("/etc/nv_tegra_release")))),
        ("governor", ", ".join(sorted(governors - {""}))),
        ("machine", linux.name(found.facts.get("machine"))),
        ("processor", linux.cpuinfo(found.text("/proc/cpuinfo"), "model name")),
        ("kernel", linux.name(found.facts.get("kernel"))),
        ("cores", linux.name(found.facts.get("cores"))),
        ("memory", f"{total / 2**30:.1f} GiB" if total else ""),
    ]


def _count(found: Survey, fact: str, fallback: int) -> int:
    value = linux.integer(found.facts.get(fact))
    return value if value is not None and 0 < value <= 1 << 20 else fallback
