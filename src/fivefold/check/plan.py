"""Everything the checker looks at, in one call."""

from __future__ import annotations

from datetime import date

import polars as pl

from fivefold.check.balance import check_balance
from fivefold.check.findings import none
from fivefold.check.limits import check_limits
from fivefold.check.orders import check_orders
from fivefold.check.references import check_quantiles, check_reasons, check_schema
from fivefold.check.selling import check_channels, check_dispositions, check_promises
from fivefold.check.supply import check_decisions
from fivefold.model import Dataset


def check_plan(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return every rule a plan breaks, as the violations table; empty where it is legal.

    Parameters
    ----------
    dataset : Dataset
        The input tables a plan was made from and the result tables it consists of. A table
        that is empty is not checked.
    as_of : date
        Day of the plan.

    Notes
    -----
    Rules are re-derived from the tables alone; no engine is called and no figure of an
    engine is believed that can be computed again.
    """
    found = [
        check_schema(dataset),
        *check_quantiles(dataset),
        *check_reasons(dataset),
        *check_decisions(dataset, as_of=as_of),
        *check_balance(dataset, as_of=as_of),
        *check_limits(dataset),
        *check_orders(dataset),
        *check_channels(dataset),
        *check_promises(dataset, as_of=as_of),
        *check_dispositions(dataset),
    ]
    return pl.concat([none(), *found]).unique(subset=["table", "key", "rule"], maintain_order=True)
