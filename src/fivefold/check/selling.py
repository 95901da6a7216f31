"""Channel choices, promises and dispositions: is the best the best, and is it there?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.check.network import DONE
from fivefold.model import Dataset

#: Half a cent: money below it is rounding.
CENT = 0.005


def check_channels(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield channel choices that do not follow from their own fees."""
    choices = dataset["channel_choices"]
    if choices.height == 0:
        return
    fees = dataset["channel_fees"]
    counted = fees.group_by("item", "channel").agg(fees=pl.col("counted").fill_null(0.0).sum())
    joined = choices.join(counted, on=["item", "channel"], how="left")
    wanted = pl.col("price") - pl.col("fees").fill_null(0.0)
    yield violations(
        joined.filter((pl.col("contribution") - wanted).abs() > 3 * CENT),
        table="channel_choices",
        key=["item", "channel"],
        rule="contribution_is_price_less_lines",
        found="contribution",
        expected=wanted,
    )
    yield violations(
        fees.filter(
            ((pl.col("amount") - pl.col("counted")).abs() > 1e-6)
            | (pl.col("counted") < pl.col("amount_low") - 1e-6)
            | (pl.col("counted") > pl.col("amount_high") + 1e-6)
        ),
        table="channel_fees",
        key=["item", "channel", "line"],
        rule="counted_is_known_or_within_range",
        found="counted",
        expected=phrase(
            "{} ({} to {})",
            *(
                pl.col(c).cast(pl.String).fill_null("?")
                for c in ("amount", "amount_low", "amount_high")
            ),
        ),
    )
    yield from _best_channel(choices)


def _best_channel(choices: pl.DataFrame) -> Iterator[pl.DataFrame]:
    eligible = choices.filter(pl.col("eligible") & pl.col("contribution").is_not_null())
    best = eligible.group_by("item").agg(best=pl.col("contribution").max())
    chosen = choices.filter(pl.col("is_best")).join(best, on="item", how="left")
    yield violations(
        chosen.filter(~pl.col("eligible") | (pl.col("contribution") < pl.col("best") - CENT)),
        table="channel_choices",
        key=["item", "channel"],
        rule="best_is_best",
        found="contribution",
        expected="best",
    )
    yield violations(
        chosen.group_by("item").len("best").filter(pl.col("best") > 1),
        table="channel_choices",
        key=["item"],
        rule="one_best",
        found="best",
        expected="1",
    )
    low = pl.col("contribution_low") > pl.col("contribution") + CENT
    high = pl.col("contribution_high") < pl.col("contribution") - CENT
    yield violations(
        choices.filter(low | high),
        table="channel_choices",
        key=["item", "channel"],
        rule="contribution_within_range",
        found="contribution",
        expected=phrase(
            "{} to {}", pl.col("contribution_low").round(4), pl.col("contribution_high").round(4)
        ),
    )


def check_promises(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield promises of more than is there, or of more than was ordered."""
    promises = dataset["promises"]
    if promises.height == 0:
        return
    yield from _within_stock(promises, dataset)
    yield from _within_supply(promises, dataset, as_of)
    yield from _within_orders(promises, dataset)
    yield from _within_components(promises, dataset, as_of)
    yield from _substitutes_by_rule(dataset, as_of)
    yield violations(
        promises.filter((pl.col("ship_on") < as_of) | (pl.col("deliver_on") < pl.col("ship_on"))),
        table="promises",
        key=["order", "line", "leg"],
        rule="promise_dates",
        found=phrase("ships {} arrives {}", "ship_on", "deliver_on"),
        expected=f"ships from {as_of} on and arrives after",
    )


def _free_stock(dataset: Dataset) -> pl.DataFrame:
    return (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by("item", "location")
        .agg(there=(pl.col("on_hand") - pl.col("allocated").fill_null(0)).sum())
    )


def _within_stock(promises: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    from_stock = (
        promises.filter(pl.col("basis") == "on_hand")
        .group_by("item", "location")
        .agg(promised=pl.col("quantity").sum())
        .join(_free_stock(dataset), on=["item", "location"], how="left")
        .with_columns(pl.col("there").fill_null(0))
    )
    yield violations(
        from_stock.filter(pl.col("promised") > pl.col("there")),
        table="promises",
        key=["item", "location"],
        rule="nothing_promised_twice",
        found="promised",
        expected=phrase("≤ {}", pl.col("there")),
    )


def _within_supply(promises: pl.DataFrame, dataset: Dataset, as_of: date) -> Iterator[pl.DataFrame]:
    """Summed by day of dispatch, promises are within stock and all that comes until then."""
    key = ["item", "location"]
    zero = pl.lit(0, dtype=pl.Int64)
    stock = _free_stock(dataset).select(*key, day=pl.lit(as_of), there="there", promised=zero)
    placed = (
        dataset["supply_orders"]
        .filter(~pl.col("status").is_in(list(DONE)))
        .select(
            "item",
            location="destination",
            day=pl.max_horizontal("expected_on", pl.lit(as_of)),
            there=pl.col("quantity") - pl.col("quantity_received").fill_null(0),
            promised=zero,
        )
    )
    decided = dataset["supply_plan"].select(
        "item", location="destination", day="due_on", there="quantity", promised=zero
    )
    given = promises.filter(
        pl.col("location").is_not_null()
        & ~pl.col("basis").is_in(["none", "capable", "components"])
        & pl.col("ship_on").is_not_null()
    ).select(*key, day="ship_on", there=zero, promised="quantity")
    columns = [*key, "day", "there", "promised"]
    summed = (
        pl.concat(frame.select(columns) for frame in (stock, placed, decided, given))
        .group_by(*key, "day")
        .agg(pl.col("there", "promised").sum())
        .sort(*key, "day")
        .with_columns(pl.col("there", "promised").cum_sum().over(key))
    )
    yield violations(
        summed.filter(pl.col("promised") > pl.col("there")),
        table="promises",
        key=[*key, "day"],
        rule="promise_within_supply",
        found="promised",
        expected=phrase("≤ {}", pl.col("there")),
    )


def _within_components(
    promises: pl.DataFrame, dataset: Dataset, as_of: date
) -> Iterator[pl.DataFrame]:
    """Kits put together take no more of a component at a place than is free and not promised."""
    kits = promises.filter(pl.col("basis") == "components")
    if kits.height == 0:
        return
    allowed = dataset["items"].filter("assemble_to_order").select("item")
    yield violations(
        kits.join(allowed, on="item", how="anti"),
        table="promises",
        key=["order", "line", "leg"],
        rule="kit_may_be_put_together",
        found="item",
        expected="a kit with assemble_to_order",
    )
    begun = pl.col("effective_from").is_null() | (pl.col("effective_from") <= as_of)
    ended = pl.col("effective_to").is_not_null() & (pl.col("effective_to") < as_of)
    bill = dataset["bills_of_material"].filter(begun & ~ended & ~pl.col("is_by_product"))
    # Of components that replace each other one is taken; the one named first.
    rank = pl.col("priority").rank("ordinal").over("product", "alternate_group")
    bill = bill.filter(pl.col("alternate_group").is_null() | (rank == 1))
    scrap = pl.col("scrap_share").fill_null(0.0)
    needs = (
        kits.group_by("order", "line", "item", "location")
        .agg(pl.col("quantity").sum())
        .join(bill, left_on="item", right_on="product")
        .with_columns(
            need=(pl.col("quantity") * pl.col("quantity_per") / (1.0 - scrap) - 1e-6).floor()
        )
        .group_by("component", "location")
        .agg(need=pl.col("need").sum())
    )
    plain = (
        promises.filter(pl.col("basis") == "on_hand")
        .group_by(component="item", location="location")
        .agg(plain=pl.col("quantity").sum())
    )
    free = _free_stock(dataset).rename({"item": "component"})
    told = (
        needs.join(free, on=["component", "location"], how="left")
        .join(plain, on=["component", "location"], how="left")
        .with_columns(pl.col("there", "plain").fill_null(0))
    )
    yield violations(
        told.filter(pl.col("need") + pl.col("plain") > pl.col("there")),
        table="promises",
        key=["component", "location"],
        rule="kits_within_components",
        found=phrase("{} and {} promised as such", pl.col("need"), pl.col("plain")),
        expected=phrase("≤ {}", pl.col("there")),
    )


def _substitutes_by_rule(dataset: Dataset, as_of: date) -> Iterator[pl.DataFrame]:
    """An offer stands on a rule in force, in its ratio, and comes sooner than the item."""
    offers = dataset["substitution_offers"]
    if offers.height == 0:
        return
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= as_of)
    ended = pl.col("valid_to").is_not_null() & (pl.col("valid_to") < as_of)
    rules = (
        dataset["substitutes"]
        .filter(begun & ~ended)
        .group_by("item", "substitute")
        .agg(least=pl.col("ratio").min(), most=pl.col("ratio").max())
    )
    ratio = pl.col("substitute_quantity") / pl.col("quantity")
    each = 1.0 / pl.col("quantity")
    known = offers.join(rules, on=["item", "substitute"], how="left")
    out_of_ratio = (ratio < pl.col("least") - 1e-9) | (ratio > pl.col("most") + each)
    yield violations(
        known.filter(pl.col("least").is_null() | out_of_ratio),
        table="substitution_offers",
        key=["order", "line", "substitute"],
        rule="substitute_by_rule",
        found=phrase("{} for {}", "substitute_quantity", "quantity"),
        expected="a rule in force and its ratio",
    )
    yield violations(
        offers.filter(pl.col("otherwise_on") <= pl.col("deliver_on")),
        table="substitution_offers",
        key=["order", "line", "substitute"],
        rule="substitute_is_sooner",
        found="deliver_on",
        expected=phrase("before {}", "otherwise_on"),
    )


def _within_orders(promises: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    wanted = dataset["orders"].select("order", "line", wanted="quantity", wanted_item="item")
    lines = (
        promises.group_by("order", "line", "item")
        .agg(promised=pl.col("quantity").sum())
        .join(wanted, on=["order", "line"], how="left")
    )
    yield violations(
        lines.filter(pl.col("promised") > pl.col("wanted")),
        table="promises",
        key=["order", "line"],
        rule="no_more_than_ordered",
        found="promised",
        expected=phrase("≤ {}", pl.col("wanted")),
    )
    yield violations(
        lines.filter((pl.col("item") != pl.col("wanted_item")).fill_null(True)),
        table="promises",
        key=["order", "line"],
        rule="promise_of_what_was_ordered",
        found="item",
        expected=pl.col("wanted_item").fill_null("an order line"),
    )


def check_dispositions(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield dispositions where a better way was left, or the bench is asked for too much."""
    options = dataset["dispositions"]
    if options.height == 0:
        return
    options = options.with_columns(pl.col("bench_minutes").fill_null(0.0))
    hours = dataset.setting_number("refurbishing_bench_hours_per_week", -1.0)
    picked = options.filter(pl.col("chosen"))
    used = float(picked["bench_minutes"].sum())
    capacity = math.inf if hours < 0 else hours * 60.0
    allowed = options.filter(pl.col("allowed") & pl.col("value").is_not_null())
    own = picked.select("return_id", own=pl.col("bench_minutes"))
    # A way that needs more of the bench than is left is no better choice.
    better = (
        allowed.join(own, on="return_id", how="left")
        .filter(pl.col("bench_minutes") <= pl.col("own").fill_null(0.0) + (capacity - used) + 1e-9)
        .group_by("return_id")
        .agg(best=pl.col("value").max())
    )
    chosen = picked.join(better, on="return_id", how="left")
    yield violations(
        chosen.filter(~pl.col("allowed") | (pl.col("value") < pl.col("best") - CENT)),
        table="dispositions",
        key=["return_id", "option"],
        rule="best_is_best",
        found="value",
        expected="best",
    )
    if used > capacity + 1e-6:
        yield violations(
            picked.filter(pl.col("bench_minutes") > 0).with_columns(
                used=pl.lit(used), capacity=pl.lit(capacity)
            ),
            table="dispositions",
            key=["return_id", "option"],
            rule="bench_capacity",
            found="used",
            expected="capacity",
        )
    # Where no way has a known value, none is chosen, and the plan says what is missing.
    options = options.join(allowed.select("return_id").unique(), on="return_id", how="semi")
    counted = options.group_by("return_id").agg(chosen=pl.col("chosen").sum())
    yield violations(
        counted.filter(pl.col("chosen") != 1),
        table="dispositions",
        key=["return_id"],
        rule="one_way_chosen",
        found="chosen",
        expected="1",
    )
