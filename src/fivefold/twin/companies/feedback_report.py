"""What buyers of the example seller say: the seller feedback report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from fivefold.twin.companies.history import History
from fivefold.twin.companies.report_files import FEEDBACK, american_date, write_report

#: Shares of buyers who speak: of all, and of those who sent something back.
SPOKEN_SHARE, SPOKEN_SHARE_RETURNED = 0.015, 0.12
#: Chances of one to five stars; invented, with the two heaps that ratings have.
CONTENT = (0.03, 0.02, 0.05, 0.17, 0.73)
SORRY = {
    "SELLABLE": (0.10, 0.10, 0.25, 0.30, 0.25),
    "CUSTOMER_DAMAGED": (0.25, 0.20, 0.20, 0.20, 0.15),
    "DEFECTIVE": (0.55, 0.20, 0.12, 0.08, 0.05),
    "CARRIER_DAMAGED": (0.40, 0.25, 0.15, 0.12, 0.08),
    "WAREHOUSE_DAMAGED": (0.40, 0.25, 0.15, 0.12, 0.08),
}
WORDS = {
    1: ("Does not work.", "Broken when it came.", "Never again."),
    2: ("Not what the picture shows.", "Box was crushed."),
    3: ("It is all right.", "Took its time."),
    4: ("Good for the price.", "Works."),
    5: ("Great!", "As described, quick.", ""),
}


def write_feedback(
    directory: Path, history: History, lines: pl.DataFrame, returned: pl.DataFrame
) -> list[Path]:
    """Write the feedback of all days in one file, the newest last.

    `lines` are of `make_order_lines`, `returned` of `make_returns`.
    """
    rng = history.rng(102)
    states = returned.select("row", found="detailed-disposition").unique("row", keep="first")
    spoke = (
        lines.filter(pl.col("status") == "Shipped")
        .sort("row")
        .join(states, on="row", how="left", maintain_order="left")
        .with_columns(
            chance=pl.when(pl.col("found").is_null())
            .then(SPOKEN_SHARE)
            .otherwise(SPOKEN_SHARE_RETURNED)
        )
    )
    spoke = spoke.filter(pl.Series(rng.random(spoke.height)) < pl.col("chance"))
    spoke = spoke.unique("order", keep="first", maintain_order=True)
    shares = np.array([SORRY.get(state, CONTENT) for state in spoke["found"].to_list()])
    drawn = rng.random((spoke.height, 1))
    stars = 1 + (drawn > shares.reshape(-1, 5).cumsum(axis=1)[:, :4]).sum(axis=1)
    late = rng.integers(6, 30, size=spoke.height)
    said = spoke.select(
        order="order",
        day=pl.col("purchased").dt.date() + pl.duration(days=pl.lit(pl.Series(late))),
        stars=pl.Series(stars),
        words=pl.Series(
            [
                WORDS[s][k % len(WORDS[s])]
                for s, k in zip(stars.tolist(), late.tolist(), strict=True)
            ],
            dtype=pl.String,
        ),
    ).filter(pl.col("day") < history.as_of)
    said = said.sort("day", "order")
    frame = pl.DataFrame(
        {
            "date": [american_date(day) for day in said["day"].to_list()],
            "rating": said["stars"].cast(pl.Int64),
            "comments": said["words"],
            "order_id": said["order"],
        },
        schema_overrides={"date": pl.String},
    )
    return [write_report(directory, FEEDBACK, frame)]
