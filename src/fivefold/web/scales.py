"""Axes of charts: round ticks, pixel positions, short labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


def round_ticks(low: float, high: float, *, count: int = 5) -> list[float]:
    """Return about `count` round values that cover [low, high].

    >>> round_ticks(0, 97)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"an axis needs finite ends, found {low} and {high}")
    if high <= low:
        high = low + 1.0
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight map from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


def short(value: float, *, unit: str = "") -> str:
    """Return a number in a few characters.

    >>> short(1234567), short(950), short(0.034), short(-25300, unit="$")
    ('1.23M', '950', '0.03', '−$25.3k')
    """
    sign = "−" if value < 0 else ""
    size = abs(value)
    for limit, divisor, suffix in ((9.995e8, 1e9, "B"), (9.995e5, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= limit:
            text = f"{size / divisor:.3g}{suffix}"
            break
    else:
        text = f"{size:,.0f}" if size >= 100 or size == int(size) else f"{size:.3g}"
        if 0 < size < 0.1:
            text = f"{size:.2f}"
    if unit == "%":
        return f"{sign}{text}%"
    return f"{sign}{unit}{text}"


def month_ticks(days: Sequence[date], *, count: int = 6) -> list[tuple[int, str]]:
    """Return positions in `days` at which a month begins, thinned to about `count`, with labels.

    The first day counts only where its month begins within a week of it, so that two labels
    never stand on one another.
    """
    starts = [i for i in range(1, len(days)) if _month(days[i]) != _month(days[i - 1])]
    if days and days[0].day <= 7:
        starts.insert(0, 0)
    if not starts and days:
        starts = [0]
    stride = max(1, math.ceil(len(starts) / count))
    return [(i, f"{days[i]:%b} ’{days[i]:%y}") for i in starts[::stride]]


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month
