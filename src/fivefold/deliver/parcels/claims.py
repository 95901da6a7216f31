"""Which parcels a carrier owes for: lost, damaged, or silent for too long; and how much.

A claim is for what the goods cost, within the carrier's liability; carriage is not given back
unless a contract says so.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from fivefold.deliver.parcels.services import assumed_services
from fivefold.model import Dataset

#: States of a parcel that a carrier answers for.
OWED = ("lost", "damaged")


def carrier_claims(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return every parcel a carrier answers for, with what can be claimed until when.

    Parameters
    ----------
    dataset : Dataset
        parcels, parcel_lines, items and carriage_services.
    as_of : date

    Returns
    -------
    polars.DataFrame
        parcel, order, service, reason (lost, damaged or silent), goods_cost, liability, amount,
        claimed, granted, claim_until and state: `claimable`, `claimed`, `granted` or `lapsed`.
        `amount` is null where a cost is not known.
    """
    own = dataset["carriage_services"]
    known = pl.concat([own, assumed_services().join(own, on="service", how="anti")])
    terms = known.select("service", "liability", "claim_from_days", "claim_until_days")
    goods = (
        dataset["parcel_lines"]
        .join(dataset["items"].select("item", "unit_cost"), on="item", how="left")
        .group_by("parcel")
        .agg(
            goods_cost=(pl.col("quantity") * pl.col("unit_cost")).sum(),
            unknown=pl.col("unit_cost").is_null().any(),
        )
    )
    silent = (
        pl.col("state").is_in(["on_the_way", "delayed"])
        & pl.col("delivered_on").is_null()
        & (pl.lit(as_of) > pl.col("expected_on") + pl.duration(days=pl.col("claim_from_days")))
    ).fill_null(False)
    owed = (
        dataset["parcels"]
        .join(terms, on="service", how="left")
        .join(goods, on="parcel", how="left")
        .filter(pl.col("state").is_in(OWED) | silent | (pl.col("claimed") > 0))
        .with_columns(
            reason=pl.when(pl.col("state").is_in(OWED))
            .then(pl.col("state"))
            .otherwise(pl.lit("silent")),
            goods_cost=pl.when(~pl.col("unknown")).then(pl.col("goods_cost")),
            claim_until=pl.col("shipped_on") + pl.duration(days=pl.col("claim_until_days")),
        )
        .with_columns(
            amount=pl.when(pl.col("goods_cost").is_not_null()).then(
                pl.min_horizontal("goods_cost", "liability")
            )
        )
    )
    state = (
        pl.when(pl.col("granted").is_not_null())
        .then(pl.lit("granted"))
        .when(pl.col("claimed").is_not_null())
        .then(pl.lit("claimed"))
        .when(pl.col("claim_until") < as_of)
        .then(pl.lit("lapsed"))
        .otherwise(pl.lit("claimable"))
    )
    return owed.select(
        "parcel",
        "order",
        "service",
        "reason",
        "shipped_on",
        "expected_on",
        pl.col("goods_cost").round(2),
        "liability",
        pl.col("amount").round(2),
        "claimed",
        "granted",
        "claim_until",
        state=state,
    ).sort("claim_until", "parcel")
