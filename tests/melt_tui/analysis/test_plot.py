"""Plots: where lines, gaps and ticks come to lie; text that came from anywhere."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from melt_tui.analysis.markup import Markup, shown, table, tag
from melt_tui.analysis.plot import LEFT, WIDTH, Band, Line, Plot, clock_ticks, labelled, svg, ticks


def line(values: list[float | None], name: str = "soc") -> Line:
    x = [float(i) for i in range(len(values))]
    return Line(name=name, colour=0, x=x, low=values, mean=values, high=values)


def drawn(lines: list[Line], **more: Any) -> ET.Element:
    given: dict[str, Any] = {"title": "t", "unit": "W", "x_title": "x", "start": 0.0, "stop": 10.0, **more}
    return ET.fromstring(svg(Plot(lines=lines, **given)))


def classes(picture: ET.Element, name: str) -> list[ET.Element]:
    return [one for one in picture.iter() if name in (one.get("class") or "").split()]


def test_a_gap_parts_a_line_and_a_lone_value_is_a_dot() -> None:
    picture = drawn([line([1.0, 2.0, None, 3.0, None, 2.0, 2.5, 2.0])])
    pieces = [one for one in classes(picture, "line") if one.tag == "polyline"]
    assert [len(str(one.get("points")).split()) for one in pieces] == [2, 3]
    assert len(classes(picture, "dot")) == 1
    first = str(pieces[0].get("points")).split()[0]
    assert first.startswith(f"{LEFT:.1f},")


def test_a_spike_is_seen_behind_the_mean() -> None:
    spiky = Line(name="p", colour=1, x=[0.0, 1.0], low=[1.0, 1.0], mean=[1.0, 2.0], high=[1.0, 50.0])
    picture = drawn([spiky])
    (span,) = classes(picture, "span")
    ys = [float(point.split(",")[1]) for point in str(span.get("points")).split()]
    assert min(ys) < 40
    assert max(ys) > 150


def test_bands_marks_and_limits_lie_where_they_belong() -> None:
    picture = drawn(
        [line([1.0, 2.0])],
        bands=[Band("throttled", 5.0, 99.0, "<x>")],
        marks=[(5.0, "throttled: a & b")],
        limit=2.05,
    )
    (band,) = classes(picture, "throttled")
    middle = LEFT + (WIDTH - 12 - LEFT) / 2
    assert float(band.get("x") or 0) == pytest.approx(middle, abs=0.01)
    assert float(band.get("x") or 0) + float(band.get("width") or 0) == pytest.approx(WIDTH - 12, abs=0.02)
    assert [one.text for one in classes(picture, "marked")] == ["throttled: a & b"]
    assert any((one.text or "").startswith("limit 2.05") for one in picture.iter("text"))


@pytest.mark.parametrize("values", [[], [None], [0.0, 0.0], [5.0], [-3.0, -3.0], [1e-12, 1e300]])
def test_any_values_make_a_picture(values: list[float | None]) -> None:
    assert not re.search(r"nan|inf", ET.tostring(drawn([line(values)]), "unicode"))


def test_ticks_are_round_and_told_from_one_another() -> None:
    assert ticks(0, 100, 4) == [0, 25, 50, 75, 100]
    assert [said for _, said in labelled(ticks(20.08, 20.22, 4))] == ["20.10", "20.15", "20.20"]
    assert clock_ticks(0, 3600, 9) == [0, 600, 1200, 1800, 2400, 3000, 3600]
    assert clock_ticks(-3, 65, 9) == [0, 10, 20, 30, 40, 50, 60]


def test_text_is_never_markup() -> None:
    assert tag("p", '<b>&"\x1b') == "<p>&lt;b&gt;&amp;&quot;?</p>"
    assert tag("p", "x", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">x</p>'
    assert tag("p", Markup("<b>x</b>")) == "<p><b>x</b></p>"
    assert shown("a\u202eb") == "a?b"
    assert "<td>&lt;i&gt;</td>" in table([("n", "v"), ("x", "<i>")])
