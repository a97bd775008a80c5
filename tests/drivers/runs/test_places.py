"""Where things lie on a device, and which release fits it."""

import re

import pytest

from drivers.errors import NotSupported
from drivers.model import DeviceKind
from drivers.runs.places import ANDROID, LINUX, LLAMA_CPP, home_of, models_folder, runtime_folder


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        (ANDROID, "aarch64", "llama-b10375-bin-android-arm64.tar.gz"),
        (LINUX, "aarch64", "llama-b10375-bin-ubuntu-arm64.tar.gz"),
        (LINUX, "arm64", "llama-b10375-bin-ubuntu-arm64.tar.gz"),
        (LINUX, "x86_64", "llama-b10375-bin-ubuntu-x64.tar.gz"),
    ],
)
def test_the_asset_of_a_device(system: str, machine: str, name: str) -> None:
    asset = LLAMA_CPP.asset(system, machine)
    assert (asset.name, asset.version) == (name, "b10375")
    assert asset.url == f"https://github.com/ggml-org/llama.cpp/releases/download/b10375/{name}"
    assert re.fullmatch("[0-9a-f]{64}", asset.sha256)


def test_every_checksum_is_its_own() -> None:
    sums = [sha256 for _, sha256 in LLAMA_CPP.checksums.values()]
    assert len(set(sums)) == len(sums)


@pytest.mark.parametrize(
    ("system", "machine"), [(ANDROID, "armv8l"), (ANDROID, "x86_64"), (LINUX, "riscv64"), ("x\x1b", "")]
)
def test_what_is_not_published_says_what_to_do(system: str, machine: str) -> None:
    with pytest.raises(NotSupported, match="--from URL --sha256 SUM") as raised:
        LLAMA_CPP.asset(system, machine)
    assert str(raised.value).isprintable()


def test_places() -> None:
    phone = home_of(DeviceKind.PHONE)
    assert runtime_folder(phone) == "/data/local/tmp/melt/runtimes/llama.cpp"
    assert models_folder(home_of(DeviceKind.BOARD)) == "~/.local/share/melt/models"
    assert home_of(DeviceKind.HOST) == ""
