"""Where melt keeps its things on a device, and which release of an engine fits it. Pure: nothing is fetched here.

On every device the layout is ``HOME/runtimes/llama.cpp`` (a runtime is a directory: the programs with their loadable
backends beside them) and ``HOME/models``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.errors import NotSupported
from drivers.foreign import printable
from drivers.model import DeviceKind

PHONE_HOME: Final = "/data/local/tmp/melt"
"""The one folder of a phone in which the shell's user may write and execute."""
BOARD_HOME: Final = "~/.local/share/melt"
"""Of the account that is logged in to; ``~/`` stands for its home directory."""

ENGINE: Final = "llama.cpp"

ANDROID, LINUX = "android", "linux"


@dataclass(frozen=True, slots=True)
class Asset:
    """One archive of a release: ``.tar.gz``, everything in it under one folder named ``<engine>-<version>``."""

    version: str
    name: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """A pinned release: what is fetched is exactly what was pinned, or nothing."""

    version: str
    url: str
    """With ``{version}`` and ``{name}``."""
    checksums: Mapping[tuple[str, str], tuple[str, str]]
    """``(system, machine)`` → the archive's name and its sha256, 64 hexadecimal digits, as the publisher's API
    tells it (``digest`` of the asset)."""

    def asset(self, system: str, machine: str) -> Asset:
        """The archive for a device: ``machine`` is what its ``uname -m`` says.

        Raises NotSupported where the release has none: then somebody has to say where a runtime is to come from.
        """
        named = self.checksums.get((system, _MACHINES.get(machine, "")))
        if named is None:
            raise NotSupported(
                f"{ENGINE} {self.version} is not published for {printable(system, 20)} on {printable(machine, 20)}",
                remedy="name a build of your own with --from PATH or --from URL --sha256 SUM",
            )
        name, sha256 = named
        return Asset(self.version, name, self.url.format(version=self.version, name=name), sha256)


LLAMA_CPP: Final = Release(
    version="b10375",
    url="https://github.com/ggml-org/llama.cpp/releases/download/{version}/{name}",
    checksums=MappingProxyType(
        {
            (ANDROID, "arm64"): (
                "llama-b10375-bin-android-arm64.tar.gz",
                "9c3816ee68ccddde5972395e15a61d9f0e744b92494b2f9eeae0a4f11cbd9ddc",
            ),
            (LINUX, "arm64"): (
                "llama-b10375-bin-ubuntu-arm64.tar.gz",
                "36fb8a1d1836f575db78e56a875d040ddcd19694a60b67f4cce8bb6531d872ac",
            ),
            (LINUX, "x64"): (
                "llama-b10375-bin-ubuntu-x64.tar.gz",
                "b6a7ed005240eccd61e1af42debd75b876c639c1416bfa90985fd02618919a88",
            ),
        }
    ),
)

_MACHINES: Final[Mapping[str, str]] = MappingProxyType(
    {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x64", "amd64": "x64"}
)
"""``uname -m`` → the publisher's word. A 32-bit system has none: no release is published for it."""


def home_of(kind: DeviceKind) -> str:
    """Where melt's things lie on a device of that kind; empty for this computer, which has them in its own places."""
    return {DeviceKind.PHONE: PHONE_HOME, DeviceKind.BOARD: BOARD_HOME}.get(kind, "")


def runtime_folder(home: str, engine: str = ENGINE) -> str:
    """The directory of a runtime under a device's ``home``."""
    return f"{home}/runtimes/{engine}"


def models_folder(home: str) -> str:
    """The directory of models under a device's ``home``."""
    return f"{home}/models"
