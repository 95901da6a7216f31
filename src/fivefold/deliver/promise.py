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
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from fivefold.calendars import WorkCalendar, public_holidays
from fivefold.model import Dataset

#: What a leg can stand on, by code. `capable` is supply nobody has planned or ordered yet,
#: `components` are kits that are put together when the order ships.
BASES = ("on_hand", "in_transit", "planned", "capable", "components", "none")
ON_HAND, IN_TRANSIT, PLANNED, CAPABLE, COMPONENTS, NONE = range(6)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_BUCKET = {
    "item": pl.String(),
    "location": pl.String(),
    "day": pl.Int64(),
    "quantity": pl.Int64(),
    "basis": pl.Int64(),
    "sd_days": pl.Float64(),
}


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
    spread = _supply_spread(dataset)
    held = (
        dataset["inventory"]
        .lazy()
        .filter((pl.col("condition") == "sellable") & (pl.col("on_hand") > 0))
        .select(
            "item",
            _home(pl.col("location"), home),
            day=pl.lit(0, pl.Int64()),
            quantity=(pl.col("on_hand") - pl.col("allocated").fill_null(0)).clip(lower_bound=0),
            basis=pl.lit(ON_HAND, pl.Int64()),
            sd_days=pl.lit(0.0),
        )
    )
    ordered = _ordered(dataset, as_of, home, spread)
    planned = _planned(dataset, as_of, home, spread)
    buckets = (
        pl.concat([held, ordered, planned])
        .group_by("item", "location", "day", "basis", "sd_days")
        .agg(pl.col("quantity").sum())
        .select(list(_BUCKET))
        .sort("item", "location", "day", "basis", "sd_days")
        .collect()
    )
    issues = _issues(dataset, as_of, home)
    if issues.height:
        buckets = _netted(buckets, issues)
    return buckets.filter((pl.col("quantity") > 0) & (pl.col("day") <= horizon_days))


def _networks(dataset: Dataset) -> dict[str, str]:
    """Return the network of every place that is part of one."""
    places = dataset["locations"]
    networks = set(places.filter(pl.col("kind") == "fulfilment_network")["location"])
    return {
        place: parent
        for place, parent in places.select("location", "parent_location").iter_rows()
        if parent in networks
    }


def _home(place: pl.Expr, networks: Mapping[str, str]) -> pl.Expr:
    found = place.replace(networks) if networks else place
    return found.alias("location")


def _supply_spread(dataset: Dataset) -> pl.DataFrame:
    """Return the standard deviation in days of supply to a place from one that sends to it."""
    return (
        dataset["lanes"]
        .group_by("origin", "destination")
        .agg(sd_days=pl.col("transit_time_days_sd").fill_null(0.0).max())
    )


def _days_until(day: str, as_of: date) -> pl.Expr:
    return (pl.col(day) - pl.lit(as_of)).dt.total_days().clip(lower_bound=0)


def _open_orders(dataset: Dataset) -> pl.DataFrame:
    left = pl.col("quantity") - pl.col("quantity_received").fill_null(0)
    return (
        dataset["supply_orders"]
        .filter(~pl.col("status").is_in(["received", "closed", "cancelled"]) & (left > 0))
        .with_columns(quantity=left)
    )


def _offer_spread(dataset: Dataset) -> pl.DataFrame:
    """Return the standard deviation in days of a supplier's lead time by item."""
    return (
        dataset["supplier_offers"]
        .group_by("supplier", "item")
        .agg(lead_sd_days=pl.col("lead_time_days_sd").max())
    )


def _ordered(
    dataset: Dataset, as_of: date, home: Mapping[str, str], spread: pl.DataFrame
) -> pl.LazyFrame:
    only_meant = pl.col("status").is_in(["planned", "approved"])
    return (
        _open_orders(dataset)
        .join(
            spread,
            left_on=["source", "destination"],
            right_on=["origin", "destination"],
            how="left",
        )
        .join(
            _offer_spread(dataset),
            left_on=["source", "item"],
            right_on=["supplier", "item"],
            how="left",
        )
        .lazy()
        .select(
            "item",
            _home(pl.col("destination"), home),
            day=_days_until("expected_on", as_of),
            quantity="quantity",
            basis=pl.when(only_meant).then(PLANNED).otherwise(IN_TRANSIT).cast(pl.Int64()),
            # What has left is as uncertain as its way; what has not, as its supplier.
            sd_days=pl.when(pl.col("shipped_on").is_null())
            .then(pl.max_horizontal("sd_days", "lead_sd_days"))
            .otherwise(pl.col("sd_days"))
            .fill_null(0.0),
        )
    )


def _planned(
    dataset: Dataset, as_of: date, home: Mapping[str, str], spread: pl.DataFrame
) -> pl.LazyFrame:
    return (
        dataset["supply_plan"]
        .join(
            spread,
            left_on=["source", "destination"],
            right_on=["origin", "destination"],
            how="left",
        )
        .join(
            _offer_spread(dataset),
            left_on=["source", "item"],
            right_on=["supplier", "item"],
            how="left",
        )
        .lazy()
        .select(
            "item",
            _home(pl.col("destination"), home),
            day=_days_until("due_on", as_of),
            quantity="quantity",
            basis=pl.lit(PLANNED, pl.Int64()),
            sd_days=pl.max_horizontal("sd_days", "lead_sd_days").fill_null(0.0),
        )
    )


def _issues(dataset: Dataset, as_of: date, home: Mapping[str, str]) -> pl.DataFrame:
    """Return what is to leave a place: moves, and the components of what is made."""
    kept = {"item": pl.String(), "location": pl.String(), "day": pl.Int64(), "quantity": pl.Int64()}
    waiting = (
        _open_orders(dataset)
        .filter(
            (pl.col("kind") == "move")
            & pl.col("source").is_not_null()
            & pl.col("shipped_on").is_null()
            & (pl.col("status") != "in_transit")
        )
        .select("item", _home(pl.col("source"), home), day=pl.lit(0), quantity="quantity")
    )
    plan = dataset["supply_plan"].with_columns(day=_days_until("start_on", as_of))
    moves = plan.filter((pl.col("kind") == "move") & pl.col("source").is_not_null()).select(
        "item", _home(pl.col("source"), home), "day", "quantity"
    )
    parts = dataset["bills_of_material"].filter(~pl.col("is_by_product"))
    used = (
        plan.filter(pl.col("kind") == "make")
        .join(
            parts.select("product", "component", "quantity_per"), left_on="item", right_on="product"
        )
        .select(
            item="component",
            location=_home(pl.coalesce("source", "destination"), home),
            day="day",
            quantity=(pl.col("quantity_per") * pl.col("quantity")).ceil(),
        )
    )
    return pl.concat([frame.cast(kept) for frame in (waiting, moves, used)]).filter(  # type: ignore[arg-type]
        pl.col("quantity") > 0
    )


def _netted(buckets: pl.DataFrame, issues: pl.DataFrame) -> pl.DataFrame:
    """Return buckets less what leaves: the latest not after it first, then the earliest after."""
    leaving: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for item, place, day, units in issues.iter_rows():
        leaving[item, place].append((day, units))
    pools = pl.DataFrame(
        list(leaving), schema={"item": pl.String(), "location": pl.String()}, orient="row"
    )
    touched = buckets.join(pools, on=["item", "location"], how="semi")
    rest = buckets.join(pools, on=["item", "location"], how="anti")
    mine: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    quantity = touched["quantity"].to_list()
    for row, (item, place, day) in enumerate(touched.select("item", "location", "day").iter_rows()):
        mine[item, place].append([day, row])
    for pool, outgoing in leaving.items():
        for day, units in sorted(outgoing):
            left = units
            before = [row for at, row in mine[pool] if at <= day]
            after = [row for at, row in mine[pool] if at > day]
            for row in [*reversed(before), *after]:
                taken = min(left, quantity[row])
                quantity[row] -= taken
                left -= taken
                if left == 0:
                    break
    changed = touched.with_columns(pl.Series("quantity", quantity, pl.Int64()))
    return pl.concat([rest, changed]).sort("item", "location", "day", "basis", "sd_days")


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


def cut_off_minute(*, as_of: date, cut_off_time: str, timezone: str | None) -> int:
    """Return the minute after midnight UTC of `as_of` by which an order is worked that day.

    Midnight at the place's own clock where it has no cut-off time.

    Examples
    --------
    >>> cut_off_minute(
    ...     as_of=date(2026, 11, 23), cut_off_time="14:00", timezone="America/New_York"
    ... )
    1140
    """
    hours, minutes = (int(part) for part in (cut_off_time or "24:00").split(":")[:2])
    zone = ZoneInfo(timezone or "UTC")
    midnight = datetime(as_of.year, as_of.month, as_of.day, tzinfo=zone)
    start = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    return round((midnight - start).total_seconds() / 60) + 60 * hours + minutes


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
