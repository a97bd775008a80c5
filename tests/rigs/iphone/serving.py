"""The services that lockdownd starts, by name, and when each is there."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.rigs.iphone import images, relays
from tests.rigs.iphone.instruments import remote_server
from tests.rigs.iphone.lockdownd import Conversation, Service
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.tunnel import core_device_proxy
from tests.rigs.iphone.wire import Wire

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
        "com.apple.internal.devicecompute.CoreDeviceProxy": Service(core_device_proxy, tunnel=True),
        "com.apple.amfi.lockdown": Service(images.amfi, since=16),
        "com.apple.instruments.remoteserver.DVTSecureSocketProxy": Service(
            remote_server, developer=True, since=14, until=16
        ),
    }
)


async def converse(phone: Phone, wire: Wire) -> None:
    """Serve one connection to lockdownd."""
    wire.release()
    await Conversation(phone, wire, SERVICES).run()
