"""Lead times learnt from real shipments, judged on later ones they have not seen."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fivefold.model import Dataset
from fivefold.source.learning import Learnt, learnt_by_item

DATA = Path(__file__).parents[3] / ".." / "shared" / "data" / "scms"
SPLIT = date(2011, 1, 1)


def shipments() -> pl.DataFrame:
    files = sorted(DATA.glob("*.parquet")) if DATA.is_dir() else []
    if not files:
        pytest.skip("the shipments of the public-health supply chain (scms) are not here")

    def day(column: str) -> pl.Expr:
        text = pl.col(column)
        return pl.coalesce(
            text.str.to_date("%d-%b-%y", strict=False), text.str.to_date("%m/%d/%Y", strict=False)
        )

    return (
        pl.read_parquet(files[0])
        .filter(pl.col("Fulfill Via") == "Direct Drop")
        .select(
            receipt="ASN/DN #",
            order="PO / SO #",
            supplier="Vendor",
            item=pl.concat_str("Item Description", "Country", separator=" → "),
            ordered_on=day("PO Sent to Vendor Date"),
            promised_on=day("Scheduled Delivery Date"),
            received_on=day("Delivered to Client Date"),
            quantity_received=pl.col("Line Item Quantity").cast(pl.Int64),
            quantity_ordered=pl.col("Line Item Quantity").cast(pl.Int64),
        )
        .drop_nulls()
        .with_row_index("line", offset=1)
        .with_columns(pl.col("line").cast(pl.Int64))
        .filter(pl.col("received_on") > pl.col("ordered_on"))
    )


def test_learnt_lead_times_beat_the_mean_of_all_on_later_shipments() -> None:
    rows = shipments()
    known = rows.filter(pl.col("received_on") < SPLIT)
    later = rows.filter(pl.col("ordered_on") >= SPLIT)
    assert later.height > 200
    learnt = learnt_by_item(Dataset({"goods_receipts": known}), as_of=SPLIT)
    overall = float((known["received_on"] - known["ordered_on"]).dt.total_days().mean())  # type: ignore[arg-type]
    ours, simple, within = [], [], []
    for supplier, item, placed, came in later.select(
        "supplier", "item", "ordered_on", "received_on"
    ).iter_rows():
        days = (came - placed).days
        found: Learnt | None = learnt.get((supplier, item)) or learnt.get((supplier, ""))
        ours.append(abs(days - (found.mean if found else overall)))
        simple.append(abs(days - overall))
        if found:
            within.append(days <= found.quantile(0.9))
    assert np.mean(ours) < np.mean(simple)
    assert 0.75 <= np.mean(within) <= 1.0, "nine in ten, give or take what changed"
