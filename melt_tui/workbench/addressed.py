"""Models that are named by where they are to be fetched from: where they lie here, and whether they do."""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from drivers.clock import SECOND, Clock
from drivers.foreign import printable
from drivers.modelfile import ModelFile
from melt_tui import format as fmt
from melt_tui.errors import SetupError
from melt_tui.models import catalog as models
from melt_tui.models.split import names_of

FETCHED: Final = "fetched"
"""Folder beside the models that we write."""
NAME_LIMIT: Final = 120
ALOUD_NS: Final = 10 * SECOND


def is_address(model: str) -> bool:
    """Whether a model is named by where it is to be fetched from."""
    return "://" in model


def located(model: str, cache: Path) -> str:
    """A model as this computer has it: the path of what is fetched from an address, any other as it was named.

    Raises SetupError for what is no address.
    """
    return str(place_of(model, cache)) if is_address(model) else model


def missing(model: str, cache: Path) -> bool:
    """Whether any of it is yet to be fetched. Raises SetupError for what is no address."""
    return is_address(model) and not all(target.is_file() for _, target in pieces(model, cache))


def described(model: str, cache: Path) -> ModelFile:
    """What is known of it now; of one that is yet to be fetched no more than its name. Raises ModelError, SetupError."""
    if not missing(model, cache):
        return models.describe(located(model, cache), cache)
    place = place_of(model, cache)
    return ModelFile(name=place.stem, path=str(place), size_bytes=0)


def place_of(url: str, cache: Path) -> Path:
    """Where the model from this address lies: under its own name, by which it is known on devices, too."""
    path = unquote(split(url).path).rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", path).lstrip("._-")[-NAME_LIMIT:] or "model.gguf"
    key = hashlib.sha256(url.partition("#")[0].encode()).hexdigest()[:12]
    return cache / FETCHED / key / name


def split(url: str) -> SplitResult:
    """The parts of an address. Raises SetupError for what is none."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return parts
    raise SetupError(f"{printable(url, 200)} is no address of a file", "give it as https://HOST/PATH")


def pieces(url: str, cache: Path) -> list[tuple[str, Path]]:
    """Each file of the model, the first one's address given: from where, and where it is to lie."""
    parts, place = split(url), place_of(url, cache)
    folder, _, name = parts.path.rpartition("/")
    there, here = names_of(name), names_of(place.name)
    if not there or len(there) != len(here):
        return [(url, place)]
    addresses = (parts._replace(path=f"{folder}/{one}").geturl() for one in there)
    return [(address, place.with_name(one)) for address, one in zip(addresses, here, strict=True)]


class Aloud:
    """Tells of a step that takes long: when it begins, and now and then."""

    def __init__(self, clock: Clock, say: Callable[[str], None]) -> None:
        self._clock = clock
        self._say = say
        self._next: dict[str, int] = {}

    def __call__(self, step: str, fraction: float, eta_s: float | None) -> None:
        """As a SetupProgress."""
        now = self._clock.now()
        if now >= self._next.get(step, now):
            self._next[step] = now + ALOUD_NS
            left = "" if eta_s is None else f", {fmt.seconds(eta_s)} to go"
            self._say(f"{step}: {fmt.percent(100 * fraction)}{left}")
