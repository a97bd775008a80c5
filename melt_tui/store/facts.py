"""Events as rows that people read: devices, runs, turns, intervals, clock, wires, session."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar

from drivers.events import ClockMeasured, Event, FirstToken, ModelLoaded, TurnEnded, TurnStarted
from melt_tui.events import (
    DeviceUp,
    ModelPrepared,
    RunEnded,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Wired,
)
from melt_tui.store.eventcodec import plain, to_json
from melt_tui.timeline.fold import DEVICE_STATES, IntervalFold


class Facts:
    """Turns each event into rows, inside the transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._fold = IntervalFold()
        self._devices: set[str] = set()

    def meet(self, device: str) -> None:
        """A device was heard of."""
        if device not in self._devices:
            self._devices.add(device)
            self._run("INSERT OR IGNORE INTO devices (device) VALUES (?)", plain(device))

    def take(self, event: Event, number: int) -> None:
        """Write what follows from an event that is row ``number``."""
        self.meet(event.device)
        if isinstance(event, DEVICE_STATES):
            first = (event.t_ns, number, plain(event.device), event.t_ns)
            self._run(
                "UPDATE devices SET first_ns = ?, first_event = ? WHERE device = ? AND (first_ns IS NULL OR first_ns > ?)",
                *first,
            )
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        for changed in self._fold.take(event):
            one = changed.interval
            row = (
                changed.number,
                one.kind,
                plain(one.device),
                one.t0_ns,
                one.t1_ns,
                plain(one.label),
                plain(one.run),
            )
            self._run(_INTERVAL, *row, number, one.t1_ns)

    def _session_started(self, event: SessionStarted) -> None:
        told = {
            "name": plain(event.name),
            "version": plain(event.version),
            "host": plain(event.host),
            "started_ns": event.t_ns,
            "started_wall_ns": event.wall_ns,
        }
        self._connection.executemany("INSERT OR REPLACE INTO session VALUES (?, ?)", list(told.items()))
        options = [(plain(key), plain(value)) for key, value in event.settings]
        self._connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", options)

    def _session_ended(self, event: SessionEnded) -> None:
        told = {"ended_ns": event.t_ns, "ended_wall_ns": event.wall_ns, "end_reason": plain(event.reason)}
        self._connection.executemany("INSERT OR REPLACE INTO session VALUES (?, ?)", list(told.items()))

    def _device_up(self, event: DeviceUp) -> None:
        info = event.info
        self._run(
            _DEVICE,
            plain(info.address),
            info.kind,
            plain(info.model),
            plain(info.os),
            info.simulated,
            plain(json.dumps(info.runtimes, ensure_ascii=False)),
            plain(json.dumps(info.facts, ensure_ascii=False)),
            plain(event.device),
        )

    def _wired(self, event: Wired) -> None:
        row = (event.t_ns, plain(event.device), plain(event.feeds), plain(event.point))
        self._run("INSERT INTO wires (t_ns, meter, feeds, point) VALUES (?, ?, ?, ?)", *row)

    def _clock_measured(self, event: ClockMeasured) -> None:
        row = (
            plain(event.device),
            event.t_ns - event.offset_ns,
            event.offset_ns,
            event.uncertainty_ns,
            plain(event.origin),
        )
        self._run(
            "INSERT INTO clock (device, t_ns, offset_ns, uncertainty_ns, origin) VALUES (?, ?, ?, ?, ?)", *row
        )

    def _run_started(self, event: RunStarted) -> None:
        spec = event.spec
        workload = plain(spec.workload.name) if spec.workload else None
        row = (
            plain(event.run),
            plain(event.device),
            plain(spec.runtime),
            workload,
            event.t_ns,
            to_json(spec),
        )
        self._run(_RUN, *row)
        if spec.model:
            self._model(event, spec.model.name, spec.model.quantisation, synthetic=spec.model.synthetic)

    def _model_prepared(self, event: ModelPrepared) -> None:
        self._model(event, event.model.name, event.model.quantisation, synthetic=event.model.synthetic)

    def _model(
        self, event: RunStarted | ModelPrepared, name: str, quantisation: str, *, synthetic: bool
    ) -> None:
        self._of_run(
            "model = ?, quantisation = ?, synthetic = ?", event, plain(name), plain(quantisation), synthetic
        )

    def _model_loaded(self, event: ModelLoaded) -> None:
        told = (plain(event.build), plain(event.backend), event.threads, event.t_ns, event.load_s)
        self._of_run("build = ?, backend = ?, threads = ?, loaded_ns = ?, load_s = ?", event, *told)

    def _run_ended(self, event: RunEnded) -> None:
        self._of_run(
            "ended_ns = ?, outcome = ?, reason = ?", event, event.t_ns, event.outcome, plain(event.reason)
        )

    def _turn_started(self, event: TurnStarted) -> None:
        self._run(
            _TURN,
            plain(event.device),
            plain(event.run),
            event.turn,
            event.purpose,
            event.conversation,
            event.prompt,
            event.repetition,
            event.context_tokens,
            event.t_ns,
        )

    def _first_token(self, event: FirstToken) -> None:
        self._of_turn("first_token_ns = ?, ttft_s = ?", event, event.t_ns, event.ttft_s)

    def _turn_ended(self, event: TurnEnded) -> None:
        observed = None
        if event.first_token_ns is not None and event.last_token_ns is not None:
            observed = (event.last_token_ns - event.first_token_ns) / 1e9
        self._of_turn(
            _TURN_END,
            event,
            event.t_ns,
            event.end,
            event.prompt_tokens,
            event.cached_tokens,
            event.output_tokens,
            event.first_token_ns,
            event.last_token_ns,
            event.prompt_s,
            event.decode_s,
            observed,
            event.approximate,
            event.output_sha256,
            plain(event.detail),
        )

    def _of_run(
        self, setting: str, event: RunStarted | ModelPrepared | ModelLoaded | RunEnded, *values: object
    ) -> None:
        where = "id = (SELECT max(id) FROM runs WHERE run = ?)"
        self._run(f"UPDATE runs SET {setting} WHERE {where}", *values, plain(event.run))  # noqa: S608

    def _of_turn(self, setting: str, event: FirstToken | TurnEnded, *values: object) -> None:
        where = "id = (SELECT max(id) FROM turns WHERE run = ? AND turn = ?) AND ended_ns IS NULL"
        of = (plain(event.run), event.turn)
        self._run(f"UPDATE turns SET {setting} WHERE {where}", *values, *of)  # noqa: S608

    def _run(self, sql: str, *values: object) -> None:
        self._connection.execute(sql, [_fitting(value) for value in values])

    _HANDLERS: ClassVar[dict[type[Event], Callable[["Facts", Any], None]]] = {
        SessionStarted: _session_started,
        SessionEnded: _session_ended,
        DeviceUp: _device_up,
        Wired: _wired,
        ClockMeasured: _clock_measured,
        RunStarted: _run_started,
        ModelPrepared: _model_prepared,
        ModelLoaded: _model_loaded,
        RunEnded: _run_ended,
        TurnStarted: _turn_started,
        FirstToken: _first_token,
        TurnEnded: _turn_ended,
    }


def _fitting(value: object) -> object:
    """What a column can hold; a number that is far too great stands only in the detail of its event."""
    return None if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63 else value


_INTERVAL = """
    INSERT INTO intervals VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET t1_ns = ?"""
_DEVICE = """
    UPDATE devices SET address = ?, kind = ?, model = ?, os = ?, simulated = ?, runtimes = ?, facts = ?
    WHERE device = ?"""
_RUN = """
    INSERT INTO runs (run, device, runtime, workload, started_ns, spec) VALUES (?, ?, ?, ?, ?, ?)"""
_TURN = """
    INSERT INTO turns (device, run, turn, purpose, conversation, prompt, repetition, context_tokens, started_ns)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_TURN_END = """
    ended_ns = ?, ending = ?, prompt_tokens = ?, cached_tokens = ?, output_tokens = ?,
    first_token_ns = coalesce(?, first_token_ns), last_token_ns = ?, prompt_s = ?, decode_s = ?,
    observed_decode_s = ?, approximate = ?, output_sha256 = ?, detail = ?"""
