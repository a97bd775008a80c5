from melt_tui.ui.chronicle import AskChronicle
from melt_tui.ui.figures import AskFigures
from melt_tui.ui.look import Ask
from melt_tui.ui.playhead import Reach
from melt_tui.ui.seen import Wish, gather
from tests.rigs.night_run import Story, at, timeline


def test_only_what_is_wished_for_is_asked() -> None:
    known = timeline(Story())
    frame = Ask(t_ns=at(60), t0_ns=at(0), t1_ns=at(60), columns=(40,))
    alone = gather(known, Wish(frame=frame))
    assert (alone.chronicle, alone.figures) == (None, None)
    lists = AskChronicle(t_ns=at(60), reach=Reach(at(0), at(60), live=True))
    both = gather(
        known, Wish(frame=frame, chronicle=lists, figures=AskFigures(device="", at_ns=at(60), span=None))
    )
    assert both.look == alone.look or both.look.panels == alone.look.panels
    assert both.chronicle is not None
    assert both.figures is not None
