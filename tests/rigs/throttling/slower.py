"""Traces that throttle, and such as are slowed by what nobody can see."""

from dataclasses import replace

from drivers.model import DeviceKind
from tests.rigs.throttling.alike import cool_phone, long_talk
from tests.rigs.throttling.machines import Draw, governed, told_by
from tests.rigs.throttling.physics import Budget, Timed
from tests.rigs.throttling.plan import Plan, Slowing, Telling

PHONE, BOARD, HOST = DeviceKind.PHONE, DeviceKind.BOARD, DeviceKind.HOST


def sudden_phone(d: Draw) -> Plan:
    return Plan(machine=d.sudden(d.machine(PHONE), d.at(50, 220)), work=d.work())


def sudden_board(d: Draw) -> Plan:
    return Plan(machine=d.sudden(d.machine(BOARD), d.at(50, 220)), work=d.work(), telling=told_by(BOARD))


def sudden_host(d: Draw) -> Plan:
    return Plan(machine=d.sudden(d.machine(HOST), d.at(50, 220)), work=d.work(), telling=told_by(HOST))


def slow_phone(d: Draw) -> Plan:
    return Plan(machine=d.creeping(d.machine(PHONE), d.at(25, 60)), work=d.work(seconds=d.at(600, 900)))


def slow_other(d: Draw) -> Plan:
    kind = d.one(BOARD, HOST)
    return Plan(
        machine=d.creeping(d.machine(kind), d.at(25, 60)),
        work=d.work(seconds=d.at(600, 900)),
        telling=Telling(caps=d.chance(0.5)),
    )


def oscillating(d: Draw) -> Plan:
    kind = d.one(PHONE, PHONE, BOARD, HOST)
    return Plan(machine=d.hopping(d.machine(kind), d.at(60, 200)), work=d.work(), telling=told_by(kind))


def power_board(d: Draw) -> Plan:
    machine = d.machine(BOARD)
    begun = d.at(60, 200)
    spans = ((begun, begun + d.at(60, 200)),)
    return Plan(
        machine=governed(machine, Timed(spans, d.at(0.45, 0.75), by_power=True)),
        work=d.work(),
        telling=Telling(caps=False, peaks_hz=7.6),
        reasons=frozenset({"power limit"}),
        notes="average over-current: oc2 counts while it acts, oc3 all along",
    )


def power_host(d: Draw) -> Plan:
    machine = d.machine(HOST)
    full_w = machine.decode_w + machine.idle_w
    governor = Budget(full_w * d.at(0.35, 0.55), d.at(28, 90), full_w)
    return Plan(
        machine=governed(machine, governor),
        work=d.work(),
        telling=Telling(caps=False),
        reasons=frozenset({"power limit"}),
        notes="turbo until its budget is spent",
    )


def current_phone(d: Draw) -> Plan:
    begun = d.at(60, 200)
    return Plan(
        machine=governed(
            d.machine(PHONE), Timed(((begun, begun + d.at(40, 200)),), d.at(0.4, 0.7), by_power=True)
        ),
        work=d.work(),
        telling=Telling(caps=d.chance(0.5), current="ocp_cpu2"),
        reasons=frozenset({"current limit"}),
    )


def system_cap(d: Draw) -> Plan:
    begun = d.at(60, 200)
    return Plan(
        machine=governed(d.machine(d.one(PHONE, BOARD, HOST)), Timed(((begun, 9e9),), d.at(0.4, 0.75))),
        work=d.work(),
        reasons=frozenset({"operating-system cap"}),
        notes="a power mode was chosen; nothing is hot",
    )


def memory(d: Draw, *, told: bool = True) -> Plan:
    kind, begun = d.one(BOARD, HOST) if told else PHONE, d.at(80, 200)
    one = Slowing(
        span_s=(begun, begun + d.at(60, 200)), factor=d.at(0.35, 0.7), memory=True, told=told, ripple=0.1
    )
    return Plan(
        machine=d.machine(kind),
        work=d.work(),
        telling=told_by(kind),
        slowings=(one,),
        reasons=frozenset({"memory pressure"}),
        witnessed=told,
    )


def memory_hidden(d: Draw) -> Plan:
    return memory(d, told=False)


def always_none(d: Draw) -> Plan:
    machine = d.machine(PHONE)
    at_s = d.at(50, 200)
    machine = d.sudden(machine, at_s) if d.chance(0.6) else d.creeping(machine, at_s / 2)
    return Plan(
        machine=machine,
        work=d.work(seconds=d.at(450, 650)),
        telling=Telling(status=False, coolers=False),
        reasons=frozenset({"thermal", "operating-system cap"}),
        notes="the thermal status says NONE, caps fall",
    )


def hidden(d: Draw) -> Plan:
    kind = d.one(PHONE, BOARD, HOST)
    return Plan(
        machine=d.sudden(d.machine(kind), d.at(50, 220)),
        work=d.work(),
        telling=Telling(status=False, caps=False, coolers=False, counters=False),
        witnessed=False,
        notes="nothing tells of a limit: slower, cause unknown",
    )


def stuck(d: Draw) -> Plan:
    plan = sudden_phone(d) if d.chance(0.6) else sudden_board(d)
    return replace(plan, telling=replace(plan.telling, stuck_s=d.at(-5, 60)), notes="the sensors stand still")


def gaps(d: Draw, *, cool: bool = False) -> Plan:
    plan = cool_phone(d) if cool else sudden_phone(d)
    first, spans = d.at(30, 90), []
    while first < plan.work.seconds - 30:
        spans.append((first, first + d.log(1.5, 40)))
        first = spans[-1][1] + d.at(50, 160)
    return replace(plan, gaps_s=tuple(spans), telling=replace(plan.telling, engine_times=False))


def gaps_cool(d: Draw) -> Plan:
    return gaps(d, cool=True)


def clocks(d: Draw, *, cool: bool = False) -> Plan:
    plan = cool_phone(d) if cool else (sudden_phone(d) if d.chance(0.5) else sudden_board(d))
    off_s = d.at(1.5, 40) * (1 if d.chance(0.5) else -1)
    return replace(plan, clock_s=off_s, drift_ppm=d.at(-60, 60), notes=f"device clock {off_s:.1f} s behind")


def clocks_cool(d: Draw) -> Plan:
    return clocks(d, cool=True)


def few_tokens(d: Draw, *, cool: bool = False) -> Plan:
    machine = d.machine(PHONE, tps=(1.4, 3.0))
    machine = machine if cool else d.sudden(machine, d.at(90, 260))
    return Plan(machine=machine, work=d.work(answer=(60, 200), prompt=(16, 60), seconds=d.at(450, 650)))


def few_tokens_cool(d: Draw) -> Plan:
    return few_tokens(d, cool=True)


def many_tokens(d: Draw, *, cool: bool = False) -> Plan:
    kind = d.one(PHONE, HOST)
    machine = d.machine(kind, tps=(80, 130))
    machine = machine if cool else d.sudden(machine, d.at(50, 150))
    return Plan(
        machine=machine, work=d.work(answer=(200, 900), seconds=d.at(200, 320)), telling=told_by(kind)
    )


def many_tokens_cool(d: Draw) -> Plan:
    return many_tokens(d, cool=True)


def talk_throttles(d: Draw) -> Plan:
    machine = replace(d.sudden(d.machine(PHONE, tps=(8, 25)), d.at(120, 260)), half_context=d.log(2500, 9000))
    return Plan(
        machine=machine, work=long_talk(d, d.at(450, 600)), notes="the context grows, and it gets hot"
    )


def short_turns(d: Draw) -> Plan:
    work = d.work(prompt=(16, 400), answer=(24, 120), pause_s=d.at(3, 8), seconds=d.at(500, 700))
    return Plan(machine=d.sudden(d.machine(PHONE, tps=(8, 25)), d.at(60, 220), duty=0.55), work=work)


def long_prompts(d: Draw) -> Plan:
    work = d.work(prompt=(400, 1600), answer=(60, 200), seconds=d.at(500, 700))
    return Plan(machine=d.sudden(d.machine(PHONE, tps=(10, 25)), d.at(60, 220), duty=1.05), work=work)


def short_run(d: Draw) -> Plan:
    kind = d.one(PHONE, BOARD, HOST)
    machine = d.machine(kind)
    machine = d.sudden(machine, d.at(8, 30)) if d.chance(0.5) else machine
    return Plan(machine=machine, work=d.work(seconds=d.at(14, 50)), telling=told_by(kind))


def bad_link(d: Draw, *, cool: bool = False) -> Plan:
    plan = cool_phone(d) if cool else sudden_phone(d)
    telling = replace(plan.telling, engine_times=d.chance(0.5))
    return replace(plan, telling=telling, stall_s=d.log(15, 90), notes="the link stalls now and then")


def bad_link_cool(d: Draw) -> Plan:
    return bad_link(d, cool=True)


def busy_then_hot(d: Draw) -> Plan:
    begun = d.at(50, 90)
    busy = Slowing(span_s=(begun, begun + d.at(20, 60)), factor=d.at(0.4, 0.8), watts=d.at(0.2, 1))
    machine = d.sudden(d.machine(PHONE), d.at(230, 300))
    return Plan(
        machine=machine,
        work=d.work(seconds=d.at(400, 520)),
        slowings=(busy,),
        notes="busy, free again, then hot",
    )
