"""The way back: units fetched on delivery routes, and how often a place sends on what it has.

Knows lanes between places and visits of the last mile. Values of goods come from elsewhere.

References
----------
.. [1] Higginson & Bookbinder (1994), "Policy recommendations for a shipment-consolidation
   program", Journal of Business Logistics 15(1): the time policy, whose best cycle balances
   the fixed cost of a shipment against the waiting of what it carries.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.calendars import next_monday
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Places goods come back to that may send them on.
SOURCES = ("fulfilment_network", "fulfilment_centre", "store", "delivery_station", "warehouse")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseParams:
    """What waiting and parcels cost on the way back; assumptions where no table tells.

    Parameters
    ----------
    decay_share_per_week : float
        Value a returned unit loses by waiting a week.
    parcel_cost : float
        Sending one unit by itself.
    longest_weeks : float
        Units never wait longer for a shipment.
    shipment_cost : float
        Fixed cost of a shipment where its lane has none.
    """

    decay_share_per_week: float = 0.01
    parcel_cost: float = 6.0
    longest_weeks: float = 8.0
    shipment_cost: float = 45.0

    def __post_init__(self) -> None:
        for name in ("decay_share_per_week", "parcel_cost", "longest_weeks", "shipment_cost"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")


def best_cycle(
    *, fixed_cost: float, units_per_week: float, wait_cost_per_unit_week: float, longest: float
) -> float:
    """Return the weeks between shipments that cost least a unit.

    The cost a week, fixed / T + wait x units x T / 2, is least at sqrt(2 fixed / (wait x units)).

    >>> best_cycle(fixed_cost=50, units_per_week=100, wait_cost_per_unit_week=0.25, longest=8)
    2.0
    """
    waiting = wait_cost_per_unit_week * units_per_week
    if waiting <= 0:
        return longest
    return min(math.sqrt(2.0 * fixed_cost / waiting), longest)


def consolidate(dataset: Dataset, params: ReverseParams | None = None, *, as_of: date) -> Outcome:
    """Return how often each place sends on what cannot be sold there again.

    Parameters
    ----------
    dataset : Dataset
        returns_forecast, items, locations, lanes. A lane is used in either direction.
    params : ReverseParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `return_consolidations`: a row a place and the destination that costs least.
    """
    params = params or ReverseParams()
    flows = _flows(dataset)
    rows: list[dict[str, Any]] = []
    reasons: list[Reason] = []
    cost = 0.0
    for source, flow in flows.items():
        ways = [_way(source, lane, flow, params, as_of) for lane in _lanes(dataset, source)]
        if not ways:
            continue
        best = min(ways, key=lambda row: (row["cost_per_unit"], row["destination"]))
        rows.append(best)
        cost += best["cost_per_unit"] * best["units_per_week"]
        reasons.append(
            Reason(
                subject=best["decision"],
                reason_code="disposition",
                reference=best["destination"],
                quantity=best["units_per_week"],
                price=best["cost_per_unit"],
                text=best["because"],
            )
        )
    return Outcome(
        tables={"return_consolidations": schema("return_consolidations").frame(rows)},
        status="optimal",
        objective=cost,
        explanations=explanations_frame(reasons),
    )


def _flows(dataset: Dataset) -> dict[str, dict[str, float]]:
    """Return by place the units a week that are not sellable there, their mean weight and value."""
    kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
    expected = dataset["returns_forecast"]
    weeks = max(expected["period_start"].n_unique(), 1)
    worn = (pl.col("units_mean") - pl.col("sellable_units_mean").fill_null(0.0)).alias("units")
    each = expected.select("item", "location", worn).join(
        dataset["items"].select(
            "item", "weight_kg", "unit_cost", "length_cm", "width_cm", "height_cm"
        ),
        on="item",
        how="left",
    )
    cube = pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm") / 1e6
    totals = each.group_by("location").agg(
        pl.col("units").sum(),
        kg=(pl.col("units") * pl.col("weight_kg").fill_null(0.0)).sum(),
        m3=(pl.col("units") * cube.fill_null(0.0)).sum(),
        value=(pl.col("units") * pl.col("unit_cost").fill_null(0.0)).sum(),
    )
    return {
        row["location"]: {
            "per_week": row["units"] / weeks,
            "kg": row["kg"] / row["units"],
            "m3": row["m3"] / row["units"],
            "value": row["value"] / row["units"],
        }
        for row in totals.sort("location").iter_rows(named=True)
        if row["units"] > 0 and kinds.get(row["location"]) in SOURCES
    }


def _lanes(dataset: Dataset, source: str) -> list[dict[str, Any]]:
    """Return the lanes from a place to where returns are worked on, either direction counted."""
    kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
    has_centre = "returns_centre" in kinds.values()
    found = []
    for lane in dataset["lanes"].iter_rows(named=True):
        if source not in (lane["origin"], lane["destination"]):
            continue
        other = lane["destination"] if lane["origin"] == source else lane["origin"]
        kind = kinds.get(other)
        wanted = kind == "returns_centre" if has_centre else kind == "warehouse"
        if wanted and kinds.get(source) != kind:
            found.append({**lane, "to": other})
    return found


def _way(
    source: str,
    lane: dict[str, Any],
    flow: dict[str, float],
    params: ReverseParams,
    as_of: date,
) -> dict[str, Any]:
    fixed = lane["cost_per_shipment"] or params.shipment_cost
    wait = params.decay_share_per_week * flow["value"]
    weeks = best_cycle(
        fixed_cost=fixed,
        units_per_week=flow["per_week"],
        wait_cost_per_unit_week=wait,
        longest=params.longest_weeks,
    )
    carried = (
        (lane["cost_per_unit"] or 0.0)
        + (lane["cost_per_kg"] or 0.0) * flow["kg"]
        + (lane["cost_per_m3"] or 0.0) * flow["m3"]
    )
    units = flow["per_week"] * weeks
    together = carried + (fixed / units if units else math.inf) + wait * weeks / 2.0
    alone = params.parcel_cost
    name = hashlib.sha256(f"{source}|{lane['to']}".encode()).hexdigest()[:8]
    is_together = together < alone
    text = (
        f"{units:,.0f} units every {weeks:.1f} weeks cost {together:.2f} a unit, "
        f"a parcel each {alone:.2f}."
    )
    return {
        "decision": f"back:{name}",
        "source": source,
        "destination": lane["to"],
        "units_per_week": flow["per_week"],
        "weeks_between": weeks if is_together else 0.0,
        "units_per_shipment": units if is_together else 1.0,
        "cost_per_unit": min(together, alone),
        "parcel_cost_per_unit": alone,
        "next_on": next_monday(as_of + timedelta(days=round(7 * weeks))) if is_together else None,
        "because": text,
    }


def pick_ups(dataset: Dataset, announced: pl.DataFrame, *, deliver_on: date) -> pl.DataFrame:
    """Return the visits of the last mile that fetch authorised returns: rows of `deliveries`.

    Parameters
    ----------
    dataset : Dataset
        deliveries (where the routes go anyway), orders, items.
    announced : polars.DataFrame
        rma, order, item, quantity, way_back.
    deliver_on : date

    Notes
    -----
    A return is fetched from the station whose vans visit its postal code; the door is taken
    to be where that code is visited in the mean.
    """
    visits = (
        dataset["deliveries"]
        .filter(pl.col("postal_code").is_not_null())
        .group_by("postal_code", "station")
        .agg(pl.col("latitude").mean(), pl.col("longitude").mean(), pl.len())
        .sort("postal_code", "len", "station", descending=[False, True, False])
        .unique("postal_code", keep="first", maintain_order=True)
    )
    doors = dataset["orders"].select("order", "ship_postal_code").unique("order", keep="first")
    items = dataset["items"].select("item", "weight_kg", "length_cm", "width_cm", "height_cm")
    units = pl.col("quantity")
    cube = pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm") / 1e6
    rows = (
        announced.filter(pl.col("way_back") == "pick_up")
        .join(doors, on="order", how="inner")
        .join(visits, left_on="ship_postal_code", right_on="postal_code", how="inner")
        .join(items, on="item", how="left")
        .select(
            delivery=pl.col("rma"),
            station="station",
            deliver_on=pl.lit(deliver_on),
            kind=pl.lit("return"),
            latitude="latitude",
            longitude="longitude",
            postal_code=pl.col("ship_postal_code"),
            parcels=pl.lit(1),
            weight_kg=(units * pl.col("weight_kg")).fill_null(0.0),
            volume_m3=(units * cube).fill_null(0.0),
            order="order",
        )
        .sort("delivery")
    )
    return schema("deliveries").frame(rows.to_dicts())
