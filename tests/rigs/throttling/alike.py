"""Traces that look like throttling and are none, such as start warm, and such as nothing happens in."""

from dataclasses import replace

from drivers.model import DeviceKind
from tests.rigs.throttling.machines import Draw, governed, told_by
from tests.rigs.throttling.physics import Creeping, Staged
from tests.rigs.throttling.plan import Plan, Slowing, Telling, Work

PHONE, BOARD, HOST = DeviceKind.PHONE, DeviceKind.BOARD, DeviceKind.HOST


def cool_phone(d: Draw) -> Plan:
    return Plan(machine=d.machine(PHONE), work=d.work(seconds=d.at(500, 900)))


def cool_board(d: Draw) -> Plan:
    return Plan(
        machine=d.machine(BOARD),
        work=d.work(seconds=d.at(500, 900)),
        telling=Telling(peaks_hz=d.log(0.5, 20)),
        notes="oc3 climbs as under any load",
    )


def cool_host(d: Draw) -> Plan:
    return Plan(machine=d.machine(HOST), work=d.work(seconds=d.at(500, 900)))


def blinking(d: Draw) -> Plan:
    return replace(
        cool_host(d),
        telling=Telling(blinks_hz=d.log(0.005, 0.1)),
        notes="a counter of heat steps now and then",
    )


def long_talk(d: Draw, seconds: float) -> Work:
    """One conversation, until its context is full."""
    work = d.work(prompt=(30, 250), answer=(80, 350), seconds=seconds)
    return replace(work, shared=True, context=8192, warmup=False)


def talk(d: Draw, *, told: bool = False) -> Plan:
    kind = d.one(PHONE, BOARD, HOST)
    machine = replace(d.machine(kind, tps=(8, 30)), half_context=d.log(2000, 8000))
    if told:
        machine = d.sudden(machine, d.at(90, 220), slows=False)
    return Plan(machine=machine, work=long_talk(d, d.at(500, 750)), telling=told_by(kind))


def talk_told(d: Draw) -> Plan:
    return talk(d, told=True)


def background(d: Draw) -> Plan:
    kind, begun, spans = d.one(PHONE, BOARD, HOST), d.at(50, 140), []
    plan = Plan(machine=d.machine(kind), work=d.work(seconds=d.at(450, 700)), telling=told_by(kind))
    while begun < plan.work.seconds - 30:
        length = d.log(8, 160)
        spans.append(
            Slowing(
                span_s=(begun, begun + length),
                factor=d.at(0.4, 0.85),
                watts=d.at(0.5, 4),
                ripple=d.at(0, 0.1),
            )
        )
        begun += length + d.at(30, 160)
    return replace(plan, slowings=tuple(spans), notes="another process wants the processor")


def told_only(d: Draw) -> Plan:
    machine = d.sudden(d.machine(PHONE), d.at(60, 200), slows=False)
    return Plan(
        machine=machine,
        work=d.work(seconds=d.at(450, 700)),
        telling=Telling(little_caps=True),
        notes="status rises and the small cores are capped: capped, not slower",
    )


def prompts_differ(d: Draw) -> Plan:
    plan = told_only(d)
    work = replace(plan.work, prompt=(12, 900), answer=(20, 260), shared=d.chance(0.5))
    return replace(plan, work=work, notes="a limit is told, nothing is slower, prompts are of every length")


def stuck_hot(d: Draw) -> Plan:
    plan = cool_phone(d)
    return replace(
        plan, telling=replace(plan.telling, stuck_c=d.at(85, 99)), notes="a sensor says one and the same, hot"
    )


def shallow(d: Draw) -> Plan:
    machine = d.machine(PHONE)
    die_c, _ = d.reached(machine, d.at(60, 180))
    low = d.at(0.95, 0.99) ** (1 / machine.by_clock)
    governor = (
        Creeping(die_c, d.log(0.001, 0.004), floor=low) if d.chance(0.5) else Staged((die_c,), (1.0, low))
    )
    return Plan(
        machine=governed(machine, governor), work=d.work(), notes="capped a little: 95 to 99 % are left"
    )


def warm(d: Draw) -> Plan:
    machine = d.machine(PHONE)
    die_c, _ = d.reached(machine, 120)
    low = d.at(0.55, 0.8)
    staged = Staged(
        (machine.body.air_c + 8, die_c + 4, die_c + 8), (1.0, low, low * 0.8, low * 0.6), margin_k=30.0
    )
    staged.status, staged.cap, staged.alert = 1, low, True
    return Plan(
        machine=replace(governed(machine, staged), above_air_k=d.at(14, 22)),
        work=d.work(),
        referenced=False,
        notes="a limit is in force before the run and stays",
    )
