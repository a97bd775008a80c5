"""Tables as Parquet: columns with their units and meanings, in row groups of bounded size.

Imports pyarrow: reached only when somebody asks for Parquet.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from drivers.model import Channel
from melt_tui.analysis.bulk import Part, seconds_of
from melt_tui.analysis.columns import Cell, Column, Holds
from melt_tui.analysis.wide import Wide

GROUP = 500_000
"""Rows of a group of samples, about."""
_ROWS = 5_000
"""Rows of other tables that are held at once."""

_TYPES = {
    Holds.TEXT: pa.string(),
    Holds.REAL: pa.float64(),
    Holds.WHOLE: pa.int64(),
    Holds.TRUTH: pa.bool_(),
}
_WORDS = pa.dictionary(pa.int32(), pa.string())
_FEW = frozenset({"recording", "device", "channel", "unit", "kind"})
"""Columns of few words, of which each is kept once."""


class ParquetTable:
    """One file. A ``with`` round what is written; each column bears its unit and meaning."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column], about: Mapping[str, str]) -> None:
        self._columns = columns
        fields = [_field(column, _WORDS if column.name in _FEW else None) for column in columns]
        self._schema = pa.schema(
            fields, metadata={f"melt.{key}": plain(value) for key, value in about.items()}
        )
        moments = [column.name for column in columns if column.name == "t_s"]
        self._writer = pq.ParquetWriter(
            stream,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[column.name for column in columns if column.name not in moments],
            column_encoding=dict.fromkeys(moments, "BYTE_STREAM_SPLIT"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._writer.close()
        else:
            with suppress(OSError, ValueError, pa.ArrowException):  # nobody will read it
                self._writer.close()

    def rows(self, table: Iterable[tuple[Cell, ...]]) -> None:
        """Rows of a tidy table."""
        waiting = iter(table)
        while some := list(islice(waiting, _ROWS)):
            columns = zip(*some, strict=True)
            arrays = [
                pa.array([plain(cell) if isinstance(cell, str) else cell for cell in cells], field.type)
                for cells, field in zip(columns, self._schema, strict=True)
            ]
            self._write(arrays)

    def samples(self, recording: str | None, found: Iterable[Part], zero_ns: int) -> None:
        """Samples, a row for each, those of a channel one after the other."""
        for group in _groups(found):
            times = np.concatenate([part.times for part in group])
            words = _words(recording, group)
            moments = pa.array(seconds_of(times, zero_ns))
            values = pa.array(np.concatenate([part.values for part in group]))
            self._write([*words[:-3], moments, *words[-3:], values])

    def wide(self, recording: str | None, some: Wide) -> None:
        """Rows of a wide table."""
        n = len(some.t_s)
        names = [column.name for column in self._columns]
        before = [] if recording is None else [_repeated([recording], [n])]
        after = [
            pa.array(some.values[name], from_pandas=True)
            if name in some.values
            else pa.nulls(n, pa.float64())
            for name in names[len(before) + 1 :]
        ]
        self._write([*before, pa.array(some.t_s), *after])

    def _write(self, arrays: Sequence[Any]) -> None:
        self._writer.write_batch(pa.record_batch(list(arrays), schema=self._schema), row_group_size=2 * GROUP)


def plain(text: str) -> str:
    """What UTF-8 cannot hold is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _field(column: Column, as_type: Any) -> Any:
    about = {"unit": column.unit, "description": column.meaning}
    return pa.field(
        plain(column.name), as_type or _TYPES[column.holds], metadata={k: v for k, v in about.items() if v}
    )


def _groups(found: Iterable[Part]) -> Iterator[list[Part]]:
    """Parts until there are rows enough; a part that is too long is cut."""
    group: list[Part] = []
    n = 0
    for part in (piece for whole in found for piece in _pieces(whole)):
        group.append(part)
        n += len(part.times)
        if n >= GROUP:
            yield group
            group, n = [], 0
    if group:
        yield group


def _pieces(part: Part) -> Iterator[Part]:
    if len(part.times) <= GROUP:
        yield part
        return
    for start in range(0, len(part.times), GROUP):
        stop = start + GROUP
        yield Part(part.channel, part.times[start:stop], part.values[start:stop])


def _words(recording: str | None, group: Sequence[Part]) -> list[Any]:
    """Recording, device, channel and unit of each row."""
    counts = [len(part.times) for part in group]
    channels: list[Channel] = [part.channel for part in group]
    columns = [
        [one.device for one in channels],
        [one.name for one in channels],
        [str(one.unit) for one in channels],
    ]
    known = [] if recording is None else [[recording] * len(group)]
    return [_repeated(column, counts) for column in [*known, *columns]]


def _repeated(texts: Sequence[str], counts: Sequence[int]) -> Any:
    """Each text so many times."""
    distinct = list(dict.fromkeys(texts))
    places = {text: i for i, text in enumerate(distinct)}
    indices = np.repeat(np.array([places[text] for text in texts], np.int32), counts)
    return pa.DictionaryArray.from_arrays(
        pa.array(indices), pa.array([plain(text) for text in distinct], pa.string())
    )
