"""The first look at a phone: who it is, what it gives, what it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers import linux
from drivers.caps import Highest
from drivers.devices.android import finding, protocol, scripts
from drivers.devices.android.batteries import BatteryService, describe, merged
from drivers.devices.android.battery import full
from drivers.devices.android.channels import NAMES
from drivers.devices.android.gauges import Gauge, Missing, RailGauge, Rounds
from drivers.devices.android.protocol import Survey
from drivers.devices.android.services import SCREEN_WORDS, ScreenService, Settled, ThermalService
from drivers.devices.android.slowshell import SlowShell
from drivers.devices.android.watching import Settings
from drivers.errors import LinkTimeout, NotSupported
from drivers.links.asking import Conversation, OwnTime, find_own_time, measure_offset
from drivers.model import DeviceInfo, DeviceKind

FIRST_S = 3.5
"""How long a service may take for its first answer."""
RUNTIMES = ("llama_server", "llama_cli", "mlc")
_PAGE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Opening:
    """What the first look found."""

    info: DeviceInfo
    fast: Rounds
    steady: Rounds
    services: Sequence[Settled]
    missing: Sequence[Missing]
    settings: Settings
    own_time: OwnTime | None
    paced: bool
    """Whether the phone's shell can wait and tell the time without a process."""
    lead_ns: int = 0
    """By how much the phone's own clock was ahead of ours: so that phones tick at moments of our grid, those whose turn is
    the same together."""
    turn: float = 0.0
    """Its place within every period, as ``turns.Turns`` has it."""


@dataclass(frozen=True, slots=True)
class Who:
    """Under which name, and how it is reached."""

    device: str
    address: str
    over: str
    """``USB`` or ``Wi-Fi``."""
    turn: float
    """As ``Opening.turn``."""
    highest: Highest
    """What was seen of its caps before its link was lost."""


async def look(who: Who, slow: SlowShell) -> Opening:
    """Ask everything once. A service that does not answer is missing; raises LinkError when the shell itself does not."""
    fast = await slow.conversation()
    identity = protocol.sections((await fast.ask(scripts.IDENTITY)).text)
    survey = protocol.survey(f"{(await fast.ask(scripts.SURVEY)).text}\n")
    found = finding.find(survey, who.device, who.highest)
    rails = await _rail_gauges(who.device, survey, fast)
    missing = [*found.missing, *([] if rails else [finding.no_rails(survey)])]
    given = [channel.name for gauge in (*found.fast, *found.steady, *rails) for channel in gauge.channels]
    services = _services(who.device, survey, given)
    answers: list[str] = []
    for service in services:
        text = await _first(slow, service, missing)
        answers.append(text)
    facts = [
        *_facts(identity, survey),
        *found.facts,
        *await _set_up(slow, answers, survey),
        ("link", f"adb over {who.over}"),
    ]
    own_time = await _own_time(await slow.conversation(), missing)
    paced = "/melt/pace" in survey.values and own_time is OwnTime.REAL_TIME
    return Opening(
        info=_info(who, identity, facts),
        fast=Rounds("melt_fast", found.fast),
        steady=Rounds("melt_steady", (*found.steady, *rails)),
        services=services,
        missing=missing,
        settings=_settings(identity, survey),
        own_time=own_time,
        paced=paced,
        lead_ns=-(await measure_offset(await slow.conversation(), OwnTime.REAL_TIME)).offset_ns
        if paced
        else 0,
        turn=who.turn,
    )


def _services(device: str, survey: Survey, given: Sequence[str]) -> list[Settled]:
    battery: list[Settled] = [] if finding.battery_files(survey) else [BatteryService(device)]
    return [ThermalService(device, (*given, *NAMES)), *battery, ScreenService(device)]


async def _first(slow: SlowShell, service: Settled, missing: list[Missing]) -> str:
    try:
        answer = await slow.ask(service.script(), timeout_s=FIRST_S)
    except LinkTimeout:
        missing.append(hung(service.what, FIRST_S))
        return ""
    missing.extend(service.settle(answer.text))
    return answer.text


def hung(what: str, waited_s: float) -> Missing:
    """A service that did not answer."""
    return Missing(what, f"the phone's service did not answer within {waited_s:g} s", "restart the phone")


async def _rail_gauges(device: str, survey: Survey, fast: Conversation) -> list[Gauge]:
    gauges: list[Gauge] = []
    for path in finding.rail_files(survey):
        text = (await fast.ask(f"cat {path}")).text
        gauge: RailGauge = finding.rail_gauge(survey, device, path, f"{text}\n")
        if gauge.channels:
            gauges.append(gauge)
    return gauges


async def _own_time(fast: Conversation, missing: list[Missing]) -> OwnTime | None:
    try:
        return await find_own_time(fast)
    except NotSupported as error:
        missing.append(Missing("clock", error.sentence))
        return None


def _settings(identity: Mapping[str, str], survey: Survey) -> Settings:
    processors = {cpu for cluster in finding.clusters(survey) for cpu in cluster.processors}
    return Settings(
        page_size=linux.integer(identity.get("page")) or _PAGE_SIZE,
        processors=len(processors) or 1,
        user=linux.integer(identity.get("user")),
        builtin=finding.builtin(survey),
        children="/melt/children" in survey.values,
    )


def _info(who: Who, identity: Mapping[str, str], facts: Sequence[tuple[str, str]]) -> DeviceInfo:
    props = protocol.properties(identity[""])
    return DeviceInfo(
        device=who.device,
        address=who.address,
        kind=DeviceKind.PHONE,
        model=protocol.model(props),
        os=protocol.system(props),
        runtimes=RUNTIMES,
        facts=tuple((what, value) for what, value in facts if value),
    )


def _facts(identity: Mapping[str, str], survey: Survey) -> list[tuple[str, str]]:
    props = protocol.properties(identity[""])
    clusters = finding.clusters(survey)
    memory = linux.kilobytes(survey.values.get("/proc/meminfo"), "MemTotal")
    return [
        ("soc", protocol.soc(props)),
        ("abi", protocol.first(props, "ro.product.cpu.abi")),
        ("cores", " + ".join(f"{len(one.processors)}" for one in clusters)),
        ("clocks", ", ".join(linux.gigahertz(one.highest_hz) for one in clusters if one.highest_hz)),
        ("memory", "" if memory is None else f"{memory / 2**30:.1f} GiB"),
        ("kernel", linux.name(identity.get("kernel"))),
        ("build", protocol.first(props, "ro.build.fingerprint", "ro.build.display.id")),
        ("build type", protocol.first(props, "ro.build.type")),
        ("security patch", protocol.first(props, "ro.build.version.security_patch")),
    ]


async def _set_up(slow: SlowShell, answers: Sequence[str], survey: Survey) -> list[tuple[str, str]]:
    """What a user can set, and the state in which the phone was met; silent about what it does not tell."""
    told = finding.battery(survey) or merged(next((text for text in answers if "level:" in text), ""))
    screen = next((protocol.screen(text) for text in answers if protocol.screen(text) is not None), None)
    try:
        settings = protocol.sections((await slow.ask(scripts.SETTINGS, timeout_s=FIRST_S)).text)
    except LinkTimeout:
        settings = {}
    automatic = protocol.switch(settings.get("screen_brightness_mode", ""))
    return [
        ("battery", "" if told.level is None else f"{told.level:.0f} %, {describe(told)}"),
        (linux.FULL_BATTERY, full(told)),
        ("screen", "" if screen is None else SCREEN_WORDS[screen]),
        ("brightness", protocol.setting(settings.get("screen_brightness", ""))),
        ("automatic brightness", automatic),
        ("airplane mode", protocol.switch(settings.get("airplane_mode_on", ""))),
        ("low-power mode", protocol.switch(settings.get("low_power", ""))),
    ]
