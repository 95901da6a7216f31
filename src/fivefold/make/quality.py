"""What reports of work teach: the share of good units, and when a process is out of control.

Knows reports only. Never holds goods back; that is for people to decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from fivefold.make.bom import yields
from fivefold.make.control_charts import NELSON, Chart, p_chart, signals, u_chart
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How much a stated yield weighs against reports, and how much makes a chart.

    Parameters
    ----------
    stated_units : float
        Units the stated share is worth: with as many reported, both weigh the same.
    points_at_least : int
        Reports a chart needs.
    """

    stated_units: float = 200.0
    points_at_least: int = 8

    def __post_init__(self) -> None:
        if self.stated_units <= 0:
            raise ValueError(f"stated_units must be above 0, found {self.stated_units}")
        if self.points_at_least < 2:
            raise ValueError(f"points_at_least must be 2 or more, found {self.points_at_least}")


def learn_yields(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return the share of good units of each product as its reports teach it.

    Parameters
    ----------
    dataset : Dataset
        Reads operations and work_reports.
    params : Params, optional
    as_of : date
        Reports up to this day count.

    Returns
    -------
    Outcome
        Tables `learnt_yields` and `control_signals`; each learnt share and each signal says
        so with code quality, subject yield:PRODUCT@PLANT.

    References
    ----------
    .. [1] Gelman et al. (2013), *Bayesian Data Analysis*, 3rd ed., §2.4: beta prior of given
       weight, binomial reports.
    """
    chosen = params or Params()
    reports = dataset["work_reports"].filter(pl.col("reported_on") <= as_of)
    stated = yields(dataset["operations"])
    rows, told, points = [], [], []
    for (product, place), own in (
        reports.sort("product", "location", "reported_on", "order", "report")
        .partition_by("product", "location", as_dict=True, maintain_order=True)
        .items()
    ):
        share = min(1.0, stated.get(str(product), 1.0))
        row = _learnt(str(product), str(place), own, share, chosen.stated_units)
        rows.append(row)
        told.append(_said(row))
        found = list(_signals(str(product), str(place), own, chosen.points_at_least))
        points += found
        told += [_signalled(point) for point in found]
    return Outcome(
        tables={
            "learnt_yields": schema("learnt_yields").frame(rows),
            "control_signals": schema("control_signals").frame(points),
        },
        status="optimal",
        explanations=explanations_frame(told),
        notes={"products": len(rows), "signals": len(points)},
    )


def with_learnt_yields(operations: pl.DataFrame, learnt: pl.DataFrame) -> pl.DataFrame:
    """Return operations whose last step carries what reports say of the whole product.

    Parameters
    ----------
    operations, learnt : polars.DataFrame
        Tables operations and learnt_yields.
    """
    if learnt.height == 0:
        return operations
    factor = learnt.select(
        "product",
        "location",
        factor=pl.when(pl.col("stated_share") > 0)
        .then(pl.col("learnt_share") / pl.col("stated_share"))
        .otherwise(1.0),
    )
    last = pl.col("operation") == pl.col("operation").max().over("product", "location")
    share = pl.col("yield_share").fill_null(1.0)
    return (
        operations.join(factor, on=["product", "location"], how="left", maintain_order="left")
        .with_columns(
            yield_share=pl.when(last & pl.col("factor").is_not_null())
            .then((share * pl.col("factor")).clip(1e-6, 1.0))
            .otherwise(pl.col("yield_share"))
        )
        .drop("factor")
    )


def _learnt(
    product: str, place: str, reports: pl.DataFrame, stated: float, weight: float
) -> dict[str, object]:
    from scipy.stats import beta

    good = int(reports["good"].fill_null(0).sum())
    bad = int(reports["scrap"].fill_null(0).sum())
    a, b = weight * stated + good, weight * (1 - stated) + bad
    known = b > 0
    return {
        "product": product,
        "location": place,
        "stated_share": stated,
        "learnt_share": a / (a + b),
        "reported_units": good + bad,
        "low_share": float(beta.ppf(0.05, a, b)) if known else 1.0,
        "high_share": float(beta.ppf(0.95, a, b)) if known else 1.0,
    }


def _said(row: dict[str, object]) -> Reason:
    learnt, stated = float(str(row["learnt_share"])), float(str(row["stated_share"]))
    low, high = float(str(row["low_share"])), float(str(row["high_share"]))
    return Reason(
        subject=f"yield:{row['product']}@{row['location']}",
        reason_code="quality",
        reference=str(row["product"]),
        quantity=learnt,
        text=f"{row['reported_units']} units reported: {learnt:.2%} good ({low:.2%} to "
        f"{high:.2%}), {stated:.2%} stated; the plan starts units for what is learnt.",
    )


def _signals(
    product: str, place: str, reports: pl.DataFrame, at_least: int
) -> Iterator[dict[str, object]]:
    """Yield the reports that break a rule: the share scrapped, and defects where counted."""
    counted = reports.with_columns(units=pl.col("good").fill_null(0) + pl.col("scrap").fill_null(0))
    counted = counted.filter(pl.col("units") > 0)
    if counted.height >= at_least:
        chart = p_chart(counted["scrap"].fill_null(0).to_list(), counted["units"].to_list())
        yield from _points(product, place, "p", chart, counted["reported_on"].to_list())
    defects = counted.filter(pl.col("defects").is_not_null())
    if defects.height >= at_least:
        chart = u_chart(defects["defects"].to_list(), defects["units"].to_list())
        yield from _points(product, place, "u", chart, defects["reported_on"].to_list())


def _points(
    product: str, place: str, name: str, chart: Chart, days: list[date]
) -> Iterator[dict[str, object]]:
    for point, rule in signals(chart, NELSON):
        yield {
            "product": product,
            "location": place,
            "chart": name,
            "point": point + 1,
            "rule": rule,
            "value": float(chart.value[point]),
            "centre": chart.centre,
            "lower_limit": float(chart.lower[point]),
            "upper_limit": float(chart.upper[point]),
            "reported_on": days[point],
        }


def _signalled(point: dict[str, object]) -> Reason:
    return Reason(
        subject=f"yield:{point['product']}@{point['location']}",
        reason_code="quality",
        reference=str(point["rule"]),
        quantity=float(str(point["value"])),
        text=f"Report {point['point']} of {point['reported_on']} on the {point['chart']} chart: "
        f"{float(str(point['value'])):.4f} against a centre of "
        f"{float(str(point['centre'])):.4f} breaks {str(point['rule']).replace('_', ' ')}.",
    )
