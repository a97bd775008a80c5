from drivers.events import LogLine, OutputText
from melt_tui.ui.renderables.cells import Ink, ink_of, text_of
from melt_tui.ui.renderables.log_lines import LINES_AT_MOST, LogRow, log_lines, log_rows


def said(t_ns: int, text: str, turn: int = 1, device: str = "d") -> OutputText:
    return OutputText(t_ns=t_ns, device=device, run="r", turn=turn, text=text)


def test_pieces_of_text_are_joined_up_to_line_breaks_at_the_time_of_their_first() -> None:
    events = [said(1, "One "), said(2, "day\nshe "), said(3, "went."), said(4, "New", turn=2)]
    assert log_rows(events, {}) == [
        LogRow(1, "d", "model", "One day", spoken=True),
        LogRow(2, "d", "model", "she went.", spoken=True),
        LogRow(4, "d", "model", "New", spoken=True),
    ]


def test_two_models_at_once_do_not_mix_and_log_lines_stand_between() -> None:
    log = LogLine(t_ns=2, device="d", source="server", text="slot 0")
    events = [said(1, "a"), said(1, "x", device="e"), log, said(3, "b"), said(3, "y", device="e")]
    assert [(row.device, row.text) for row in log_rows(events, {})] == [
        ("d", "ab"),
        ("e", "xy"),
        ("d", "slot 0"),
    ]


def test_the_note_of_the_model_stands_before_its_text() -> None:
    [row] = log_rows([said(1, "hello")], {"r": "toy model"})
    [line] = log_lines(row, 70, "00:01.0", Ink.DEVICE_0, chosen=False, found="")
    assert text_of([line]).rstrip() == " 00:01.0 d            toy model: hello"


def test_long_text_is_wrapped_and_bounded_and_never_moves_the_cursor() -> None:
    row = LogRow(1, "d", "server", "word " * 400 + "\x1b[H")
    lines = list(log_lines(row, 40, "00:01.0", Ink.DEVICE_0, chosen=True, found=""))
    assert len(lines) == LINES_AT_MOST
    assert all(sum(len(text) for text, _ in line) == 40 for line in lines)
    short = list(log_lines(LogRow(1, "d", "s", "\x1b[H"), 40, "0", Ink.TEXT, chosen=False, found=""))
    assert "\x1b" not in text_of(short)


def test_what_is_searched_is_set_off_whatever_its_case() -> None:
    [line] = log_lines(LogRow(1, "d", "s", "Boats and boats"), 70, "0", Ink.TEXT, chosen=False, found="boats")
    assert [text for text, style in line if ink_of(style) is Ink.MARK] == ["Boats", "boats"]
