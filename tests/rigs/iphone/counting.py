"""Counters of processes and of the whole phone, in the shapes sysmontap sends them."""

import time
from typing import Any

from tests.rigs.iphone.apps import Running
from tests.rigs.iphone.phone import Phone

CORES = 6
PAGE = 16384
RAM = 3_735_158_784
PROCESS_ATTRIBUTES = (
    "memVirtualSize",
    "cpuUsage",
    "ctxSwitch",
    "intWakeups",
    "physFootprint",
    "memResidentSize",
    "memAnon",
    "memRShrd",
    "memCompressed",
    "pid",
    "ppid",
    "name",
    "threadCount",
    "cpuTotalUser",
    "cpuTotalSystem",
    "diskBytesRead",
    "diskBytesWritten",
    "powerScore",
    "procStatus",
    "startAbsTime",
    "uid",
    "__restricted",
)
SYSTEM_ATTRIBUTES = (
    "physMemSize",
    "vmFreeCount",
    "vmUsedCount",
    "vmExtPageCount",
    "vmIntPageCount",
    "vmPurgeableCount",
    "vmSpeculativeCount",
    "vmWireCount",
    "vmCompressorPageCount",
    "vmPageIns",
    "vmPageOuts",
    "threadCount",
    "diskBytesRead",
    "diskBytesWritten",
    "netBytesIn",
    "netBytesOut",
    "__vmSwapUsage",
)


def mach_now() -> int:
    """Ticks of the phone's clock: 24 MHz."""
    return time.monotonic_ns() * 3 // 125


def rows(phone: Phone, config: dict[str, Any], *, first: bool, now: int) -> list[dict[str, Any]]:
    """One sample: what was asked for of the system, of the cores and of every process."""
    found: list[dict[str, Any]] = []
    if config.get("cpuUsage"):
        found.append(cores(phone, now))
    if config.get("sysAttrs"):
        found.append(
            {"System": [system(phone, name) for name in config["sysAttrs"]], "Type": 1, "EndMachAbsTime": now}
        )
    if config.get("procAttrs"):
        running = phone.processes.running.values()
        table = {
            one.pid: [of_process(phone, one, name, first=first) for name in config["procAttrs"]]
            for one in running
        }
        found.append({"Processes": table, "Type": 5, "StartMachAbsTime": now, "EndMachAbsTime": now})
    return found


def system(phone: Phone, name: str) -> Any:
    """A counter of the whole phone, in pages where it counts memory."""
    used = sum(footprint(phone, one) for one in phone.processes.running.values()) // PAGE
    whole = RAM // PAGE
    known = {
        "physMemSize": RAM,
        "vmUsedCount": used + 60_000,
        "vmFreeCount": max(0, whole - used - 60_000),
        "vmExtPageCount": 30_000,
        "vmIntPageCount": used,
        "vmPurgeableCount": 800,
        "vmSpeculativeCount": 1_200,
        "vmWireCount": 28_000,
        "vmCompressorPageCount": 9_000,
        "threadCount": 1_900,
        "__vmSwapUsage": None,
    }
    return known.get(name, 12_345)


def cores(phone: Phone, now: int) -> dict[str, Any]:
    """The cores' loads: the whole in percent of one core, as many hundreds as there are cores."""
    total = sum(use(phone, one) for one in phone.processes.running.values())
    each = {"CPU_NiceLoad": 0.0, "CPU_SystemLoad": -1.0, "CPU_UserLoad": -1.0}
    return {
        "CPUCount": CORES,
        "EnabledCPUs": CORES,
        "PerCPUUsage": [{**each, "CPU_TotalLoad": total / CORES} for _ in range(CORES)],
        "SystemCPUUsage": {**each, "CPU_TotalLoad": total},
        "StartMachAbsTime": now,
        "EndMachAbsTime": now,
        "Type": 33,
    }


def use(phone: Phone, process: Running) -> float:
    return phone.state.cpu.get(process.name, 0.2)


def footprint(phone: Phone, process: Running) -> int:
    return phone.state.memory.get(process.name, 12_582_912)


def of_process(phone: Phone, process: Running, name: str, *, first: bool) -> Any:
    memory = footprint(phone, process)
    lived = time.monotonic() - process.began_at
    known: dict[str, Any] = {
        "cpuUsage": None if first else use(phone, process),
        "physFootprint": memory,
        "memResidentSize": memory + 41_943_040,
        "memAnon": memory - 1_048_576,
        "memVirtualSize": 418_000_000_000,
        "memRShrd": 20_971_520,
        "memCompressed": 0,
        "pid": process.pid,
        "ppid": 1,
        "name": process.name,
        "threadCount": 7,
        "cpuTotalUser": int(lived * use(phone, process) * 1e7),
        "cpuTotalSystem": int(lived * use(phone, process) * 1e6),
        "powerScore": use(phone, process) * 1.4,
        "procStatus": 2,
        "startAbsTime": int(process.began_at * 24_000_000),
        "uid": 501,
        "__restricted": 0,
    }
    return known.get(name, 0)
