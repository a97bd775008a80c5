# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phone of iOS 17 and later gives through its tunnel alone: apps with a standard output, the state of notifications."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from pymobiledevice3.remote.core_device.app_service import AppServiceService
from pymobiledevice3.remote.core_device.open_stdio_socket import OpenStdioSocketService
from pymobiledevice3.remote.remote_service_discovery import RemoteServiceDiscoveryService
from pymobiledevice3.remote.userspace_tunnel import UserspaceRsdTunnel
from pymobiledevice3.services.notification_proxy import RemoteNotificationProxyService

PRESSURE = "com.apple.system.thermalpressurelevel"


def opened(udid: str) -> AbstractAsyncContextManager[RemoteServiceDiscoveryService]:
    """The tunnel that needs no rights on this computer: one in a process."""
    return UserspaceRsdTunnel(udid, remotepairing_fallback=False)


class Tunnel:
    """What is behind it."""

    def __init__(self, rsd: RemoteServiceDiscoveryService) -> None:
        self.rsd = rsd

    async def launch(
        self, bundle: str, arguments: list[str], environment: dict[str, str]
    ) -> tuple[int, OpenStdioSocketService]:
        """Start an app; its process id, and its standard output, to be closed by the caller."""
        async with AsyncExitStack() as stack:
            stdio = await stack.enter_async_context(OpenStdioSocketService(self.rsd))
            service = AppServiceService(self.rsd)
            await service.connect()
            stack.push_async_callback(service.close)
            started: Any = await service.launch_application(
                bundle, arguments, environment=environment, stdio_identifier=stdio.identifier
            )
            await service.close()
            stack.pop_all()
        return int(started["processToken"]["processIdentifier"]), stdio

    def notifications(self) -> RemoteNotificationProxyService:
        """To be entered."""
        return RemoteNotificationProxyService(self.rsd)

    @staticmethod
    async def pressure(proxy: RemoteNotificationProxyService) -> int:
        """How hot the phone says that it is: 0 and rising by tens."""
        return await proxy.notify_get_state(PRESSURE)
