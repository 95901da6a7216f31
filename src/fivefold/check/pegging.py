"""Pegs: what serves what. Nothing serves twice, before it is there, or something else.

Also changes proposed to existing orders, which must be changes that can still be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import DONE, bill_lines, orders_as_changed, shortest_days
from fivefold.model import Dataset

_KEY = ["consumer", "item", "location", "origin_kind", "origin", "available_on"]


def check_pegging(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield pegs of more than there is, of the wrong item, or of goods not there yet."""
    pegs = dataset["pegging"]
    if pegs.height == 0:
        return
    yield from _served_twice(pegs, dataset)
    yield from _wrong_origin(pegs, dataset)
    yield from _too_early(pegs, dataset)
    yield from _inputs_of_decisions(pegs, dataset)
    yield from _orders_served(pegs, dataset)
    yield from _late_is_unmet(pegs, dataset)


def _broken(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(broken, table="pegging", key=_KEY, rule=rule, found=found, expected=expected)


def _served_twice(pegs: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Units taken from stock, an order or a decision are no more than it has."""
    stock = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by("item", "location")
        .agg(there=(pl.col("on_hand") - pl.col("allocated").fill_null(0)).clip(0).sum())
        .with_columns(origin_kind=pl.lit("stock"), origin=pl.lit(""))
    )
    placed = orders_as_changed(dataset).select(
        "item",
        location="destination",
        there="left",
        origin_kind=pl.lit("supply_order"),
        origin=phrase("{}/{}", "order", "line"),
    )
    decided = dataset["supply_plan"].select(
        "item",
        location="destination",
        there="quantity",
        origin_kind=pl.lit("decision"),
        origin="decision",
    )
    columns = ["item", "location", "origin_kind", "origin"]
    there = pl.concat(frame.select(*columns, "there") for frame in (stock, placed, decided))
    taken = (
        pegs.filter(pl.col("origin_kind") != "returns")
        .group_by(columns)
        .agg(taken=pl.col("units").sum())
        .join(there.group_by(columns).agg(pl.col("there").sum()), on=columns, how="left")
        .with_columns(pl.col("there").fill_null(0))
    )
    yield violations(
        taken.filter(pl.col("taken") > pl.col("there") + EPS),
        table="pegging",
        key=["origin_kind", "origin", "item", "location"],
        rule="nothing_serves_twice",
        found="taken",
        expected=phrase("≤ {}", pl.col("there")),
    )


def _wrong_origin(pegs: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    made = dataset["supply_plan"].select(origin="decision", brings="item", brought_to="destination")
    joined = pegs.filter(pl.col("origin_kind") == "decision").join(made, on="origin", how="left")
    same = (pl.col("brings") == pl.col("item")) & (pl.col("brought_to") == pl.col("location"))
    yield _broken(
        joined.filter(~same.fill_null(False)),
        "item_and_place_agree",
        phrase("{} at {}", "item", "location"),
        phrase("{} at {}", pl.col("brings").fill_null("?"), pl.col("brought_to").fill_null("?")),
    )


def _too_early(pegs: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Goods serve from the week they come in, and a decision starts when its inputs are there."""
    decided = dataset["supply_plan"].select(origin="decision", comes="due_on")
    placed = orders_as_changed(dataset).select(
        origin=phrase("{}/{}", "order", "line"), comes="expected_on"
    )
    comes = pl.concat([decided, placed]).unique(subset="origin", maintain_order=True)
    starts = dataset["supply_plan"].select(consumer="decision", starts="start_on")
    joined = (
        pegs.filter(pl.col("origin_kind").is_in(["decision", "supply_order"]))
        .join(comes, on="origin", how="inner")
        .join(starts, on="consumer", how="left")
    )
    came = pl.col("comes").dt.truncate("1w")
    yield _broken(
        joined.filter(pl.col("available_on").dt.truncate("1w") < came),
        "used_when_it_is_there",
        "available_on",
        phrase("week of {} or later", "comes"),
    )
    yield _broken(
        joined.filter(
            (pl.col("starts").dt.truncate("1w") < came)
            | (pl.col("starts").dt.truncate("1w") < pl.col("available_on").dt.truncate("1w"))
        ),
        "starts_when_inputs_are_there",
        "starts",
        phrase("week of {} or later", pl.max_horizontal("comes", "available_on")),
    )


def _inputs_of_decisions(pegs: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """A move takes its units where it starts; a make takes each line of its bill once."""
    plan = dataset["supply_plan"]
    moves = plan.filter(pl.col("kind") == "move").select(
        "decision",
        "source",
        line="item",
        component="item",
        needed=pl.col("quantity").cast(pl.Float64),
    )
    makes = plan.filter(pl.col("kind") == "make")
    parts = bill_lines(
        makes.select("decision", "item", "destination", "start_on", "quantity"), dataset
    ).select("decision", "line", "component", "needed", source="destination")
    wanted = pl.concat(
        frame.select("decision", "source", "line", "component", "needed")
        for frame in (moves, parts)
    )
    taken = (
        pegs.filter(pl.col("consumer_kind") == "supply")
        .group_by(decision="consumer", component="item", source="location")
        .agg(taken=pl.col("units").sum())
    )
    lines = (
        wanted.join(taken, on=["decision", "component", "source"], how="left")
        .with_columns(pl.col("taken").fill_null(0.0))
        .group_by("decision", "line")
        .agg(
            component=pl.col("component").first(),
            needed=pl.col("needed").first(),
            taken=pl.col("taken").sum(),
            share=(pl.col("taken") / pl.col("needed")).sum(),
        )
    )
    yield violations(
        lines.filter(
            (pl.col("share") - 1.0).abs() * pl.col("needed") > EPS + 1e-6 * pl.col("needed")
        ),
        table="pegging",
        key=["decision", "component"],
        rule="inputs_are_taken_once",
        found="taken",
        expected="needed",
    )
    # Alternatives that were not chosen are no inputs of a decision; anything else is none.
    yield violations(
        taken.filter(pl.col("taken") > EPS).join(
            wanted, on=["decision", "component", "source"], how="anti"
        ),
        table="pegging",
        key=["decision", "component"],
        rule="takes_only_its_inputs",
        found="taken",
        expected="0",
    )


def _orders_served(pegs: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    orders = dataset["orders"].select(
        consumer=phrase("{}/{}", "order", "line"), wanted_item="item", wanted="quantity"
    )
    served = (
        pegs.filter(pl.col("consumer_kind") == "order")
        .group_by("consumer", "item")
        .agg(served=pl.col("units").sum())
        .join(orders, on="consumer", how="left")
    )
    yield violations(
        served.filter(
            (pl.col("wanted_item").is_null())
            | (pl.col("item") != pl.col("wanted_item"))
            | (pl.col("served") > pl.col("wanted") + EPS)
        ),
        table="pegging",
        key=["consumer", "item"],
        rule="orders_get_what_they_want",
        found=phrase("{} of {}", pl.col("served").round(2), "item"),
        expected=phrase("≤ {} of {}", "wanted", "wanted_item"),
    )


def _late_is_unmet(pegs: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    week = pl.col("wanted_on").dt.truncate("1w")
    late = (
        pegs.filter(
            pl.col("consumer_kind").is_in(["order", "forecast"])
            & (pl.col("available_on").dt.truncate("1w") > week)
        )
        .group_by("item", "location", period_start=week)
        .agg(late=pl.col("units").sum())
    )
    unmet = (
        dataset["unmet_demand"]
        .group_by("item", "location", "period_start")
        .agg(unmet=pl.col("units").sum())
    )
    joined = late.join(unmet, on=["item", "location", "period_start"], how="left").with_columns(
        pl.col("unmet").fill_null(0.0)
    )
    yield violations(
        joined.filter(pl.col("late") > pl.col("unmet") + EPS),
        table="pegging",
        key=["item", "location", "period_start"],
        rule="late_is_unmet",
        found="late",
        expected=phrase("≤ {} unmet", pl.col("unmet").round(2)),
    )


def check_changes(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield changes to orders that are not there, have left, or change the other way."""
    changes = dataset["supply_changes"]
    if changes.height == 0:
        return
    orders = dataset["supply_orders"].select(
        "order",
        "line",
        "status",
        "shipped_on",
        "expected_on",
        "source",
        "destination",
        ordered_item="item",
        left=pl.col("quantity") - pl.col("quantity_received").fill_null(0),
    )
    ways = shortest_days(dataset)
    joined = changes.join(orders, on=["order", "line"], how="left").join(
        ways, on=["source", "destination"], how="left"
    )

    def broken(
        test: pl.Expr, rule: str, found: str | pl.Expr, expected: str | pl.Expr
    ) -> pl.DataFrame:
        return violations(
            joined.filter(test),
            table="supply_changes",
            key=["order", "line"],
            rule=rule,
            found=found,
            expected=expected,
        )

    yield broken(
        pl.col("status").is_null() | (pl.col("item") != pl.col("ordered_item")),
        "changes_an_order",
        "item",
        pl.col("ordered_item").fill_null("an existing order"),
    )
    gone = (pl.col("status").is_in([*DONE, "in_transit"]) | pl.col("shipped_on").is_not_null()) & (
        pl.col("change") != "keep"
    )
    yield broken(gone, "shipped_is_frozen", "change", "keep")
    sooner, later = pl.col("to_date") < pl.col("from_date"), pl.col("to_date") > pl.col("from_date")
    less = pl.col("to_quantity") < pl.col("from_quantity")
    more = pl.col("to_quantity") > pl.col("from_quantity")
    right = (
        pl.when(pl.col("change") == "expedite").then(sooner)
        .when(pl.col("change") == "defer").then(later)
        .when(pl.col("change") == "cancel").then(pl.col("to_quantity") == 0)
        .when(pl.col("change") == "reduce").then(less)
        .when(pl.col("change") == "increase").then(more)
        .otherwise(~sooner & ~later & ~less & ~more)
    )  # fmt: skip
    yield broken(
        ~right.fill_null(True),
        "change_is_what_it_says",
        phrase(
            "{} {} → {}, {} → {}", "change", "from_date", "to_date", "from_quantity", "to_quantity"
        ),
        "dates and units that agree with it",
    )
    yield broken(
        (pl.col("from_date") != pl.col("expected_on"))
        | (pl.col("from_quantity") != pl.col("left")),
        "changes_from_what_is",
        phrase("{}, {} units", "from_date", "from_quantity"),
        phrase("{}, {} units", "expected_on", "left"),
    )
    # Goods not shipped yet still have to travel, were they ready today.
    soonest = pl.lit(as_of) + pl.duration(days=pl.col("path_days").fill_null(0.0).ceil())
    yield broken(
        (pl.col("change") == "expedite") & (pl.col("to_date") < soonest),
        "expedite_can_be_done",
        "to_date",
        phrase("{} or later", soonest),
    )
