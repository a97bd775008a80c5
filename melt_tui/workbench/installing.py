"""Setting a device up: an engine as a directory of programs and what they load, and a model beside it."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drivers.base import Device
from drivers.clock import Clock
from drivers.errors import AskUser, LinkError, NotSupported, Refused
from drivers.foreign import printable
from drivers.links.base import Progress, ShellLink
from drivers.model import DeviceKind
from drivers.modelfile import ModelFile
from drivers.runs.places import ANDROID, LINUX, LLAMA_CPP, home_of, models_folder, runtime_folder
from drivers.runs.program import library_environment
from drivers.runs.pushing import push_files
from drivers.runs.survey import Survey, read_survey, survey_command
from melt_tui.errors import SetupError
from melt_tui.workbench import builds
from melt_tui.workbench.addressed import split
from melt_tui.workbench.builds import PROGRAMS, Piece
from melt_tui.workbench.contract import SetupProgress, SetupRequest
from melt_tui.workbench.fetching import Wanted, fetch
from melt_tui.workbench.pace import Pace
from melt_tui.workbench.providing import provided

VERSION_LIMIT_S = 30.0
CHANGE_LIMIT_S = 60.0
"""For copying an engine on a slow card, and for removing one."""
NOTE = ".melt-setup"
"""File beside the programs: the sha256 of what they came from, by which they are known again."""

# The folder where the new engine grows beside the one in use, with what of that need not be sent again.
_BEGIN = """
live=$1; shift
if [ -L "$live" ]; then live=$(readlink -f "$live") || exit 1; fi
if [ ! -e "$live" ] && [ -e "$live.old" ]; then mv "$live.old" "$live" || exit 1; fi
rm -rf "$live.old"; mkdir -p "$live.new" || exit 1
for name do
  for one in "$name" "$name.sha256" ".$name.sha256"; do
    [ -e "$live.new/$one" ] || [ ! -f "$live/$one" ] || [ -L "$live/$one" ] ||
      cp -p "$live/$one" "$live.new/$one" 2>/dev/null || { rm -f "$live.new/$one"; break 2; }
  done
done
echo "$live"
"""
_TIDY = """
cd "$1" || exit 1; shift
for file in .* *; do
  [ -f "$file" ] || [ -L "$file" ] || continue
  for kept do
    case $file in "$kept"|"$kept.sha256"|".$kept.sha256") continue 2;; esac
  done
  rm -f "$file" || exit 1
done
"""
_SWAP = """
if [ -e "$1" ]; then mv "$1" "$1.old" || exit 1; fi
mv "$1.new" "$1" || { mv "$1.old" "$1"; exit 1; }
rm -rf "$1.old"; :
"""
_WRITE = 'printf "%s" "$2" >"$1"'
_LINK = 'cd "$1" && ln -sf "$3" "$2"'

_VERSION = re.compile(r"^version: \d{1,9} \(\S{1,60}\)", re.MULTILINE)
_BENCH = re.compile(r"^usage: .{0,400}llama-bench.{0,20} \[options\]", re.MULTILINE)
"""llama-bench has no ``--version``: it says how it is used instead."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an engine comes from, on this computer."""

    path: Path
    """Archive, directory or program."""
    sha256: str
    """Of an archive that was pinned; empty for what may change under its name."""


class Installing:
    """One device that is to be set up."""

    def __init__(self, device: Device, shell: ShellLink, clock: Clock, cache: Path, downloads: Path) -> None:
        self._info = device.info
        self._name = device.info.device
        self._shell = shell
        self._clock = clock
        self._cache = cache
        self._downloads = downloads

    async def install(self, request: SetupRequest, progress: SetupProgress) -> ModelFile | None:
        """All of it, and the model that was put there, if any; what is there already is not sent again.

        Raises AskUser, LinkError, Garbled, SetupError, ModelError.
        """
        programs = PROGRAMS.get(request.runtime)
        if programs is None:
            raise NotSupported(
                f"{request.runtime[:40]} is not put on devices by melt",
                remedy=f"it puts {', '.join(PROGRAMS)} there; install others by their own means",
            )
        _check_sums(request)
        home = self._home()
        progress(f"looking at {self._name}", 0.0, None)
        wanted = [f"{runtime_folder('@')}/{name}" for name in programs]
        survey = read_survey((await self._shell.run(survey_command(home, wanted))).out)
        model = await provided(request, self._cache, self._clock, progress) if request.model else None
        await self._put_engine(request, programs, survey, progress)
        if model:
            await self._put_model(model, models_folder(survey.home), progress)
        return model

    def _home(self) -> str:
        home = home_of(self._info.kind)
        if self._info.kind is DeviceKind.HOST:
            raise NotSupported(
                "this computer needs no setup", remedy="pip install 'melt-tui[local]' has its engine"
            )
        if self._info.simulated or not home:
            raise NotSupported(f"{self._name} cannot be set up: nothing can be put on it")
        return home

    async def _put_engine(
        self, request: SetupRequest, programs: Sequence[str], survey: Survey, progress: SetupProgress
    ) -> None:
        folder = runtime_folder(survey.home)
        told = await self._shell.run(["cat", f"{folder}/{NOTE}"])
        origin = await self._origin(request, survey, told.out if survey.programs else "", progress)
        if origin is None:
            progress("the engine is there already", 1.0, 0.0)
            return
        with ExitStack() as stack:
            pieces = await asyncio.to_thread(stack.enter_context, builds.opened(origin.path, programs))
            await asyncio.to_thread(builds.check, pieces, survey.machine, self._name)
            await self._replace(folder, pieces, builds.program_of(pieces, programs), origin, progress)

    async def _replace(
        self, folder: str, pieces: Sequence[Piece], program: str, origin: Origin, progress: SetupProgress
    ) -> None:
        """The new engine beside the old one, which stays until the new one has started there.

        What a cut link leaves beside it is gone on with by the next setup; any other fault leaves nothing.
        """
        files = [piece.name for piece in pieces if not piece.link]
        live = (await self._change(folder, "sh", "-c", _BEGIN, "melt", folder, *files)).rstrip("\n")
        new = f"{live}.new"
        try:
            await self._push(pieces, new, progress)
            await self._change(new, "sh", "-c", _TIDY, "melt", new, *(piece.name for piece in pieces))
            await self._try(new, program)
            await self._change(new, "sh", "-c", _WRITE, "melt", f"{new}/{NOTE}", origin.sha256)
            await self._change(live, "sh", "-c", _SWAP, "melt", live)
        except AskUser:
            with suppress(LinkError):
                await self._shell.run(["rm", "-rf", new], timeout_s=CHANGE_LIMIT_S)
            raise

    async def _origin(
        self, request: SetupRequest, survey: Survey, there: str, progress: SetupProgress
    ) -> Origin | None:
        """What is to be put there, fetched if need be; None when it is there."""
        if request.source and "://" not in request.source:
            return Origin(await asyncio.to_thread(_local, request.source), "")
        url, sha256 = self._address(request, survey.machine)
        if there == sha256:
            return None
        target = self._downloads / f"{sha256[:12]}-{Path(split(url).path).name or 'archive'}"
        pace, step = Pace(self._clock), f"fetching {printable(target.name, 80)}"
        await fetch(Wanted(url, sha256), target, pace, partial(progress, step))
        return Origin(target, sha256)

    def _address(self, request: SetupRequest, machine: str) -> tuple[str, str]:
        if not request.source:
            system = ANDROID if self._info.kind is DeviceKind.PHONE else LINUX
            asset = LLAMA_CPP.asset(system, machine)
            return asset.url, asset.sha256
        return request.source, request.sha256.lower()

    async def _push(self, pieces: Sequence[Piece], folder: str, progress: SetupProgress) -> None:
        files = [piece for piece in pieces if not piece.link]
        sizes = await asyncio.to_thread(lambda: [piece.path.stat().st_size for piece in files])
        done, total, pace = 0, sum(sizes) or 1, Pace(self._clock)

        def tell(before: int, told: Progress) -> None:
            fraction = min(1.0, (before + told.done) / total)
            progress(f"pushing the engine to {self._name}", fraction, pace.to_go(fraction))

        for piece, size in zip(files, sizes, strict=True):
            await self._shell.push(piece.path, f"{folder}/{piece.name}", partial(tell, done))
            done += size
        for piece in pieces:
            if piece.link:
                await self._change(folder, "sh", "-c", _LINK, "melt", folder, piece.name, piece.link)
        runnable = [f"{folder}/{piece.name}" for piece in files if piece.runnable]
        await self._change(folder, "chmod", "755", *runnable)

    async def _try(self, folder: str, program: str) -> None:
        """Whether it starts there, and is what it is taken for: it may need a library that the device does not have."""
        around = [f"{name}={value}" for name, value in library_environment(folder).items()]
        argv = ["env", *around, f"{folder}/{program}", "--version"]
        said = await self._shell.run(argv, timeout_s=VERSION_LIMIT_S)
        if said.returncode in {126, 127} or said.returncode < 0:
            words = printable((said.err or said.out).strip() or f"it ended with {said.returncode}", 200)
            raise NotSupported(
                f"{program} does not start on {self._name}: {words}", remedy="name a build for it with --from"
            )
        told = f"{said.out}\n{said.err}"
        if not (_BENCH if program == "llama-bench" else _VERSION).search(told):
            words = printable(told.strip(), 120) or "nothing"
            raise NotSupported(
                f"what was named is not llama.cpp's {program}: asked for its version it says {words}",
                remedy="name a build of llama.cpp with --from",
            )

    async def _put_model(self, file: ModelFile, folder: str, progress: SetupProgress) -> None:
        step, pace = f"pushing {printable(file.name, 80)} to {self._name}", Pace(self._clock)
        await self._change(folder, "mkdir", "-p", folder)

        def tell(told: Progress) -> None:
            fraction = told.done / told.total if told.total else 1.0
            progress(step, fraction, pace.to_go(fraction))

        await push_files(self._shell, file, folder, tell)

    async def _change(self, folder: str, *argv: str) -> str:
        """Run what changes something on the device; what it prints. Raises Refused when it does not work."""
        said = await self._shell.run(argv, timeout_s=CHANGE_LIMIT_S)
        if said.returncode != 0:
            raise Refused(
                f"{self._name} does not let {printable(folder, 200)} be changed: {printable(said.err, 160)}",
                remedy="check its free space and the rights of that folder",
            )
        return said.out


def _check_sums(request: SetupRequest) -> None:
    """Before anything is fetched. Raises SetupError."""
    for sum_, option in ((request.sha256, "--sha256"), (request.model_sha256, "--model-sha256")):
        if sum_ and not (len(sum_) == 64 and set(sum_.lower()) <= set("0123456789abcdef")):
            raise SetupError(
                f"{printable(sum_, 80)} is no sha256", f"give 64 hexadecimal digits with {option}"
            )
    if "://" in request.source and not request.sha256:
        raise SetupError(
            "an engine that is fetched from the network has to be the one you mean",
            "give the archive's sha256, 64 hexadecimal digits, with --sha256",
        )


def _local(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.exists():
        raise SetupError(f"there is no {printable(str(path), 200)}", "check the path for typing errors")
    return path
