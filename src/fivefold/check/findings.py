"""Violations as rows: which table, which row, which rule, what was found, what the rule asks."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from fivefold.model import schema


def none() -> pl.DataFrame:
    """Return no violations."""
    return schema("violations").empty()


def violations(
    broken: pl.DataFrame,
    *,
    table: str,
    key: Sequence[str],
    rule: str,
    found: str | pl.Expr,
    expected: str | pl.Expr,
    text: str,
) -> pl.DataFrame:
    """Return one violation for each row of `broken`.

    Parameters
    ----------
    broken : polars.DataFrame
        Rows that break the rule.
    key : sequence of str
        Columns that name the row.
    found, expected : str or polars.Expr
        A column name or an expression for what was found; a column name, text or an
        expression for what is asked.
    text : str
        What the rule says, in one sentence; found and expected are added to it.
    """
    if broken.height == 0:
        return none()
    shown = pl.col(found) if isinstance(found, str) else found
    if isinstance(expected, str):
        asked = pl.col(expected) if expected in broken.columns else pl.lit(expected)
    else:
        asked = expected
    names = pl.concat_str([pl.col(k).cast(pl.String).fill_null("") for k in key], separator="→")
    return (
        broken.select(
            table=pl.lit(table),
            key=names,
            rule=pl.lit(rule),
            found=_as_text(broken, shown),
            expected=_as_text(broken, asked),
        )
        .with_columns(
            text=pl.format(
                "{} [{}]: {}; found {}, expected {}",
                "table",
                "key",
                pl.lit(text),
                pl.col("found").fill_null("nothing"),
                pl.col("expected").fill_null("nothing"),
            )
        )
        .unique(subset=["table", "key", "rule"], maintain_order=True)
    )


def _as_text(frame: pl.DataFrame, expression: pl.Expr) -> pl.Expr:
    """Return an expression as text, numbers without a tail of digits."""
    if frame.head(0).select(expression.alias("v"))["v"].dtype.is_float():
        return expression.round(4).cast(pl.String)
    return expression.cast(pl.String)
