"""Make or buy: parts that add up, hours at their cost, prices offered, units the plan has."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, violations
from fivefold.check.network import make_hours
from fivefold.model import Dataset, schema

_TABLE = "make_or_buy"
_KEY = ["item", "location", "way"]


def check_make_or_buy(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield what is wrong with the comparison of making and buying."""
    compared = dataset[_TABLE]
    if compared.height == 0:
        return
    yield from _sums(compared)
    yield from _hours(compared, dataset)
    yield from _prices(compared, dataset)
    yield from _planned(compared, dataset)
    yield from _chosen(compared)


def _broken(frame: pl.DataFrame, rule: str, found: str, expected: pl.Expr | str) -> pl.DataFrame:
    return violations(frame, table=_TABLE, key=_KEY, rule=rule, found=found, expected=expected)


def _sums(compared: pl.DataFrame) -> Iterator[pl.DataFrame]:
    apart = ("unit_cost", "total_unit_cost", "limit_unit_cost")
    names = [c for c in schema(_TABLE).names if c.endswith("_unit_cost") and c not in apart]
    parts = pl.sum_horizontal(pl.col(name).fill_null(0.0) for name in names)
    yield _broken(
        compared.filter((pl.col("unit_cost") - parts).abs() > EPS), "parts_add_up", "unit_cost",
        parts,
    )  # fmt: skip
    total = pl.col("unit_cost") + pl.col("limit_unit_cost")
    yield _broken(
        compared.filter((pl.col("total_unit_cost") - total).abs() > EPS),
        "total_has_limits",
        "total_unit_cost",
        total,
    )


def _hours(compared: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """The hours of a make cost what its resources cost, good units at the end counted."""
    costs = dataset["resources"].select("resource", cost=pl.col("cost_per_hour").fill_null(0.0))
    worked = (
        make_hours(dataset)
        .join(costs, on="resource", how="inner")
        .group_by(item="product", source="location")
        .agg(wanted=(pl.col("hours") * pl.col("cost")).sum())
    )
    made = (
        compared.filter(pl.col("kind") == "make")
        .join(worked, on=["item", "source"], how="inner")
        .with_columns(told=pl.col("machine_unit_cost") + pl.col("labour_unit_cost"))
    )
    yield _broken(
        made.filter((pl.col("told") - pl.col("wanted")).abs() > EPS),
        "hours_at_their_cost",
        "told",
        pl.col("wanted"),
    )


def _prices(compared: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """A buy names a price its supplier asks: of an option, else of the offer."""
    options = dataset["sourcing_options"].select("item", "unit_price", source="supplier")
    offers = dataset["supplier_offers"].select("item", "unit_price", source="supplier")
    asked = pl.concat([options, offers.join(options, on="item", how="anti")])
    bought = compared.filter(pl.col("kind") == "buy")
    priced = bought.join(asked, on=["item", "source"], how="inner")
    fits = priced.filter((pl.col("price_unit_cost") - pl.col("unit_price")).abs() <= EPS)
    yield _broken(
        bought.join(fits, on=_KEY, how="anti"),
        "price_is_asked",
        "price_unit_cost",
        "a price of the supplier",
    )


def _planned(compared: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """What comes straight to the place is what the plan's decisions of that way bring."""
    straight = pl.concat_str("kind", "item", "source", "location", separator=":")
    own = compared.filter(pl.col("way").str.starts_with(straight))
    decided = (
        dataset["supply_plan"]
        .filter(pl.col("kind") != "move")
        .select(
            "quantity",
            # A decision's name ends with the day it is due.
            way=pl.col("decision").str.replace(r":\d{4}-\d{2}-\d{2}$", ""),
        )
        .group_by("way")
        .agg(wanted=pl.col("quantity").sum(), lots=pl.len())
    )
    told = own.join(decided, on="way", how="left").with_columns(
        pl.col("wanted").fill_null(0), pl.col("lots").fill_null(0)
    )
    # Decisions are whole units.
    slack = 0.5 * pl.col("lots") + 0.5
    yield _broken(
        told.filter((pl.col("planned_units") - pl.col("wanted")).abs() > slack),
        "units_are_planned",
        "planned_units",
        pl.col("wanted"),
    )


def _chosen(compared: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Of the ways to a place the one with most units is chosen, and none without any."""
    most = pl.col("planned_units").max().over("item", "location")
    count = pl.col("is_chosen").sum().over("item", "location")
    told = compared.with_columns(most=most, count=count)
    wrong = pl.col("is_chosen") & (pl.col("planned_units") < pl.col("most") - EPS)
    yield _broken(
        told.filter(wrong | (pl.col("count") != (pl.col("most") > EPS).cast(pl.UInt32))),
        "most_units_are_chosen",
        "planned_units",
        pl.col("most"),
    )
