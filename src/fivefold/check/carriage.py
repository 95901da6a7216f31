"""Parcels to customers: can the service carry them, is the cost the card's, is nothing in twice?

The tables must hold the services and cards in force; the checker knows none of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.model import Dataset

_POUND_KG = 0.45359237
_INCH_CM = 2.54


def check_carriage(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield parcels that no service takes, that cost what no card says, or hold what is not."""
    parcels = dataset["parcels"]
    if parcels.height == 0:
        return
    yield from _contents(parcels, dataset)
    terms = dataset["carriage_services"].drop("carrier", "name", "grade", "source")
    carried = parcels.filter(pl.col("service").is_not_null()).join(
        terms, on="service", how="left", validate="m:1"
    )
    yield _broken(
        carried.filter(pl.col("most_weight_lb").is_null()),
        "service_is_known",
        "service",
        "a service",
    )
    yield from _limits(carried)
    yield from _cost(carried, dataset)
    yield _broken(
        parcels.filter(pl.col("expected_on") < pl.col("shipped_on")),
        "expected_after_shipped",
        "expected_on",
        pl.col("shipped_on"),
    )
    yield from _choice(dataset)


def _broken(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken, table="parcels", key=["parcel"], rule=rule, found=found, expected=expected
    )


def _contents(parcels: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    lines = dataset["parcel_lines"].join(parcels.select("parcel", "order"), on="parcel")
    packed = lines.group_by("order", "line", "item").agg(packed=pl.col("quantity").sum())
    wanted = dataset["orders"].select("order", "line", wanted="quantity")
    yield violations(
        packed.join(wanted, on=["order", "line"]).filter(pl.col("packed") > pl.col("wanted")),
        table="parcel_lines",
        key=["order", "line", "item"],
        rule="no_more_than_ordered",
        found="packed",
        expected=phrase("≤ {}", pl.col("wanted")),
    )
    weighed = (
        lines.join(dataset["items"].select("item", "weight_kg"), on="item", how="left")
        .group_by("parcel")
        .agg(content=(pl.col("quantity") * pl.col("weight_kg")).sum())
    )
    told = parcels.filter(pl.col("weight_kg").is_not_null()).join(weighed, on="parcel")
    yield _broken(
        told.filter((pl.col("weight_kg") - pl.col("content")).abs() > EPS),
        "weight_is_of_its_contents",
        "weight_kg",
        "content",
    )


def _inches(*names: str) -> list[pl.Expr]:
    return [pl.col(name) / _INCH_CM for name in names]


def _limits(carried: pl.DataFrame) -> Iterator[pl.DataFrame]:
    longest, second, third = _inches("length_cm", "width_cm", "height_cm")
    sizes = carried.with_columns(
        pounds=pl.col("weight_kg") / _POUND_KG,
        side=pl.max_horizontal(longest, second, third),
        girth=2 * (longest + second + third) - pl.max_horizontal(longest, second, third),
        by_volume=longest * second * third / pl.col("dim_divisor"),
    )
    for rule, found, most in (
        ("parcel_weight", "pounds", "most_weight_lb"),
        ("parcel_side", "side", "most_side_in"),
        ("parcel_girth", "girth", "most_girth_in"),
    ):
        yield _broken(
            sizes.filter(pl.col(found) > pl.col(most) + EPS), rule, found, phrase("≤ {}", most)
        )
    paid = pl.max_horizontal("pounds", "by_volume")
    yield _broken(
        sizes.filter((pl.col("billable_lb") - paid).abs() > EPS), "billable_weight", "billable_lb",
        paid,
    )  # fmt: skip


def _cost(carried: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """The cost is of a line of the card named that holds for its service, zone and weight."""
    cards = dataset["fee_cards"].filter(pl.col("fee_type") == "PARCEL_CARRIAGE")
    lines = cards.select(
        "card",
        "effective_to",
        "amount",
        "amount_per_step",
        "step",
        since="effective_from",
        option=pl.col("option").fill_null(""),
        region=pl.col("region").fill_null(""),
        low=pl.col("from_value").fill_null(0.0),
        high=pl.col("to_value").fill_null(float("inf")),
    )
    weight = pl.col("billable_lb")
    steps = ((weight - pl.col("low")) / pl.col("step").fill_null(1.0) - 1e-6).ceil().clip(0)
    priced = (
        carried.filter(pl.col("cost").is_not_null())
        .join(lines, on="card", how="left")
        .with_columns(
            holds=(pl.col("effective_from") == pl.col("since"))
            & ((pl.col("option") == "") | (pl.col("option") == pl.col("service")))
            & (
                (pl.col("region") == "")
                | (pl.col("region") == pl.format("zone_{}", pl.col("zone")))
            )
            & (weight > pl.col("low") - 1e-6)
            & (weight <= pl.col("high") + 1e-6),
            rate=pl.col("amount") + steps * pl.col("amount_per_step").fill_null(0.0),
        )
        .group_by("parcel", "cost", "card")
        .agg(
            right=(pl.col("holds") & ((pl.col("rate") - pl.col("cost")).abs() <= EPS)).any(),
            rate=pl.col("rate").filter(pl.col("holds")).first(),
        )
    )
    yield _broken(
        priced.filter(~pl.col("right").fill_null(False)),
        "cost_is_of_its_card",
        "cost",
        pl.coalesce(pl.col("rate").round(2).cast(pl.String), pl.lit("a line of the card")),
    )


def _choice(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """No service that costs less is as sure as the one taken."""
    options = dataset["parcel_options"]
    taken = options.filter(pl.col("chosen")).select(
        "parcel", own="cost", sure="on_time_share", service_taken="service"
    )
    cheaper = (
        options.filter(pl.col("cost").is_not_null() & pl.col("deliver_on").is_not_null())
        .join(taken, on="parcel")
        .filter(
            (pl.col("cost") < pl.col("own") - EPS)
            & (pl.col("on_time_share").fill_null(1.0) >= pl.col("sure").fill_null(1.0) - 1e-9)
        )
    )
    yield violations(
        cheaper,
        table="parcel_options",
        key=["parcel", "service_taken"],
        rule="best_is_best",
        found="own",
        expected=phrase("{} by {}", "cost", "service"),
    )
