"""What several devices say against a run, in as few words as it takes."""

from melt_tui.workbench import Objection, told


def test_the_same_is_said_once_and_who_differs_is_named() -> None:
    first, second = (Objection(device=name, sentence="too large: take less") for name in ("a", "b"))
    third = Objection(device="c", sentence="no engine: melt setup c", setup=True)
    assert told([]) == ()
    assert told([first]) == ("too large: take less",)
    assert told([first, second]) == ("too large: take less",)
    assert told([first, third, second]) == ("a, b: too large: take less", "c: no engine: melt setup c")
