from __future__ import annotations

import itertools
import math
import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest

from fivefold.web import charts
from fivefold.web.drawing import MARKS, Figure, shortened, text_width
from fivefold.web.land import albers, derive, dots
from fivefold.web.scales import Scale, month_ticks, round_ticks, short

DAYS = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(30)]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
_SVG = "{http://www.w3.org/2000/svg}"


def _tree(figure: Figure) -> ElementTree.Element:
    return ElementTree.fromstring(figure.svg)


EMPTY = [
    lambda: charts.fan(title="t", history=[], quantiles={}),
    lambda: charts.lines(title="t", days=[], series={}),
    lambda: charts.lines(title="t", days=DAYS[:2], series={"a": [math.nan, math.nan]}),
    lambda: charts.bars(title="t", rows=[]),
    lambda: charts.shares(title="t", rows=[("a", 0.0, "healthy")]),
    lambda: charts.interval(title="t", mean=math.nan, low=0.0, high=1.0),
    lambda: charts.intervals(title="t", rows=[]),
    lambda: charts.waterfall(title="t", rows=[]),
    lambda: charts.gantt(title="t", tasks=[]),
    lambda: charts.network_map(title="t", sites=[]),
]


@pytest.mark.parametrize("draw", EMPTY)
def test_nothing_to_draw_gives_a_chart_that_says_so(draw) -> None:  # type: ignore[no-untyped-def]
    tree = _tree(draw())
    assert len(tree.findall(f"{_SVG}text")) == 1
    assert tree.attrib["aria-label"].startswith("t. ")


ONE = [
    lambda: charts.fan(title="t", history=[(DAYS[0], 3.0)], quantiles={}),
    lambda: charts.fan(title="t", history=[], quantiles={0.5: [(DAYS[0], 3.0)]}),
    lambda: charts.lines(title="t", days=DAYS[:1], series={"a": [0.0]}),
    lambda: charts.bars(title="t", rows=[("a", -2.0)]),
    lambda: charts.waterfall(title="t", rows=[("a", 0.0)]),
    lambda: charts.intervals(title="t", rows=[("a", 0.0, 0.0, 0.0)]),
    lambda: charts.gantt(
        title="t", tasks=[charts.Task(name="a", resource="r", start=START, finish=START)]
    ),
]


@pytest.mark.parametrize("draw", ONE)
def test_one_point_is_drawn_without_figures_that_are_not_numbers(draw) -> None:  # type: ignore[no-untyped-def]
    svg = draw().svg
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg


def test_names_are_escaped_in_text_and_in_the_description() -> None:
    figure = charts.bars(title='<b>"x"', rows=[("<script>", 1.0)])
    assert "<script" not in figure.svg
    assert _tree(figure).attrib["aria-label"].startswith('<b>"x"')


def test_the_fan_shades_censored_periods_and_tells_them() -> None:
    history = [(day, 5.0) for day in DAYS[:20]]
    ahead = {q: [(day, 5.0 + 10 * q) for day in DAYS[20:]] for q in (0.1, 0.5, 0.9)}
    figure = charts.fan(title="t", history=history, quantiles=ahead, censored=DAYS[3:5])
    assert figure.svg.count("partly out of stock, demand not fully seen") == 2
    assert "2 periods were partly out of stock" in _tree(figure).attrib["aria-label"]


def test_a_waterfall_ends_where_its_steps_lead() -> None:
    rows = [("Price", 100.0), ("Cost", -40.0), ("Back", 15.0), ("Left", 75.0)]
    bars = _tree(charts.waterfall(title="t", rows=rows)).findall(f"{_SVG}rect")
    ends = [(float(b.attrib["x"]), float(b.attrib["x"]) + float(b.attrib["width"])) for b in bars]
    assert ends[1][1] == pytest.approx(ends[0][1], abs=0.2)
    assert ends[2][0] == pytest.approx(ends[1][0], abs=0.2)
    assert ends[3][1] == pytest.approx(ends[2][1], abs=0.2)
    assert ends[3][0] == pytest.approx(ends[0][0], abs=0.2)


@pytest.mark.parametrize(
    ("low", "high", "better", "token"),
    [
        (1.0, 2.0, "higher", "good"),
        (1.0, 2.0, "lower", "bad"),
        (-2.0, -1.0, "lower", "good"),
        (-1.0, 1.0, "higher", "muted"),
    ],
)
def test_an_interval_takes_its_colour_from_what_is_better(
    low: float, high: float, better: str, token: str
) -> None:
    figure = charts.interval(title="t", mean=(low + high) / 2, low=low, high=high, better=better)
    dot = _tree(figure).find(f"{_SVG}circle")
    assert dot is not None
    assert f"var(--{token}," in dot.attrib["fill"]


def test_late_work_is_marked_by_shape_and_colour() -> None:
    tasks = [
        charts.Task(
            name=f"W{i}",
            resource="LINE",
            start=START + timedelta(days=2 * i),
            finish=START + timedelta(days=2 * i + 1),
            late_days=float(i),
        )
        for i in range(2)
    ]
    figure = charts.gantt(title="t", tasks=tasks)
    assert "1 late" in _tree(figure).attrib["aria-label"]
    assert sum(t.text == "▲" for t in _tree(figure).findall(f"{_SVG}text")) == 1


def test_each_state_has_a_shape_of_its_own() -> None:
    assert len({shape for _, shape in MARKS.values()}) == len(MARKS)
    assert len({token for token, _ in MARKS.values()}) == len(MARKS)


def test_sites_at_one_place_are_drawn_apart() -> None:
    sites = [
        charts.Site(name=n, label=n, kind="warehouse", latitude=39.6, longitude=-119.9)
        for n in ("A", "B", "C")
    ]
    dots_ = _tree(charts.network_map(title="t", sites=sites)).findall(f"{_SVG}circle")[:3]
    at = [(float(d.attrib["cx"]), float(d.attrib["cy"])) for d in dots_]
    gaps = [math.dist(a, b) for i, a in enumerate(at) for b in at[i + 1 :]]
    assert min(gaps) > 12


def test_flows_from_places_without_coordinates_are_left_out() -> None:
    sites = [
        charts.Site(name="A", label="A", kind="warehouse", latitude=39.6, longitude=-119.9),
        charts.Site(name="B", label="B", kind="plant", latitude=None, longitude=None),
    ]
    flow = charts.Flow(source="B", destination="A", weight=1.0, tip="from B")
    assert (
        "<title>from B</title>" not in charts.network_map(title="t", sites=sites, flows=[flow]).svg
    )


def test_the_land_is_what_zip_codes_say() -> None:
    from importlib.resources import files

    assert files("fivefold.web").joinpath("us_land.csv").read_text(encoding="utf-8") == derive()


@pytest.mark.parametrize(
    ("place", "latitude", "longitude", "land"),
    [
        ("Denver", 39.74, -104.99, True),
        ("Chicago", 41.85, -87.75, True),
        ("Miami", 25.9, -80.4, True),
        ("the desert of Nevada", 37.5, -116.0, True),
        ("Lake Michigan", 43.5, -87.0, False),
        ("Gulf of Mexico", 27.5, -90.0, False),
        ("Pacific", 37.0, -127.0, False),
    ],
)
def test_places_known_to_be_land_or_water_are(
    place: str, latitude: float, longitude: float, land: bool
) -> None:
    nearest = min(math.dist(albers(latitude, longitude), dot) for dot in dots())
    assert (nearest < 60) == land, place


def test_distances_on_the_map_are_those_on_the_ground() -> None:
    # Great circle New York to Los Angeles: 3,936 km; the conic stays within 1 %.
    assert math.dist(albers(40.713, -74.006), albers(34.052, -118.244)) == pytest.approx(
        3936, rel=0.01
    )


def test_ticks_are_round_and_cover_the_range() -> None:
    for low, high in ((0, 97), (-3, 4), (0.001, 0.0042), (5, 5), (-1e9, 2e9)):
        ticks = round_ticks(low, high)
        assert ticks[0] <= low
        assert ticks[-1] >= high
        steps = {round(b - a, 9) for a, b in itertools.pairwise(ticks)}
        assert len(steps) == 1


def test_an_axis_without_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="finite ends"):
        round_ticks(0.0, math.inf)


def test_short_figures_change_their_unit_at_the_right_size() -> None:
    assert [short(v) for v in (999_600, 999_499, 10_000, 9_999, -0.5, 0.0)] == [
        "1M",
        "999k",
        "10k",
        "9,999",
        "−0.5",
        "0",
    ]


def test_month_labels_do_not_stand_on_one_another() -> None:
    ticks = month_ticks(DAYS, count=3)
    assert len(ticks) <= 4
    assert all(b[0] - a[0] >= 4 for a, b in itertools.pairwise(ticks))
    assert month_ticks([]) == []


def test_a_scale_maps_ends_to_ends() -> None:
    scale = Scale(0.0, 10.0, 100.0, 0.0)
    assert (scale(0.0), scale(10.0)) == (100.0, 0.0)


def test_words_are_cut_to_their_room() -> None:
    cut = shortened("A very long name of an item", 60)
    assert cut.endswith("…")
    assert text_width(cut) <= 60
    assert shortened("short", 60) == "short"


def test_light_and_dark_colours_reach_the_contrast_of_level_aa() -> None:
    from importlib.resources import files

    css = files("fivefold.web").joinpath("tokens.css").read_text(encoding="utf-8")
    blocks = re.findall(r"\{([^{}]*--ink[^{}]*)\}", css)
    assert len(blocks) == 3
    for block in blocks:
        tokens = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for ground in ("surface", "page", "shade"):
            for ink in ("ink", "muted", "accent", "good", "bad", "warn", "violet"):
                assert _contrast(tokens[ink], tokens[ground]) >= 4.5, (ink, ground)
        for soft in ("good-soft", "bad-soft"):
            assert _contrast(tokens["ink"], tokens[soft]) >= 4.5
        for ink in ("head-ink", "head-muted", "brand"):
            assert _contrast(tokens.get(ink, "#f7a545"), tokens["head"]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, success criterion 1.4.3."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
