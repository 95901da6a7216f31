"""The whole loop on a shop that states neither costs nor suppliers: both are assumed, and said so.

Cost, lead time, lots and opening stock are the same for the plan and for the rule it is measured
against, so they decide the size of a difference more than its sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks._form import cpu_timer
from fivefold.cycle.bookkeeping import stock_commands
from fivefold.cycle.planning import PlanParams, plan
from fivefold.cycle.plans import Plan
from fivefold.ledger.journal import Journal
from fivefold.model import Dataset, schema
from fivefold.twin.experiment import Proof, prove, trace

SUPPLIER = "ASSUMED-SUPPLIER"
COST_SHARE = 0.5
LEAD_TIME_DAYS = 14.0
LEAD_TIME_SD_DAYS = 4.0
LOT_UNITS = 6
OPENING_WEEKS = 4
#: An order of this shop holds some twenty lines of ten units, so a unit shares its parcel.
HANDLING = {"PICK_PACK": 0.10, "PACKAGING": 0.03, "PARCEL_CARRIAGE": 0.10}


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What the loop did on the shop: the plan, its CPU-seconds, drawn and traced twins."""

    plan: Plan
    plan_cpu_s: float
    proof: Proof
    traced: Proof


def supplied(known: Dataset, *, as_of: date, place: str) -> Dataset:
    """Return the dataset with an assumed supplier, lane, cost and opening stock."""
    items = known["items"].with_columns(unit_cost=(pl.col("price") * COST_SHARE).round(2))
    since = as_of - timedelta(weeks=OPENING_WEEKS)
    recent = (
        known["orders"]
        .filter((pl.col("ordered_at").dt.date() >= since) & (pl.col("status") != "cancelled"))
        .group_by("item")
        .agg(on_hand=pl.col("quantity").sum())
    )
    return known.with_tables(
        items=items,
        locations=pl.concat(
            [
                known["locations"],
                schema("locations").frame([{"location": SUPPLIER, "kind": "supplier"}]),
            ],
            how="diagonal_relaxed",
        ),
        lanes=schema("lanes").frame(
            [
                {
                    "origin": SUPPLIER,
                    "destination": place,
                    "mode": "ltl",
                    "transit_time_days_mean": 2.0,
                }
            ]
        ),
        suppliers=schema("suppliers").frame([{"supplier": SUPPLIER, "currency": "GBP"}]),
        supplier_offers=items.select(
            pl.lit(SUPPLIER).alias("supplier"),
            "item",
            pl.col("unit_cost").fill_null(0.0).alias("unit_price"),
            pl.lit(LOT_UNITS).cast(pl.Int64).alias("minimum_quantity"),
            pl.lit(LOT_UNITS).cast(pl.Int64).alias("order_multiple"),
            pl.lit(LEAD_TIME_DAYS).alias("lead_time_days_mean"),
            pl.lit(LEAD_TIME_SD_DAYS).alias("lead_time_days_sd"),
        ),
        inventory=recent.with_columns(location=pl.lit(place)),
        channels=known["channels"].with_columns(referral_applies=pl.lit(False)),
        listed_fees=pl.concat(
            items.select(
                "item",
                channel=pl.lit(known["channels"]["channel"][0]),
                fee_type=pl.lit(name),
                amount=pl.lit(amount),
            )
            for name, amount in HANDLING.items()
        ),
    )


def run_loop(
    known: Dataset, actual: pl.DataFrame, *, as_of: date, place: str, weeks: int, replications: int
) -> LoopResult:
    """Plan on what was known, then play the weeks that were held back.

    Parameters
    ----------
    known : Dataset
    actual : polars.DataFrame
        item, period_start, units: what the held-out weeks really brought.
    """
    dataset = supplied(known, as_of=as_of, place=place)
    with cpu_timer() as timer:
        made = plan(dataset, PlanParams(periods=max(13, weeks)), as_of=as_of)
    with Journal.in_memory(currency="GBP") as journal:
        journal.submit(
            stock_commands(dataset, journal, actor="benchmark", as_of=as_of, currency="GBP")
        )
        proof = prove(made, dataset, journal, days=weeks * 7, replications=replications)
        came = _daily(actual, place=place)
        traced = trace(made, dataset, journal, came)
    return LoopResult(plan=made, plan_cpu_s=timer.cpu_s, proof=proof, traced=traced)


def _daily(actual: pl.DataFrame, *, place: str) -> pl.DataFrame:
    """Return what was really wanted by day: each week's units on its days by turns."""
    rows = []
    for item, start, units in actual.select("item", "period_start", "units").iter_rows():
        share = np.diff(np.linspace(0, units, 8).round().astype(int))
        rows.extend(
            {"item": item, "location": place, "date": start + timedelta(days=day), "units": int(n)}
            for day, n in enumerate(share)
            if n
        )
    return pl.DataFrame(
        rows,
        schema={"item": pl.String, "location": pl.String, "date": pl.Date, "units": pl.Int64},
    )
