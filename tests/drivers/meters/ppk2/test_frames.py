"""The reader of words against a scalar one, written from the documents alone, and against every kind of damage."""

import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.meters.ppk2.frames import CODES, CONFIRM, FrameReader, Run


def word(reading: int, meter_range: int, counter: int, logic: int = 0) -> bytes:
    return struct.pack("<I", reading | meter_range << 14 | (counter & 63) << 18 | logic << 24)


def stream(n: int, first: int = 0, seed: int = 1) -> list[bytes]:
    """Words of a noisy current that changes its range now and then, the counter running."""
    noise = np.random.default_rng(seed)
    readings, ranges = noise.integers(0, 1 << 14, n), noise.integers(0, 5, n)
    return [
        word(int(r), int(m), first + i, i & 255)
        for i, (r, m) in enumerate(zip(readings, ranges, strict=True))
    ]


def scalar(words: Sequence[bytes]) -> list[tuple[int, int]]:
    """What each whole word means, by the bits of the documents."""
    found = []
    for raw in words:
        value = raw[0] + (raw[1] << 8) + (raw[2] << 16) + (raw[3] << 24)
        found.append((value % (1 << 14) + (value >> 14) % 8 * (1 << 14), value >> 24))
    return found


class Read:
    """All that a reader gave for data in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        reader = FrameReader()
        self.runs: list[Run] = []
        self.lost = self.damaged = 0
        for piece in pieces:
            frames = reader.feed(piece)
            self.runs += frames.runs
            self.lost += frames.lost
            self.damaged += frames.damaged
        self.next = reader.next

    @property
    def samples(self) -> dict[int, tuple[int, int]]:
        """Code and lines of each sample, by its number."""
        found = {}
        for run in self.runs:
            for i, (code, logic) in enumerate(zip(run.codes.tolist(), run.logic.tolist(), strict=True)):
                assert run.first + i not in found
                found[run.first + i] = (code, logic)
        return found


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    n=st.integers(CONFIRM + 1, 300),
    first=st.integers(0, 63),
    cuts=st.lists(st.integers(0, 1200), max_size=12),
    seed=st.integers(0, 9),
)
def test_whole_streams_in_any_pieces(n: int, first: int, cuts: list[int], seed: int) -> None:
    words = stream(n, first, seed)
    read = Read(*pieces(b"".join(words), cuts))
    assert (read.lost, read.damaged) == (0, 0)
    assert read.samples == dict(enumerate(scalar(words)))


@given(
    before=st.integers(CONFIRM + 1, 100),
    lost=st.integers(1, 200),
    after=st.integers(CONFIRM + 1, 100),
    cuts=st.lists(st.integers(0, 900), max_size=6),
)
def test_lost_samples_are_counted_but_for_multiples_of_64(
    before: int, lost: int, after: int, cuts: list[int]
) -> None:
    words = stream(before + lost + after, seed=5)
    read = Read(*pieces(b"".join(words[:before] + words[before + lost :]), cuts))
    assert (read.lost, read.damaged) == (lost % 64, 0)
    meant = scalar(words)
    shift = lost - lost % 64
    assert read.samples == {
        i - (shift if i >= before else 0): meant[i]
        for i in range(len(words))
        if not before <= i < before + lost
    }


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 4 * 40 + 3, 4 * 64 + 1])
def test_half_a_word_that_is_lost_costs_its_sample_only(cut: int) -> None:
    """Bytes that a full port dropped: what follows is not cut wrongly for ever, and no sample is made of two."""
    words = stream(400, seed=2)
    data = b"".join(words)
    read = Read(data[:802] + data[802 + cut :])
    gone = {i for i in range(400) if 4 * i + 4 > 802 and 4 * i < 802 + cut}
    beyond = read.lost - len(gone) % 64
    assert beyond in {0, 1}, "the first word after it is not trusted"
    gone |= {max(gone) + beyond}
    shift = len(gone) - read.lost
    assert read.samples == {
        i - (shift if i > max(gone) else 0): meant for i, meant in enumerate(scalar(words)) if i not in gone
    }


@example(b"\0", 131, [])
@given(
    garbage=st.binary(min_size=1, max_size=200),
    at=st.integers(40, 160),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
)
def test_garbage_in_between_is_damage_and_no_sample(garbage: bytes, at: int, cuts: list[int]) -> None:
    words = stream(300, seed=3)
    read = Read(*pieces(b"".join(words[:at]) + garbage + b"".join(words[at:]), cuts))
    meant, found = scalar(words), list(read.samples.values())
    assert found[:at] == meant[:at]
    assert found[-(297 - at) :] == meant[at + 3 :]
    assert len(found) <= 302, (
        "one word in 64 of those that are cut wrongly follows on by chance: two in a row at most"
    )


@given(place=st.integers(100, 200), flips=st.integers(1, 63))
def test_a_counter_that_is_wrong_once_costs_one_sample(place: int, flips: int) -> None:
    words = stream(300, seed=4)
    damaged = list(words)
    value = struct.unpack("<I", words[place])[0] ^ flips << 18
    damaged[place] = struct.pack("<I", value)
    read = Read(b"".join(damaged))
    assert (read.lost, read.damaged) == (1, 4)
    assert read.samples == {i: meant for i, meant in enumerate(scalar(words)) if i != place}


def test_a_range_that_there_is_not_is_no_sample() -> None:
    words = stream(200)
    words[100] = word(5, 5, 100)
    read = Read(b"".join(words))
    assert (read.lost, read.damaged) == (1, 4)
    assert 100 not in read.samples
    assert all(code < CODES for code, _ in read.samples.values())


def test_what_stands_before_the_first_sample_is_where_we_came_in() -> None:
    words = stream(100, first=17)
    read = Read(b"END\n\x00" + b"".join(words))
    assert (read.lost, read.damaged) == (0, 0)
    assert read.samples == dict(enumerate(scalar(words)))


@settings(max_examples=60)
@given(chunks=st.lists(st.binary(max_size=700), max_size=12))
def test_any_bytes_at_all(chunks: list[bytes]) -> None:
    reader = FrameReader()
    taken = 0
    for chunk in chunks:
        frames = reader.feed(chunk)
        taken += 4 * sum(len(run.words) for run in frames.runs) + frames.damaged
        assert len(reader._rest) < 4 * CONFIRM + 4
    assert taken <= sum(map(len, chunks))


def test_a_megabyte_of_one_value_is_no_sample() -> None:
    read = Read(b"\xff" * (1 << 20))
    assert (read.runs, read.lost) == ([], 0)


def test_a_block_longer_than_the_ramp() -> None:
    n = (1 << 15) + 100
    counters = (np.arange(n, dtype=np.uint32) & 63) << 18
    read = Read(counters.astype("<u4").tobytes())
    assert read.next == n
    assert read.lost == 0
