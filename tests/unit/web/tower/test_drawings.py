from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest

from fivefold.web.drawing import Figure
from fivefold.web.tower.drawings import (
    Bubble,
    Curve,
    StockWeek,
    bubbles,
    columns,
    curve,
    projected_stock,
)

START = date(2026, 11, 23)
WEEKS = [START + timedelta(weeks=i) for i in range(8)]


def _weeks(unmet: float) -> list[StockWeek]:
    return [
        StockWeek(start=w, closing=10.0 * i, receipts=float(i % 2), unmet=unmet, target=12.0)
        for i, w in enumerate(WEEKS)
    ]


FIGURES = {
    "stock": lambda: projected_stock(_weeks(0.0), title="Stock & <stock>"),
    "short": lambda: projected_stock(_weeks(5.0), title="Short"),
    "no stock": lambda: projected_stock([], title="None"),
    "cash": lambda: columns([(w, 5.0) for w in WEEKS], title="Cash", limit=[4.0] * 8, unit="$"),
    "no cash": lambda: columns([], title="None"),
    "bubbles": lambda: bubbles(
        [
            Bubble(name="A", x=1.0 + i, y=-5.0 + i, size=0.5, token="good", tip="t")
            for i in range(9)
        ],
        title="Items",
        across_name="a week",
        up_name="margin",
    ),
    "curve": lambda: curve([Curve(x=1.0, y=2.0), Curve(x=3.0, y=4.0, name="now")], title="Curve"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_is_sound_svg_that_says_what_it_shows(name: str) -> None:
    figure: Figure = FIGURES[name]()
    root = ET.fromstring(figure.svg)
    assert root.attrib["role"] == "img"
    assert len(root.attrib["aria-label"]) > 8


def _bars(figure: Figure, token: str) -> list[ET.Element]:
    root = ET.fromstring(figure.svg)
    return [r for r in root.iter() if r.tag.endswith("rect") and f"--{token}," in r.get("fill", "")]


def test_demand_not_served_is_drawn_below_the_line_and_only_then() -> None:
    plain = _bars(projected_stock(_weeks(0.0), title="x"), "bad")
    short = _bars(projected_stock(_weeks(5.0), title="x"), "bad")
    assert len(plain) == 0
    # One bar a week and its key.
    assert len(short) == len(WEEKS) + 1


def test_a_week_over_its_limit_is_red() -> None:
    figure = columns([(WEEKS[0], 5.0), (WEEKS[1], 3.0)], title="x", limit=[4.0, 4.0])
    assert len(_bars(figure, "bad")) == 1
