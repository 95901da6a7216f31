"""Every name a plan uses exists, stands once, and every number is one."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset, schema

#: Tables of a plan that are checked against their own schema.
PLAN_TABLES = (
    "forecasts",
    "forecast_means",
    "stock_targets",
    "sourcing_options",
    "supply_plan",
    "supply_changes",
    "projected_stock",
    "unmet_demand",
    "limit_prices",
    "purchase_orders",
    "purchase_order_lines",
    "work_orders",
    "work_order_components",
    "channel_fees",
    "channel_choices",
    "inbound_shipments",
    "inbound_cartons",
    "promises",
    "returns_forecast",
    "dispositions",
)
_CODES = {
    "missing": "required",
    "duplicate_key": "unique_key",
    "unknown_reference": "known_reference",
    "below_minimum": "minimum",
    "not_a_share": "share",
    "not_a_choice": "choice",
    "not_finite": "finite",
}


def check_schema(dataset: Dataset) -> pl.DataFrame:
    """Return violations of types, keys, ranges and references in the tables of a plan."""
    rows = [
        {
            "table": problem.table,
            "key": problem.key,
            "rule": _CODES.get(problem.code, problem.code),
            "found": problem.column,
            "expected": "",
            "text": str(problem),
        }
        for problem in dataset.problems()
        if problem.table in PLAN_TABLES and problem.severity == "error"
    ]
    return (
        schema("violations")
        .frame(rows)
        .unique(subset=["table", "key", "rule"], maintain_order=True)
    )


def check_quantiles(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield forecasts whose quantiles fall as their level rises."""
    key = ["item", "location", "period_start"]
    ordered = dataset["forecasts"].sort([*key, "quantile"])
    falling = ordered.with_columns(before=pl.col("units").shift(1).over(key)).filter(
        pl.col("units") < pl.col("before") - 1e-6
    )
    yield violations(
        falling,
        table="forecasts",
        key=[*key, "quantile"],
        rule="quantiles_rise",
        found="units",
        expected=pl.format("≥ {}", pl.col("before")),
        text="a higher quantile is not below a lower one",
    )


def check_reasons(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield decisions that nothing explains."""
    explained = dataset["explanations"]["subject"].unique().implode()
    for table, column in (
        ("supply_plan", "decision"),
        ("purchase_orders", "order"),
        ("work_orders", "order"),
        ("inbound_shipments", "shipment"),
    ):
        yield violations(
            dataset[table].filter(~pl.col(column).is_in(explained)),
            table=table,
            key=[column],
            rule="has_because",
            found=pl.lit("no reason"),
            expected="at least one row in explanations",
            text="every decision says why",
        )
