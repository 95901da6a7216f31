"""What can be promised: units free at each place by day, and how sure the day is.

Knows stock on hand, what is on its way and what is planned, less what is already given away
or planned to leave. A unit stands in exactly one bucket, so a promise on it is made once.

References
----------
.. [1] Stadtler, Kilger, Meyr (2015), *Supply Chain Management and Advanced Planning*, ch. 9:
   available-to-promise by buckets, netted backwards (each issue is taken from the latest
   receipts that can still serve it, so the earliest units stay free).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from fivefold.calendars import WorkCalendar, public_holidays
from fivefold.model import Dataset

BASES = ("on_hand", "in_transit", "planned", "none")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


#: By item and place: day after today and units that leave on it.
_Issues = dict[tuple[str, str], list[tuple[int, int]]]


@dataclass(slots=True)
class _Bucket:
    day: int
    units: int
    basis: int
    sd_days: float


def available_to_promise(dataset: Dataset, *, as_of: date, horizon_days: int) -> pl.DataFrame:
    """Return the units free at each place by the day they become free.

    Parameters
    ----------
    dataset : Dataset
        inventory (sellable, not allocated), supply_orders that still bring goods,
        supply_plan, bills_of_material, locations, lanes, supplier_offers.
    as_of : date
    horizon_days : int
        Supply later than this is not promised on.

    Returns
    -------
    polars.DataFrame
        item, location, day (days after `as_of`), quantity, basis (index of `BASES`), sd_days;
        sorted. Places that are part of a fulfilment network count as the network.

    Notes
    -----
    Supply that is overdue counts as coming on `as_of` with the uncertainty it has. What moves
    out, planned or ordered and not yet gone, is taken off at its origin, so that the units of
    a move are promised at one end only.
    """
    home = _networks(dataset)
    pools: dict[tuple[str, str], list[_Bucket]] = defaultdict(list)
    free = dataset["inventory"].filter(pl.col("condition") == "sellable")
    for item, place, units in free.select(
        "item", "location", pl.col("on_hand") - pl.col("allocated").fill_null(0)
    ).iter_rows():
        pools[item, home.get(place, place)].append(_Bucket(0, max(units, 0), 0, 0.0))
    spread = _supply_spread(dataset)
    issues: _Issues = defaultdict(list)
    _add_orders(dataset, as_of, home, spread, pools, issues)
    _add_plan(dataset, as_of, home, spread, pools, issues)
    rows = []
    for (item, place), buckets in sorted(pools.items()):
        buckets.sort(key=lambda bucket: (bucket.day, bucket.basis))
        _net(buckets, issues.get((item, place), []))
        rows += [
            (item, place, b.day, b.units, b.basis, b.sd_days)
            for b in buckets
            if b.units > 0 and b.day <= horizon_days
        ]
    return pl.DataFrame(
        rows,
        schema={
            "item": pl.String(),
            "location": pl.String(),
            "day": pl.Int64(),
            "quantity": pl.Int64(),
            "basis": pl.Int64(),
            "sd_days": pl.Float64(),
        },
        orient="row",
    )


def _networks(dataset: Dataset) -> dict[str, str]:
    """Return the network of every place that is part of one."""
    places = dataset["locations"]
    networks = set(places.filter(pl.col("kind") == "fulfilment_network")["location"])
    return {
        place: parent
        for place, parent in places.select("location", "parent_location").iter_rows()
        if parent in networks
    }


def _supply_spread(dataset: Dataset) -> dict[tuple[str, str], float]:
    """Return the standard deviation in days of supply to a place from one that sends to it."""
    found: dict[tuple[str, str], float] = {}
    for row in dataset["lanes"].iter_rows(named=True):
        key = (row["origin"], row["destination"])
        found[key] = max(found.get(key, 0.0), row["transit_time_days_sd"] or 0.0)
    return found


def _add_orders(
    dataset: Dataset,
    as_of: date,
    home: Mapping[str, str],
    spread: Mapping[tuple[str, str], float],
    pools: dict[tuple[str, str], list[_Bucket]],
    issues: _Issues,
) -> None:
    open_ones = dataset["supply_orders"].filter(
        ~pl.col("status").is_in(["received", "closed", "cancelled"])
    )
    for row in open_ones.iter_rows(named=True):
        left = row["quantity"] - (row["quantity_received"] or 0)
        if left <= 0:
            continue
        place = home.get(row["destination"], row["destination"])
        day = max((row["expected_on"] - as_of).days, 0)
        basis = 2 if row["status"] in ("planned", "approved") else 1
        sd_days = spread.get((row["source"], row["destination"]), 0.0)
        pools[row["item"], place].append(_Bucket(day, left, basis, sd_days))
        waiting = row["shipped_on"] is None and row["status"] != "in_transit"
        if row["kind"] == "move" and row["source"] is not None and waiting:
            issues[row["item"], home.get(row["source"], row["source"])].append((0, left))


def _add_plan(
    dataset: Dataset,
    as_of: date,
    home: Mapping[str, str],
    spread: Mapping[tuple[str, str], float],
    pools: dict[tuple[str, str], list[_Bucket]],
    issues: _Issues,
) -> None:
    parts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in dataset["bills_of_material"].iter_rows(named=True):
        if not row["is_by_product"]:
            parts[row["product"]].append(row)
    for row in dataset["supply_plan"].iter_rows(named=True):
        place = home.get(row["destination"], row["destination"])
        day = max((row["due_on"] - as_of).days, 0)
        sd_days = spread.get((row["source"], row["destination"]), 0.0)
        pools[row["item"], place].append(_Bucket(day, row["quantity"], 2, sd_days))
        start = max((row["start_on"] - as_of).days, 0)
        source = home.get(row["source"], row["source"]) if row["source"] else place
        if row["kind"] == "move" and row["source"]:
            issues[row["item"], source].append((start, row["quantity"]))
        elif row["kind"] == "make":
            for part in parts.get(row["item"], []):
                needed = int(-(-part["quantity_per"] * row["quantity"] // 1))
                issues[part["component"], source].append((start, needed))


def _net(buckets: list[_Bucket], issues: list[tuple[int, int]]) -> None:
    """Take issues off the latest buckets not after them, then off the earliest after them."""
    for day, units in sorted(issues):
        left = units
        before = [bucket for bucket in buckets if bucket.day <= day]
        after = [bucket for bucket in buckets if bucket.day > day]
        for bucket in [*reversed(before), *after]:
            taken = min(left, bucket.units)
            bucket.units -= taken
            left -= taken
            if left == 0:
                break


def work_calendar(dataset: Dataset, name: str | None, *, as_of: date) -> tuple[WorkCalendar, str]:
    """Return the working days of a calendar of the dataset and its cut-off time, empty if none."""
    if name is None:
        return WorkCalendar(), ""
    row = dataset["calendars"].filter(pl.col("calendar") == name)
    if row.height == 0:
        return WorkCalendar(), ""
    found = row.to_dicts()[0]
    closed = set(dataset["calendar_closures"].filter(pl.col("calendar") == name)["date"].to_list())
    if found["holidays_country"]:
        closed |= public_holidays(found["holidays_country"], (as_of.year, as_of.year + 1))
    open_days = frozenset(i for i, day in enumerate(_WEEKDAYS) if found[day])
    calendar = WorkCalendar(weekdays=open_days, closures=frozenset(closed))
    return calendar, found["cut_off_time"] or ""


def release_day(
    ordered_at: datetime, *, as_of: date, cut_off_time: str, timezone: str | None
) -> int:
    """Return the first day after `as_of` on which an order can be worked, 0 is `as_of` itself.

    An order placed on the day itself after the cut-off waits for the next one.

    Examples
    --------
    >>> from datetime import UTC
    >>> late = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
    >>> release_day(
    ...     late, as_of=date(2026, 11, 23), cut_off_time="14:00", timezone="America/New_York"
    ... )
    1
    """
    local = ordered_at.astimezone(ZoneInfo(timezone or "UTC"))
    day = local.date()
    if cut_off_time and local.strftime("%H:%M") >= cut_off_time:
        day += timedelta(days=1)
    return max((day - as_of).days, 0)
