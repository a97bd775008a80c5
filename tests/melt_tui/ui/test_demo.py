from melt_tui.ui.commands import BY_NAME
from melt_tui.ui.demo import DEMO, Cue, Script


def test_cues_are_due_once_and_in_order() -> None:
    script = Script([Cue(5, "b"), Cue(0, "a"), Cue(9, "c")])
    assert [cue.caption for cue in script.due(5.0)] == ["a", "b"]
    assert script.due(8.9) == []
    assert not script.over
    assert [cue.caption for cue in script.due(100)] == ["c"]
    assert script.over


def test_the_demo_names_real_commands_and_rewinds_at_ninety_seconds() -> None:
    assert all(cue.action in {"", *BY_NAME} for cue in DEMO)
    assert [cue.at_s for cue in DEMO if cue.action == "first_onset"] == [90]
    assert {45.0, 70.0, 75.0} <= {cue.at_s for cue in DEMO}
    assert DEMO[-1].caption == ""
    assert all(len(cue.caption) <= 116 for cue in DEMO)
