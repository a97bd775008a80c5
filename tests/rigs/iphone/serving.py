"""The services that lockdownd starts, by name, and when each is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tests.rigs.iphone import images, relays
from tests.rigs.iphone.instruments import remote_server
from tests.rigs.iphone.phone import Phone, Serving


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

    def there(self, phone: Phone) -> bool:
        if self.developer and not developing(phone):
            return False
        return phone.major == 0 or self.since <= phone.major <= self.until


def developing(phone: Phone) -> bool:
    """The image is mounted, and from iOS 16 on developer mode is on."""
    return phone.state.image_mounted and (phone.state.developer_mode or phone.major < 16)


SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        "com.apple.mobile.diagnostics_relay": Service(relays.diagnostics),
        "com.apple.mobile.heartbeat": Service(relays.heartbeat, when_locked=True),
        "com.apple.mobile.notification_proxy": Service(relays.notifications, when_locked=True),
        "com.apple.mobile.insecure_notification_proxy": Service(relays.notifications, when_locked=True),
        "com.apple.syslog_relay": Service(relays.syslog),
        "com.apple.os_trace_relay": Service(images.os_trace),
        "com.apple.mobile.mobile_image_mounter": Service(images.image_mounter),
        "com.apple.mobile.installation_proxy": Service(images.installation),
        "com.apple.amfi.lockdown": Service(images.amfi, since=16),
        "com.apple.instruments.remoteserver.DVTSecureSocketProxy": Service(
            remote_server, developer=True, since=14, until=16
        ),
    }
)
