"""lockdownd: values, pairing, sessions under TLS, and the starting of services."""

import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from tests.rigs.iphone.phone import Phone, Serving, developing
from tests.rigs.iphone.trusting import Host
from tests.rigs.iphone.wire import Gone, Wire


@dataclass(frozen=True)
class Service:
    """A service: what serves it, and what it takes for it to be there."""

    serve: Serving
    developer: bool = False
    """On the developer's image alone."""
    since: int = 0
    until: int = 1000
    """The iOS it came with, and the last that has it."""
    when_locked: bool = False
    tunnel: bool = False
    """iOS 17.4 and later."""

    def there(self, phone: Phone) -> bool:
        if self.developer and not developing(phone):
            return False
        if self.tunnel and not (phone.state.tunnel and phone.version >= (17, 4)):
            return False
        return phone.major == 0 or self.since <= phone.major <= self.until


class Refusal(Exception):
    """An error by lockdownd's name for it."""


class Conversation:
    """What one connection has come to: none, or a session with a host."""

    def __init__(
        self, phone: Phone, wire: Wire, services: Mapping[str, Service], *, trusted: bool = False
    ) -> None:
        self.services = services
        self.trusted = trusted
        """Told everything without a session: in a tunnel."""
        self.phone = phone
        self.wire = wire
        self.host: Host | None = None
        self.session = ""

    async def run(self) -> None:
        while True:
            asked = await self.wire.receive()
            name = str(asked.get("Request", ""))
            self.phone.asked.append(f"lockdownd {name} {asked.get('Service', '')}".rstrip())
            handle = getattr(self, f"on_{name.lower()}", None)
            answer: dict[str, Any] = {"Request": name}
            try:
                answer |= handle(asked) if handle else refuse("InvalidRequest")
            except Refusal as refusal:
                answer["Error"] = str(refusal)
            await self.carry_out(name, answer)

    async def carry_out(self, name: str, answer: dict[str, Any]) -> None:
        """Answer, and do what goes with it."""
        secure = name == "StartSession" and "Error" not in answer
        if secure:
            self.wire.hold()
        await self.wire.answer(answer)
        if secure:
            await secured(self.wire, self.host)
        if name == "StopSession" and "Error" not in answer:
            raise Gone

    def on_querytype(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Type": "com.apple.mobile.lockdown"}

    def on_getvalue(self, asked: dict[str, Any]) -> dict[str, Any]:
        domain, key = asked.get("Domain"), asked.get("Key")
        shown: dict[str, Any] = {name: asked[name] for name in ("Domain", "Key") if name in asked}
        values = self.domain(domain)
        if key is None:
            return {**shown, "Value": values}
        if key not in values:
            raise Refusal("MissingValue" if self.host or domain else "GetProhibited")
        return {**shown, "Value": values[key]}

    def domain(self, domain: str | None) -> dict[str, Any]:
        """The values of a domain, as far as this connection may see them."""
        if not domain:
            return self.phone.values() if self.host or self.trusted else self.phone.public_values()
        if self.host is None and not self.trusted:
            raise Refusal("GetProhibited")
        found: dict[str, dict[str, Any]] = {
            "com.apple.mobile.battery": self.phone.battery.gauge(),
            "com.apple.mobile.lockdown_cache": {"ActivationState": "Activated"},
            "com.apple.disk_usage": {
                "TotalDiskCapacity": 128_000_000_000,
                "TotalDataCapacity": 110_000_000_000,
                "TotalDataAvailable": 64_000_000_000,
            },
            "com.apple.international": {"Language": "en", "Locale": "en_US"},
        }
        if self.phone.major >= 16:
            found["com.apple.security.mac.amfi"] = {"DeveloperModeStatus": self.phone.state.developer_mode}
        return found.get(domain, {})

    def on_pair(self, asked: dict[str, Any]) -> dict[str, Any]:
        state = self.phone.state
        if state.locked:
            raise Refusal("PasswordProtected")
        if state.trust == "pending":
            raise Refusal("PairingDialogResponsePending")
        if state.trust == "refused":
            raise Refusal("UserDeniedPairing")
        try:
            host = Host.of(asked.get("PairRecord", {}))
        except (ValueError, ssl.SSLError, x509.InvalidVersion):
            raise Refusal("InvalidPairRecord") from None
        self.phone.hosts[host.host_id] = host
        return {"EscrowBag": host.escrow}

    def on_validatepair(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.known(asked.get("PairRecord", {}).get("HostID")) is None:
            raise Refusal("InvalidHostID")
        return {}

    def on_unpair(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.phone.hosts.pop(str(asked.get("PairRecord", {}).get("HostID")), None) is None:
            raise Refusal("InvalidHostID")
        return {}

    def on_startsession(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.host is not None:
            raise Refusal("SessionActive")
        if self.phone.state.locked and not self.phone.state.unlocked_since_boot:
            raise Refusal("PasswordProtected")
        host = self.known(asked.get("HostID"))
        if host is None:
            raise Refusal("InvalidHostID")
        self.host = host
        self.session = str(uuid.uuid4()).upper()
        return {"SessionID": self.session, "EnableSessionSSL": True}

    def on_stopsession(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.host is None or asked.get("SessionID") != self.session:
            raise Refusal("SessionInactive")
        return {"Result": "Success"}

    def on_startservice(self, asked: dict[str, Any]) -> dict[str, Any]:
        host, name = self.host, str(asked.get("Service", ""))
        if host is None:
            raise Refusal("InvalidConnection" if self.phone.hosts else "InvalidHostID")
        service = self.services.get(name)
        if service is None or not service.there(self.phone) or self.phone.fault(name) == "refuse":
            raise Refusal("InvalidService")
        if self.phone.state.locked and not service.when_locked and asked.get("EscrowBag") != host.escrow:
            raise Refusal("PasswordProtected")

        async def serve(phone: Phone, wire: Wire) -> None:
            await secured(wire, host)
            await service.serve(phone, wire)

        return {"Port": self.phone.port_for(name, serve), "Service": name, "EnableServiceSSL": True}

    def on_goodbye(self, _: dict[str, Any]) -> dict[str, Any]:
        raise Gone

    def known(self, host_id: Any) -> Host | None:
        return self.phone.hosts.get(str(host_id))


def refuse(name: str) -> dict[str, Any]:
    raise Refusal(name)


async def secured(wire: Wire, host: Host | None) -> None:
    """TLS with that host and with no other."""
    assert host is not None
    await wire.secure(host.context)
    if wire.certificate not in host.certificates:
        raise Gone
