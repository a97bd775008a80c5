import pytest

from drivers.errors import DriverError
from melt_tui import errors


@pytest.mark.parametrize("kind", [errors.ModelError, errors.WorkloadError, errors.ConfigError])
def test_a_sentence_and_what_to_do(kind: type[errors.MeltError]) -> None:
    error = kind("the file is cut off", "copy it again")
    assert isinstance(error, errors.MeltError)
    assert (error.sentence, error.remedy) == ("the file is cut off", "copy it again")
    assert str(error) == "the file is cut off: copy it again"
    assert str(kind("the file is cut off")) == "the file is cut off"


def test_reads_like_a_drivers_error() -> None:
    assert str(errors.MeltError("a", "b")) == str(DriverError("a", remedy="b"))
