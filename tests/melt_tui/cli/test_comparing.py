"""``melt compare``, in one process."""

import json
from argparse import Namespace

import pytest

from melt_tui.analysis.compare_request import Axis
from melt_tui.cli import comparing, screen
from melt_tui.cli.comparing import compare
from melt_tui.cli.parser import parser
from melt_tui.cli.plans import Plan, plan
from melt_tui.errors import MeltError, UsageError
from tests.rigs.compared import Made


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The second is slower by a tenth."""
    folder = tmp_path_factory.mktemp("pair")
    return [Made().record(folder / "a.melt"), Made(rate=9.0, wall_s=60).record(folder / "b.melt")]


def asked(pair: list[str], *more: str) -> Namespace:
    return parser().parse_args(["compare", *pair, *more])


def test_for_people(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(asked(pair, "--x", "tokens")) == 0
    told = capsys.readouterr().out
    (decode,) = (line.split() for line in told.splitlines() if line.startswith("decode rate tok/s"))
    assert decode[3:8] == ["10.17", "B", "9.150", "−10.0", "%"]
    assert "worse, these runs only" in " ".join(decode)
    assert "along tokens, aligned by start:" in told
    assert "careful: A against B is about these runs only" in told


def test_for_programs_and_for_nightly_builds(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    conditions = ("--fail-if", "decode_tps<-3%", "--fail-if", "ttft_ms>5%")
    assert compare(asked(pair, "--json", *conditions)) == 3
    told, said = capsys.readouterr()
    known = json.loads(told)
    assert [one["holds"] for one in known["fail_if"]] == [True, False]
    decode = next(one for one in known["figures"] if one["figure"] == "decode_tps")
    assert decode["against"][0]["difference"]["general"] is False
    assert known["overlay"]["axis"] == "time"
    assert said.startswith("decode_tps<-3% holds: decode_tps of B: −10.00 %")


def test_a_build_does_not_pass_for_want_of_figures(
    pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(asked(pair, "--fail-if", "decode_tps<-20%")) == 0
    with pytest.raises(UsageError, match="cannot be told"):
        compare(asked(pair, "--fail-if", "sustained_tps<-3%"))
    assert "sustained_tps<-3% cannot be told" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ((), True),
        (("--group", "old,new", "--align", "first-token", "--x", "tokens"), True),
        (("--headless",), False),
        (("--json",), False),
        (("--fail-if", "decode_tps<-90%"), False),
    ],
)
def test_on_a_terminal_a_screen_is_opened(
    pair: list[str], more: tuple[str, ...], shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Plan] = []

    def show(options: Namespace) -> int:
        opened.append(plan(options))
        return 0

    monkeypatch.setattr(comparing, "_terminal", lambda: True)
    monkeypatch.setattr(screen, "show", show)
    assert compare(asked(pair, *more)) == 0
    assert bool(opened) is shown
    if opened:
        request, axis = opened[0].compared or (None, None)
        assert request is not None
        assert (request.sources, opened[0].setup.recording) == (tuple(pair), False)
        assert axis == (Axis.TOKENS if more else Axis.TIME)


def test_what_no_screen_can_show_is_told_before_one_is_opened(
    pair: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_terminal", lambda: True)
    more_than_there_are = ("--align", "0,1.5,-2")
    wrong: list[tuple[list[str], tuple[str, ...]]] = [
        (pair[:1], ()),
        ([*pair, "none.melt"], ()),
        (pair, ("--align", "noon")),
        (pair, more_than_there_are),
        (pair, (*more_than_there_are, "--headless")),
    ]
    for sources, more in wrong:
        with pytest.raises(MeltError):
            compare(asked(sources, *more))
