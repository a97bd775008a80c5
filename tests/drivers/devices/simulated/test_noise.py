from statistics import fmean, pstdev

from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.simulated.noise import Noise


def test_spread_of_the_normal() -> None:
    noise = Noise(7)
    values = [noise.normal("a", i) for i in range(4000)]
    assert abs(fmean(values)) < 0.06
    assert 0.96 < pstdev(values) < 1.04
    assert max(map(abs, values)) <= 3


def test_spread_of_the_uniform() -> None:
    noise = Noise(7)
    values = [noise.uniform("a", i * 50_000_000) for i in range(4000)]
    assert abs(fmean(values) - 0.5) < 0.02
    assert abs(pstdev(values) - 12**-0.5) < 0.01


def test_streams_and_seeds_are_apart() -> None:
    def row(seed: int, stream: str) -> list[float]:
        noise = Noise(seed)
        return [noise.uniform(stream, i) for i in range(50)]

    assert row(1, "a") == row(1, "a")
    rows = [row(1, "a"), row(1, "b"), row(2, "a"), row(2, "b")]
    assert len({tuple(r) for r in rows}) == 4
    # correlation of two rows of 50 even numbers: within 4 standard errors of 0
    means = [fmean(r) for r in rows]
    for i in range(4):
        for j in range(i):
            product = fmean((a - means[i]) * (b - means[j]) for a, b in zip(rows[i], rows[j], strict=True))
            assert abs(product) * 12 < 4 / 50**0.5


@given(st.integers(-(2**70), 2**70), st.text(max_size=8), st.integers(-(2**70), 2**70))
def test_any_seed_stream_and_index(seed: int, stream: str, index: int) -> None:
    assert 0 <= Noise(seed).uniform(stream, index) < 1
    assert -3 <= Noise(seed).normal(stream, index) <= 3
