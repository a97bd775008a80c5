# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phone of iOS 17 and later gives through its tunnel alone: apps with a standard output, the state of notifications."""

from contextlib import AbstractAsyncContextManager
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
        stdio = OpenStdioSocketService(self.rsd)
        await stdio.connect()
        try:
            async with AppServiceService(self.rsd) as service:
                started: Any = await service.launch_application(
                    bundle, arguments, environment=environment, stdio_identifier=stdio.identifier
                )
            return int(started["processToken"]["processIdentifier"]), stdio
        except BaseException:
            await stdio.close()
            raise

    def notifications(self) -> RemoteNotificationProxyService:
        """To be entered."""
        return RemoteNotificationProxyService(self.rsd)

    @staticmethod
    async def pressure(proxy: RemoteNotificationProxyService) -> int:
        """How hot the phone says that it is: 0 and rising by tens."""
        return await proxy.notify_get_state(PRESSURE)
