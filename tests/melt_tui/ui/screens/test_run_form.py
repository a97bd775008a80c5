from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.screens.run_form import FIELDS, FormError, Texts, request_of, texts_of
from melt_tui.workbench import RunRequest

LISTS = {"runtime": "", "model": "demo", "workload": "chat", "on_link_loss": "stop"}


def form(fields: Mapping[str, str], devices: tuple[str, ...] = ("d",)) -> Texts:
    return Texts(devices=devices, lists=LISTS, fields=fields, ignore_eos=False)


def test_an_empty_form_asks_for_the_defaults() -> None:
    assert request_of(form({})) == RunRequest(devices=("d",))


amounts = st.none() | st.integers(1, 10**9)
shares = st.none() | st.integers(0, 1000).map(lambda x: x / 1000)
requests = st.builds(
    RunRequest,
    devices=st.lists(st.text(min_size=1), min_size=1).map(tuple),
    model=st.text(min_size=1),
    workload=st.text(min_size=1),
    runtime=st.text(),
    turns=amounts,
    seconds=st.none() | st.integers(0, 10**5).map(float),
    max_tokens=amounts,
    repeat=amounts,
    warmup=st.none() | st.integers(0, 9),
    on_link_loss=st.sampled_from(("stop", "keep")),
    lease_s=st.integers(10, 604_800).map(float),
    pause_s=st.integers(0, 90).map(float),
    threads=amounts,
    context=amounts,
    seed=st.none() | st.integers(0, 2**31),
    top_p=shares,
    ignore_eos=st.booleans(),
    runtime_args=st.lists(st.from_regex(r"[ -~]+", fullmatch=True)).map(tuple),
)


@given(requests)
def test_a_request_comes_back_from_its_form(request: RunRequest) -> None:
    assert request_of(texts_of(request)) == request


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"turns": "0"}, "turns: takes a whole number from 1."),
        ({"turns": "many"}, "turns: takes a whole number from 1."),
        ({"seconds": "-1"}, "seconds: takes a number of seconds."),
        ({"seconds": "nan"}, "seconds: takes a number of seconds."),
        ({"lease_s": "9"}, "lease s: takes a number of seconds from 10 to 604800."),
        ({"top_p": "1.5"}, "top p: takes a number from 0 to 1."),
        ({"runtime_args": "'"}, "runtime flags: takes flags."),
    ],
)
def test_what_cannot_be_meant_is_named_with_what_it_takes(fields: dict[str, str], said: str) -> None:
    with pytest.raises(FormError, match=said.replace(".", r"\.")):
        request_of(form(fields))


def test_no_device_and_no_file_are_said() -> None:
    with pytest.raises(FormError, match="at least one device"):
        request_of(form({}, devices=()))
    with pytest.raises(FormError, match="model: type the path"):
        request_of(Texts(devices=("d",), lists={**LISTS, "model": ""}, fields={}, ignore_eos=False))


def test_every_field_is_one_of_the_request() -> None:
    request = RunRequest(devices=("d",))
    assert all(getattr(request, field.name) == field.empty for field in FIELDS)
