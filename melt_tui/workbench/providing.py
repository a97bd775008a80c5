"""The model that a device is to get, as a file on this computer: fetched first where an address was given."""

import asyncio
import hashlib
import re
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from drivers.clock import Clock
from drivers.foreign import printable
from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError, SetupError
from melt_tui.models import catalog as models
from melt_tui.models.gguf import read_model
from melt_tui.models.header import MAGIC, shown
from melt_tui.workbench.contract import SetupProgress, SetupRequest
from melt_tui.workbench.fetching import Wanted, fetch, split
from melt_tui.workbench.pace import Pace

FETCHED: Final = "fetched"
"""Folder beside the models that we write."""
SIZE_LIMIT: Final = 2 << 40
NAME_LIMIT: Final = 120


async def provided(request: SetupRequest, cache: Path, clock: Clock, progress: SetupProgress) -> ModelFile:
    """It, known before anything is sent: one that cannot be had leaves the device as it was.

    Raises ModelError, SetupError.
    """
    address = "://" in request.model
    name = str(await _fetched(request, cache, clock, progress)) if address else request.model
    file = await asyncio.to_thread(
        models.resolve, name, cache, lambda told: progress(told.what, told.fraction, told.eta_s)
    )
    if request.model_sha256 and file.sha256 != request.model_sha256.lower():
        raise SetupError(
            f"{shown(Path(file.path))} is not the model that is meant: its sha256 is {file.sha256}",
            "check the path, or what --model-sha256 says",
        )
    if address:
        progress(f"the model is {file.path}, its sha256 {file.sha256}", 1.0, 0.0)
    return file


def place_of(url: str, cache: Path) -> Path:
    """Where the model from this address lies: under its own name, by which it is known on devices, too."""
    path = unquote(split(url).path).rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", path).lstrip("._-")[-NAME_LIMIT:] or "model.gguf"
    key = hashlib.sha256(url.partition("#")[0].encode()).hexdigest()[:12]
    return cache / FETCHED / key / name


async def _fetched(request: SetupRequest, cache: Path, clock: Clock, progress: SetupProgress) -> Path:
    target = place_of(request.model, cache)
    wanted = Wanted(
        request.model,
        request.model_sha256,
        option="--model",
        largest=SIZE_LIMIT,
        magic=MAGIC,
        check=partial(_check, request.model),
    )
    step = f"fetching {printable(target.name, 80)}"
    await fetch(wanted, target, Pace(clock), partial(progress, step))
    return target


def _check(url: str, part: Path) -> None:
    """Raises SetupError for what is no model, or not all of one."""
    try:
        found = read_model(part)
    except ModelError as error:
        words = error.sentence.replace(shown(part), "what it gives")
        raise SetupError(
            f"{Wanted(url, '').shown}: {words}", "give the address of the GGUF file itself"
        ) from error
    if found.note:
        raise SetupError(
            f"{Wanted(url, '').shown} is the {found.note}, and one can be fetched",
            "give the address of a model in one file",
        )
