"""What the people of the example maker do and report day by day, drawn from its schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing done on a day; `kind` is start, report or rework."""

    day: date
    kind: str
    order: str
    good: int = 0
    scrap: int = 0
    rework: int = 0


def deeds(
    steps: pl.DataFrame,
    orders: pl.DataFrame,
    operations: pl.DataFrame,
    *,
    first: date,
    days: int,
    rng: np.random.Generator,
    worse_by: float = 0.01,
) -> Iterator[Deed]:
    """Yield what is done from `first` on, day by day, by order.

    An order starts with its first step and is reported on the day after its last one ends;
    the units that fail are drawn, a little more of them than the operations state. Every
    fifth order has a few units to be worked on again, which is done a day later.

    Parameters
    ----------
    steps, orders, operations : polars.DataFrame
        Tables work_operations, work_orders, operations.
    first : date
    days : int
    rng : numpy.random.Generator
    worse_by : float
        Share of units that fail beyond what is stated.
    """
    span = steps.group_by("order").agg(
        begins=pl.col("start_at").min().dt.date(), ends=pl.col("finish_at").max().dt.date()
    )
    through = operations.group_by("product").agg(
        share=pl.col("yield_share").fill_null(1.0).product()
    )
    rows = (
        orders.select("order", "product", "quantity", "start_quantity")
        .join(span, on="order")
        .join(through, on="product", how="left")
        .sort("begins", "order")
    )
    last = first + timedelta(days=days)
    found: list[Deed] = []
    for number, row in enumerate(rows.iter_rows(named=True)):
        failed = int(rng.binomial(row["start_quantity"], min(1.0, 1 - row["share"] + worse_by)))
        again = min(failed, 2) if number % 5 == 4 else 0
        good = min(row["quantity"], row["start_quantity"] - failed)
        if row["begins"] < last:
            found.append(Deed(day=max(first, row["begins"]), kind="start", order=row["order"]))
        reported = row["ends"] + timedelta(days=1)
        if reported < last:
            found.append(
                Deed(
                    day=reported, kind="report", order=row["order"], good=good,
                    scrap=failed - again, rework=again,
                )
            )  # fmt: skip
            if again and reported + timedelta(days=1) < last:
                found.append(
                    Deed(
                        day=reported + timedelta(days=1), kind="rework", order=row["order"],
                        good=again,
                    )
                )  # fmt: skip
    order_of = {"start": 0, "report": 1, "rework": 2}
    yield from sorted(found, key=lambda deed: (deed.day, order_of[deed.kind], deed.order))
