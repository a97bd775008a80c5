import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from melt_tui.ui.renderables.text import cell_count, cells_of, fit, plain


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("pixel-8", "pixel-8"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("two\r\nlines\ttab", "two␍␊lines tab"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("z\u200bero\ufeff\u00adw", "zerow"),
        ("cafe\u0301", "café"),
        ("x\u0335", "x"),
        ("שלום", "\ufffd\ufffd\ufffd\ufffd"),
        ("\ue000\ud800\U0010ffff", "\ufffd\ufffd\ufffd"),
        ("\x85\x9b31m", "\ufffd\ufffd31m"),
        ("no\u00a0break\u3000wide", "no break wide"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
    ],
)
def test_outside_text_is_harmless(hostile: str, harmless: str) -> None:
    assert plain(hostile) == harmless


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("pixel-8", 7, "pixel-8"),
        ("pixel-8", 6, "pixel…"),
        ("pixel-8", 1, "…"),
        ("pixel-8", 0, ""),
        ("pixel-8", -3, ""),
        ("手机手机", 8, "手机手机"),
        ("手机手机", 7, "手机手…"),
        ("手机手机", 6, "手机…"),
    ],
)
def test_cut_to_cells(text: str, width: int, cut: str) -> None:
    assert plain(text, width) == cut


def test_fit_fills_to_the_cell() -> None:
    assert [fit("手机", 5), fit("手机", 3), fit("ab", 4)] == ["手机 ", "手…", "ab  "]


def test_long_text_is_cut_before_it_is_looked_at() -> None:
    assert len(plain("x" * 1_000_000)) == 513


def test_cells_of_a_wide_character() -> None:
    assert list(cells_of("a手b")) == ["a", "手", "", "b"]


@given(st.text(st.characters(), max_size=60), st.integers(0, 40))
def test_any_text_is_harmless_and_measured(text: str, width: int) -> None:
    clean = plain(text)
    assert not {unicodedata.category(c) for c in clean} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
        "Mn",
        "Me",
        "Zl",
        "Zp",
    }
    assert not {unicodedata.bidirectional(c) for c in clean} & {"R", "AL", "AN"}
    assert cell_count(clean) == len(cells_of(clean)) == cell_len(clean)
    assert plain(clean) == clean
    assert cell_count(plain(text, width)) <= width
    assert cell_len(fit(text, width)) == width
