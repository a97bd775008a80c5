"""iPhones on a cable, on loopback: usbmuxd, lockdownd, and the services of each phone.

``python -m tests.rigs.iphone '{"phones": [{...}, ...]}'`` prints the port of its usbmuxd (a JSON number, one line), takes
cues on its standard input, one a line, answers each with a line of JSON (``{"error": ...}`` for one it cannot carry out),
and ends when its standard input does. Tests use ``tests.rigs.iphone.rig.iphones(...)``, which does all this. A client
finds it by ``USBMUXD_SOCKET_ADDRESS=127.0.0.1:PORT``.

Which way a host comes to the instruments is decided by ``ios``: up to 16 by lockdown's DVTSecureSocketProxy, from 17.4 on by
CoreDeviceProxy, a tunnel in which the discovery (RSD) lists lockdown's services as shims, dtservicehub, appservice and
openstdiosocket; between them there is neither. ``image_mounted`` and, from 16 on, ``developer_mode`` decide whether the
instruments are there at all.

A phone's settings: ``udid`` (else 00008110-001A2B3C4D5E0001 for the first and so on), ``paired`` (true: usbmuxd has a
record of this computer that the phone knows), ``attached`` (true), ``ports`` ({port of the phone: port of this computer}),
``battery`` ({registry key: value}, merged), ``refresh_s`` / ``sway`` / ``unsigned`` (see power.Battery), and the fields of
``phone.State`` (name, ios, locked, trust, developer_mode, image_mounted, …).

Cues; PHONE is a number from 1 or a UDID:

- ``attach PHONE``, ``detach PHONE``: the cable; detaching cuts all that is open. ``new {settings}``: another phone; its UDID.
- ``air PHONE on|off``: listed over Wi-Fi too (``Network``), under a number of its own; what is open that way outlives the cable.
- ``stop``, ``start``: usbmuxd is gone with all that goes through it; it is there again, on the same port.
- ``daemon silent|half|garbage`` and ``daemon`` (with a space after it or none): what usbmuxd answers.
- ``stall PHONE``, ``resume PHONE``: the phone sends nothing, its connections stay.
- ``set PHONE {settings}``: battery values, locked, developer_mode, image_mounted, ios, name, gpu, cpu … ``thermal`` (0 to 3) is
  what apps print as $thermal, and posts com.apple.system.thermalpressurelevel (its state is told since iOS 27.2).
- ``trust PHONE given|pending|refused``: the dialog. ``given`` also tells listeners of usbmuxd (``Paired``).
- ``forget PHONE``: the phone trusts nobody any more, usbmuxd's record remains (as one of another computer: InvalidHostID).
- ``swap PHONE``: it knows the HostID with another certificate: TLS fails. ``unpair PHONE``: both ends have forgotten.
- ``record PHONE other|half|none``: what usbmuxd has of it: another computer's record, half of one, none.
- ``fault PHONE SERVICE KIND``: SERVICE is a lockdown service's name (in the tunnel too, without ``.shim.remote``), the name of
  a DTX channel (``silent``, ``refuse``; of processcontrol ``empty``: a call without arguments before each output, as of iOS 26), ``rsd``, ``lockdownd`` or ``*``; KIND is ``silent``, ``half``
  (half a plist, then the end), ``close``, ``garbage``, ``bomb`` (entities), ``deep``, ``huge`` (a length of 2 GB),
  ``list`` (a plist that is no dict), ``empty``, ``slow:SECONDS``, ``refuse`` (InvalidService); empty: none.
- ``log PHONE TEXT``: a line of the kernel in the system log. ``notify PHONE NAME``: a Darwin notification.
- ``port PHONE PORT [LOCAL]``: an app listens there (or no longer).
- ``install PHONE {app}``: see apps.App: what it prints, how often, where to (``stdio``, ``log``); ``launch PHONE BUNDLE`` by a
  finger (it prints, and listens where it ``listens``), ``crash PHONE BUNDLE``, ``running PHONE``: bundles of the apps that run. Settings may name ``apps``: [{app}, ...].
- ``asked PHONE``: requests to lockdownd and services used, in order. ``open PHONE``: how many connections it has.
- ``phones``: all UDIDs.
"""

import asyncio
import json
import sys
from typing import Any

from tests.rigs.iphone.cues import Cues, build
from tests.rigs.iphone.usbmuxd import Usbmuxd


async def main(settings: dict[str, Any]) -> None:
    daemon = Usbmuxd()
    for one in settings.get("phones", [{}]):
        phone = build(daemon, one)
        if one.get("attached", True):
            await daemon.attach(phone)
    cues = Cues(daemon)
    print(json.dumps(await daemon.start()), flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        print(json.dumps(await cues.take(line.decode().strip())), flush=True)
    daemon.stop()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}))
