"""Chunks come back byte by byte, and damaged ones say so."""

import struct
from contextlib import suppress

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import DType, Samples, code_struct
from melt_tui.store.codec import (
    MOST,
    Damaged,
    Fast,
    decode,
    decode_axis,
    encode,
    encode_axis,
    encode_fast,
    pack,
    pack_soon,
    unpack,
)
from melt_tui.timeline.blocks import blocks_of
from melt_tui.timeline.stretches import stretch_of
from tests.rigs.sample_blocks import readings, series

KEY = ("d", "c")


@given(series())
def test_chunks_come_back(published: list[Samples]) -> None:
    blocks, dtype = blocks_of(published), published[0].dtype
    for level in (1, 3):
        assert list(decode(encode(blocks, level), dtype).samples(KEY)) == published
    stretch = stretch_of(published, 1 << 62, MOST)
    made = [encode_fast(stretch, packed=packed) for packed in (True, False)] if stretch else []
    assert all(list(decode(one.blob, dtype).samples(KEY)) == published for one in made)


def fast(*published: Samples, packed: bool = True) -> Fast:
    stretch = stretch_of(published, 1 << 62, MOST)
    assert stretch is not None
    return encode_fast(stretch, packed=packed)


def test_whether_packing_is_worth_its_time() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 250, 9000).astype("<u2").tobytes()
    assert not fast(Samples("d", "c", 0, 9000, DType.U16, noise)).worth
    assert fast(Samples("d", "c", 0, 9000, DType.U16, bytes(range(200)) * 90)).worth
    quiet = rng.normal(3000, 3, 9000).astype("<u2").tobytes()
    assert fast(Samples("d", "c", 0, 9000, DType.U16, quiet)).worth
    assert len(fast(Samples("d", "c", 0, 9000, DType.U16, noise), packed=False).blob) < 9100


def test_codes_of_more_than_a_byte_are_packed_whatever_came_before() -> None:
    """A load that jumps after a quiet stretch whose noise did not pack: half of its bytes say nothing."""
    rng = np.random.default_rng(1)
    levels = np.where(np.arange(25_000) // 4500 % 2, 9000, 3000)
    jumps = (levels + rng.normal(0, 12, 25_000)).astype("<u4").tobytes()
    published = Samples("d", "c", 0, 24_999, DType.U32, jumps)
    made = fast(published, packed=False)
    assert made == fast(published)
    assert len(made.blob) < 1.05 * 25_000
    assert list(decode(made.blob, DType.U32).samples(KEY)) == [published]


@pytest.mark.parametrize(
    ("dtype", "first"), [(DType.U32, 1 << 31), (DType.I32, -(1 << 31)), (DType.I16, -700)]
)
def test_noise_round_a_level_that_drifts_takes_a_byte_a_sample(dtype: DType, first: int) -> None:
    levels = [first + 200 * k for k in range(7)]
    rng = np.random.default_rng(1)
    parts = [(level + rng.integers(0, 256, 2000)).astype("<" + dtype).tobytes() for level in levels]
    published = [Samples("d", "c", k * 2000, k * 2000 + 1999, dtype, part) for k, part in enumerate(parts)]
    blob = fast(*published, packed=False).blob
    assert len(blob) < 14_000 + 300
    assert list(decode(blob, dtype).samples(KEY)) == published
    with pytest.raises(Damaged, match="codes are missing"):
        decode(blob[:-1], dtype)


def test_chunks_of_before_each_block_had_a_least_code_are_read() -> None:
    ends = struct.pack("<3q", 4, 100, 103)
    blob = (
        struct.pack("<BBBI", 3, 8 | 16, 3, 1) + ends + struct.pack("<Bq", 1, 70_000) + bytes((0, 3, 255, 1))
    )
    codes = struct.pack("<4I", 70_000, 70_003, 70_255, 70_001)
    assert list(decode(blob, DType.U32).samples(KEY)) == [Samples("d", "c", 100, 103, DType.U32, codes)]


@given(readings() | series())
def test_times_may_lie_in_an_axis(published: list[Samples]) -> None:
    blocks = blocks_of(published)
    assert blocks.axis is not None
    shared = decode_axis(encode_axis(blocks.axis))
    assert shared.tolist() == blocks.axis.tolist()
    blob = encode(blocks, 3, axis=True)
    assert len(blob) <= len(encode(blocks, 3)) + 8
    assert list(decode(blob, blocks.dtype, shared).samples(KEY)) == published
    for other in (None, shared[1:]):
        with pytest.raises(Damaged, match="its times are missing"):
            decode(blob, blocks.dtype, other)


@given(series())
def test_chunks_of_before_blocks_could_share_their_times_are_read(published: list[Samples]) -> None:
    blocks = blocks_of(published)
    for version in (b"\1", b"\2", b"\3"):
        before = version + encode(blocks, 3)[1:]
        assert list(decode(before, blocks.dtype).samples(KEY)) == published
    with pytest.raises(Damaged, match="of version 5"):
        decode(b"\5" + encode(blocks, 3)[1:], blocks.dtype)


@pytest.mark.parametrize("n", [2, 5])
def test_blocks_that_share_their_times_leave_them_out(n: int) -> None:
    late = np.random.default_rng(1).integers(0, 3_000_000, 600).tolist()
    times = [100_000_000 * k + one for k, one in enumerate(late)]
    codes = 8 * n * b"\1"
    parts = [times[k : k + n] for k in range(0, 600, n)]
    own = [None if n == 2 else struct.pack(f"<{n}q", *part) for part in parts]
    blocks = blocks_of(
        [
            Samples("d", "c", part[0], part[-1], DType.F64, codes, each)
            for part, each in zip(parts, own, strict=True)
        ]
    )
    assert len(encode(blocks, 3, axis=True)) < 0.2 * len(encode(blocks, 3))


def test_times_that_do_not_tell_where_a_block_ends_are_not_shared() -> None:
    own = struct.pack("<2q", 5, 7)
    assert blocks_of([Samples("d", "c", 5, 8, DType.U8, b"\1\1", own)]).axis is None
    assert blocks_of([Samples("d", "c", 4, 7, DType.U8, b"\1\1", own)]).axis is None
    assert blocks_of([Samples("d", "c", 5, 7, DType.U8, b"\1\1", own)]).axis is not None


@pytest.mark.parametrize(
    ("values", "dtype", "most"),
    [
        ([71.5, 71.6, 71.4] * 200, DType.F64, 300),
        ([0.1, 0.7, 2.345678] * 200, DType.F64, 900),
        ([5e9, 5e9 + 4096, 5e9] * 200, DType.F64, 500),
        ([33.0] * 600, DType.F64, 100),
        (list(range(10**12, 10**12 + 600)), DType.I64, 100),
        ([k % 3 for k in range(600)], DType.U8, 100),
    ],
)
def test_what_sensors_send_gets_small(values: list[float], dtype: DType, most: int) -> None:
    codes = b"".join(code_struct(dtype).pack(value) for value in values)
    times = np.arange(600, dtype="<i8") * 100_000_000
    samples = [
        Samples("d", "c", t, t, dtype, codes[i * len(codes) // 600 : (i + 1) * len(codes) // 600])
        for i, t in enumerate(times.tolist())
    ]
    assert len(encode(blocks_of(samples), 3)) < most


def test_negative_zero_and_not_a_number_stay_what_they_are() -> None:
    codes = struct.pack("<4d", -0.0, 0.0, 1.5, float("nan"))
    block = Samples("d", "c", 0, 3, DType.F64, codes)
    assert list(decode(encode(blocks_of([block]), 3), DType.F64).samples(KEY)) == [block]
    again = Samples("d", "c", 0, 1, DType.F64, codes[:16])
    assert list(decode(encode(blocks_of([again]), 3), DType.F64).samples(KEY)) == [again]


@settings(max_examples=200)
@given(series(4), st.data())
def test_damage_is_told_or_does_no_harm(published: list[Samples], data: st.DataObject) -> None:
    blob = bytearray(encode(blocks_of(published), data.draw(st.sampled_from((1, 3)))))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = bytes(blob[: data.draw(st.integers(0, len(blob)))])
    with suppress(Damaged):
        decode(cut, published[0].dtype)


def test_a_chunk_of_a_later_format_is_not_guessed_at() -> None:
    blob = encode(blocks_of([Samples("d", "c", 0, 0, DType.U8, b"\7")]), 1)
    with pytest.raises(Damaged, match="of version 9"):
        decode(b"\x09" + blob[1:], DType.U8)


def test_codes_that_are_missing_are_noticed() -> None:
    blob = encode(blocks_of([Samples("d", "c", 0, 5, DType.F32, bytes(16))]), 1)
    with pytest.raises(Damaged, match="codes are missing"):
        decode(blob, DType.F64)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(MOST + 1))
    with pytest.raises(zstandard.ZstdError, match="far too long"):
        unpack(bomb)
    with pytest.raises(Damaged):
        decode_axis(b"\1\0\0\0" + bomb)
    assert unpack(pack(b"some")) == b"some"


@pytest.mark.parametrize("body", [b"\1" + bytes(8), b"\3" + bytes(80)])
def test_times_that_are_cut_short(body: bytes) -> None:
    blob = encode(blocks_of([Samples("d", "c", t, t, DType.U8, b"\1") for t in range(5)]), 3)
    with pytest.raises(Damaged, match="cut short"):
        decode(blob[:7] + pack(body), DType.U8)


@given(st.one_of(st.binary(max_size=300), st.binary(min_size=900, max_size=1200)))
def test_what_is_written_again_soon_is_a_frame_of_zstd_all_the_same(data: bytes) -> None:
    packed = pack_soon(data)
    assert unpack(packed) == data
    assert zstandard.ZstdDecompressor().decompress(packed) == data
    assert zstandard.frame_content_size(packed) == len(data)


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 1023, 1024, 1025, 70_000])
def test_a_frame_tells_its_length(n: int) -> None:
    data = bytes(i * 7 % 251 for i in range(n))
    assert unpack(pack_soon(data)) == data
    assert (len(pack_soon(data)) > n) == (n <= 1024)
