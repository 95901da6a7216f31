"""Price proposals, markdown paths and the range: do they keep the rules they were made under?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset

#: Half a cent and a little: money below it is rounding.
CENT = 0.0051


def check_prices(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield proposed prices and markdowns that break a price rule or contradict themselves."""
    proposals = dataset["price_proposals"]
    if proposals.height == 0:
        return
    yield from _within_rules(
        proposals.filter(pl.col("action").is_in(["raise", "lower", "markdown"])),
        dataset,
        "price_proposals",
        ["item", "channel"],
    )
    yield from _within_rules(
        dataset["markdown_paths"], dataset, "markdown_paths", ["item", "channel", "week_start"]
    )
    change = pl.col("price") - pl.col("price_now")
    wrong = (
        ((pl.col("action") == "raise") & (change <= 0))
        | (pl.col("action").is_in(["lower", "markdown"]) & (change >= 0))
        | ((pl.col("action") == "keep") & (change.abs() > CENT))
    )
    yield violations(
        proposals.filter(wrong),
        table="price_proposals",
        key=["item", "channel"],
        rule="action_is_what_the_price_does",
        found=phrase("{} from {} to {}", "action", "price_now", "price"),
        expected="raise goes up, lower and markdown go down, keep stays",
    )
    path = dataset["markdown_paths"].sort("item", "channel", "week_start")
    before = pl.col("stock_units_mean").shift(1).over("item", "channel")
    yield violations(
        path.filter(pl.col("stock_units_mean") > before + 0.01),
        table="markdown_paths",
        key=["item", "channel", "week_start"],
        rule="stock_only_falls",
        found="stock_units_mean",
        expected="no more than the week before",
    )


def _within_rules(
    rows: pl.DataFrame, dataset: Dataset, table: str, key: list[str]
) -> Iterator[pl.DataFrame]:
    """Yield rows below a floor or above a ceiling, the rule of the channel going first."""
    rules = dataset["price_rules"]
    if rows.height == 0 or rules.height == 0:
        return
    names = ["floor_price", "minimum_advertised_price", "ceiling_price"]
    own = rules.filter(pl.col("channel") != "").select("item", "channel", *names)
    every = rules.filter(pl.col("channel") == "").select(
        "item", *(pl.col(name).alias(f"{name}_any") for name in names)
    )
    marked = own.with_columns(own=pl.lit(value=True))
    joined = rows.join(marked, on=["item", "channel"], how="left").join(
        every, on="item", how="left"
    )
    has_own = pl.col("own").fill_null(value=False)
    held = joined.with_columns(
        pl.when(has_own).then(pl.col(name)).otherwise(pl.col(f"{name}_any")).alias(name)
        for name in names
    ).with_columns(least=pl.max_horizontal("floor_price", "minimum_advertised_price"))
    # Rules that contradict each other cannot both be kept; the proposal then keeps the price.
    clear = (pl.col("least") <= pl.col("ceiling_price")).fill_null(value=True)
    yield violations(
        held.filter(clear & (pl.col("price") < pl.col("least") - CENT)),
        table=table,
        key=key,
        rule="not_below_floor",
        found="price",
        expected=phrase("≥ {}", "least"),
    )
    yield violations(
        held.filter(clear & (pl.col("price") > pl.col("ceiling_price") + CENT)),
        table=table,
        key=key,
        rule="not_above_ceiling",
        found="price",
        expected=phrase("≤ {}", "ceiling_price"),
    )


def check_range(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield choices of the range that contradict themselves or the channels they name."""
    choices = dataset["portfolio_choices"]
    if choices.height == 0:
        return
    out = pl.col("action").is_in(["end", "leave_out"])
    yield violations(
        choices.filter(out & (pl.col("units_per_year") > 0)),
        table="portfolio_choices",
        key=["item", "channel"],
        rule="not_offered_sells_nothing",
        found="units_per_year",
        expected="0",
    )
    yield violations(
        choices.group_by("item").len("rows").filter(pl.col("rows") > 1),
        table="portfolio_choices",
        key=["item"],
        rule="one_choice_an_item",
        found="rows",
        expected="1",
    )
    yield violations(
        choices.filter(pl.col("effective_on") < as_of),
        table="portfolio_choices",
        key=["item", "channel"],
        rule="not_in_the_past",
        found="effective_on",
        expected=f"from {as_of} on",
    )
    eligible = dataset["channel_choices"].select("item", "channel", "eligible", "is_today")
    joined = choices.join(eligible, on=["item", "channel"], how="left")
    forbidden = ~pl.col("eligible").fill_null(value=False)
    yield violations(
        joined.filter(pl.col("action").is_in(["move", "launch", "relaunch"]) & forbidden),
        table="portfolio_choices",
        key=["item", "channel"],
        rule="channel_is_open",
        found="channel",
        expected="a channel the item may be sold in",
    )
