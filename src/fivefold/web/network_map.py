"""A map of sites and flows: the United States in dots, places overseas at the edge they come from.

A site without coordinates stands in the middle of those that belong to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fivefold.web.drawing import Canvas, Figure, colour, nothing, text_width
from fivefold.web.land import albers, dots, is_drawn
from fivefold.web.scales import Scale

#: Sites keep this far apart in pixels, so that neighbours can be told apart.
_APART = 15.0
_KINDS = {
    "supplier": ("violet", "■"),
    "plant": ("warn", "◆"),
    "warehouse": ("accent", "●"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place on the map; `weight` from 0 to 1 sets how large it is drawn.

    One within another is joined to its `parent` by a dotted line.
    """

    name: str
    label: str
    kind: str
    latitude: float | None
    longitude: float | None
    weight: float = 0.3
    parent: str | None = None
    tip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Goods from a site to another; `weight` from 0 to 1 sets how wide it is drawn."""

    source: str
    destination: str
    weight: float
    tip: str = ""


def network_map(
    *, title: str, sites: Sequence[Site], flows: Sequence[Flow] = (), width: int = 760
) -> Figure:
    """Return sites and flows over the dotted outline of the United States.

    Sites without coordinates are left out, and so are flows from or to them.
    """
    placed = [s for s in sites if s.latitude is not None and s.longitude is not None]
    if not placed:
        return nothing(title, "No place has coordinates.", width=width)
    home = [s for s in placed if is_drawn(s.latitude or 0.0, s.longitude or 0.0)]
    away = [s for s in placed if s not in home]
    margin = min(150.0, width * 0.15) if away else 12.0
    per_km = (width - margin - 12) / 4680
    height = 2930 * per_km + 44
    across = Scale(-2380, 2300, margin, width - 12)
    up = Scale(1600, -1330, 14, 2930 * per_km + 14)
    said = f"{len(placed)} places and {len(flows)} flows"
    canvas = Canvas(width, round(height), title, f"{said}: {_words(flows)}")
    _land(canvas, across, up, per_km)
    at = {s.name: _home(s, across, up) for s in home}
    _apart(at)
    for number, site in enumerate(sorted(away, key=lambda s: -(s.latitude or 0.0))):
        at[site.name] = (14.0, height * (0.3 + 0.24 * number))
    for site in placed:
        if site.parent in at and site.name in at:
            canvas.line(*at[site.parent or ""], *at[site.name], token="good", dash="1 4", width=1.4)
    for flow in sorted(flows, key=lambda f: -f.weight):
        if flow.source in at and flow.destination in at:
            _curve(canvas, at[flow.source], at[flow.destination], flow)
    for site in sorted(placed, key=lambda s: -s.weight):
        _site(canvas, site, at[site.name], scale=min(1.0, max(0.6, width / 760)))
    named = [s for s in placed if s.parent is None] if width < 500 else placed
    _names(canvas, named, at)
    _key(canvas, placed, height)
    return canvas.figure()


def _words(flows: Sequence[Flow]) -> str:
    told = [flow.tip or f"{flow.source} to {flow.destination}" for flow in flows[:10]]
    return "; ".join(told) + "." if told else "no flows."


def _land(canvas: Canvas, across: Scale, up: Scale, per_km: float) -> None:
    """Draw all dots as one path of points with round ends."""
    steps = "".join(f"M{across(x):.0f} {up(y):.0f}h0" for x, y in dots())
    canvas.parts.append(
        f'<path d="{steps}" fill="none" stroke="{colour("land")}" stroke-linecap="round" '
        f'stroke-width="{38 * per_km:.1f}"/>'
    )


def _home(site: Site, across: Scale, up: Scale) -> tuple[float, float]:
    x, y = albers(site.latitude or 0.0, site.longitude or 0.0)
    return across(x), up(y)


def _apart(at: dict[str, tuple[float, float]]) -> None:
    """Move sites that would cover one another apart, each by half of what is missing."""
    names = sorted(at)
    for _ in range(40):
        moved = False
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                (x1, y1), (x2, y2) = at[one], at[other]
                gap = math.hypot(x2 - x1, y2 - y1)
                if gap >= _APART:
                    continue
                dx, dy = ((x2 - x1) / gap, (y2 - y1) / gap) if gap > 1e-6 else (0.6, 0.8)
                push = (_APART - gap) / 2 + 0.1
                at[one] = (x1 - dx * push, y1 - dy * push)
                at[other] = (x2 + dx * push, y2 + dy * push)
                moved = True
        if not moved:
            return


def _curve(
    canvas: Canvas, start: tuple[float, float], end: tuple[float, float], flow: Flow
) -> None:
    (x1, y1), (x2, y2) = start, end
    span = math.hypot(x2 - x1, y2 - y1)
    if span < 1:
        return
    bend = min(60.0, 0.22 * span)
    cx, cy = (x1 + x2) / 2 + (y2 - y1) / span * bend, (y1 + y2) / 2 - abs(x2 - x1) / span * bend
    canvas.parts.append(
        f'<path d="M{x1:.1f} {y1:.1f}Q{cx:.1f} {cy:.1f} {x2:.1f} {y2:.1f}" fill="none" '
        f'stroke="{colour("accent")}" stroke-opacity=".55" stroke-linecap="round" '
        f'stroke-width="{1.2 + 6 * math.sqrt(max(0.0, flow.weight)):.1f}">'
        f"<title>{escape(flow.tip)}</title></path>"
    )
    # A chevron past the middle says which way goods go.
    mx, my = 0.2025 * x1 + 0.495 * cx + 0.3025 * x2, 0.2025 * y1 + 0.495 * cy + 0.3025 * y2
    ux, uy = 0.9 * (cx - x1) + 1.1 * (x2 - cx), 0.9 * (cy - y1) + 1.1 * (y2 - cy)
    length = math.hypot(ux, uy) or 1.0
    ux, uy, size = ux / length, uy / length, 4.5 + 3 * math.sqrt(max(0.0, flow.weight))
    canvas.area(
        [
            (mx + ux * size, my + uy * size),
            (mx - ux * size - uy * size * 0.8, my - uy * size + ux * size * 0.8),
            (mx - ux * size * 0.5, my - uy * size * 0.5),
            (mx - ux * size + uy * size * 0.8, my - uy * size - ux * size * 0.8),
        ],
        token="accent",
    )


def _site(canvas: Canvas, site: Site, at: tuple[float, float], *, scale: float) -> None:
    token, shape = _KINDS.get(site.kind, ("good", "●"))
    status = {"■": "excess", "◆": "at risk", "●": "healthy"}[shape]
    size = scale * (4.5 + 5 * math.sqrt(max(0.0, site.weight)))
    if shape == "●":
        canvas.dot(*at, token=token, radius=size, tip=site.tip or site.label)
    else:
        canvas.mark(*at, status, size=size + 1, tip=site.tip or site.label)


def _names(canvas: Canvas, sites: Sequence[Site], at: dict[str, tuple[float, float]]) -> None:
    """Write names beside the sites, where no name written before stands."""
    taken: list[tuple[float, float, float, float]] = []
    for site in sorted(sites, key=lambda s: (-s.weight, s.name)):
        x, y = at[site.name]
        wide = text_width(site.label, 11.5)
        for dx, dy, anchor in (
            (11, 4, "start"),
            (-11, 4, "end"),
            (0, -12, "middle"),
            (0, 21, "middle"),
        ):
            left = x + dx - (wide if anchor == "end" else wide / 2 if anchor == "middle" else 0)
            box = (left, y + dy - 11, left + wide, y + dy + 3)
            if box[0] < 0 or box[2] > canvas.width or any(_cross(box, other) for other in taken):
                continue
            taken.append(box)
            canvas.text(
                x + dx, y + dy, site.label, anchor=anchor, token="ink", size=11.5, halo=True
            )
            break


def _cross(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _key(canvas: Canvas, sites: Sequence[Site], height: float) -> None:
    names = {"supplier": "supplier", "plant": "plant", "warehouse": "warehouse"}
    shown = dict.fromkeys(names.get(site.kind, "fulfilment") for site in sites)
    x, y = 8.0, round(height) - 12.0
    for name in sorted(shown):
        token, shape = _KINDS.get(name, ("good", "●"))
        if shape == "●":
            canvas.dot(x, y, token=token, radius=5)
        else:
            canvas.mark(x, y, "excess" if shape == "■" else "at risk", size=5.5)
        canvas.text(x + 11, y + 4, name)
        x += 30 + text_width(name, 12)
