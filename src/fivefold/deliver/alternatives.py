"""Every place that could serve an order line, side by side: cost, day, chance, greenhouse gases.

Knows what a line would take from each place alone, by the same costs and days as the choice.
It promises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from fivefold.deliver.order_sourcing import SourcingParams, promises_of
from fivefold.deliver.parcels.services import services_in_use
from fivefold.deliver.promise import ON_HAND
from fivefold.deliver.sourcing_tables import with_buckets
from fivefold.deliver.sourcing_world import World
from fivefold.deliver.zones import great_circle_miles, zip_coordinates
from fivefold.model import Dataset, Outcome, schema

KM_PER_MILE = 1.609344
KG_PER_LB = 0.45359237
#: The service whose rates and days sourcing counts with.
GROUND = "ground"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareParams:
    """Whose lines are looked at, and how places are chosen.

    Parameters
    ----------
    order : str
        Its lines are compared; all other open lines are served first. Empty compares all.
    held : tuple of (item, place, units)
        Units set aside for the order itself, which nobody else is served from.
    sourcing : SourcingParams
    """

    order: str = ""
    held: tuple[tuple[str, str, int], ...] = ()
    sourcing: SourcingParams = field(default_factory=SourcingParams)


def compare_places(
    dataset: Dataset, params: CompareParams | None = None, *, as_of: date
) -> Outcome:
    """Return, for open order lines, what serving each from each place alone would be.

    Parameters
    ----------
    dataset : Dataset
        What `source_orders` reads; `location` of a line is the place it is served from.
        carriage_services give greenhouse gases.
    params : CompareParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `promise_options`, the cheapest place for all units first. `quantity` is what the place
        has of the line now or to come; where that is less than wanted the cost is of so much.

    Notes
    -----
    Greenhouse gases are mass times great circle times the factor of the ground service; what is
    not known stays empty.
    """
    params = params or CompareParams()
    wanted = dataset["orders"].filter(
        pl.col("status").is_in(["pending", "open"]) & (pl.col("quantity") > 0)
    )
    mine = (pl.col("order") == params.order) | pl.lit(not params.order)
    lines, others = wanted.filter(mine), wanted.filter(~mine)
    others = others.filter(pl.col("item").is_in(lines["item"].to_list()))
    rows: list[dict[str, Any]] = []
    if lines.height:
        items = lines["item"].unique().sort().to_list()
        world = World(dataset, params.sourcing, as_of, items=items)
        if others.height:
            world.serve(*world.lines_of(others))
        if params.held:
            buckets = _with_held(world.left(), params.held)
            world = World(dataset, params.sourcing, as_of, items=items, buckets=buckets)
        factor = _factor(dataset)
        for number in range(lines.height):
            rows += _of_line(lines[number], world, factor)
    options = schema("promise_options").frame(rows)
    return Outcome(
        tables={"promise_options": options},
        status="feasible" if options.height else "infeasible",
        objective=float(options.height),
        explanations=schema("explanations").empty(),
    )


def _with_held(buckets: pl.DataFrame, held: Sequence[tuple[str, str, int]]) -> pl.DataFrame:
    """Return buckets with units set aside for the order among what is on hand."""
    more = pl.DataFrame(
        [(item, place, 0, units, ON_HAND, 0.0) for item, place, units in held],
        schema=buckets.schema,
        orient="row",
    )
    keys = ["item", "location", "day", "basis", "sd_days"]
    return (
        pl.concat([buckets, more])
        .group_by(keys)
        .agg(pl.col("quantity").sum())
        .select(buckets.columns)
        .sort("item", "location", "day", "basis", "sd_days")
    )


def _factor(dataset: Dataset) -> float | None:
    services = services_in_use(dataset["carriage_services"])
    own = services.filter(pl.col("service") == GROUND)
    found = (own if own.height else services)["co2e_kg_per_tonne_km"].drop_nulls()
    return float(found[0]) if found.len() else None


def _of_line(line: pl.DataFrame, world: World, factor: float | None) -> list[dict[str, Any]]:
    row = line.row(0, named=True)
    coded, places = world.lines_of(line)
    before, room = world.stock.buckets.copy(), places.room.copy()
    group = int(coded.rows["group"][0])
    found = []
    for code, place in enumerate(world.places):
        if not places.allowed[group, code]:
            continue
        only = np.zeros_like(places.allowed)
        only[group, code] = True
        legs = world.serve(coded, places._replace(allowed=only, room=room.copy()))
        promises = promises_of(line, coded, places, legs, world)
        served = promises.filter(pl.col("basis") != "none")
        world.stock = with_buckets(world.stock, before.copy())
        if served.height:
            found.append(_row(row, place, served, world, code, factor))
    whole = [one["cost"] for one in found if one["quantity"] == row["quantity"]]
    cheapest = min(whole, default=None)
    for one in found:
        same = cheapest is not None and one["quantity"] == row["quantity"]
        one["cost_more"] = one["cost"] - cheapest if same and cheapest is not None else None
        one["because"] = _told(one)
    return sorted(
        found, key=lambda one: (-one["quantity"], one["cost"], one["deliver_on"], one["location"])
    )


def _row(
    row: dict[str, Any], place: str, served: pl.DataFrame, world: World, code: int,
    factor: float | None,
) -> dict[str, Any]:  # fmt: skip
    units = int(served["quantity"].sum())
    weight_kg = float(world.weight[world.item_code[row["item"]]]) * KG_PER_LB * units
    point = zip_coordinates((row["ship_postal_code"] or "")[:5])
    distance = None
    if point is not None and not np.isnan(world.points[code, 0]):
        here = world.points[code]
        miles = great_circle_miles(here[0], here[1], point[0], point[1])
        distance = float(miles) * KM_PER_MILE
    known = distance is not None and factor is not None
    return {
        "order": row["order"],
        "line": row["line"],
        "location": place,
        "item": row["item"],
        "quantity": units,
        "wanted": row["quantity"],
        "ship_on": served["ship_on"].max(),
        "deliver_on": served["deliver_on"].max(),
        "on_time_share": float(served["on_time_share"].min()),  # type: ignore[arg-type]
        "basis": served.sort("deliver_on")["basis"][-1],
        "cost": float(served["cost"].sum()),
        "distance_km": distance,
        "co2e_kg": weight_kg / 1000.0 * distance * factor  # type: ignore[operator]
        if known
        else None,
        "is_chosen": place == row["location"],
    }


def _told(one: dict[str, Any]) -> str:
    if one["quantity"] < one["wanted"]:
        return f"Has {one['quantity']} of {one['wanted']}."
    if one["cost_more"] is not None and one["cost_more"] > 0.005:
        return f"Costs {one['cost_more']:.2f} more than the cheapest."
    return "The cheapest place that has all of it."
