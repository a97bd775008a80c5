"""The model that a device is to get, as a file on this computer: fetched first where an address was given."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

from drivers.clock import Clock
from drivers.foreign import printable
from drivers.modelfile import ModelFile
from melt_tui.errors import ModelError, SetupError
from melt_tui.models import catalog as models
from melt_tui.models.gguf import read_model
from melt_tui.models.header import MAGIC, read_header, shown
from melt_tui.workbench.addressed import is_address, located, pieces
from melt_tui.workbench.contract import SetupProgress, SetupRequest
from melt_tui.workbench.fetching import Wanted, fetch
from melt_tui.workbench.pace import Pace

SIZE_LIMIT: Final = 2 << 40


async def provided(request: SetupRequest, cache: Path, clock: Clock, progress: SetupProgress) -> ModelFile:
    """It, known before anything is sent: one that cannot be had leaves the device as it was.

    Raises ModelError, SetupError.
    """
    address = is_address(request.model)
    if address:
        await fetched(request.model, cache, clock, progress, request.model_sha256)
    file = await asyncio.to_thread(
        models.resolve,
        located(request.model, cache),
        cache,
        lambda told: progress(told.what, told.fraction, told.eta_s),
    )
    first = file.files[0].sha256
    if request.model_sha256 and first != request.model_sha256.lower():
        raise SetupError(
            f"{shown(Path(file.path))} is not the model that is meant: its sha256 is {first}",
            "check the path, or what --model-sha256 says",
        )
    if address:
        progress(
            f"the model is {file.path}, {'its' if not file.parts else 'that file’s'} sha256 {first}", 1.0, 0.0
        )
    return file


async def fetched(url: str, cache: Path, clock: Clock, progress: SetupProgress, sha256: str = "") -> None:
    """Have all files of the model from this address; ``sha256`` is asked of the first, before any other is fetched.

    Raises SetupError.
    """
    files = pieces(url, cache)
    alone = len(files) == 1
    for i, (address, target) in enumerate(files):
        wanted = Wanted(
            address,
            sha256 if i == 0 else "",
            option="--model",
            largest=SIZE_LIMIT,
            magic=MAGIC,
            check=partial(_check, address, alone=alone),
        )
        step = f"fetching {printable(target.name, 80)}"
        await fetch(wanted, target, Pace(clock), partial(progress, step))


def _check(url: str, part: Path, *, alone: bool) -> None:
    """Raises SetupError for what is no model, or not all of one; whether files belong together shows when all are there."""
    try:
        (read_model if alone else read_header)(part)
    except ModelError as error:
        words = error.sentence.replace(shown(part), "what it gives")
        raise SetupError(
            f"{Wanted(url, '').shown}: {words}", "give the address of the GGUF file itself"
        ) from error
