import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.address import LENGTH_LIMIT, Address, parse
from drivers.errors import NotSupported


def test_an_address_is_its_base_and_its_options() -> None:
    taken = parse("sim:phone?name=a-1&rate=12.5&channels=7")
    assert taken == Address("sim:phone", {"name": "a-1", "rate": "12.5", "channels": "7"})
    assert taken.text("name") == "a-1"
    assert taken.text("point", "usb-input") == "usb-input"
    assert taken.number("rate", 10, 0.1, 100) == 12.5
    assert taken.whole("channels", 0, 0, 256) == 7
    assert taken.whole("seed", 3, 0, 9) == 3
    assert parse("host") == Address("host", {})


@pytest.mark.parametrize(
    "text",
    [
        "sim:phone?rate",
        "sim:phone?rate=1&rate=2",
        "a" * (LENGTH_LIMIT + 1),
        "sim:\x1b[2Jphone",
        "sim:phone?" + "&".join(f"o{i}=1" for i in range(40)),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotSupported):
        parse(text)


@pytest.mark.parametrize("value", ["x", "nan", "inf", "-1", "101", "", "1e999"])
def test_a_number_keeps_its_bounds(value: str) -> None:
    with pytest.raises(NotSupported, match=r"a number from 0\.1 to 100"):
        Address("sim:phone", {"rate": value}).number("rate", 10, 0.1, 100)


def test_a_whole_number_is_whole() -> None:
    with pytest.raises(NotSupported, match="whole"):
        Address("sim:phone", {"seed": "1.5"}).whole("seed", 0, 0, 9)


@pytest.mark.parametrize("value", ["", "-x", "a b", "[red]", "ä", "a" * 65, "a/b"])
def test_a_name_is_plain(value: str) -> None:
    with pytest.raises(NotSupported, match="is no name"):
        Address("sim:phone", {"name": value}).text("name")


def test_unknown_options_are_named_with_the_known() -> None:
    with pytest.raises(NotSupported, match=r"sim:phone has no option 'colour': it has name, rate"):
        parse("sim:phone?colour=red").only(("name", "rate"))
    with pytest.raises(NotSupported, match="it has none"):
        parse("host?a=1").only(())


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        taken = parse(text)
    except NotSupported:
        return
    assert taken.base == text.partition("?")[0]
