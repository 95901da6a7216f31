"""A canvas for SVG text: shapes, words, and the colours they take from the page's tokens.

Colours are CSS variables with a fallback, so one drawing serves light and dark. Every drawing
carries a title and a description for people who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

#: Fallback colours of the tokens, as in the light theme.
COLOURS = {
    "ink": "#111827",
    "muted": "#566072",
    "line": "#e2e6ee",
    "rule": "#b6bfce",
    "accent": "#3b5bdb",
    "band": "#a9b9f2",
    "band-wide": "#dbe3fb",
    "good": "#0b7a6f",
    "bad": "#c92a4b",
    "warn": "#a84e08",
    "violet": "#6d3fc4",
    "surface": "#ffffff",
    "land": "#ccd4e3",
    "shade": "#eef1f6",
}

#: Status of stock or work: colour token and shape, so that colour never speaks alone.
MARKS = {
    "stock-out": ("bad", "▲"),
    "at risk": ("warn", "◆"),
    "healthy": ("good", "●"),
    "excess": ("violet", "■"),
}


def colour(name: str) -> str:
    """Return a colour token with its fallback."""
    return f"var(--{name},{COLOURS[name]})"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn chart; shows itself in a notebook."""

    svg: str

    def _repr_html_(self) -> str:
        return self.svg

    def save(self, path: Path) -> None:
        """Write the chart as an SVG file that stands alone."""
        alone = self.svg
        if "xmlns=" not in alone[:400]:
            named = '<svg xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif"'
            alone = alone.replace("<svg", named, 1)
        path.write_text(alone, encoding="utf-8")

    def __str__(self) -> str:
        return self.svg


def text_width(words: str, size: float = 12.0) -> float:
    """Return roughly how wide words are in pixels, for a sans-serif face.

    >>> round(text_width("Stock", 12))
    34
    """
    narrow = sum(1 for letter in words if letter in "iljtf.,:;|!'’ ()[]/1")
    broad = sum(1 for letter in words if letter in "mwMW%@—") + sum(
        1 for letter in words if letter.isupper()
    )
    return size * (0.56 * len(words) - 0.24 * narrow + 0.14 * broad) * 1.06


def shortened(words: str, room: float, size: float = 12.0) -> str:
    """Return words cut to fit `room` pixels, with an ellipsis where something is left out."""
    if text_width(words, size) <= room:
        return words
    kept = words
    while kept and text_width(kept + "…", size) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…" if kept else ""


@dataclass(slots=True)
class Canvas:
    """Shapes in the order they are drawn; coordinates in pixels from the top left."""

    width: float
    height: float
    title: str
    description: str
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        token: str = "muted",
        size: float = 12,
        weight: int = 400,
        halo: bool = False,
    ) -> None:
        """Write words; with a halo in the surface's colour where they cross other shapes."""
        ring = (
            f' stroke="{colour("surface")}" stroke-width="3" paint-order="stroke" '
            'stroke-linejoin="round"'
            if halo
            else ""
        )
        bold = f' font-weight="{weight}"' if weight != 400 else ""
        at = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(
            f'<text x="{_px(x)}" y="{_px(y)}"{at} font-size="{size:g}"{bold} '
            f'fill="{colour(token)}"{ring}>{escape(words)}</text>'
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        token: str,
        dash: str = "",
        width: float = 1,
    ) -> None:
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        thick = f' stroke-width="{width:g}"' if width != 1 else ""
        self.parts.append(
            f'<line x1="{_px(x1)}" y1="{_px(y1)}" x2="{_px(x2)}" y2="{_px(y2)}" '
            f'stroke="{colour(token)}"{thick}{dashed}/>'
        )

    def path(
        self,
        points: Sequence[tuple[float, float]],
        *,
        token: str,
        width: float = 1.6,
        dash: str = "",
    ) -> None:
        """Draw a line through points; a gap where a point is not a number."""
        steps = _steps(points)
        if not steps:
            return
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<path d="{steps}" fill="none" stroke="{colour(token)}" stroke-width="{width:g}" '
            f'stroke-linejoin="round" stroke-linecap="round"{dashed}/>'
        )

    def area(
        self, points: Sequence[tuple[float, float]], *, token: str, opacity: float = 1
    ) -> None:
        """Fill the area within points."""
        if len(points) < 3:
            return
        clear = f' fill-opacity="{opacity:g}"' if opacity != 1 else ""
        self.parts.append(f'<path d="{_steps(points)}Z" fill="{colour(token)}"{clear}/>')

    def bar(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        token: str,
        tip: str = "",
        radius: float = 2,
        opacity: float = 1,
    ) -> None:
        """Draw a filled rectangle, at least half a pixel wide and high."""
        told = f"<title>{escape(tip)}</title>" if tip else ""
        clear = f' fill-opacity="{opacity:g}"' if opacity != 1 else ""
        self.parts.append(
            f'<rect x="{_px(x)}" y="{_px(y)}" width="{_px(max(0.5, width))}" '
            f'height="{_px(max(0.5, height))}" rx="{radius:g}" fill="{colour(token)}"'
            f"{clear}>{told}</rect>"
        )

    def dot(self, x: float, y: float, *, token: str, radius: float = 4, tip: str = "") -> None:
        """Draw a filled circle with a thin rim of the surface's colour."""
        told = f"<title>{escape(tip)}</title>" if tip else ""
        self.parts.append(
            f'<circle cx="{_px(x)}" cy="{_px(y)}" r="{radius:g}" fill="{colour(token)}" '
            f'stroke="{colour("surface")}" stroke-width="1.5">{told}</circle>'
        )

    def mark(self, x: float, y: float, status: str, *, size: float = 5, tip: str = "") -> None:
        """Draw the shape of a status: triangle, diamond, circle or square."""
        token, shape = MARKS[status]
        if shape == "●":
            self.dot(x, y, token=token, radius=size * 0.9, tip=tip)
            return
        corners = {
            "▲": [(x, y - size), (x + size, y + size * 0.8), (x - size, y + size * 0.8)],
            "◆": [(x, y - size), (x + size, y), (x, y + size), (x - size, y)],
            "■": [
                (x - size * 0.8, y - size * 0.8),
                (x + size * 0.8, y - size * 0.8),
                (x + size * 0.8, y + size * 0.8),
                (x - size * 0.8, y + size * 0.8),
            ],
        }[shape]
        told = f"<title>{escape(tip)}</title>" if tip else ""
        self.parts.append(
            f'<path d="{_steps(corners)}Z" fill="{colour(token)}" '
            f'stroke="{colour("surface")}" stroke-width="1.5">{told}</path>'
        )

    def figure(self) -> Figure:
        """Return what was drawn."""
        described = escape(self.title.rstrip(".") + ". " + self.description)
        return Figure(
            f'<svg class="chart" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{described}" width="{self.width:g}" height="{self.height:g}" '
            f'style="max-width:100%;height:auto" font-family="inherit" '
            f'xmlns="http://www.w3.org/2000/svg">{"".join(self.parts)}</svg>'
        )


def nothing(title: str, words: str, *, width: float) -> Figure:
    """Return a drawing that says there is nothing to draw."""
    canvas = Canvas(width, 64, title, words)
    canvas.bar(0.5, 0.5, width - 1, 63, token="shade", radius=8)
    canvas.text(width / 2, 36, words, anchor="middle")
    return canvas.figure()


def _px(value: float) -> str:
    """Return a pixel with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def _steps(points: Sequence[tuple[float, float]]) -> str:
    """Return the d attribute through points, broken where one is not finite."""
    told: list[str] = []
    pen_up = True
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen_up = True
            continue
        told.append(f"{'M' if pen_up else 'L'}{_px(x)} {_px(y)}")
        pen_up = False
    return "".join(told)
