"""Which place serves which order line, and by when: the promise to the customer.

Reads open orders and what is free; picks the place by cost within the window; never gives a
unit twice. It reserves nothing: that is the ledger's, which may still say no.

References
----------
.. [1] Acimovic, Farias (2019), "The fulfillment-optimization problem", INFORMS TutORials:
   the myopic rule with a value of stock is the base case here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from fivefold.deliver.capable import capable_to_promise
from fivefold.deliver.kits import PartsLeft, kit_parts
from fivefold.deliver.promise import BASES, NONE
from fivefold.deliver.promise_days import level_chances
from fivefold.deliver.sourcing_tables import Legs, Lines, Places
from fivefold.deliver.sourcing_world import SourcingParams, World, carriage_rates
from fivefold.model import Dataset, Outcome, schema

__all__ = ["SourcingParams", "carriage_rates", "promises_of", "source_orders"]


def source_orders(
    dataset: Dataset, params: SourcingParams | None = None, *, as_of: date
) -> Outcome:
    """Return a promise for every open order line: place, day, cost, what it stands on.

    Parameters
    ----------
    dataset : Dataset
        orders (pending and open), inventory, supply_orders, supply_plan, items, locations,
        channels, calendars, lanes, stock_targets, stock_prices, fee_cards; for what could
        still be had supplier_offers, bills_of_material, operations, resources, resource_loads.
    params : SourcingParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `promises`: one or more legs a line whose quantities add up to the line; basis `none`
        and no place for units nothing can serve. Status is feasible: orders are sourced one
        after the other. Objective: cost to serve.

    Notes
    -----
    Orders are served by priority, then age. FBA orders are served by their network; others by
    any own place. The day promised is the first with a chance of at least `confidence_share`,
    by the convolution of delay of supply and days of carriage through both calendars.
    """
    params = params or SourcingParams()
    lines = _open_lines(dataset)
    if lines.height == 0:
        return _nothing()
    wanted = lines["item"].unique().sort().to_list()
    kits = kit_parts(dataset, wanted, as_of=as_of)
    parts = {component for own in kits.values() for component in own}
    world = World(dataset, params, as_of, items=sorted({*wanted, *parts}))
    promises = _served(lines, world)
    free = world.left()
    if kits:
        left = PartsLeft(free)
        promises = _with_kits(promises, lines, dataset, world, kits, left)
        free = left.left()
    if params.capable:
        promises = _with_capable(promises, lines, dataset, world, free)
    unmet = promises.filter(pl.col("basis") == "none")
    return Outcome(
        tables={"promises": promises.select(schema("promises").names)},
        status="feasible",
        objective=float(promises["cost"].sum()),
        explanations=_explanations(promises),
        notes={
            "lines": lines.height,
            "legs": promises.height - unmet.height,
            "lines_split": promises.filter(pl.col("leg") == 2).height,
            "units_unmet": int(unmet["quantity"].sum()),
        },
    )


def _nothing() -> Outcome:
    return Outcome(
        tables={"promises": schema("promises").empty()},
        status="optimal",
        objective=0.0,
        explanations=schema("explanations").empty(),
        notes={"lines": 0, "legs": 0, "lines_split": 0, "units_unmet": 0},
    )


def _open_lines(dataset: Dataset) -> pl.DataFrame:
    """Return open order lines in the order in which they are served, orders kept together.

    Of orders equally urgent and old, that which stands first in the table was there first.
    """
    lines = dataset["orders"].filter(
        pl.col("status").is_in(["pending", "open"]) & (pl.col("quantity") > 0)
    )
    urgency = pl.col("priority").fill_null(1_000_000).min().over("order")
    return (
        lines.with_row_index("_row")
        .with_columns(
            urgency.alias("_urgency"),
            pl.col("ordered_at").min().over("order").alias("_first"),
            pl.col("_row").min().over("order").alias("_place"),
        )
        .sort("_urgency", "_first", "_place", "line")
        .drop("_row")
    )


def _served(lines: pl.DataFrame, world: World) -> pl.DataFrame:
    coded, places = world.lines_of(lines)
    return promises_of(lines, coded, places, world.serve(coded, places), world)


def _with_kits(
    promises: pl.DataFrame,
    lines: pl.DataFrame,
    dataset: Dataset,
    world: World,
    kits: Mapping[str, Mapping[str, float]],
    left: PartsLeft,
) -> pl.DataFrame:
    """Return promises in which kits put together from components come before later supply.

    Lines are looked at in the order in which they are served, and a component is given once.
    """
    later = promises.filter(pl.col("item").is_in(list(kits)) & (pl.col("basis") != "on_hand"))
    if later.height == 0:
        return promises
    told: list[pl.DataFrame] = []
    rows = lines.filter(pl.col("item").is_in(list(kits)))
    for line in rows.iter_rows(named=True):
        mine = (pl.col("order") == line["order"]) & (pl.col("line") == line["line"])
        legs = later.filter(mine)
        buckets = left.kits(line["item"], kits[line["item"]])
        if legs.height == 0 or buckets.height == 0:
            continue
        most = min(int(buckets["quantity"].sum()), int(legs["quantity"].sum()))
        again = rows.filter(mine).with_columns(quantity=pl.lit(most, dtype=pl.Int64()))
        second = World(dataset, world.params, world.as_of, items=[line["item"]], buckets=buckets)
        made = _served(again, second).filter(pl.col("basis") == "components")
        for place, units in made.select("location", "quantity").iter_rows():
            left.take(place, kits[line["item"]], units)
        told.append(_later_taken_off(promises.filter(mine), made))
        promises = promises.filter(~mine)
    return pl.concat([promises, *told]).sort("order", "line", "leg")


def _later_taken_off(legs: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Return a line's legs with those made from components in place of the latest others."""
    gone = int(made["quantity"].sum())
    kept = []
    for leg in legs.sort("deliver_on", descending=True, nulls_last=False).iter_rows(named=True):
        used = 0 if leg["basis"] == "on_hand" else min(gone, leg["quantity"])
        gone -= used
        if leg["quantity"] > used:
            share = (leg["quantity"] - used) / leg["quantity"]
            kept.append({**leg, "quantity": leg["quantity"] - used, "cost": leg["cost"] * share})
    rest = pl.DataFrame(kept, schema=legs.schema, orient="row")
    order = pl.col("basis").replace_strict({"on_hand": 0, "components": 1}, default=2)
    return (
        pl.concat([rest, made.select(legs.columns)])
        .sort(order, "deliver_on", "location", nulls_last=True)
        .with_columns(leg=pl.int_range(1, pl.len() + 1).cast(legs.schema["leg"]))
    )


def _with_capable(
    promises: pl.DataFrame, lines: pl.DataFrame, dataset: Dataset, world: World, free: pl.DataFrame
) -> pl.DataFrame:
    """Return promises in which what could still be bought or made serves what is unmet."""
    unmet = promises.filter(pl.col("basis") == "none")
    if unmet.height == 0:
        return promises
    wanted = dict(unmet.group_by("item").agg(pl.col("quantity").sum()).iter_rows())
    could = capable_to_promise(
        dataset,
        free,
        wanted,
        as_of=world.as_of,
        horizon_days=world.params.horizon_days,
    )
    if could.height == 0:
        return promises
    short = unmet.select("order", "line", units="quantity", before=pl.col("leg") - 1)
    again = lines.join(short, on=["order", "line"], maintain_order="left").with_columns(
        quantity="units"
    )
    second = World(dataset, world.params, world.as_of, items=sorted(wanted), buckets=could)
    made = _served(again, second).join(short, on=["order", "line"], maintain_order="left")
    made = made.with_columns(leg=pl.col("leg") + pl.col("before")).select(promises.columns)
    kept = promises.filter(pl.col("basis") != "none")
    return pl.concat([kept, made]).sort("order", "line", "leg")


def promises_of(
    lines: pl.DataFrame, coded: Lines, places: Places, legs: Legs, world: World
) -> pl.DataFrame:
    """Return legs as the table promises, with names for codes and the reason as a sentence.

    `more` and `other` come besides: the next best place and what it would cost more.
    """
    params = world.params
    chance, sooner_day, sooner_chance = world.chances(legs, coded, places)
    arrive = legs.arrive.copy()
    if params.on_average:
        served = legs.place >= 0
        early = np.zeros(len(arrive), dtype=np.bool_)
        early[served] = level_chances(
            chance[served], sooner_chance[served], params.confidence_share
        )
        arrive[early] = sooner_day[early].astype(np.int64)
        chance[early] = sooner_chance[early]
    names = pl.Series("place", [*world.places, None], dtype=pl.String())
    bases = pl.Series("basis", BASES)
    keys = lines.select("order", "line", "item", "channel", "promised_on")[legs.line]
    first = pl.lit(world.as_of)
    basis = np.where(legs.place < 0, NONE, legs.basis)
    found = keys.with_columns(
        pl.Series("quantity", legs.units),
        names[np.where(legs.place < 0, len(world.places), legs.place)].alias("location"),
        (first + pl.duration(days=pl.lit(pl.Series("ship", legs.ship)))).alias("ship_on"),
        (first + pl.duration(days=pl.lit(pl.Series("arrive", arrive)))).alias("deliver_on"),
        bases[basis].alias("basis"),
        pl.Series("on_time_share", chance),
        pl.Series("cost", legs.cost),
        pl.Series("more", legs.more),
        names[np.where(legs.other < 0, len(world.places), legs.other)].alias("other"),
    )
    served_row = pl.col("basis") != "none"
    found = found.with_columns(
        pl.int_range(1, pl.len() + 1).over("order", "line").alias("leg"),
        pl.when(served_row).then(pl.col("ship_on")).alias("ship_on"),
        pl.when(served_row).then(pl.col("deliver_on")).alias("deliver_on"),
        pl.when(served_row).then(pl.col("on_time_share")).alias("on_time_share"),
        pl.when(served_row).then(pl.lit(params.confidence_share)).alias("confidence_share"),
        pl.when(served_row).then(pl.col("cost")).otherwise(0.0).alias("cost"),
    )
    return found.with_columns(_sentence(params).alias("because")).sort("order", "line", "leg")


def _sentence(params: SourcingParams) -> pl.Expr:
    stands = pl.col("basis").replace_strict(
        {
            "on_hand": "stock on hand",
            "in_transit": "goods on their way",
            "planned": "planned supply",
            "capable": "supply that can still be bought or made",
            "components": "its components on hand, put together when it ships",
            "none": "",
        }
    )
    late = (
        pl.when(pl.col("deliver_on") > pl.col("promised_on"))
        .then(pl.format(", after the {} promised", pl.col("promised_on")))
        .otherwise(pl.lit(""))
    )
    next_best = (
        pl.when(pl.col("other").is_not_null() & pl.col("more").is_finite())
        .then(pl.format("; next best {}, {} more", "other", pl.col("more").round(2)))
        .otherwise(pl.lit(""))
    )
    served = pl.format(
        "{} of it from {}, standing on {}, there by {} ({} sure){}; cost {}{}.",
        "quantity",
        "location",
        stands,
        "deliver_on",
        pl.format("{}%", (pl.col("on_time_share") * 100).round(0).cast(pl.Int64)),
        late,
        pl.col("cost").round(2),
        next_best,
    )
    unmet = pl.format(
        "No place that may serve {} has or expects {} more units within {} days.",
        "channel",
        "quantity",
        pl.lit(params.horizon_days),
    )
    return pl.when(pl.col("basis") == "none").then(unmet).otherwise(served)


def _explanations(promises: pl.DataFrame) -> pl.DataFrame:
    """Return one reason a leg, and one more where another place came next."""
    subject = pl.format("promise:{}:{}", "order", "line")
    unmet = pl.col("basis") == "none"
    first = promises.select(
        subject.alias("subject"),
        pl.when(unmet).then(pl.lit("unmet")).otherwise(pl.lit("promise")).alias("reason_code"),
        pl.col("location").fill_null("").alias("reference"),
        pl.col("quantity").cast(pl.Float64).alias("quantity"),
        pl.when(unmet).then(None).otherwise(pl.col("cost")).alias("price"),
        pl.col("because").alias("text"),
    )
    second = promises.filter(pl.col("other").is_not_null() & pl.col("more").is_finite()).select(
        subject.alias("subject"),
        pl.lit("next_best").alias("reason_code"),
        pl.col("other").alias("reference"),
        pl.col("quantity").cast(pl.Float64).alias("quantity"),
        pl.col("more").alias("price"),
        pl.format("{} would cost {} more.", "other", pl.col("more").round(2)).alias("text"),
    )
    return (
        pl.concat([first, second])
        .sort("subject", maintain_order=True)
        .with_columns(pl.int_range(1, pl.len() + 1).over("subject").alias("sequence"))
        .select(schema("explanations").names)
    )
