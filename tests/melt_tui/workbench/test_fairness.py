"""From what was asked for to runs that can be compared."""

from pathlib import Path
from typing import Any

import pytest

from drivers.errors import NotSupported
from melt_tui.errors import UsageError
from melt_tui.events import RunEnded, RunOutcome, RunStarted, RunWaited
from melt_tui.measures.ordering import Order, leaning, turns
from melt_tui.workbench import Place, RunRequest, SessionSetup, Workbench, check_fairness
from melt_tui.workbench.fairness import planned, variants_of

LIMIT_S = 60.0


def asked(**more: Any) -> RunRequest:
    return RunRequest(**{"devices": ("phone",), **more})


def test_variants_are_named_and_set_what_they_say() -> None:
    request = asked(
        threads=1,
        gate="soc<=40",
        cooldown="gate",
        variants=(
            'q4: model="my models/a b.gguf" threads=4',
            "ignore-eos=true runtime_args='--x 1' until=steady ceiling=soc<=80",
        ),
    )
    first, second = variants_of(request)
    assert (first.request.model, first.request.threads, first.request.variants) == (
        "my models/a b.gguf", 4, (),
    )  # fmt: skip
    assert (first.fair.variant, first.fair.settings) == ("q4", 'model="my models/a b.gguf" threads=4')
    assert (first.fair.gate, first.fair.cooldown, first.fair.order) == ("soc<=40", "soc<=40", "abba")
    assert (second.fair.variant, second.fair.ceiling, second.fair.until) == ("B", "soc<=80", "steady")
    assert (second.request.threads, second.request.ignore_eos, second.request.runtime_args) == (
        1, True, ("--x", "1"),
    )  # fmt: skip


def test_one_without_variants_is_as_it_was_asked_for() -> None:
    (only,) = variants_of(asked(cooldown="30", runs=3))
    assert (only.fair.cooldown, only.fair.order, only.fair.variant) == ("30", "", "")
    assert planned(asked(runs=3), 1) == [0, 0, 0]
    assert planned(asked(), 1) == [0]


@pytest.mark.parametrize(
    ("order", "runs", "sequence", "lean"),
    [
        (Order.ABBA, 2, [0, 1, 1, 0], 0.0),
        (Order.ABBA, 3, [0, 1, 1, 0, 0, 1], 1 / 18),
        (Order.ABAB, 2, [0, 1, 0, 1], 0.25),
        (Order.AABB, 2, [0, 0, 1, 1], 0.5),
    ],
)
def test_there_and_back_nobody_comes_later(order: Order, runs: int, sequence: list[int], lean: float) -> None:
    assert turns(2, runs, order) == sequence
    assert planned(asked(order=order.value, runs=runs), 2) == sequence
    places = [[float(i) for i, one in enumerate(sequence) if one == side] for side in (0, 1)]
    assert leaning(*places) == pytest.approx(lean)
    assert planned(asked(), 3) == [0, 1, 2, 2, 1, 0]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"gate": "soc<="}, "“soc<=” cannot be read at column 6: a number is expected"),
        ({"ceiling": "soc"}, "“soc” cannot be read at column 4"),
        ({"cooldown": "warm"}, "“warm” cannot be read at column 5"),
        ({"cooldown": "-3"}, "a cool-down of -3 s"),
        ({"cooldown": "nan"}, "a cool-down of nan s"),
        ({"cooldown": "gate"}, "a cool-down by the gate needs a gate"),
        ({"ceiling": "soc<=85", "on_link_loss": "keep"}, "a ceiling cannot be watched while the link is gone"),
        ({"until": "bored"}, "a run cannot last until “bored”"),
        ({"order": "baab"}, "there is no order “baab”"),
        ({"runs": 0}, "0 runs of each"),
        ({"variants": ("a: ",)}, "sets nothing"),
        ({"variants": ("threads=2", "gpu=1")}, "cannot set “gpu=1”"),
        ({"variants": ("runs=2",)}, "cannot set “runs=2”"),
        ({"variants": ("threads=two",)}, "“threads” cannot be “two”: give a whole number from 1 to 1,024"),
        ({"variants": ("ignore_eos=maybe",)}, "“ignore_eos” cannot be “maybe”: give true or false"),
        ({"variants": ('model="a',)}, "has a quote that does not end"),
        ({"variants": ("a: threads=1", "a: threads=2")}, "two variants are called “a”"),
        ({"variants": ("ceiling=soc",)}, "“soc” cannot be read at column 4"),
        ({"variants": ("threads=1",) * 27}, "27 variants"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_fairness(asked(**more))
    assert said in str(refused.value)
    assert refused.value.remedy


def test_variants_take_turns_on_a_device_each_after_its_wait(tmp_path: Path) -> None:
    request = RunRequest(
        devices=(), model="synthetic:smollm-135m", turns=1, max_tokens=4, ignore_eos=True, ceiling="soc<=90",
        cooldown="soc<=60", gate="soc<=70", runs=1, variants=("threads=1", "fast: threads=2"),
    )  # fmt: skip
    setup = SessionSetup(
        places=(Place(address="sim:phone?tps=400", name="p"),), folder=tmp_path, cache=tmp_path / "models"
    )
    with Workbench(setup) as bench:
        runs = bench.start_when_up(request).result(LIMIT_S)
        bench.wait_runs().result(LIMIT_S)
        with pytest.raises(NotSupported, match="p has no sensor “gpu”: it has soc, skin, battery"):
            bench.start_when_up(RunRequest(devices=("p",), gate="gpu<=40")).result(LIMIT_S)
        events = bench.timeline.events(0, bench.now(), kinds=(RunStarted, RunEnded, RunWaited))
    specs = [event.spec for event in events if isinstance(event, RunStarted)]
    assert [spec.run for spec in specs] == list(runs)
    assert [(spec.fair.variant, spec.threads, spec.fair.place) for spec in specs] == [
        ("A", 1, 1), ("fast", 2, 2),
    ]  # fmt: skip
    assert {spec.fair.planned for spec in specs} == {2}
    assert [event.outcome for event in events if isinstance(event, RunEnded)] == [RunOutcome.DONE] * 2
    waits = [(event.run, event.why) for event in events if isinstance(event, RunWaited)]
    assert waits == [(run, why) for i, run in enumerate(runs) for why in ("cool-down", "gate")[not i :]]
