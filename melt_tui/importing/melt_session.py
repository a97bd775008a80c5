"""A MELT run as a session: what its files tell, brought onto one time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import Garbled
from drivers.events import LimitEngaged, LimitReleased
from drivers.foreign import fields, printable, read_json
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, Unit, reading
from melt_tui.errors import BadImport
from melt_tui.events import SELF, Mark
from melt_tui.importing import melt_power as power
from melt_tui.importing.draft import START_NS, Draft
from melt_tui.importing.files import shown, source, text_of
from melt_tui.importing.melt_results import report
from melt_tui.importing.melt_runs import Read, runs_of
from melt_tui.importing.melt_texts import epoch_ns, table, thermal_states
from melt_tui.importing.melt_tree import files_beside, files_of
from melt_tui.importing.melt_turns import CLI_MLC
from melt_tui.importing.numbers import Losses, rows_of
from melt_tui.importing.turns import Run, run_items

FAR_NS = 3 * 24 * 3600 * SECOND
"""From the middle of all times: what lies farther away is of a clock that jumped."""

MARK = "MELT folder"
"""How the origin of these sessions begins."""

_LEVELS = {"nominal": 0, "fair": 1, "serious": 2, "critical": 3}
_THERMAL = "thermal state"
_DEFECT = (
    "MELT's released code tells 0 mWh here: it drops every row of current before the voltage is filled in. The figures "
    "by MELT's definition are reckoned from all rows"
)


def draft_of(root: Path, device: str = "", name: str = "") -> Draft:
    """The session of one run's folder, or of the record of an app. Raises BadImport."""
    try:
        files = files_beside(root) if root.is_file() else files_of(root)
    except OSError as error:
        raise BadImport(f"{shown(root)} cannot be read ({error.strerror})", "check its rights") from None
    read = Read(files, device or printable(files.device, 60) or "phone")
    runs = runs_of(read)
    if not runs:
        raise BadImport(
            f"{shown(root)} holds no prompt of a MELT run", "measurements_iter… files are missing or cut off"
        )
    report(files, runs)
    return _Session(read, _together(read, runs), name).draft()


def _together(read: Read, runs: Sequence[Run]) -> list[Run]:
    """Without those of another day."""
    middle = median(run.started_ns for run in runs)
    kept = [run for run in runs if abs(run.started_ns - middle) <= FAR_NS]
    if len(kept) < len(runs):
        read.notes.append(f"{len(runs) - len(kept)} conversations are left out: the clock jumped by days")
    for run in kept:
        turns = [turn for turn in run.turns if abs(turn.sent_ns - middle) <= FAR_NS]
        ordered = sorted(turns, key=lambda turn: turn.sent_ns)
        if len(ordered) < len(run.turns) or ordered != run.turns:
            read.notes.append(
                f"{run.run}: the clock jumped: turns are in the order of their times, far ones left out"
            )
        run.turns = ordered
        run.started_ns = min([run.started_ns, *(turn.sent_ns for turn in ordered)])
    return [run for run in kept if run.turns]


class _Session:
    """Puts everything onto the session's time."""

    def __init__(self, read: Read, runs: Sequence[Run], name: str) -> None:
        self._read = read
        self._files = read.files
        self._runs = runs
        self._name = name
        self._jetson = power.jetson(read.device, list(self._files.energy.values()))
        self._monsoon_ns = self._meter_start()
        self._first_ns = self._first()
        self._shift_ns = START_NS - self._first_ns

    def draft(self) -> Draft:
        """All of it."""
        files, read = self._files, self._read
        channels: list[Channel] = [*self._jetson.channels.values()]
        draft = Draft(
            name=self._name or self._title(),
            origin=f"{MARK}, {read.runner} on {self._platform()}",
            wall_ns=self._first_ns,
            sources=[source(path, files.root) for path in files.all],
            settings=tuple(self._settings()),
            devices=[(self._info(), channels)],
            items=[item for run in map(self._moved, self._runs) for item in run_items(run)],
        )
        draft.items += [*self._thermal(channels), *self._marks()]
        self._streams(draft, channels)
        draft.notes += [*self._remarks(), *read.notes, *read.count.notes, *self._jetson.notes]
        return draft

    def _title(self) -> str:
        parts = (self._files.device, self._files.app, self._files.model, self._files.root.name)
        return printable(" ".join(dict.fromkeys(part for part in parts if part)), 120)

    def _platform(self) -> str:
        files = self._files
        if files.energy:
            return "a Jetson"
        if files.adb:
            return "Android"
        if files.thermals or files.timings:
            return "iOS"
        return "a phone" if files.records else "a phone or computer"

    def _info(self) -> DeviceInfo:
        files = self._files
        facts = {"power mode": f"{files.watts} W" if files.watts else "", "app": files.app}
        return DeviceInfo(
            device=self._read.device,
            address=f"imported:{files.root.name}",
            kind=DeviceKind.BOARD if files.energy else DeviceKind.PHONE,
            model=printable(files.device, 80),
            facts=tuple((key, printable(value, 80)) for key, value in facts.items() if value),
        )

    def _settings(self) -> Iterator[tuple[str, str]]:
        path = self._files.configuration
        if path is None:
            return
        try:
            told = fields(read_json(text_of(path), path.name))
        except Garbled:
            self._read.notes.append(f"{path.name} is no JSON: what was asked for is not known")
            return
        yield from ((f"melt.{printable(key, 60)}", printable(str(value), 200)) for key, value in told.items())

    def _meter_start(self) -> int | None:
        path = self._files.monsoon_start
        if self._files.monsoon is None:
            return None
        start_ns = epoch_ns(text_of(path).strip()) if path else None
        if start_ns is None:
            self._read.notes.append(
                "measurements_monsoon.csv is left out: .t_monsoon, which says when it began, is missing or no time"
            )
        return start_ns

    def _first(self) -> int:
        """The earliest moment that is near the runs."""
        started = [run.started_ns for run in self._runs]
        beside = [self._monsoon_ns, self._jetson.first_ns]
        near = [t_ns for t_ns in beside if t_ns is not None and abs(t_ns - started[0]) <= FAR_NS]
        return min([*started, *near])

    def _moved(self, run: Run) -> Run:
        by_ns = self._shift_ns
        run.started_ns += by_ns
        run.loaded_ns = None if run.loaded_ns is None else run.loaded_ns + by_ns
        for turn in run.turns:
            turn.sent_ns += by_ns
            turn.tokens_ns = [t_ns + by_ns for t_ns in turn.tokens_ns]
            turn.first_ns = None if turn.first_ns is None else turn.first_ns + by_ns
            turn.last_ns = None if turn.last_ns is None else turn.last_ns + by_ns
            turn.ended_ns = None if turn.ended_ns is None else turn.ended_ns + by_ns
        return run

    def _inside(self, t_ns: int) -> bool:
        return 0 <= t_ns - self._first_ns <= FAR_NS

    def _thermal(self, channels: list[Channel]) -> Iterator[Item]:
        """The states that the app was told: also as a limit."""
        told = [
            state
            for path in self._files.thermals.values()
            for state in thermal_states(text_of(path), path.name, self._read.count)
        ]
        channel = Channel(
            device=self._read.device,
            name=_THERMAL,
            quantity=Quantity.LIMIT_LEVEL,
            unit=Unit.NONE,
            detail="ProcessInfo",
        )
        if told:
            channels.append(channel)
        engaged = False
        for t_ns, state in sorted(told):
            at_ns = max(START_NS, t_ns + self._shift_ns)
            level = _LEVELS.get(state)
            if level is None or not self._inside(max(t_ns, self._first_ns)):
                continue
            yield reading(channel, at_ns, level)
            if level:
                yield LimitEngaged(
                    t_ns=at_ns, device=self._read.device, limit=_THERMAL, reason="thermal", detail=state
                )
            elif engaged:
                yield LimitReleased(t_ns=at_ns, device=self._read.device, limit=_THERMAL)
            engaged = bool(level)

    def _marks(self) -> Iterator[Item]:
        path = self._files.stages
        for row in table(text_of(path)) if path else ():
            name = printable(row.get("stage", ""), 80)
            for word, key in (("begins", "time_start"), ("ends", "time_end")):
                t_ns = epoch_ns(row.get(key))
                if t_ns is not None and name and self._inside(t_ns):
                    yield Mark(t_ns=t_ns + self._shift_ns, device=SELF, name=f"{name} {word}")

    def _streams(self, draft: Draft, channels: list[Channel]) -> None:
        """What is many: told in pieces. It is gone through once before, for what is lost of it is told first."""
        read, shift_ns = self._read, self._shift_ns
        if self._files.monsoon is not None and self._monsoon_ns is not None:
            self._monsoon(draft, self._files.monsoon, self._monsoon_ns + shift_ns)
        if self._files.adb is not None:
            channel = power.cpu_channel(read.device)
            channels.append(channel)
            draft.streams.append(power.cpu(self._files.adb, shift_ns, channel, Losses()))
        for path in self._files.energy.values():
            draft.streams.append(power.jetson_samples(path, shift_ns, self._jetson, Losses()))

    def _monsoon(self, draft: Draft, path: Path, start_ns: int) -> None:
        losses = Losses()
        n = sum(len(rows) for rows in rows_of(path, power.MONSOON_LAYOUT, losses))
        draft.notes += losses.told(path.name)
        if not n:
            draft.notes.append(f"{path.name} holds no row of time, current and voltage")
            return
        channels = power.monsoon_channels(power.MONSOON, power.rate_of(path, power.MONSOON_LAYOUT))
        info = DeviceInfo(
            device=power.MONSOON, address=f"imported:{path.name}", kind=DeviceKind.METER, model="Monsoon"
        )
        draft.devices.append((info, channels))
        draft.wires.append((power.MONSOON, self._read.device, power.BATTERY))
        draft.streams.append(power.monsoon(path, start_ns, channels, Losses()))

    def _remarks(self) -> Iterator[str]:
        """What these files do not tell, and what to make of them."""
        files = self._files
        if files.energy and self._read.runner == CLI_MLC:
            yield _DEFECT
        if files.monsoon is None and not files.energy:
            yield "power: neither measurements_monsoon.csv nor energy_iter….log is there"
        if files.monsoon is not None and files.records:
            yield "the phone's clock was not brought together with the meter's: melt align tells what the power says"
        if files.adb is not None:
            yield "current and voltage of measurements_adb.csv are left out: their units are not certain"
        missing = sorted({*files.records, *(i for i, _ in files.places)} ^ {*range(self._iterations())})
        if missing:
            yield f"iterations {', '.join(map(str, missing))} are missing"
        if not files.events:
            yield "no log of stages: when each token came is not told"

    def _iterations(self) -> int:
        known = {*self._files.records, *(i for i, _ in self._files.places)}
        return max(known, default=-1) + 1
