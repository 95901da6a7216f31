"""Territories for partners: postal codes in one piece each, even in work.

Work of a postal code is the time at its doors, the drive between them by the Beardwood-Halton-
Hammersley length of a tour, k sqrt(n A) with k = 0.7124 (Applegate and others 2011, ch. 1.5),
and its share of the drive from the station and back. The map is first halved across its longer
side until there are as many pieces as territories, which balances and keeps pieces together;
then postal codes at borders move to the lighter side while that evens the work and leaves both
sides in one piece (Hess and others 1965, Operations Research 13(6), 998-1006, balance by moving
units; contiguity on the graph of neighbours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.deliver.last_mile.decompose import halved
from fivefold.deliver.zones import great_circle_miles
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

TOUR_CONSTANT = 0.7124
KM_PER_MILE = 1.609344
#: Least area of a postal code, in km2: doors known are never quite in one point.
LEAST_KM2 = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TerritoryParams:
    """How territories are drawn.

    Parameters
    ----------
    territories : int or None
        How many; None takes one for every `hours_each` of work.
    hours_each : float
        Hours of work a day meant for one territory, where their number is not given.
    partners : tuple of str
        Partners in the order in which territories are given to them, heaviest first.
    stop_minutes : float
        Time at a door.
    speed_kmh : float
    circuity : float
        Road distance over great-circle distance.
    stops_per_route : int
        For the share of the drive from the station.
    """

    territories: int | None = None
    hours_each: float = 200.0
    partners: tuple[str, ...] = ()
    stop_minutes: float = 1.8
    speed_kmh: float = 32.0
    circuity: float = 1.2
    stops_per_route: int = 150

    def __post_init__(self) -> None:
        if self.territories is not None and self.territories < 1:
            raise ValueError(f"territories must be at least 1, found {self.territories}")
        if self.hours_each <= 0 or self.speed_kmh <= 0 or self.stops_per_route < 1:
            raise ValueError("hours_each, speed_kmh and stops_per_route must be positive")


def draw_territories(
    dataset: Dataset, params: TerritoryParams | None = None, *, as_of: date
) -> Outcome:
    """Return territories of every station's postal codes, even in work and each in one piece.

    Reads the deliveries of the day `as_of` (with postal codes) and locations; writes
    territories. The objective is the largest work over the mean, over all stations.
    """
    params = params or TerritoryParams()
    rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    visits = dataset["deliveries"].filter(
        (pl.col("deliver_on") == as_of) & pl.col("postal_code").is_not_null()
    )
    for (station,), own in sorted(visits.group_by("station", maintain_order=True)):
        found = dataset["locations"].filter(pl.col("location") == station)
        if found.height == 0 or found["latitude"][0] is None:
            raise ValueError(f"location {station} has no latitude and longitude")
        cells = postal_work(own, found["latitude"][0], found["longitude"][0], params)
        count = params.territories or max(1, round(float(cells["hours"].sum()) / params.hours_each))
        count = min(count, cells.height)
        group = _drawn(cells, count)
        rows += _rows(str(station), cells, group, count, params)
        reasons += _reasons(str(station), cells, group, count)
    table = schema("territories").frame(rows).sort("territory", "postal_code")
    even = table["work_share"].max()
    return Outcome(
        tables={"territories": table},
        status="feasible",
        objective=None if even is None else float(str(even)),
        explanations=explanations_frame(reasons),
    )


def postal_work(
    visits: pl.DataFrame, latitude: float, longitude: float, params: TerritoryParams
) -> pl.DataFrame:
    """Return place, stops and hours of each postal code."""
    cells = (
        visits.group_by("postal_code")
        .agg(
            stops=pl.len(),
            latitude=pl.col("latitude").mean(),
            longitude=pl.col("longitude").mean(),
            high=(pl.col("latitude").max() - pl.col("latitude").min()) * 111.2,
            wide=(pl.col("longitude").max() - pl.col("longitude").min()) * 111.2,
        )
        .sort("postal_code")
    )
    area = np.maximum(
        LEAST_KM2,
        cells["high"].to_numpy()
        * cells["wide"].to_numpy()
        * np.cos(np.radians(cells["latitude"].to_numpy())),
    )
    stops = cells["stops"].to_numpy()
    stem = KM_PER_MILE * great_circle_miles(
        latitude, longitude, cells["latitude"].to_numpy(), cells["longitude"].to_numpy()
    )
    drive = TOUR_CONSTANT * np.sqrt(stops * area) + 2.0 * stem * stops / params.stops_per_route
    hours = stops * params.stop_minutes / 60.0 + params.circuity * drive / params.speed_kmh
    return cells.with_columns(hours=pl.Series(hours))


def _drawn(cells: pl.DataFrame, count: int) -> npt.NDArray[np.int64]:
    across = float(np.cos(np.radians(cells["latitude"].mean())))  # type: ignore[arg-type]
    points = np.column_stack([cells["longitude"].to_numpy() * across, cells["latitude"].to_numpy()])
    hours = cells["hours"].to_numpy()
    group = halved(points, hours, count, 0.0)
    return evened(group, hours, neighbours(points))


def neighbours(points: npt.NDArray[np.float64]) -> list[set[int]]:
    """Return which places touch: edges of the Delaunay triangulation, a path where there is none.

    >>> neighbours(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    [{1}, {0, 2}, {1}]
    """
    from scipy.spatial import Delaunay, QhullError

    touching: list[set[int]] = [set() for _ in points]
    try:
        simplices = Delaunay(points).simplices if len(points) > 3 else np.empty((0, 3), dtype=int)
    except QhullError:
        simplices = np.empty((0, 3), dtype=int)
    for corners in simplices:
        for a in corners:
            touching[a].update(int(b) for b in corners if b != a)
    # Places the triangulation leaves out hang on the next place along the map.
    order = np.lexsort((points[:, 1], points[:, 0]))
    for here, there in pairwise(order):
        if not touching[here] or not touching[there]:
            touching[here].add(int(there))
            touching[there].add(int(here))
    return touching


def in_one_piece(members: set[int], touching: Sequence[set[int]]) -> bool:
    """Whether a set of places is connected."""
    if not members:
        return True
    seen, reach = set(), [min(members)]
    while reach:
        here = reach.pop()
        if here not in seen:
            seen.add(here)
            reach += [there for there in touching[here] if there in members]
    return len(seen) == len(members)


def evened(
    group: npt.NDArray[np.int64], hours: npt.NDArray[np.float64], touching: Sequence[set[int]]
) -> npt.NDArray[np.int64]:
    """Return groups after moving border places to lighter neighbours while that evens the work.

    Every move lowers the sum of squared work, so it ends; no move splits a piece that was whole.
    """
    group = group.copy()
    work = np.bincount(group, weights=hours, minlength=int(group.max(initial=0)) + 1)
    moved = True
    while moved:
        moved = False
        for place in np.argsort(-hours, kind="stable"):
            home = int(group[place])
            others = {int(group[there]) for there in touching[place]} - {home}
            for other in sorted(others, key=lambda g: float(work[g])):
                if work[other] + hours[place] >= work[home]:
                    break
                rest = {int(i) for i in np.flatnonzero(group == home)} - {int(place)}
                if rest and in_one_piece(rest, touching):
                    group[place] = other
                    work[home] -= hours[place]
                    work[other] += hours[place]
                    moved = True
                    break
    return group


def _rows(
    station: str,
    cells: pl.DataFrame,
    group: npt.NDArray[np.int64],
    count: int,
    params: TerritoryParams,
) -> list[dict[str, object]]:
    hours = cells["hours"].to_numpy()
    work = np.bincount(group, weights=hours, minlength=count)
    heaviest = [int(g) for g in np.argsort(-work, kind="stable")]
    partner = {
        g: params.partners[n % len(params.partners)] if params.partners else None
        for n, g in enumerate(heaviest)
    }
    first = {g: cells["postal_code"][int(np.flatnonzero(group == g)[0])] for g in set(group)}
    return [
        {
            "territory": f"{station}-{first[int(g)]}",
            "postal_code": row["postal_code"],
            "station": station,
            "partner": partner[int(g)],
            "stops": row["stops"],
            "work_hours": row["hours"],
            "work_share": float(work[g] / max(1e-12, work.mean())),
        }
        for row, g in zip(cells.iter_rows(named=True), group, strict=True)
    ]


def _reasons(
    station: str, cells: pl.DataFrame, group: npt.NDArray[np.int64], count: int
) -> list[Reason]:
    hours = cells["hours"].to_numpy()
    work = np.bincount(group, weights=hours, minlength=count)
    stops = np.bincount(group, weights=cells["stops"].to_numpy(), minlength=count)
    found = []
    for g in range(count):
        codes = cells["postal_code"].to_numpy()[group == g]
        found.append(
            Reason(
                subject=f"{station}-{codes[0]}",
                reason_code="demand_served",
                reference=station,
                quantity=float(stops[g]),
                text=(
                    f"{len(codes)} postal codes, {stops[g]:,.0f} stops, {work[g]:,.1f} hours a "
                    f"day: {work[g] / max(1e-12, work.mean()):.0%} of the mean."
                ),
            )
        )
    return found
