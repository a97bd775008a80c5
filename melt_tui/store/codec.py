"""Packed samples: blocks of one series as one blob, integers by their differences, bytes by their planes, zstd on top."""

import struct
import threading
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from drivers.model import DType, code_struct
from melt_tui.timeline.blocks import Blocks, Ints
from melt_tui.timeline.stretches import Stretch, narrowed, whole

Level = Literal[1, 3]
"""Of zstd: 1 for what is packed at every commit, 3 for what is packed once a minute."""

MOST = 1 << 26
"""Bytes that one blob may unpack to: a damaged one must not eat the memory."""


class Damaged(Exception):
    """A blob that is not what was written."""


_VERSION = 4
"""1 had no axis but those of plain readings, 2 none for blocks that bring their own times, 3 one least code for all blocks."""
_HEAD = struct.Struct("<BBBI")
"""Version, shape, coding of the codes, number of blocks."""

_FROM = struct.Struct("<Bq")
"""Before differences: their width in bytes, and the first value; before narrowed codes: theirs, and the least one."""

_SINGLE, _SHARED, _UNEVEN, _PLAIN, _LOOSE = 1, 2, 4, 8, 16
"""Shape: plain readings only; times lie in an axis; some blocks bring their own times; ends as they are; not packed
by zstd."""

_FEW = 1024
"""Bytes that are not packed when they will be written again."""

_WORTH = 0.7
"""Packing that leaves more than this is not worth its time: noise of a dozen steps in a byte each, for one."""

_PLANES, _CONSTANT, _STEPS, _NARROW, _BYTES, _DECIMAL = 0, 1, 2, 3, 4, 16
"""Coding of codes: byte planes; one code for all; differences; what is above the least code, in fewer bytes; the least code
of each block, and the last byte of every code; from 16 on differences of ``code * 10**(coding - 16)``."""

_DECIMALS = (0, 1, 2, 3, 4, 6)


def encode(blocks: Blocks, level: Level, *, axis: bool = False) -> bytes:
    """Blocks as a blob; with ``axis`` what tells their times is left out, see ``encode_axis``."""
    coding, codes = (
        _code(blocks) if level > 1 else _fast_code(blocks.codes, blocks.dtype, blocks.counts.tolist())
    )
    shape = _shape(blocks, plain=level == 1, axis=axis)
    head = _HEAD.pack(_VERSION, shape, coding, len(blocks.counts))
    return head + _contexts.packers[level].compress(_times(blocks, shape) + codes)


class Fast(NamedTuple):
    """A chunk of a fast series, and whether packing was worth its time."""

    blob: bytes
    worth: bool


def encode_fast(stretch: Stretch, *, packed: bool = True) -> Fast:
    """Blocks of a fast series as a blob. Codes in a byte each are packed if that is asked for, all others always: their
    upper bytes pack to next to nothing."""
    k = len(stretch.counts)
    ends = struct.pack(f"<{3 * k}q", *stretch.counts, *stretch.t0, *stretch.t1)
    coding, codes = (
        (_BYTES, _lasts(stretch.lows, stretch.codes))
        if stretch.lows
        else _wide_code(stretch.codes, stretch.dtype)
    )
    if coding == _BYTES and not packed:
        return Fast(_HEAD.pack(_VERSION, _PLAIN | _LOOSE, coding, k) + ends + codes, worth=False)
    body = ends + codes
    small = _contexts.packers[1].compress(body)
    return Fast(_HEAD.pack(_VERSION, _PLAIN, coding, k) + small, len(small) < _WORTH * len(body))


def decode(blob: bytes, dtype: DType, axis: Ints | None = None) -> Blocks:
    """The blocks back. Raises Damaged."""
    try:
        return _decoded(blob, dtype, axis)
    except (zstandard.ZstdError, struct.error, ValueError, IndexError, OverflowError) as error:
        raise Damaged(f"a chunk cannot be unpacked ({error})") from None


def encode_axis(times: Ints) -> bytes:
    """Times that several chunks share."""
    return struct.pack("<I", len(times)) + _contexts.packers[3].compress(_steps(times))


def decode_axis(blob: bytes) -> Ints:
    """The times back. Raises Damaged."""
    try:
        return _unsteps(unpack(blob[4:]), 0, struct.unpack_from("<I", blob)[0])[0]
    except (zstandard.ZstdError, struct.error, ValueError, IndexError) as error:
        raise Damaged(f"a time axis cannot be unpacked ({error})") from None


def pack(data: bytes, level: Level = 1) -> bytes:
    """Bytes, packed."""
    return _contexts.packers[level].compress(data)


def pack_soon(data: bytes) -> bytes:
    """Bytes that are written again within a minute: packed where it is worth its time, in a frame of zstd either way.

    A few are one raw block in a frame of a single segment (RFC 8878, 3.1.1).
    """
    n = len(data)
    if n > _FEW:
        return pack(data)
    size = b"\x20" + n.to_bytes(1, "little") if n < 256 else b"\x60" + (n - 256).to_bytes(2, "little")
    return b"".join((zstandard.FRAME_HEADER, size, (n << 3 | 1).to_bytes(3, "little"), data))


def unpack(blob: bytes) -> bytes:
    """The bytes back. Raises ZstdError, also for more of them than ``MOST``."""
    if zstandard.frame_content_size(blob) > MOST:
        raise zstandard.ZstdError("it says that it is far too long")
    return _contexts.unpacker.decompress(blob, max_output_size=MOST)


def planes(data: bytes, size: int) -> bytes:
    """Items of ``size`` bytes each: all the first bytes, then all the second ones …: alike bytes side by side."""
    return data if size == 1 else np.frombuffer(data, np.uint8).reshape(-1, size).T.tobytes()


def unplanes(data: bytes, size: int) -> bytes:
    """The items back."""
    return data if size == 1 else np.frombuffer(data, np.uint8).reshape(size, -1).T.tobytes()


def _decoded(blob: bytes, dtype: DType, axis: Ints | None) -> Blocks:
    version, shape, coding, k = _HEAD.unpack_from(blob)
    if not 1 <= version <= _VERSION:
        raise ValueError(f"of version {version}")
    body = blob[_HEAD.size :] if shape & _LOOSE else unpack(blob[_HEAD.size :])
    if shape & _SINGLE:
        t0, at = _stood(body, 0, k, axis, shape)
        ones, none = np.ones(k, np.int64), np.zeros(k, np.bool_)
        return Blocks(
            dtype, ones, t0, t0, none, np.empty(0, np.int64), _uncode(coding, body[at:], dtype, ones)
        )
    if shape & _UNEVEN and shape & _SHARED:
        return _of_all_times(body, k, axis, dtype, coding)
    counts, t0, t1, at = _plain_ends(body, k) if shape & _PLAIN else _ends(body, k, axis, shape)
    uneven, own = np.zeros(k, np.bool_), np.empty(0, np.int64)
    if shape & _UNEVEN:
        flags, at = _unsteps(body, at, k)
        uneven = flags.astype(np.bool_)
        own, at = _unsteps(body, at, int(counts[uneven].sum()))
    codes = _uncode(coding, body[at:], dtype, counts)
    return Blocks(dtype, counts, t0, t1, uneven, own, codes)


def _of_all_times(body: bytes, k: int, axis: Ints | None, dtype: DType, coding: int) -> Blocks:
    """Blocks of which some bring their own times; the axis holds the time of every sample."""
    counts, at = _unsteps(body, 0, k)
    flags, at = _unsteps(body, at, k)
    ends, uneven = np.cumsum(counts), flags.astype(np.bool_)
    if axis is None or not k or (counts < 1).any() or len(axis) != ends[-1]:
        raise ValueError("its times are missing")
    own = axis[np.repeat(uneven, counts)]
    codes = _uncode(coding, body[at:], dtype, counts)
    return Blocks(dtype, counts, axis[ends - counts], axis[ends - 1], uneven, own, codes)


def _shape(blocks: Blocks, *, plain: bool, axis: bool) -> int:
    """Of the times. At every commit few blocks of many samples come: their ends are not worth packing."""
    if plain and not len(blocks.own):
        return _PLAIN
    if len(blocks.own):
        return _UNEVEN | (_SHARED if axis else 0)
    return (_SINGLE if blocks.single else 0) | (_SHARED if axis else 0)


def _times(blocks: Blocks, shape: int) -> bytes:
    if shape & _PLAIN:
        return blocks.counts.tobytes() + blocks.t0.tobytes() + blocks.t1.tobytes()
    if shape & _SINGLE:
        return b"" if shape & _SHARED else _steps(blocks.t0)
    if shape & _SHARED:
        flags = _steps(blocks.uneven.astype(np.int64)) if shape & _UNEVEN else b""
        return _steps(blocks.counts) + flags
    parts = [_steps(blocks.counts), _steps(np.stack([blocks.t0, blocks.t1], axis=1).ravel())]
    if shape & _UNEVEN:
        parts += [_steps(blocks.uneven.astype(np.int64)), _steps(blocks.own)]
    return b"".join(parts)


def _plain_ends(body: bytes, k: int) -> tuple[Ints, Ints, Ints, int]:
    """Counts, first and last times, and where they end."""
    counts, t0, t1 = np.frombuffer(body, np.int64, 3 * k).reshape(3, k)
    return counts, t0, t1, 24 * k


def _ends(body: bytes, k: int, axis: Ints | None, shape: int) -> tuple[Ints, Ints, Ints, int]:
    """The same, from their differences."""
    counts, at = _unsteps(body, 0, k)
    ends, at = _stood(body, at, 2 * k, axis, shape)
    return counts, ends[::2], ends[1::2], at


def _stood(body: bytes, at: int, n: int, axis: Ints | None, shape: int) -> tuple[Ints, int]:
    """``n`` times, from the axis or from the body, and where they end there."""
    if not shape & _SHARED:
        return _unsteps(body, at, n)
    if axis is None or len(axis) != n:
        raise ValueError("its times are missing")
    return axis, at


def _steps(values: Ints) -> bytes:
    """Width, first value and the differences in as few bytes as they need, as planes."""
    steps = values[1:] - values[:-1]
    width = _width(steps)
    narrow = steps.astype(f"<i{width}").tobytes()
    return _FROM.pack(width, int(values[0]) if len(values) else 0) + planes(narrow, width)


def _unsteps(data: bytes, at: int, n: int) -> tuple[Ints, int]:
    """``n`` values that stand at ``at``, and where they end."""
    width, first = _FROM.unpack_from(data, at)
    start, stop = at + 9, at + 9 + max(0, n - 1) * width
    if stop > len(data) or width not in {1, 2, 4, 8}:
        raise ValueError("it is cut short")
    values = np.empty(max(n, 1), np.int64)
    values[0], values[1:] = first, np.frombuffer(unplanes(data[start:stop], width), _SIGNED[width])
    return values.cumsum()[:n], stop


def _width(steps: Ints) -> int:
    if not len(steps):
        return 1
    low, high = int(steps.min()), int(steps.max())
    return next(w for w in (1, 2, 4, 8) if -(1 << (8 * w - 1)) <= low and high < 1 << (8 * w - 1))


def _fast_code(codes: bytes, dtype: DType, counts: Sequence[int]) -> tuple[int, bytes]:
    """How codes of a fast channel pack quickly, and packed so."""
    narrow = narrowed(codes, dtype, counts)
    return _wide_code(codes, dtype) if narrow is None else (_BYTES, _lasts(*narrow))


def _lasts(lows: Sequence[int], lasts: bytes) -> bytes:
    return struct.pack(f"<{len(lows)}q", *lows) + lasts


def _wide_code(codes: bytes, dtype: DType) -> tuple[int, bytes]:
    """The same of those that take more than a byte."""
    raw = np.frombuffer(codes, _numpy(dtype))
    if raw.dtype.kind == "f" or raw.itemsize == 8:
        return _PLANES, planes(codes, raw.itemsize)
    low, high = int(raw.min()), int(raw.max())
    width = 2 if high - low < 1 << 16 else 4
    narrow = np.empty(len(raw), _UNSIGNED[width])
    np.subtract(raw, raw.dtype.type(low), out=narrow, casting="unsafe")
    return _NARROW, _FROM.pack(width, low) + narrow.view(np.uint8).reshape(-1, width).T.tobytes()


def _code(blocks: Blocks) -> tuple[int, bytes]:
    """How codes of a slow channel pack best, and packed so."""
    size, codes = _size(blocks.dtype), blocks.codes
    if codes == codes[:size] * (len(codes) // size):
        return _CONSTANT, codes[:size]
    raw = np.frombuffer(codes, _numpy(blocks.dtype))
    if raw.dtype.kind != "f":
        return _STEPS, _steps(raw.astype(np.int64))
    for places in _DECIMALS:
        whole = _scaled(raw, places)
        if whole is not None:
            return _DECIMAL + places, _steps(whole)
    return _PLANES, planes(codes, size)


def _uncode(coding: int, data: bytes, dtype: DType, counts: Ints) -> bytes:
    size, made, n = _size(dtype), _numpy(dtype), int(counts.sum())
    if coding == _CONSTANT:
        codes = data[:size] * n
    elif coding == _STEPS:
        codes = _unsteps(data, 0, n)[0].astype(made).tobytes()
    elif coding == _NARROW:
        codes = _widened(data, made)
    elif coding == _BYTES:
        codes = _whole(data, dtype, counts)
    elif coding >= _DECIMAL:
        codes = (_unsteps(data, 0, n)[0] / 10.0 ** (coding - _DECIMAL)).astype(made).tobytes()
    else:
        codes = unplanes(data, size)
    if len(codes) != n * size:
        raise ValueError("codes are missing")
    return codes


def _widened(data: bytes, made: np.dtype[Any]) -> bytes:
    width, low = _FROM.unpack_from(data)
    narrow = np.frombuffer(unplanes(data[9:], width), f"<u{width}")
    codes: bytes = (narrow.astype(np.int64) + low).astype(made).tobytes()
    return codes


def _whole(data: bytes, dtype: DType, counts: Ints) -> bytes:
    """Codes from the least one of each block and their last bytes."""
    lows, lasts = np.frombuffer(data, "<i8", len(counts)), data[8 * len(counts) :]
    if len(lasts) != counts.sum():
        raise ValueError("codes are missing")
    return whole(lasts, lows, counts, dtype)


def _scaled(raw: NDArray[Any], places: int) -> Ints | None:
    """The whole numbers that, divided by ``10**places``, are exactly these codes; None when they are not."""
    with np.errstate(all="ignore"):
        scaled = np.rint(raw.astype(np.float64) * 10.0**places)
        if not (np.abs(scaled) < 2**53).all():
            return None
        whole = scaled.astype(np.int64)
        again = (whole / 10.0**places).astype(raw.dtype)
    return whole if again.tobytes() == raw.tobytes() else None


class _Contexts(threading.local):
    """Of zstd, one of each for every thread: making one costs more than packing a small chunk."""

    def __init__(self) -> None:
        self.packers = {level: zstandard.ZstdCompressor(level=level) for level in (1, 3)}
        self.unpacker = zstandard.ZstdDecompressor()


_contexts = _Contexts()


def _size(dtype: DType) -> int:
    return code_struct(dtype).size


def _numpy(dtype: DType) -> np.dtype[Any]:
    return _TYPES[dtype]


_TYPES = {dtype: np.dtype("<" + dtype) for dtype in DType}
_SIGNED = {width: np.dtype(f"<i{width}") for width in (1, 2, 4, 8)}
_UNSIGNED = {width: np.dtype(f"<u{width}") for width in (1, 2, 4)}
