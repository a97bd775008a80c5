"""Summaries on disk: buckets of a chunk or of several, as one blob."""

from collections.abc import Sequence

import numpy as np
import zstandard

from melt_tui.store.codec import Damaged, pack, planes, unpack, unplanes
from melt_tui.timeline.columns import Buckets, coarser, empty, joined

_ENTRY = np.dtype(
    [("start", "<i8"), ("n", "<u4"), ("min", "<f8"), ("max", "<f8"), ("sum", "<f8")],
)

_PLAIN = 32
"""Up to so many buckets are stored as they are: many small tiles then read as one."""


def encode_tile(buckets: Buckets) -> bytes:
    """Buckets as a blob. Its first byte says how: plain or packed."""
    entries = np.empty(len(buckets.starts), _ENTRY)
    entries["start"], entries["n"] = buckets.starts, buckets.counts
    entries["min"], entries["max"], entries["sum"] = buckets.minima, buckets.maxima, buckets.sums
    if len(entries) <= _PLAIN:
        return b"\0" + entries.tobytes()
    entries["start"][1:] -= buckets.starts[:-1]
    return b"\1" + pack(planes(entries.tobytes(), _ENTRY.itemsize))


def decode_tiles(blobs: Sequence[bytes]) -> Buckets:
    """The buckets of several tiles, one after the other. Raises Damaged."""
    try:
        plain = b"".join(blob[1:] for blob in blobs if blob[0] == 0)
        parts = [np.frombuffer(plain, _ENTRY), *(_unpacked(blob[1:]) for blob in blobs if blob[0] == 1)]
    except (zstandard.ZstdError, ValueError, IndexError) as error:
        raise Damaged(f"a summary cannot be unpacked ({error})") from None
    entries = np.concatenate(parts)
    if not len(entries):
        return empty()
    return Buckets(
        entries["start"], entries["n"].astype(np.int64), entries["min"], entries["max"], entries["sum"]
    )


def merged(parts: Sequence[Buckets], width_ns: int) -> Buckets:
    """As ``columns.joined``; quick where the parts follow one another."""
    if len(parts) == 1:
        return joined(parts, width_ns)
    starts = np.concatenate([part.starts for part in parts])
    if len(starts) > 1 and (starts[1:] < starts[:-1]).any():
        return joined(parts, width_ns)
    together = Buckets(
        starts,
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.minima for part in parts]),
        np.concatenate([part.maxima for part in parts]),
        np.concatenate([part.sums for part in parts]),
    )
    return coarser(together, width_ns)


def within(buckets: Buckets, start_ns: int, stop_ns: int) -> Buckets:
    """Those that start at ``start_ns <= t < stop_ns``."""
    chosen = (buckets.starts >= start_ns) & (buckets.starts < stop_ns)
    if chosen.all():
        return buckets
    return Buckets(
        buckets.starts[chosen],
        buckets.counts[chosen],
        buckets.minima[chosen],
        buckets.maxima[chosen],
        buckets.sums[chosen],
    )


def _unpacked(blob: bytes) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    entries = np.frombuffer(unplanes(unpack(blob), _ENTRY.itemsize), _ENTRY).copy()
    entries["start"] = np.cumsum(entries["start"])
    return entries
