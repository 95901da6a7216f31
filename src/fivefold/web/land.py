"""Where there is land on a map of the United States, told by where there are ZIP codes.

`us_land.csv` holds a grid of cells, row by row, as runs of columns. It is not drawn from
anybody's outline: `derive` makes it from the coordinates of ZIP codes in the `zipcodes` package.
"""

from __future__ import annotations

import csv
import math
from functools import cache
from importlib.resources import files

#: Distance between rows of dots in kilometres; every second row is shifted by half a column.
ROW_KM = 58.0
COLUMN_KM = 67.0
_LEFT_KM, _TOP_KM = -2390.0, 1590.0
_CELL_KM = 10.0
#: A place belongs to the land within this many kilometres of a ZIP code, inwards of the shore.
_REACH_KM = 48.0
_SHORE_KM = 40.0
#: In the middle of the lake that land closes around, so that it is not taken for empty land.
_LAKE_MICHIGAN = (43.6, -87.1)


def albers(latitude: float, longitude: float) -> tuple[float, float]:
    """Return kilometres east and north of the middle of the United States.

    Notes
    -----
    Albers' equal-area conic with standard parallels 29.5° and 45.5° N and origin 37.5° N,
    96° W, on a sphere of 6,371 km: Snyder (1987), *Map Projections: A Working Manual*,
    U.S. Geological Survey Professional Paper 1395, equations 14-1 to 14-6.

    Examples
    --------
    >>> tuple(round(v) for v in albers(37.5, -96.0))
    (0, 0)
    """
    lower, upper, origin = (math.radians(v) for v in (29.5, 45.5, 37.5))
    n = (math.sin(lower) + math.sin(upper)) / 2
    c = math.cos(lower) ** 2 + 2 * n * math.sin(lower)
    middle = math.sqrt(c - 2 * n * math.sin(origin)) / n
    radius = math.sqrt(max(0.0, c - 2 * n * math.sin(math.radians(latitude)))) / n
    turn = n * math.radians(longitude + 96.0)
    return 6371.0 * radius * math.sin(turn), 6371.0 * (middle - radius * math.cos(turn))


def is_drawn(latitude: float, longitude: float) -> bool:
    """Whether a place lies in the part of the world the map shows."""
    return 24.0 <= latitude <= 50.0 and -125.5 <= longitude <= -66.0


@cache
def dots() -> tuple[tuple[float, float], ...]:
    """Return the dots of the land in kilometres east and north, row by row from the north."""
    found: list[tuple[float, float]] = []
    text = files("fivefold.web").joinpath("us_land.csv").read_text(encoding="utf-8")
    for row, first, last in csv.reader(text.splitlines()[1:]):
        found.extend(_place(int(row), column) for column in range(int(first), int(last) + 1))
    return tuple(found)


def derive() -> str:
    """Return the text of `us_land.csv`, made anew from ZIP codes.

    Notes
    -----
    Cells near a ZIP code are land; growing by the reach and shrinking back to the shore (a
    morphological closing) fills what lies between towns without pushing out the coast. Pieces
    that the closing leaves apart are dropped.
    """
    import numpy as np
    import zipcodes
    from scipy import ndimage

    codes = zipcodes.list_all()  # type: ignore[no-untyped-call]
    seen = {(z["lat"], z["long"]) for z in codes if z["lat"] and z["country"] == "US"}
    spots = [(float(a), float(b)) for a, b in seen]
    grid = np.zeros((360, 540), dtype=bool)
    for latitude, longitude in spots:
        if is_drawn(latitude, longitude):
            x, y = albers(latitude, longitude)
            grid[_cell(x, y)] = True
    near = ndimage.distance_transform_edt(~grid) <= _REACH_KM / _CELL_KM
    land = ndimage.distance_transform_edt(near) > _SHORE_KM / _CELL_KM
    labels, count = ndimage.label(land)
    sizes = ndimage.sum(land, labels, range(1, count + 1))
    land = labels == 1 + int(np.argmax(sizes))
    # What no ZIP code reaches inland, such as a test range, is land; a lake is not.
    holes, _ = ndimage.label(~land)
    lake = holes[_cell(*albers(*_LAKE_MICHIGAN))]
    land = (holes != holes[0, 0]) & (holes != lake)
    told = ["row,first,last"]
    for row in range(60):
        inside = [column for column in range(75) if _is_land(land, *_place(row, column))]
        for column in inside:
            if column - 1 not in inside:
                first = column
            if column + 1 not in inside:
                told.append(f"{row},{first},{column}")
    return "\n".join(told) + "\n"


def _cell(x: float, y: float) -> tuple[int, int]:
    """Return the row and column of the fine grid in which a place lies."""
    return int((y + 1750) / _CELL_KM), int((x + 2700) / _CELL_KM)


def _place(row: int, column: int) -> tuple[float, float]:
    shift = COLUMN_KM / 2 if row % 2 else 0.0
    return _LEFT_KM + COLUMN_KM * column + shift, _TOP_KM - ROW_KM * row


def _is_land(land, x: float, y: float) -> bool:  # type: ignore[no-untyped-def]
    i, j = _cell(x, y)
    return 0 <= i < land.shape[0] and 0 <= j < land.shape[1] and bool(land[i, j])
