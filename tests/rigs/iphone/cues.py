"""What somebody does with the phones while they run: one line a cue, one answer each."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.trusting import Host, new_host_id, pair_record
from tests.rigs.iphone.usbmuxd import Usbmuxd


def udid_of(number: int) -> str:
    """Of the phone of that number: from 1."""
    return f"00008110-{0x001A2B3C4D5E0000 + number:016X}"


def build(daemon: Usbmuxd, settings: dict[str, Any]) -> Phone:
    """A phone of a rig's settings: ``udid``, ``paired``, ``ports``, and what ``Phone.change`` takes."""
    number = len(daemon.phones) + 1
    rest = {
        key: value for key, value in settings.items() if key not in {"udid", "paired", "attached", "ports"}
    }
    phone = Phone(str(settings.get("udid", udid_of(number))), number, **rest)
    phone.forwards = {int(port): int(there) for port, there in settings.get("ports", {}).items()}
    if settings.get("paired", True):
        pair(daemon, phone)
    daemon.phones[phone.udid] = phone
    phone.chatter = asyncio.create_task(phone.chat())
    return phone


def pair(daemon: Usbmuxd, phone: Phone) -> None:
    """As if this computer had been trusted long ago."""
    record = pair_record(new_host_id(), phone.state.wifi)
    host = Host.of(record)
    phone.hosts[host.host_id] = host
    daemon.keep(phone.udid, record)


class Cues:
    """``cue_WORD(rest of the line)``. A phone is named by its UDID or its number in the rig, from 1."""

    def __init__(self, daemon: Usbmuxd) -> None:
        self.daemon = daemon

    async def take(self, line: str) -> object:
        """Carry out a line; what it says, or ``{"error": ...}``."""
        word, _, rest = line.partition(" ")
        try:
            answer = getattr(self, f"cue_{word}")(rest)
            return await answer if isinstance(answer, Awaitable) else answer
        except (AttributeError, AssertionError, KeyError, ValueError) as error:
            return {"error": f"{line!r}: {error!r}"}

    def phone(self, name: str) -> Phone:
        phones = list(self.daemon.phones.values())
        return phones[int(name) - 1] if name.isdecimal() and len(name) < 3 else self.daemon.phones[name]

    def named(self, rest: str) -> tuple[Phone, str]:
        name, _, more = rest.partition(" ")
        return self.phone(name), more

    async def cue_attach(self, rest: str) -> None:
        await self.daemon.attach(self.phone(rest))

    async def cue_detach(self, rest: str) -> None:
        await self.daemon.detach(self.phone(rest))

    async def cue_air(self, rest: str) -> None:
        phone, state = self.named(rest)
        assert state in {"on", "off"}, state
        await (self.daemon.attach if state == "on" else self.daemon.detach)(phone, air=True)

    async def cue_new(self, rest: str) -> str:
        phone = build(self.daemon, json.loads(rest))
        await self.daemon.attach(phone)
        return phone.udid

    def cue_stop(self, _: str) -> None:
        self.daemon.stop()

    async def cue_start(self, _: str) -> int:
        return await self.daemon.start()

    def cue_daemon(self, rest: str) -> None:
        self.daemon.fault = rest

    def cue_stall(self, rest: str) -> None:
        self.phone(rest).flowing.clear()

    def cue_resume(self, rest: str) -> None:
        self.phone(rest).flowing.set()

    def cue_set(self, rest: str) -> None:
        phone, change = self.named(rest)
        phone.change(json.loads(change))

    async def cue_trust(self, rest: str) -> None:
        phone, answer = self.named(rest)
        phone.change({"trust": answer})
        if answer == "given" and self.daemon.number_of(phone) is not None:
            await self.daemon.paired(phone)

    def cue_forget(self, rest: str) -> None:
        self.phone(rest).hosts.clear()

    def cue_swap(self, rest: str) -> None:
        phone = self.phone(rest)
        other = Host.of(pair_record(new_host_id(), phone.state.wifi))
        phone.hosts = {
            host_id: Host(host_id, host.buid, other.certificates, host.escrow, other.context)
            for host_id, host in phone.hosts.items()
        }

    def cue_record(self, rest: str) -> None:
        phone, kind = self.named(rest)
        whole = self.daemon.records.pop(phone.udid, b"")
        if kind == "other":
            self.daemon.keep(phone.udid, pair_record(new_host_id(), phone.state.wifi))
        elif kind == "half":
            self.daemon.records[phone.udid] = whole[: len(whole) // 2]

    def cue_unpair(self, rest: str) -> None:
        phone = self.phone(rest)
        phone.hosts.clear()
        self.daemon.records.pop(phone.udid, None)

    def cue_fault(self, rest: str) -> None:
        phone, more = self.named(rest)
        service, _, kind = more.partition(" ")
        phone.faults[service] = kind

    def cue_log(self, rest: str) -> None:
        phone, text = self.named(rest)
        phone.logs.write("kernel", 0, text)

    def cue_notify(self, rest: str) -> None:
        phone, name = self.named(rest)
        phone.notify(name)

    def cue_port(self, rest: str) -> None:
        phone, ports = self.named(rest)
        port, _, there = ports.partition(" ")
        phone.forwards.pop(int(port), None)
        if there:
            phone.forwards[int(port)] = int(there)

    def cue_install(self, rest: str) -> None:
        phone, app = self.named(rest)
        phone.processes.install(json.loads(app))

    def cue_launch(self, rest: str) -> int:
        phone, bundle = self.named(rest)
        return phone.processes.launch(bundle, [], {}).pid

    def cue_crash(self, rest: str) -> None:
        phone, bundle = self.named(rest)
        process = phone.processes.of(bundle)
        assert process is not None, bundle
        phone.processes.end(process, signal=11)

    def cue_running(self, rest: str) -> list[str]:
        running = self.phone(rest).processes.running.values()
        return [one.app.bundle for one in running if one.app is not None]

    def cue_asked(self, rest: str) -> list[str]:
        return self.phone(rest).asked

    def cue_open(self, rest: str) -> int:
        return len(self.phone(rest).wires)

    def cue_phones(self, _: str) -> list[str]:
        return list(self.daemon.phones)
