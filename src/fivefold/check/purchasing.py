"""Purchase orders: do they carry out the decisions in time, and does the money add up?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import closed_days, lane_days, shortest_days
from fivefold.model import Dataset


def check_purchases(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield purchase orders that do not add up, come late or break the supplier's terms."""
    orders = dataset["purchase_orders"]
    if orders.height == 0:
        return
    rates = exchange_rates(dataset)
    lines = dataset["purchase_order_lines"].join(
        orders.select("order", "supplier", "destination", "mode", "ordered_on", "expected_on"),
        on="order",
        how="left",
    )
    yield from _money(orders, dataset["purchase_order_lines"])
    yield from _smallest_value(orders, dataset, rates)
    yield from _dates(orders, lines, dataset, as_of)
    yield from _lots(lines, dataset)
    yield from _prices(lines, dataset, rates)
    yield from _carry_out(lines, dataset)
    yield from _decision_of_line(lines, dataset)


def _broken_orders(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken, table="purchase_orders", key=["order"], rule=rule, found=found, expected=expected
    )


def _broken_lines(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken,
        table="purchase_order_lines",
        key=["order", "line"],
        rule=rule,
        found=found,
        expected=expected,
    )


def exchange_rates(dataset: Dataset) -> pl.DataFrame:
    """Return main currency per unit of each supplier's own; empty where no setting tells."""
    main = dataset.setting("currency", "USD")
    currencies = dataset["suppliers"]["currency"].drop_nulls().unique().sort().to_list()
    known = {
        currency: 1.0
        if currency in ("", main)
        else dataset.setting_number(f"exchange_rate_{currency}", float("nan"))
        for currency in currencies
    }
    rate = pl.col("currency").replace_strict(known, default=None, return_dtype=pl.Float64)
    return dataset["suppliers"].select(
        "supplier",
        rate=pl.when(pl.col("currency").is_null()).then(1.0).otherwise(rate).fill_nan(None),
    )


def _money(orders: pl.DataFrame, lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    summed = lines.group_by("order").agg(
        goods=(pl.col("quantity") * pl.col("unit_price")).sum(),
        landed=(pl.col("quantity") * pl.col("landed_unit_cost")).sum(),
        all_landed=pl.col("landed_unit_cost").is_not_null().all(),
        lines=pl.len(),
    )
    joined = orders.join(summed, on="order", how="left")
    # Each line is rounded to the cent.
    room = 0.01 * (pl.col("lines") + 1)
    yield _broken_orders(
        joined.filter(pl.col("lines").is_null()),
        "order_has_lines",
        pl.lit("no lines"),
        "at least one",
    )
    yield _broken_orders(
        joined.filter((pl.col("goods_value") - pl.col("goods")).abs() > room),
        "goods_value_is_sum_of_lines",
        "goods_value",
        "goods",
    )
    parts = sum(
        (pl.col(c).fill_null(0.0) for c in ("freight_value", "duty_value", "other_value")),
        start=pl.col("goods_value"),
    )
    # Where a part is not known for every line it is empty, and the known lines' is in the total.
    known = pl.col("freight_value").is_not_null() & pl.col("duty_value").is_not_null()
    off = pl.col("landed_value") - parts
    yield _broken_orders(
        orders.filter((off < -0.02) | ((off > 0.02) & known)),
        "landed_is_goods_and_the_rest",
        "landed_value",
        parts,
    )
    yield _broken_orders(
        joined.filter(
            pl.col("all_landed") & ((pl.col("landed_value") - pl.col("landed")).abs() > room)
        ),
        "landed_value_is_sum_of_lines",
        "landed_value",
        "landed",
    )


def _smallest_value(
    orders: pl.DataFrame, dataset: Dataset, rates: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    terms = dataset["suppliers"].select("supplier", "minimum_order_value")
    joined = orders.join(terms, on="supplier", how="inner").join(rates, on="supplier", how="left")
    least = pl.col("minimum_order_value") * pl.col("rate")
    # What a supplier is asked for on one day is one order to it, with several deliveries.
    asked = joined.with_columns(asked=pl.col("goods_value").sum().over("supplier", "ordered_on"))
    yield _broken_orders(
        asked.filter(pl.col("asked") < least - EPS),
        "minimum_order_value",
        "asked",
        phrase("≥ {}", least.round(2)),
    )


def _dates(
    orders: pl.DataFrame, lines: pl.DataFrame, dataset: Dataset, as_of: date
) -> Iterator[pl.DataFrame]:
    yield _broken_orders(
        orders.filter(pl.col("ordered_on") < as_of),
        "not_in_the_past",
        "ordered_on",
        f"{as_of} or later",
    )
    lead = dataset["supplier_offers"].select("supplier", "item", "lead_time_days_mean")
    lanes = lane_days(dataset).select("destination", "mode", "lane_days", supplier="source")
    paths = shortest_days(dataset).rename({"source": "supplier"})
    timed = (
        lines.join(lead, on=["supplier", "item"], how="inner")
        .join(lanes, on=["supplier", "destination", "mode"], how="left")
        .join(paths, on=["supplier", "destination"], how="left")
    )
    taken = (pl.col("expected_on") - pl.col("ordered_on")).dt.total_days()
    needed = pl.col("lead_time_days_mean") + pl.coalesce("lane_days", "path_days", pl.lit(0.0))
    yield _broken_lines(
        timed.filter(taken < needed - 1e-6),
        "lead_time",
        taken,
        phrase("≥ {} days", needed.round(1)),
    )
    first, last = orders["ordered_on"].min(), orders["ordered_on"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return
    shut = closed_days(dataset, first, last + timedelta(days=1))
    places = dataset["locations"].select("calendar", supplier="location")
    yield _broken_orders(
        orders.join(places, on="supplier", how="inner").join(
            shut, left_on=["calendar", "ordered_on"], right_on=["calendar", "day"], how="semi"
        ),
        "starts_on_open_day",
        "ordered_on",
        phrase("a working day of calendar {}", pl.col("calendar")),
    )


def _lots(lines: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    offers = dataset["supplier_offers"].select(
        "supplier", "item", "minimum_quantity", "order_multiple", offered=pl.lit(True)
    )
    priced = lines.join(offers, on=["supplier", "item"], how="left")
    yield _broken_lines(
        priced.filter(pl.col("offered").is_null()),
        "supplier_offers_item",
        "supplier",
        "a supplier with an offer for the item",
    )
    yield _broken_lines(
        priced.filter(pl.col("quantity") < pl.col("minimum_quantity")),
        "minimum_quantity",
        "quantity",
        phrase("≥ {}", pl.col("minimum_quantity")),
    )
    yield _broken_lines(
        priced.filter(pl.col("quantity") % pl.col("order_multiple") != 0),
        "order_multiple",
        "quantity",
        phrase("a multiple of {}", pl.col("order_multiple")),
    )


def _prices(lines: pl.DataFrame, dataset: Dataset, rates: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Compare the price of each line with the price list at the order's quantity of the item."""
    bought = lines.with_columns(ordered=pl.col("quantity").sum().over("order", "item"))
    priced = (
        bought.join(_list_prices(bought, dataset), on=["supplier", "item", "ordered"], how="inner")
        .join(rates, on="supplier", how="left")
        .with_columns(wanted=pl.col("listed") * pl.col("rate"))
    )
    yield _broken_lines(
        priced.filter((pl.col("unit_price") - pl.col("wanted")).abs() > 1e-4),
        "price_is_that_of_the_quantity",
        "unit_price",
        "wanted",
    )


def _list_prices(bought: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Return the mean list price a unit of each (supplier, item, ordered quantity).

    A break gives the price of all units, or of those from it on, up to the next break.
    """
    key = ["supplier", "item", "ordered"]
    wanted = bought.select(key).unique()
    base = dataset["supplier_offers"].select(
        "supplier", "item", "unit_price", from_quantity=pl.lit(1, dtype=pl.Int64), rank=0
    )
    breaks = dataset["price_breaks"].select(
        "supplier", "item", "unit_price", "from_quantity", "kind", rank=1
    )
    steps = (
        pl.concat([base, breaks], how="diagonal_relaxed")
        .with_columns(pl.col("from_quantity").clip(lower_bound=1))
        .sort("rank")
        # A break from the first unit on replaces the price of the offer.
        .unique(subset=["supplier", "item", "from_quantity"], keep="last", maintain_order=True)
        .sort("supplier", "item", "from_quantity")
        .with_columns(
            ends=pl.col("from_quantity").shift(-1).over("supplier", "item"),
            kind=pl.col("kind").drop_nulls().first().over("supplier", "item"),
        )
        .join(wanted, on=["supplier", "item"], how="inner")
        .filter(pl.col("from_quantity") <= pl.col("ordered"))
    )
    till = pl.min_horizontal(pl.col("ends") - 1, "ordered")
    part = (till - pl.col("from_quantity") + 1) * pl.col("unit_price")
    return steps.group_by(key).agg(
        listed=pl.when(pl.col("kind").first() == "incremental")
        .then(part.sum() / pl.col("ordered").first())
        .otherwise(pl.col("unit_price").sort_by("from_quantity").last())
    )


def _carry_out(lines: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Orders bring what was decided by the day it was decided for, and no more than lots ask.

    Decisions that start after the last order is placed may be ordered another day; where a line
    says that it carries one out ahead of its day, that one counts as well.
    """
    buys = dataset["supply_plan"].filter(
        (pl.col("kind") == "buy") & pl.col("status").is_in(["proposed", "approved"])
    )
    started = pl.col("start_on") <= lines["ordered_on"].max()
    decided = buys.filter(started)
    taken = buys.filter(started | pl.col("decision").is_in(_carried_out(lines).implode()))
    key = ["supplier", "item", "destination"]
    wanted = decided.select(
        "item",
        "destination",
        supplier="source",
        day="due_on",
        wanted="quantity",
        bought=pl.lit(0, dtype=pl.Int64),
    )
    bought = lines.select(
        *key, day="expected_on", wanted=pl.lit(0, dtype=pl.Int64), bought="quantity"
    )
    summed = (
        pl.concat([wanted.select(bought.columns), bought])
        .group_by(*key, "day")
        .agg(pl.col("wanted", "bought").sum())
        .sort(*key, "day")
        .with_columns(pl.col("wanted", "bought").cum_sum().over(key))
    )
    yield violations(
        summed.filter(pl.col("bought") < pl.col("wanted")),
        table="purchase_order_lines",
        key=[*key, "day"],
        rule="orders_come_in_time",
        found="bought",
        expected=phrase("≥ {} by then", pl.col("wanted")),
    )
    offers = dataset["supplier_offers"].select(
        "supplier", "item", "minimum_quantity", "order_multiple"
    )
    placed = lines.group_by(key).agg(
        bought=pl.col("quantity").sum(), lines=pl.len(), first=pl.col("order").first()
    )
    total = taken.group_by("item", "destination", supplier="source").agg(
        wanted=pl.col("quantity").sum()
    )
    # A line may be raised by less than a lot, or to the minimum.
    raised = pl.col("lines") * (
        pl.max_horizontal("minimum_quantity", "order_multiple").fill_null(1) - 1
    )
    over = (
        placed.join(total, on=key, how="left")
        .join(offers, on=["supplier", "item"], how="left")
        .with_columns(most=pl.col("wanted").fill_null(0) + raised)
        .filter(pl.col("bought") > pl.col("most"))
    )
    yield violations(
        over,
        table="purchase_order_lines",
        key=key,
        rule="no_more_than_decided",
        found="bought",
        expected=phrase("≤ {}", pl.col("most")),
    )


def _carried_out(lines: pl.DataFrame) -> pl.Series:
    """Return the decisions that lines say they carry out; a line may name several."""
    told = lines.select(pl.coalesce("decisions", "decision").drop_nulls().str.split(" "))
    return told.to_series().explode().drop_nulls().unique()


def _decision_of_line(lines: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    decided = dataset["supply_plan"].select(
        "decision", decided_item="item", decided_source="source", decided_place="destination"
    )
    joined = lines.join(decided, on="decision", how="inner")
    same = (
        (pl.col("item") == pl.col("decided_item"))
        & (pl.col("supplier") == pl.col("decided_source"))
        & (pl.col("destination") == pl.col("decided_place"))
    )
    yield _broken_lines(
        joined.filter(~same),
        "line_is_of_its_decision",
        phrase("{} from {} to {}", "item", "supplier", "destination"),
        phrase("{} from {} to {}", "decided_item", "decided_source", "decided_place"),
    )
