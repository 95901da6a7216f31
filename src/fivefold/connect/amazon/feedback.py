"""What buyers say of the seller: stars and words, order by order."""

from __future__ import annotations

import polars as pl

from fivefold.connect.amazon.report import Report


def read(report: Report) -> dict[str, pl.DataFrame]:
    """Return what buyers said as reviews.

    The report names orders, not items, and nobody is asked whether he would recommend. A line is
    named by its order and day, and numbered where one order spoke twice on a day. A line whose
    rating is none of 1 to 5 is left out and told.
    """
    frame = report.frame.sort("date", "_row")
    wrong = frame.filter(~pl.col("rating").is_between(1, 5))
    report.findings.say_frame(
        "bad_value",
        wrong,
        "rating",
        lambda value: f"found {value}, expected a whole number from 1 to 5; correct the row",
        column="Rating",
    )
    named = (
        frame.filter(pl.col("rating").is_between(1, 5))
        .with_columns(
            _id=pl.concat_str(
                pl.lit("FEEDBACK"),
                pl.coalesce("order_id", pl.lit("NO-ORDER")),
                pl.col("date").dt.strftime("%Y%m%d"),
                separator="|",
            )
        )
        .with_columns(_nth=pl.int_range(1, pl.len() + 1).over("_id"))
    )
    reviews = named.select(
        review=pl.when(pl.col("_nth") > 1).then(pl.format("{}|{}", "_id", "_nth")).otherwise("_id"),
        order="order_id",
        stars="rating",
        reviewed_at=pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        comment="comments",
        reply="response",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    ).sort("_row")
    return {"reviews": reviews}
