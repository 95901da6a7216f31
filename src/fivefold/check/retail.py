"""Orders of retailers: does the check of a routing guide say what the tables say?"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.model import Dataset


def check_retail(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield findings without a rate, below its least, and cartons that hold what nobody ordered."""
    findings = dataset["routing_findings"]
    if findings.height == 0:
        return
    rates = (
        dataset["chargeback_rates"]
        .filter(pl.col("amount").is_not_null())
        .group_by("channel", "kind")
        .agg(least=pl.col("minimum_amount").fill_null(0.0).min())
    )
    known = findings.join(rates, on=["channel", "kind"], how="left")
    money = pl.col("chargeback").is_not_null()
    unfounded = money & (pl.col("passes") | pl.col("least").is_null())
    yield violations(
        known.filter(unfounded | (money & (pl.col("chargeback") < pl.col("least") - EPS))),
        table="routing_findings",
        key=["order", "kind"],
        rule="chargeback_by_rate",
        found="chargeback",
        expected=phrase("a broken rule and a rate, at least {}", "least"),
    )
    yield from _cartons(dataset)


def _cartons(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Cartons hold no more of a line than was ordered; every code is its own and checks."""
    cartons = dataset["retail_cartons"]
    ordered = dataset["orders"].select("order", "line", "item", wanted="quantity")
    packed = cartons.group_by("order", "line", "item").agg(pl.col("quantity").sum())
    over = packed.join(ordered, on=["order", "line", "item"], how="left")
    yield violations(
        over.filter(pl.col("quantity") > pl.col("wanted").fill_null(0)),
        table="retail_cartons",
        key=["order", "line"],
        rule="cartons_hold_the_order",
        found="quantity",
        expected=phrase("≤ {}", pl.col("wanted").fill_null(0)),
    )
    codes = cartons.drop_nulls("sscc").unique(["order", "carton"], maintain_order=True)
    digits = [pl.col("sscc").str.slice(n, 1).cast(pl.Int64, strict=False) for n in range(18)]
    # All eighteen digits, weighed 3 and 1 in turn, come to a whole ten.
    total = pl.sum_horizontal(digits[n] * (3 if n % 2 == 0 else 1) for n in range(18))
    wrong = (pl.col("sscc").str.len_chars() != 18) | (total % 10 != 0)
    yield violations(
        codes.filter(wrong | pl.col("sscc").is_duplicated()),
        table="retail_cartons",
        key=["order", "carton"],
        rule="carton_code_is_its_own",
        found="sscc",
        expected="18 digits that check, on one carton only",
    )
