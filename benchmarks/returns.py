"""Returns: volumes on real cancellations, and what the chosen ways bring on a drawn population.

    python -m benchmarks.returns [--suite volume|disposition|all] [--data PATH] [--quick] [--json]

`volume` takes the Online Retail lines (cancelled invoices count as returns; lines without a
stock code of goods are left out). A cancellation is joined to the last purchase of the same
customer and item before it. At the start of each block of four weeks the volume of the block
is forecast by item from what was known then, by `forecast_returns` and by a constant rate
(units back over units sold so far, times the same sales forecast: the mean of eight weeks).
The last three blocks are the test; the options of `forecast_returns` were chosen on the
blocks before them and are frozen in `PARAMS`. WAPE is over the volume of all items by block,
over items and blocks (most items have none, so that a forecast of nothing would have 1), and
over the same by lines, where one line of 74,215 units that was cancelled at once does not
drown the rest.

`disposition` draws 2,000 returns (300 when quick) at a warehouse and a fulfilment network and
compares what comes of `value_options` under a full bench with restocking all that may be
(the rest disposed of) and liquidating all. What comes of it is drawn too: shares of success
and recovery differ from those assumed, by kind of goods. The choice under the bench is
compared with the exact one of HiGHS on the same values.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_timer, run
from fivefold.deliver.fees import fee_cards
from fivefold.model import Dataset
from fivefold.returns.bench import BenchJob, choose
from fivefold.returns.disposition import OPTIONS, DispositionParams, value_options
from fivefold.returns.volumes import VolumeParams, forecast_returns

BLOCK_DAYS, TEST_BLOCKS = 28, 3
#: Chosen on the blocks before the test.
PARAMS = VolumeParams(periods=4, longest_lag_days=90, category_weight_units=50.0)
AS_OF = date(2026, 11, 22)
#: Time of the bench for each return that waits: about half of what would like to be mended.
BENCH_MINUTES_A_UNIT = 0.5


def goods_lines(path: Path) -> pl.DataFrame:
    """Return lines of goods with the day and whether they were cancelled."""
    frame = pl.read_parquet(path)
    return frame.filter(
        pl.col("StockCode").str.contains(r"^\d{5}") & (pl.col("UnitPrice") > 0)
    ).select(
        invoice="InvoiceNo",
        item="StockCode",
        units=pl.col("Quantity").abs().cast(pl.Int64),
        at="InvoiceDate",
        customer="CustomerID",
        cancelled=pl.col("InvoiceNo").str.starts_with("C"),
    ).filter(pl.col("units") > 0)  # fmt: skip


def joined_returns(lines: pl.DataFrame) -> pl.DataFrame:
    """Return cancelled lines with the last purchase of the same customer and item before them."""
    sold = (
        lines.filter(~pl.col("cancelled") & pl.col("customer").is_not_null())
        .select("customer", "item", "at", order="invoice")
        .sort("at")
    )
    back = lines.filter("cancelled").sort("at")
    known = back.filter(pl.col("customer").is_not_null()).join_asof(
        sold, on="at", by=["customer", "item"], strategy="backward", check_sortedness=False
    )
    unknown = back.filter(pl.col("customer").is_null()).with_columns(
        order=pl.lit(None, dtype=pl.String())
    )
    return pl.concat([known, unknown], how="diagonal_relaxed").sort("at", "invoice", "item")


def company(lines: pl.DataFrame, returns: pl.DataFrame, as_of: date) -> Dataset:
    """Return what was known at the end of a day."""
    known = lines.filter(~pl.col("cancelled") & (pl.col("at").dt.date() <= as_of))
    back = returns.filter(pl.col("at").dt.date() <= as_of)
    instant = pl.col("at").dt.replace_time_zone("UTC")
    # Several lines of one item on one invoice are one line of it.
    orders = known.group_by("invoice", "item", maintain_order=True).agg(
        quantity=pl.col("units").sum(), ordered_at=instant.first()
    )
    return Dataset(
        {
            "items": pl.DataFrame({"item": lines["item"].unique().sort()}),
            "channels": pl.DataFrame({"channel": ["WEB"], "kind": ["web"], "location": ["UK"]}),
            "orders": orders.select(
                order="invoice",
                line=pl.int_range(1, pl.len() + 1),
                item="item",
                channel=pl.lit("WEB"),
                quantity="quantity",
                ordered_at="ordered_at",
                status=pl.lit("shipped"),
            ),
            "returns": back.with_row_index("n").select(
                return_id=pl.format("R{}", "n"),
                order="order",
                item="item",
                channel=pl.lit("WEB"),
                quantity="units",
                returned_at=instant,
            ),
            "forecast_means": sales_ahead(known, as_of),
        }
    )


def sales_ahead(sold: pl.DataFrame, as_of: date, weeks: int = 8) -> pl.DataFrame:
    """Return the mean weekly sales of the last weeks as the forecast of the next four."""
    recent = sold.filter(pl.col("at").dt.date() > as_of - timedelta(days=7 * weeks))
    means = recent.group_by("item").agg(units_mean=pl.col("units").sum() / weeks)
    starts = pl.DataFrame(
        {"period_start": [as_of + timedelta(days=1 + 7 * week) for week in range(4)]}
    )
    return means.join(starts, how="cross").select(
        "item", pl.lit("UK").alias("location"), "period_start", "units_mean"
    )


def as_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the same lines, each of one unit."""
    return lines.with_columns(units=pl.lit(1, dtype=pl.Int64()))


def block_errors(lines: pl.DataFrame, params: VolumeParams, start: date) -> dict[str, float]:
    """Return absolute errors of one block by item and of its total, ours and the constant rate."""
    as_of = start - timedelta(days=1)
    returns = joined_returns(lines)
    dataset = company(lines, returns, as_of)
    with cpu_timer() as timer:
        outcome = forecast_returns(dataset, params, as_of=as_of)
    ours = outcome["returns_forecast"].group_by("item").agg(ours=pl.col("units_mean").sum())
    sold = dataset["orders"]["quantity"].sum()
    rate = dataset["returns"]["quantity"].sum() / sold
    constant = (
        dataset["forecast_means"].group_by("item").agg(constant=pl.col("units_mean").sum() * rate)
    )
    day = pl.col("at").dt.date()
    actual = (
        returns.filter((day >= start) & (day < start + timedelta(days=BLOCK_DAYS)))
        .group_by("item")
        .agg(actual=pl.col("units").sum())
    )
    both = (
        ours.join(constant, on="item", how="full", coalesce=True)
        .join(actual, on="item", how="full", coalesce=True)
        .fill_null(0.0)
    )
    total = both.select(pl.col("ours", "constant", "actual").sum()).row(0, named=True)
    return {
        "actual": float(total["actual"]),
        "ours": float(total["ours"]),
        "constant": float(total["constant"]),
        "item_error": float((both["ours"] - both["actual"]).abs().sum()),
        "item_error_constant": float((both["constant"] - both["actual"]).abs().sum()),
        "total_error": abs(total["ours"] - total["actual"]),
        "total_error_constant": abs(total["constant"] - total["actual"]),
        "cpu_s": timer.cpu_s,
    }


def block_starts(lines: pl.DataFrame) -> list[date]:
    """Return the Mondays on which blocks start, the last one whole; the first eight weeks teach."""
    first, last = lines["at"].min(), lines["at"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    end = last.date() + timedelta(days=1)
    end -= timedelta(days=end.weekday())
    count = (end - first.date() - timedelta(days=56)).days // BLOCK_DAYS
    return [end - timedelta(days=BLOCK_DAYS * back) for back in range(count, 0, -1)]


def volume_rows(options: Options) -> list[dict[str, Any]]:
    """Return a row a test block, for units and for lines."""
    lines = goods_lines(options.file("online_retail", "*.parquet"))
    rows = []
    for measure, frame in (("units", lines), ("lines", as_lines(lines))):
        for start in block_starts(lines)[-TEST_BLOCKS:]:
            found = block_errors(frame, PARAMS, start)
            rows.append({"case": f"{measure} from {start}", "measure": measure, **found})
    return rows


def wapes(rows: list[dict[str, Any]], measure: str) -> dict[str, float]:
    """Return the four WAPEs of a measure."""
    own = [row for row in rows if row.get("measure") == measure]
    actual = sum(row["actual"] for row in own)
    return {
        name: sum(row[key] for row in own) / actual
        for name, key in (
            ("wape", "total_error"),
            ("wape_constant_rate", "total_error_constant"),
            ("wape_item", "item_error"),
            ("wape_item_constant_rate", "item_error_constant"),
        )
    }


def population(rng: np.random.Generator, count: int) -> Dataset:
    """Return a drawn company whose returns wait for a decision."""
    price = np.round(np.exp(rng.normal(3.2, 0.8, count)), 2)
    states = rng.choice(
        ["SELLABLE", "CUSTOMER_DAMAGED", "DEFECTIVE", "CARRIER_DAMAGED"],
        size=count,
        p=[0.45, 0.28, 0.2, 0.07],
    )
    names = [f"I{n:05d}" for n in range(count)]
    cards = fee_cards()
    return Dataset(
        {
            "items": pl.DataFrame(
                {
                    "item": names,
                    "unit_cost": np.round(price * rng.uniform(0.15, 0.45, count), 2),
                    "price": price,
                    "weight_kg": np.round(np.exp(rng.normal(-0.9, 0.7, count)), 3),
                    "length_cm": 25.0 + rng.uniform(0, 10, count),
                    "width_cm": 10.0 + rng.uniform(0, 10, count),
                    "height_cm": 4.0 + rng.uniform(0, 10, count),
                }
            ),
            "locations": pl.DataFrame(
                {"location": ["FBA-US", "WH1"], "kind": ["fulfilment_network", "warehouse"]}
            ),
            "fee_cards": cards,
            "returns": pl.DataFrame(
                {
                    "return_id": [f"R{n:05d}" for n in range(count)],
                    "item": names,
                    "location": rng.choice(["FBA-US", "WH1"], size=count, p=[0.4, 0.6]),
                    "quantity": np.ones(count, dtype=np.int64),
                    "returned_at": [datetime(2026, 11, 20, tzinfo=UTC)] * count,
                    "disposition": states,
                }
            ),
        }
    )


def realised(dataset: Dataset, ways: dict[str, str], seed: int) -> float:
    """Return what came of it: success and recovery drawn by kind of goods, not as assumed.

    The same draws whatever was chosen: a unit's luck on each way is its own.
    """
    rng = np.random.default_rng(seed)
    kinds = 8
    # True shares of success by kind of goods, spread round those assumed.
    truth = {
        "refurbish": rng.beta(0.6 * 6, 0.4 * 6, kinds),
        "repackage": rng.beta(0.8 * 6, 0.2 * 6, kinds),
        "sell_used": rng.beta(0.7 * 6, 0.3 * 6, kinds),
    }
    values: dict[str, dict[str, float]] = {}
    for share in (0.0, 1.0):
        params = DispositionParams(
            refurbish_success_share=share,
            repackage_success_share=share,
            used_success_share=share,
            bench_minutes=1e9,
        )
        found = value_options(dataset, params, as_of=AS_OF)["dispositions"]
        for name, option, value in found.select("return_id", "option", "value").iter_rows():
            values.setdefault(name, {})[f"{option}{share:.0f}"] = value
    total = 0.0
    for n, name in enumerate(sorted(values)):
        luck, recovery = rng.random(), rng.uniform(0.5, 1.5)
        way = ways[name]
        if way in truth:
            total += values[name][f"{way}{1 if luck < truth[way][n % kinds] else 0}"]
        else:
            value = values[name][f"{way}0"] or 0.0
            total += value * recovery if way == "liquidate" and value > 0 else value
    return total


def disposition_row(options: Options, seed: int) -> dict[str, Any]:
    """Return values of the ways chosen, of the two simple rules and of the exact choice."""
    count = 300 if options.quick else 2000
    dataset = population(np.random.default_rng(seed), count)
    params = DispositionParams(bench_minutes=count * BENCH_MINUTES_A_UNIT)
    with cpu_timer() as timer:
        outcome = value_options(dataset, params, as_of=AS_OF)
    table = outcome["dispositions"]
    usable = table.filter(pl.col("allowed") & pl.col("value").is_not_null())
    chosen = dict(usable.filter("chosen").select("return_id", "option").iter_rows())
    simple = {way: _or_dispose(usable, way) for way in ("restock", "liquidate")}
    jobs = [
        BenchJob(values=tuple(own["value"]), minutes=tuple(own["bench_minutes"]))
        for _, own in usable.group_by("return_id", maintain_order=True)
    ]
    exact, exact_cpu = _highs(jobs, count * BENCH_MINUTES_A_UNIT, options.seconds)
    ours = choose(jobs, count * BENCH_MINUTES_A_UNIT)
    worth = dict(
        usable.select(pl.concat_str("return_id", "option", separator="|"), "value").iter_rows()
    )
    expected = {
        name: sum(worth[f"{unit}|{way}"] for unit, way in ways.items())
        for name, ways in (("ours", chosen), *simple.items())
    }
    return {
        "case": f"population {seed}",
        "returns": count,
        "minutes_used": outcome.notes["bench_minutes_used"],
        "price_per_hour": outcome.notes["bench_price_per_hour"],
        "value": expected["ours"],
        "value_restock_all": expected["restock"],
        "value_liquidate_all": expected["liquidate"],
        "realised": realised(dataset, chosen, seed),
        "realised_restock_all": realised(dataset, simple["restock"], seed),
        "realised_liquidate_all": realised(dataset, simple["liquidate"], seed),
        "gap_to_exact": 1.0 - ours.value / exact,
        "cpu_s": timer.cpu_s,
        "exact_cpu_s": exact_cpu,
    }


def _or_dispose(usable: pl.DataFrame, way: str) -> dict[str, str]:
    """Return the way of each return by a simple rule: one way where allowed, else disposal."""
    ways: dict[str, set[str]] = {}
    for name, option in usable.select("return_id", "option").iter_rows():
        ways.setdefault(name, set()).add(option)
    order = [way, "dispose", *OPTIONS]
    return {name: next(o for o in order if o in had) for name, had in ways.items()}


def _highs(jobs: list[BenchJob], capacity: float, seconds: float) -> tuple[float, float]:
    """Return the best value by mixed-integer programming, and its CPU-seconds."""
    import highspy

    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("time_limit", seconds)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    with cpu_timer() as timer:
        columns = [[solver.addBinary() for _ in job.values] for job in jobs]
        for own in columns:
            solver.addConstr(sum(own[1:], start=own[0]) == 1)
        pairs = [
            (column, minutes, value)
            for own, job in zip(columns, jobs, strict=True)
            for column, minutes, value in zip(own, job.minutes, job.values, strict=True)
        ]
        solver.addConstr(solver.qsum(c * m for c, m, _ in pairs if m) <= capacity)
        solver.maximize(solver.qsum(c * v for c, _, v in pairs))
    return float(solver.getInfo().objective_function_value), timer.cpu_s


def measure(options: Options) -> Measured:
    """Return what the suites found."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer = None
    if options.suite in ("all", "volume"):
        found = volume_rows(options)
        rows += found
        units, by_line = wapes(found, "units"), wapes(found, "lines")
        summary |= units | {f"{name}_lines": value for name, value in by_line.items()}
    if options.suite in ("all", "disposition"):
        seeds = range(options.seed, options.seed + (2 if options.quick else 5))
        drawn = [disposition_row(options, seed) for seed in seeds]
        rows += drawn
        ours = sum(row["realised"] for row in drawn)
        gains = {
            rule: ours - sum(row[f"realised_{rule}"] for row in drawn)
            for rule in ("restock_all", "liquidate_all")
        }
        returns = sum(row["returns"] for row in drawn)
        summary |= {
            "disposition_value": ours / returns,
            "disposition_gain": gains["restock_all"] / returns,
            "disposition_gain_over_liquidate_all": gains["liquidate_all"] / returns,
            "disposition_gap_to_exact": max(row["gap_to_exact"] for row in drawn),
        }
        peer = {
            "name": "HiGHS",
            "version": version("highspy"),
            "summary": {"exact_cpu_s": sum(row["exact_cpu_s"] for row in drawn)},
        }
    return Measured(rows=rows, summary=summary, peer=peer)


if __name__ == "__main__":
    run("returns", measure, suites=("all", "volume", "disposition"))
