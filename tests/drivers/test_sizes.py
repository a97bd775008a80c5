import pytest

from drivers.sizes import size


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0.0 MB"), (1_048_576, "1.0 MB"), (41_000_000, "41 MB"), (3_249_000_000, "3.2 GB")],
)
def test_sizes_are_said_so_that_two_of_them_differ(count: int, said: str) -> None:
    assert size(count) == said
