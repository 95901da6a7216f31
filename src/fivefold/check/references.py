"""Every name a plan uses exists, stands once, and every number is one."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset, schema, table_names
from fivefold.model.schema import Column, TableSchema, reason_codes

#: Tables with decisions, and the column that names one.
DECISIONS = (
    ("supply_plan", "decision"),
    ("purchase_orders", "order"),
    ("work_orders", "order"),
    ("inbound_shipments", "shipment"),
)


def check_schema(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield violations of keys, types, ranges and references in the tables of a plan."""
    for name in table_names(role="result"):
        frame = dataset[name]
        if name == "violations" or frame.height == 0:
            continue
        table = schema(name)
        yield from _unique_key(table, frame)
        for column in table.columns:
            yield from _values(table, column, frame)
            yield from _reference(table, column, frame, dataset)


def _unique_key(table: TableSchema, frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    key = list(table.key)
    if not key or not (frame.select(pl.struct(key).hash().n_unique() < pl.len()).item()):
        return
    yield violations(
        frame.group_by(key).len("rows").filter(pl.col("rows") > 1),
        table=table.name,
        key=key,
        rule="unique_key",
        found="rows",
        expected="1 row",
    )


def _values(table: TableSchema, column: Column, frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield empty cells, numbers that are none, out of range, and choices that do not exist."""
    value = pl.col(column.name)
    rules: list[tuple[str, pl.Expr, str]] = []
    if column.required:
        empty = value.is_null()
        if column.type in ("text", "choice") and column.default != '""':
            empty = empty | (value == "")
        rules.append(("required", empty, "a value"))
    if column.type in ("number", "share", "money"):
        rules.append(("finite", value.is_nan() | value.is_infinite(), "a finite number"))
    if column.minimum is not None:
        rules.append(("minimum", value < column.minimum, f"≥ {column.minimum:g}"))
    if column.type == "share":
        rules.append(("share", (value < 0) | (value > 1), "0 to 1"))
    if column.choices:
        known = value.is_in(list(column.choices))
        rules.append(("choice", value.is_not_null() & ~known, ", ".join(column.choices)))
    if not rules:
        return
    broken = frame.select(test.any().alias(rule) for rule, test, _asked in rules).row(0)
    for (rule, test, asked), is_broken in zip(rules, broken, strict=True):
        if is_broken:
            yield violations(
                frame.filter(test),
                table=table.name,
                key=list(table.key),
                rule=rule,
                found=phrase("{} {}", pl.lit(column.name), value.cast(pl.String).fill_null("")),
                expected=pl.lit(asked),
            )


def _reference(
    table: TableSchema, column: Column, frame: pl.DataFrame, dataset: Dataset
) -> Iterator[pl.DataFrame]:
    if column.references is None:
        return
    other, other_column = column.references
    used = frame[column.name].drop_nulls().unique()
    lost = used.filter(~used.is_in(dataset[other][other_column].drop_nulls().implode()))
    if len(lost) == 0:
        return
    yield violations(
        frame.filter(pl.col(column.name).is_in(lost.implode())),
        table=table.name,
        key=list(table.key),
        rule="known_reference",
        found=phrase("{} {}", pl.lit(column.name), column.name),
        expected=pl.lit(f"a row of {other}"),
    )


def check_forecasts(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield forecasts whose quantiles fall as their level rises, and returns above their all."""
    key = ["item", "location", "period_start"]
    ordered = dataset["forecasts"].select(*key, "quantile", "units").sort([*key, "quantile"])
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key)
    falling = ordered.with_columns(before=pl.when(same).then(pl.col("units").shift(1))).filter(
        pl.col("units") < pl.col("before") - 1e-6
    )
    yield violations(
        falling,
        table="forecasts",
        key=[*key, "quantile"],
        rule="quantiles_rise",
        found="units",
        expected=phrase("≥ {}", pl.col("before")),
    )
    yield violations(
        dataset["returns_forecast"].filter(
            pl.col("sellable_units_mean") > pl.col("units_mean") + 1e-6
        ),
        table="returns_forecast",
        key=key,
        rule="sellable_within_returns",
        found="sellable_units_mean",
        expected=phrase("≤ {}", pl.col("units_mean").round(4)),
    )
    yield violations(
        dataset["stock_targets"].filter(
            (pl.col("reorder_point") < pl.col("safety_stock") - 1e-6)
            | (pl.col("order_up_to") < pl.col("reorder_point") - 1e-6)
        ),
        table="stock_targets",
        key=key,
        rule="levels_rise",
        found=phrase(
            "{} / {} / {}",
            pl.col("safety_stock").round(2),
            pl.col("reorder_point").round(2),
            pl.col("order_up_to").round(2),
        ),
        expected="safety stock ≤ reorder point ≤ order-up-to",
    )


def check_reasons(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield decisions that nothing explains, and reasons of a kind that does not exist."""
    explained = dataset["explanations"]["subject"].unique().implode()
    for table, column in DECISIONS:
        yield violations(
            dataset[table].filter(~pl.col(column).is_in(explained)),
            table=table,
            key=[column],
            rule="has_because",
            found=pl.lit("no reason"),
            expected="at least one row in explanations",
        )
    for table, key in (
        ("explanations", ["subject", "sequence"]),
        ("unmet_demand", ["item", "location", "period_start"]),
    ):
        yield violations(
            dataset[table].filter(~pl.col("reason_code").is_in(list(reason_codes()))),
            table=table,
            key=key,
            rule="reason_is_known",
            found="reason_code",
            expected="a code of the closed list",
        )
