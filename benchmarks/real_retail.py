"""Real lines of a real shop: clean them, hold the last eight weeks back, forecast them.

Data: UCI Online Retail (a British gift shop, 2010-12 to 2011-12) as one parquet or csv with the
columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country.
`--data` names another file or folder of that form.

Cleaning says what it found and drops nothing in silence:

- an invoice that begins with C takes goods back. Where it undoes a line of the same customer,
  item and quantity of at most two days before, that line was cancelled and is no demand;
  otherwise it is a return;
- an invoice that begins with A, and a code that is not of five digits first, are money, not goods;
- units below zero without a C, and goods without a price, are the shop's own stock corrections;
- a line that stands twice with all columns equal counts once.

The seasonal naive forecast repeats the same week of a year ago where the history holds one,
else the last week (the season of seven days). WAPE is over items and weeks, items that were
sold before the held-out weeks; nothing of those weeks is read when the forecast is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_timer, run
from benchmarks._retail_loop import run_loop
from fivefold.calendars import monday_of
from fivefold.model import Dataset, schema
from fivefold.plan.demand.accuracy import bias, wape
from fivefold.plan.demand.forecast import DemandParams, forecast

NAME = "real_retail"
COLUMNS = {
    "InvoiceNo": pl.String,
    "StockCode": pl.String,
    "Description": pl.String,
    "Quantity": pl.Int64,
    "InvoiceDate": pl.Datetime("us"),
    "UnitPrice": pl.Float64,
    "CustomerID": pl.Int64,
    "Country": pl.String,
}
CHANNEL, PLACE = "WEB", "WH1"
UNDONE_WITHIN_DAYS = 2
HELD_OUT_WEEKS = 8
#: A quick run forecasts so many items, every one of a fixed stride through the codes.
QUICK_ITEMS = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Retail:
    """Cleaned lines as tables of the schema, and how many lines had each problem.

    `orders` and `returns` have the columns of their tables; an undone line stands in
    `orders` as cancelled, with the moment in `undone_at`.
    """

    orders: pl.DataFrame
    returns: pl.DataFrame
    items: pl.DataFrame
    rows_read: int
    problems: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOut:
    """The first day held back, what was known before it, and what was then sold.

    `actual` has columns item, period_start, units: a row for each item known before and each
    held-out week, zeros included.
    """

    as_of: date
    known: Dataset
    actual: pl.DataFrame
    new_items: int


def read_lines(path: Path) -> pl.DataFrame:
    """Return the lines with their types.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    missing = sorted(set(COLUMNS) - set(frame.columns))
    if missing:
        raise ValueError(f"{path.name} lacks columns {missing}")
    return frame.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())


def _read_csv(path: Path) -> pl.DataFrame:
    text = path.read_bytes()
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        text = text.decode("cp1252").encode()
    found = pl.read_csv(text, schema_overrides={"InvoiceNo": pl.String, "StockCode": pl.String})
    if found["InvoiceDate"].dtype == pl.String:
        sample = pl.col("InvoiceDate")
        found = found.with_columns(
            pl.coalesce(
                sample.str.to_datetime(form, strict=False)
                for form in ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M")
            )
        )
    return found


def clean(lines: pl.DataFrame) -> Retail:
    """Return orders, returns and items of the lines, and the problems counted."""
    problems: dict[str, int] = {}

    def drop(frame: pl.DataFrame, bad: pl.Expr, name: str) -> pl.DataFrame:
        kept = frame.filter(~bad)
        problems[name] = frame.height - kept.height
        return kept

    problems["description_missing"] = lines["Description"].null_count()
    problems["customer_missing"] = lines["CustomerID"].null_count()
    goods = lines.unique(maintain_order=True)
    problems["stands_twice"] = lines.height - goods.height
    invoice, code = pl.col("InvoiceNo"), pl.col("StockCode").str.strip_chars().str.to_uppercase()
    goods = goods.with_columns(code.alias("StockCode"))
    goods = drop(goods, invoice.str.starts_with("A"), "money_not_goods_invoice")
    goods = drop(goods, ~pl.col("StockCode").str.contains(r"^\d{5}"), "money_not_goods_code")
    taken_back = invoice.str.starts_with("C")
    goods = drop(goods, ~taken_back & (pl.col("Quantity") <= 0), "own_stock_correction")
    goods = drop(goods, ~(pl.col("UnitPrice") > 0), "no_price")
    goods = drop(goods, taken_back & (pl.col("Quantity") >= 0), "taken_back_without_units")
    goods = goods.with_row_index("row").with_columns(
        pl.int_range(1, pl.len() + 1).over("InvoiceNo").alias("line")
    )
    sold, back = goods.filter(~taken_back), goods.filter(taken_back)
    undone = _undone(sold, back)
    problems["cancelled_invoice_lines"] = back.height
    problems["undone_within_two_days"] = undone.height
    return Retail(
        orders=_orders(sold, undone),
        returns=_returns(back.filter(~pl.col("row").is_in(undone["row_back"].implode()))),
        items=_items(sold),
        rows_read=lines.height,
        problems=problems,
    )


def _undone(sold: pl.DataFrame, back: pl.DataFrame) -> pl.DataFrame:
    """Return (row, row_back, undone_at) of lines and what undid them, each once."""
    keys = ["CustomerID", "StockCode", "units"]
    left = sold.with_columns(pl.col("Quantity").alias("units"))
    right = back.with_columns((-pl.col("Quantity")).alias("units")).select(
        *keys, pl.col("InvoiceDate").alias("undone_at"), pl.col("row").alias("row_back")
    )
    pairs = left.join(right, on=keys, how="inner").filter(
        (pl.col("undone_at") >= pl.col("InvoiceDate"))
        & (pl.col("undone_at") - pl.col("InvoiceDate") <= timedelta(days=UNDONE_WITHIN_DAYS))
    )
    nearest = pairs.sort("row_back", "InvoiceDate", "row", descending=[False, True, True])
    once = nearest.unique("row_back", keep="first", maintain_order=True)
    return once.unique("row", keep="first", maintain_order=True).select(
        "row", "row_back", "undone_at"
    )


def _orders(sold: pl.DataFrame, undone: pl.DataFrame) -> pl.DataFrame:
    marked = sold.join(undone.select("row", "undone_at"), on="row", how="left")
    return marked.sort("row").select(
        pl.col("InvoiceNo").alias("order"),
        "line",
        pl.col("StockCode").alias("item"),
        pl.lit(CHANNEL).alias("channel"),
        pl.col("Quantity").alias("quantity"),
        pl.col("UnitPrice").alias("unit_price"),
        pl.lit("GBP").alias("currency"),
        pl.col("InvoiceDate").dt.replace_time_zone("UTC").alias("ordered_at"),
        _status(pl.col("undone_at").is_not_null()),
        pl.col("undone_at").dt.replace_time_zone("UTC"),
    )


def _status(undone: pl.Expr) -> pl.Expr:
    said = pl.when(undone).then(pl.lit("cancelled")).otherwise(pl.lit("shipped"))
    return said.alias("status")


def _returns(back: pl.DataFrame) -> pl.DataFrame:
    return back.select(
        pl.concat_str("InvoiceNo", pl.lit("-"), "line").alias("return_id"),
        pl.col("StockCode").alias("item"),
        pl.lit(CHANNEL).alias("channel"),
        pl.lit(PLACE).alias("location"),
        (-pl.col("Quantity")).alias("quantity"),
        pl.col("InvoiceDate").dt.replace_time_zone("UTC").alias("returned_at"),
    )


def _items(sold: pl.DataFrame) -> pl.DataFrame:
    """Return one row an item: its commonest title and the price most units went at."""
    described = sold.drop_nulls("Description")
    title = described.group_by("StockCode").agg(
        pl.col("Description").mode().sort().first().str.strip_chars().alias("title")
    )
    price = sold.group_by("StockCode").agg(pl.col("UnitPrice").median().alias("price"))
    return (
        price.join(title, on="StockCode", how="left")
        .rename({"StockCode": "item"})
        .with_columns(pl.lit("GBP").alias("currency"))
        .sort("item")
    )


def dataset_of(retail: Retail, *, before: date) -> Dataset:
    """Return what the shop knew before a day: one place, one channel, items sold by then."""
    until = pl.lit(before).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    # A line undone after that day was an order like any other on that day.
    orders = (
        retail.orders.filter(pl.col("ordered_at") < until)
        .with_columns(_status((pl.col("undone_at") < until).fill_null(False)))
        .drop("undone_at")
    )
    known = orders["item"].unique()
    returns = retail.returns.filter(
        (pl.col("returned_at") < until) & pl.col("item").is_in(known.implode())
    )
    return Dataset(
        {
            "settings": schema("settings").frame(
                [
                    {"name": "plan_date", "value": before.isoformat()},
                    {"name": "currency", "value": "GBP"},
                ]
            ),
            "items": retail.items.filter(pl.col("item").is_in(known.implode())),
            "calendars": schema("calendars").frame([{"calendar": "EVERY-DAY"}]),
            "locations": schema("locations").frame(
                [{"location": PLACE, "kind": "warehouse", "calendar": "EVERY-DAY"}]
            ),
            "channels": schema("channels").frame(
                [{"channel": CHANNEL, "kind": "web", "location": PLACE}]
            ),
            "orders": orders,
            "returns": returns,
        }
    )


def hold_out(retail: Retail, *, weeks: int = HELD_OUT_WEEKS) -> HoldOut:
    """Return what was known before the last `weeks` whole weeks, and what they brought.

    Raises
    ------
    ValueError
        If there is no history before them.
    """
    last = retail.orders["ordered_at"].max()
    first = retail.orders["ordered_at"].min()
    if last is None or first is None:
        raise ValueError("there are no order lines")
    end = monday_of(last.date() + timedelta(days=1))
    as_of = end - timedelta(weeks=weeks)
    if as_of <= first.date() + timedelta(weeks=weeks):
        raise ValueError(f"lines from {first} to {last} are too few to hold {weeks} weeks back")
    known = dataset_of(retail, before=as_of)
    week = weekly_units(retail.orders).filter(
        (pl.col("period_start") >= as_of) & (pl.col("period_start") < end)
    )
    items = known["items"].select("item")
    starts = pl.DataFrame({"period_start": [as_of + timedelta(weeks=k) for k in range(weeks)]})
    actual = (
        items.join(starts, how="cross")
        .join(week, on=["item", "period_start"], how="left")
        .with_columns(pl.col("units").fill_null(0))
        .sort("item", "period_start")
    )
    fresh = week.join(items, on="item", how="anti")["item"].n_unique()
    return HoldOut(as_of=as_of, known=known, actual=actual, new_items=fresh)


def weekly_units(orders: pl.DataFrame) -> pl.DataFrame:
    """Return units wanted and not cancelled by item and week, weeks without any left out."""
    return (
        orders.filter(pl.col("status") != "cancelled")
        .group_by("item", pl.col("ordered_at").dt.date().dt.truncate("1w").alias("period_start"))
        .agg(pl.col("quantity").sum().alias("units"))
    )


def seasonal_naive(held: HoldOut) -> pl.DataFrame:
    """Return for each row of `actual` the week a year ago, or the last week where there is none.

    Columns item, period_start, units.
    """
    past = weekly_units(held.known["orders"])
    first = past["period_start"].min()
    year_ago = pl.col("period_start") - pl.duration(weeks=52)
    yearly = isinstance(first, date) and first <= held.as_of - timedelta(weeks=52)
    last_week = pl.lit(held.as_of - timedelta(weeks=1))
    wanted = held.actual.select(
        "item", "period_start", (year_ago if yearly else last_week).cast(pl.Date).alias("like")
    )
    return wanted.join(
        past.rename({"period_start": "like"}), on=["item", "like"], how="left"
    ).select("item", "period_start", pl.col("units").fill_null(0))


def measure(options: Options) -> Measured:
    """Read, clean, hold back, forecast; give WAPE over all and by size of item."""
    retail = clean(read_lines(options.file("online_retail", "*.parquet")))
    held = hold_out(retail)
    if options.quick:
        held = _fewer_items(held, QUICK_ITEMS)
    problems = held.known.problems()
    naive = seasonal_naive(held)
    with cpu_timer() as timer:
        outcome = forecast(held.known, DemandParams(periods=HELD_OUT_WEEKS), as_of=held.as_of)
    means = outcome["forecast_means"].select(
        "item", "period_start", pl.col("units_mean").alias("mean")
    )
    both = (
        held.actual.join(means, on=["item", "period_start"], how="left")
        .join(naive.rename({"units": "naive"}), on=["item", "period_start"])
        .with_columns(pl.col("mean").fill_null(0.0))
    )
    rows = [_row(name, part) for name, part in _by_size(both, held)]
    everything = _row("all", both)
    eight = both.group_by("item").agg(pl.col("units", "mean", "naive").sum())
    loop = run_loop(
        held.known,
        held.actual,
        as_of=held.as_of,
        place=PLACE,
        weeks=HELD_OUT_WEEKS,
        replications=3 if options.quick else 10,
    )
    gain, traced = loop.proof.figure("profit"), loop.traced.figure("profit")
    summary = {
        "rows_read": retail.rows_read,
        "problems": sum(retail.problems.values()),
        "problems_of_dataset": len(problems),
        "items": held.known["items"].height,
        "items_new_in_held_out": held.new_items,
        "as_of": held.as_of.isoformat(),
        "forecast_cpu_s": timer.cpu_s,
        "plan_cpu_s": loop.plan_cpu_s,
        "plan_status": loop.plan.status,
        "plan_violations": loop.plan["violations"].height,
        "wape": everything["wape"],
        "wape_seasonal_naive": everything["wape_seasonal_naive"],
        "bias": everything["bias"],
        "wape_item_totals": wape(eight["units"].to_numpy(), eight["mean"].to_numpy()),
        "wape_item_totals_seasonal_naive": wape(
            eight["units"].to_numpy(), eight["naive"].to_numpy()
        ),
        "twin_gain": gain.difference,
        "twin_gain_ci": [gain.low, gain.high],
        "twin_gain_share": gain.difference / abs(gain.old) if gain.old else None,
        "twin_fill_rate": [loop.proof.figure("fill_rate").old, loop.proof.figure("fill_rate").new],
        "traced_gain": traced.difference,
        "traced_profit": [traced.old, traced.new],
        "traced_fill_rate": [
            loop.traced.figure("fill_rate").old,
            loop.traced.figure("fill_rate").new,
        ],
        "assumed": "cost 50 % of price, 0.23 a unit handled and carried, "
        "lead time 14 ± 4 days + 2, lots of 6, 4 weeks in stock",
    }
    found = [{"case": f"problem:{name}", "lines": n} for name, n in retail.problems.items()]
    return Measured(rows=[*rows, *found], summary=summary)


def _row(case: str, part: pl.DataFrame) -> dict[str, Any]:
    actual = part["units"].to_numpy()
    return {
        "case": case,
        "items": part["item"].n_unique(),
        "units": int(actual.sum()),
        "wape": wape(actual, part["mean"].to_numpy()),
        "wape_seasonal_naive": wape(actual, part["naive"].to_numpy()),
        "bias": bias(actual, part["mean"].to_numpy()),
    }


def _by_size(both: pl.DataFrame, held: HoldOut) -> list[tuple[str, pl.DataFrame]]:
    """Return the rows of items by what they sold before: 80 %, the next 15 %, the rest."""
    sold = weekly_units(held.known["orders"]).group_by("item").agg(pl.col("units").sum())
    ranked = sold.sort("units", "item", descending=[True, False]).with_columns(
        (pl.col("units").cum_sum() / pl.col("units").sum()).alias("share")
    )
    groups = []
    for name, low, high in (("A", 0.0, 0.8), ("B", 0.8, 0.95), ("C", 0.95, 1.01)):
        items = ranked.filter((pl.col("share") > low) & (pl.col("share") <= high))["item"]
        part = both.filter(pl.col("item").is_in(items.implode()))
        if part.height:
            groups.append((f"items:{name}", part))
    return groups


def _fewer_items(held: HoldOut, count: int) -> HoldOut:
    """Return the same with `count` items spread evenly over the codes."""
    items = held.known["items"]["item"].sort()
    if len(items) <= count:
        return held
    kept = items.gather(np.linspace(0, len(items) - 1, count).astype(np.int64).tolist()).implode()
    mine = pl.col("item").is_in(kept)
    tables = {name: held.known[name].filter(mine) for name in ("items", "orders", "returns")}
    return HoldOut(
        as_of=held.as_of,
        known=held.known.with_tables(**tables),
        actual=held.actual.filter(mine),
        new_items=held.new_items,
    )


if __name__ == "__main__":
    run(NAME, measure)
