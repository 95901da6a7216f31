"""Channel choices, promises and dispositions: is the best the best, and is it there?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset


def check_channels(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield channel choices that do not follow from their own fees."""
    choices = dataset["channel_choices"]
    if choices.height == 0:
        return
    fees = (
        dataset["channel_fees"]
        .group_by("item", "channel")
        .agg(fees=pl.col("counted").fill_null(0.0).sum())
    )
    joined = choices.join(fees, on=["item", "channel"], how="left")
    wanted = pl.col("price") - pl.col("fees").fill_null(0.0)
    yield violations(
        joined.filter((pl.col("contribution") - wanted).abs() > 0.015),
        table="channel_choices",
        key=["item", "channel"],
        rule="contribution_is_price_less_lines",
        found="contribution",
        expected=wanted,
        text="contribution is the price less every line of fees and costs",
    )
    stated = dataset["channel_fees"].filter(
        pl.col("amount").is_not_null() & ((pl.col("amount") - pl.col("counted")).abs() > 1e-6)
        | (pl.col("counted") < pl.col("amount_low") - 1e-6)
        | (pl.col("counted") > pl.col("amount_high") + 1e-6)
    )
    yield violations(
        stated,
        table="channel_fees",
        key=["item", "channel", "line"],
        rule="counted_is_known_or_within_range",
        found="counted",
        expected=pl.format("{} ({} to {})", "amount", "amount_low", "amount_high"),
        text="what is counted is the known figure, or lies within its range",
    )
    eligible = choices.filter(pl.col("eligible") & pl.col("contribution").is_not_null())
    best = eligible.group_by("item").agg(best=pl.col("contribution").max())
    chosen = choices.filter(pl.col("is_best")).join(best, on="item", how="left")
    yield violations(
        chosen.filter(~pl.col("eligible") | (pl.col("contribution") < pl.col("best") - 0.005)),
        table="channel_choices",
        key=["item", "channel"],
        rule="best_is_best",
        found="contribution",
        expected="best",
        text="the channel chosen is eligible and none is better",
    )


def check_promises(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield promises of more than is there, or of more than was ordered."""
    promises = dataset["promises"]
    if promises.height == 0:
        return
    from_stock = (
        promises.filter(pl.col("basis") == "on_hand")
        .group_by("item", "location")
        .agg(promised=pl.col("quantity").sum())
    )
    there = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by("item", "location")
        .agg(there=(pl.col("on_hand") - pl.col("allocated").fill_null(0)).sum())
    )
    joined = from_stock.join(there, on=["item", "location"], how="left").with_columns(
        pl.col("there").fill_null(0)
    )
    yield violations(
        joined.filter(pl.col("promised") > pl.col("there")),
        table="promises",
        key=["item", "location"],
        rule="nothing_promised_twice",
        found="promised",
        expected=pl.format("≤ {}", pl.col("there")),
        text="no more is promised from stock than is free",
    )
    wanted = dataset["orders"].select("order", "line", wanted="quantity")
    lines = (
        promises.group_by("order", "line")
        .agg(promised=pl.col("quantity").sum())
        .join(wanted, on=["order", "line"], how="inner")
    )
    yield violations(
        lines.filter(pl.col("promised") > pl.col("wanted")),
        table="promises",
        key=["order", "line"],
        rule="no_more_than_ordered",
        found="promised",
        expected=pl.format("≤ {}", pl.col("wanted")),
        text="no more is promised than was ordered",
    )
    yield violations(
        promises.filter((pl.col("ship_on") < as_of) | (pl.col("deliver_on") < pl.col("ship_on"))),
        table="promises",
        key=["order", "line", "leg"],
        rule="promise_dates",
        found=pl.format("ships {} arrives {}", "ship_on", "deliver_on"),
        expected=f"ships from {as_of} on and arrives after",
        text="a promise is for days to come, in order",
    )


def check_dispositions(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield dispositions where a better allowed way was left."""
    options = dataset["dispositions"]
    if options.height == 0:
        return
    allowed = options.filter(pl.col("allowed") & pl.col("value").is_not_null())
    best = allowed.group_by("return_id").agg(best=pl.col("value").max())
    chosen = options.filter(pl.col("chosen")).join(best, on="return_id", how="left")
    yield violations(
        chosen.filter(~pl.col("allowed") | (pl.col("value") < pl.col("best") - 0.005)),
        table="dispositions",
        key=["return_id", "option"],
        rule="best_is_best",
        found="value",
        expected="best",
        text="the way chosen is allowed and none is worth more",
    )
    counted = options.group_by("return_id").agg(chosen=pl.col("chosen").sum())
    yield violations(
        counted.filter(pl.col("chosen") != 1),
        table="dispositions",
        key=["return_id"],
        rule="one_way_chosen",
        found="chosen",
        expected="1",
        text="each return goes one way",
    )
