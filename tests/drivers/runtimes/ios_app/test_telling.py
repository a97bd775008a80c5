"""From the lines of an app to what a run tells, without a phone."""

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import NotSupported
from drivers.events import (
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.model import RunSpec, Samples
from drivers.runtimes.ios_app.driver import IosApp
from drivers.runtimes.ios_app.telling import AppTeller

SPEC = RunSpec(run="r1", device="phone", runtime="ios_app", model=None, workload=None, args=("bundle=a.b",))


def told(*lines: str, end: TurnEnd = TurnEnd.STOPPED) -> list[Item]:
    """One line a second, then the end."""
    teller = AppTeller(SPEC, 0, "a.b")
    items = [item for at, line in enumerate(lines, 1) for item in teller.read(at * SECOND, line)]
    return [*items, *teller.close(100 * SECOND, end)]


def counts(items: list[Item], channel: str) -> list[int]:
    return [int(one.last_code) for one in items if isinstance(one, Samples) and one.channel == channel]


def ended(items: list[Item]) -> list[TurnEnded]:
    return [item for item in items if isinstance(item, TurnEnded)]


def test_timings_alone_are_a_turn_laid_back_by_as_long_as_they_say() -> None:
    items = told("", "", "", "", "", "", "", "", "", "1,2,3,4,450,3550,64,17,63")
    (started,) = [item for item in items if isinstance(item, TurnStarted)]
    assert started.t_ns == 6 * SECOND
    (turn,) = ended(items)
    assert (turn.prompt_tokens, turn.output_tokens, turn.approximate) == (17, 64, True)
    assert counts(items, "token_arrivals") == [64]


def test_the_build_is_the_app_and_what_it_says_of_its_engine() -> None:
    for said, build in (('"build":"b10605",', "a.b b10605"), ("", "a.b")):
        (loaded,) = told(f'{{"melt":1,"event":"load",{said}"backend":"Metal"}}')
        assert isinstance(loaded, ModelLoaded)
        assert (loaded.build, loaded.backend) == (build, "Metal")


def test_tokens_are_counted_on_over_turns_and_lines_that_were_lost_leave_no_gap() -> None:
    token = '{{"melt":1,"event":"token","n":{},"t":{}}}'
    items = told(
        token.format(1, 5.0), token.format(2, 5.5), token.format(5, 7.0), token.format(4, 7.5),
        '{"melt":1,"event":"turn","end":"eos"}', token.format(1, 9.0),
    )  # fmt: skip
    assert counts(items, "token_arrivals") == [1, 2, 5, 6]
    assert counts(items, "tokens") == [1, 2, 5, 6]
    assert [(turn.output_tokens, turn.end) for turn in ended(items)] == [
        (5, TurnEnd.EOS),
        (1, TurnEnd.STOPPED),
    ]
    assert sum(isinstance(item, ModelLoaded) for item in items) == 1


def test_without_a_prompt_told_the_first_token_has_no_time_to_it() -> None:
    token = '{"melt":1,"event":"token","text":"a"}'
    begin = '{"melt":1,"event":"turn","text":"hi"}'
    items = told(token, token, '{"melt":1,"event":"turn","end":"eos"}', begin, token)
    starts = [(item.t_ns, item.sent) for item in items if isinstance(item, TurnStarted)]
    assert starts == [(SECOND, False), (4 * SECOND, True)]
    assert [item.ttft_s for item in items if isinstance(item, FirstToken)] == [None, 1.0]


def test_a_prompt_before_the_turn_was_over_ends_it_as_failed() -> None:
    items = told('{"melt":1,"event":"turn","text":"a"}', '{"melt":1,"event":"turn","text":"b"}')
    assert [(turn.turn, turn.end) for turn in ended(items)] == [(1, TurnEnd.FAILED), (2, TurnEnd.STOPPED)]


def test_heat_is_a_limit_as_long_as_it_is_told() -> None:
    heat = '{{"melt":1,"event":"thermal","state":"{}"}}'
    items = told(
        *(heat.format(state) for state in ("nominal", "fair", "fair", "serious", "nominal", "critical"))
    )
    limits = [item.detail for item in items if isinstance(item, LimitEngaged | LimitReleased)]
    assert limits == ["fair", "serious", "nominal", "critical", "told no longer"]
    assert counts(items, "thermal state") == [0, 1, 1, 2, 0, 3]


def test_a_run_that_cannot_be_is_refused_before() -> None:
    def refused(*args: str) -> str:
        spec = RunSpec(run="r", device="d", runtime="ios_app", model=None, workload=None, args=args)
        objection = IosApp().objection(spec)
        assert objection is None or isinstance(objection, NotSupported)
        return str(objection or "")

    assert refused("bundle=com.example.A", "arg=-n", "env=A=b=c") == ""
    assert refused("process=MeltBench") == ""
    assert "no app was named" in refused()
    assert "two apps" in refused("bundle=a", "process=b")
    assert "no bundle identifier" in refused("bundle=../x")
    assert "no name of a process" in refused("process=a b")
    assert "sets no variable" in refused("bundle=a", "env=1x")
    assert "does not take" in refused("--threads", "4")
