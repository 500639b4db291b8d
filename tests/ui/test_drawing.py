"""Pictures: attributes in place of styles, gaps, limits, the same drawing twice, from several threads at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from include.ui.drawing import inline
from include.ui.plots import (
    Line,
    Picture,
    Point,
    Whisker,
    bars_plot,
    lines_plot,
    number,
    pairs_plot,
    whiskers_plot,
)

START = date(2026, 1, 1)
NASTY = '<b onload="x">$x$ & "y"'


def line(name: str, days: list[int], level: float = 1.0) -> Line:
    return Line(name, tuple(Point(START + timedelta(days=day), level, level - 0.1, level + 0.1) for day in days))


def pictures(name: str = "a") -> list[Picture]:
    whiskers = (Whisker(name, 0.2, 0.1, 0.3), Whisker("b", -0.2, -0.3, -0.1), Whisker("c", 0.0, -0.1, 0.1))
    return [
        lines_plot((line(name, [0, 1, 2]), line("b", [0, 9], 2)), "u", 1.5, "limit", (START,), from_zero=True),
        whiskers_plot(whiskers, "u", zero=True),
        bars_plot(whiskers[:1], "u", "highest"),
        pairs_plot(((name, 0.2, 0.4),), "u", ("now", "before")),
    ]


def test_a_picture_is_well_formed_has_no_style_and_says_names_as_text() -> None:
    for picture in pictures(NASTY):
        tree = ElementTree.fromstring(picture.svg)
        assert not [of for of in tree.iter() if "style" in of.attrib or of.tag.endswith(("style", "script", "b"))]
        assert tree.attrib["aria-hidden"] == "true"
        assert "width" not in tree.attrib
        assert any("<b onload" in (of.text or "") for of in tree.iter())
        assert picture.rows
        assert picture.alt


def test_every_colour_is_one_that_the_style_sheet_names() -> None:
    from include.ui.app import STATIC

    known = set(re.findall(r'\[(?:stroke|fill)="(#\w{6})"\]', (STATIC / "style.css").read_text()))
    used = {colour for picture in pictures() for colour in re.findall(r'(?:stroke|fill)="(#\w{6})"', picture.svg)}
    assert used <= known | {"#cccccc"}
    assert used


def test_lines_differ_without_colour() -> None:
    svg = lines_plot(tuple(line(name, [0, 1, 2], at) for at, name in enumerate("abcde")), "u").svg
    assert len(set(re.findall(r'stroke-dasharray="([\d. ,]+)"', svg))) >= 4


def test_what_is_surely_better_or_worse_is_told_in_words() -> None:
    assert pictures()[1].alt == "u: better in 1, worse in 1, not sure in 1."


def test_a_day_without_a_figure_is_a_gap() -> None:
    whole = lines_plot((line("a", [0, 1, 2, 3]),), "u").svg
    gap = lines_plot((line("a", [0, 1, 5, 6]),), "u").svg

    def moves(svg: str) -> int:
        return max(path.count("M ") for path in re.findall(r' d="([^"]+)" ?[^>]*clip-path[^>]*stroke=', svg))

    assert (moves(whole), moves(gap)) == (1, 2)


def test_one_date_is_drawn_on_an_axis_of_days_with_its_intervals() -> None:
    svg = lines_plot((line("a", [0]), line("b", [0], 2.0)), "u").svg
    letters = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert not {"2025", "2027", "2028"} & set(letters)
    assert {"29", "31", "30", "01", "02", "03", "04", "Jan"} & set(letters)
    bars = re.findall(r'd="M ([\d.]+) ([\d.]+)\s+L ([\d.]+) ([\d.]+)', svg)
    upright = {(x, to_x) for x, y, to_x, to_y in bars if x == to_x and abs(float(y) - float(to_y)) > 2}
    assert len(upright) >= 2, "each has its own error bar"


def test_figures_are_newest_first_with_their_intervals() -> None:
    rows = lines_plot((line("a", [0, 1]), line("b", [1])), "u").rows
    assert rows == (("2026-01-02", "1 [0.9, 1.1]", "1 [0.9, 1.1]"), ("2026-01-01", "1 [0.9, 1.1]", "none"))


def test_the_same_is_drawn_once_and_marks_of_two_pictures_have_names_of_their_own() -> None:
    one, same, other = (lines_plot((line(name, [0, 1]),), "u") for name in ("one", "one", "other"))
    assert one is same
    ids = [set(re.findall(r' id="([^"]+)"', picture.svg)) for picture in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_several_requests_draw_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda at: lines_plot((line(f"line {at}", [0, 1]),), "u"), range(12)))
    assert all(f">line {at}<" in picture.svg for at, picture in enumerate(drawn))


def test_a_style_that_is_text_stays_text() -> None:
    assert inline('<svg viewBox="0 0 1 1"><text style="font-size: 9px">style="x: y" &lt;b&gt;</text></svg>').endswith(
        "&lt;b&gt;</text></svg>"
    )


@pytest.mark.parametrize(
    ("value", "told"), [(None, ""), (0.123456, "0.123"), (12.0, "12"), (1234.5, "1,234"), (-0.00012, "-0.00012")]
)
def test_numbers_have_three_digits_that_count(value: float | None, told: str) -> None:
    assert number(value) == told
