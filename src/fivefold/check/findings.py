"""Violations as rows: which table, which row, which rule, what was found, what the rule asks."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from fivefold.check.catalogue import asks
from fivefold.model import schema

#: Difference below which two figures count as equal.
EPS = 0.01


def phrase(template: str, *parts: str | pl.Expr) -> pl.Expr:
    """Return a sentence with a figure for every `{}`; a figure that is null is left out.

    A string names a column. `polars.format` panics where scalars meet longer columns, hence
    this one.
    """
    texts = template.split("{}")
    pieces: list[pl.Expr] = [pl.lit(texts[0])]
    for part, text in zip(parts, texts[1:], strict=True):
        value = pl.col(part) if isinstance(part, str) else part
        pieces += [value.cast(pl.String).fill_null(""), pl.lit(text)]
    return pl.concat_str(pieces)


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
) -> pl.DataFrame:
    """Return one violation for each row of `broken`.

    Parameters
    ----------
    broken : polars.DataFrame
        Rows that break the rule.
    key : sequence of str
        Columns that name the row.
    rule : str
        Name in the catalogue, which also holds the sentence.
    found, expected : str or polars.Expr
        A column name or an expression for what was found; a column name, text or an
        expression for what is asked.

    Raises
    ------
    KeyError
        If the rule is not in the catalogue.
    """
    text = asks(table, rule)
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
            text=phrase(
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
