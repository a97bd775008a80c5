"""What follows for a product: never less than what it can be off by."""

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.accuracy import Accuracy, of_power

FRACTION = st.floats(0, 0.2)
SIGN = st.floats(-1, 1)


def test_a_bound_grows_with_the_value() -> None:
    assert Accuracy(0.01, 0.5).bound(-10) == 0.6
    assert Accuracy(0.01, 0.5).times(-2) == Accuracy(0.01, 1.0)


def test_of_power_by_hand() -> None:
    found = of_power(Accuracy(0.0, 0.05), Accuracy(0.01, 0.001), 5.0, 20.0)
    assert found is not None
    assert abs(found.gain_fraction - (0.01 + 0.01 + 0.0001)) < 1e-12
    assert abs(found.offset - 1.01 * 0.02) < 1e-12


def test_of_power_where_one_is_unknown() -> None:
    known = Accuracy(0.01, 0.0)
    assert of_power(None, known, 1, 2) is of_power(known, None, 1, 2) is None


@settings(max_examples=60)
@given(FRACTION, FRACTION, FRACTION, FRACTION, st.floats(1, 20), st.floats(-5, 5), SIGN, SIGN)
def test_no_product_is_further_off(
    a: float, b: float, c: float, d: float, volts: float, amperes: float, up: float, down: float
) -> None:
    of_volts, of_amperes = Accuracy(a, b), Accuracy(c, d)
    seen = (volts + up * of_volts.bound(volts)) * (amperes + down * of_amperes.bound(amperes))
    found = of_power(of_volts, of_amperes, 1.0, 20.0)
    assert found is not None
    assert abs(seen - volts * amperes) <= found.bound(volts * amperes) * (1 + 1e-9) + 1e-12
