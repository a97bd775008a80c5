from melt_tui.ui.commands import BY_NAME
from melt_tui.ui.demo import DEMO, Cue, Script


def test_cues_are_due_once_and_in_order() -> None:
    script = Script([Cue(5, "b"), Cue(0, "a"), Cue(9, "c")])
    assert [cue.caption for cue in script.due(5.0, bool)] == ["a", "b"]
    assert script.due(8.9, bool) == []
    assert not script.over
    assert [cue.caption for cue in script.due(100, bool)] == ["c"]
    assert script.over


def test_tokens_are_told_of_when_they_have_come_and_not_when_they_are_late() -> None:
    script = Script([Cue(0, "wait"), Cue(3, "tokens", speaker="host"), Cue(16, "on")])
    spoken: set[str] = set()
    assert [cue.caption for cue in script.due(4, spoken.__contains__)] == ["wait"]
    assert script.due(6, spoken.__contains__) == []
    spoken.add("host")
    assert [cue.caption for cue in script.due(6, spoken.__contains__)] == ["tokens"]
    assert script.due(7, spoken.__contains__) == []
    late = Script([Cue(3, "tokens", speaker="host"), Cue(16, "on")])
    assert [cue.caption for cue in late.due(16, {"phone"}.__contains__)] == ["on"]
    assert late.over


def test_the_demo_names_real_commands_and_rewinds_at_ninety_seconds() -> None:
    assert all(cue.action in {"", *BY_NAME} for cue in DEMO)
    assert [cue.at_s for cue in DEMO if cue.action == "first_onset"] == [90]
    assert {45.0, 70.0, 75.0} <= {cue.at_s for cue in DEMO}
    assert DEMO[-1].caption == ""
    assert all(len(cue.caption) <= 116 for cue in DEMO)
