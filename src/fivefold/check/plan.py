"""Everything the checker looks at, in one call."""

from __future__ import annotations

from datetime import date

import polars as pl

from fivefold.check.balance import check_balance
from fivefold.check.building import check_building
from fivefold.check.centre_room import check_centre_room
from fivefold.check.centres import check_placement, check_relaxations
from fivefold.check.expiry import check_expiry
from fivefold.check.findings import none
from fivefold.check.inbound import check_inbound
from fivefold.check.limits import check_limits
from fivefold.check.make_or_buy import check_make_or_buy
from fivefold.check.network import pooled
from fivefold.check.parcels import check_parcels
from fivefold.check.pegging import check_changes, check_pegging
from fivefold.check.placement_options import check_pallets_and_options
from fivefold.check.prices import check_prices, check_range
from fivefold.check.purchasing import check_purchases
from fivefold.check.references import check_forecasts, check_reasons, check_schema
from fivefold.check.routes import check_routes
from fivefold.check.selling import check_channels, check_dispositions, check_promises
from fivefold.check.shifts import check_shifts
from fivefold.check.steps import check_steps
from fivefold.check.supply import check_decisions
from fivefold.check.work import check_work
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
    engine is believed that can be computed again. `fivefold.check.rules` lists them.
    """
    places = pooled(dataset)
    found = [
        *check_schema(dataset),
        *check_forecasts(dataset),
        *check_reasons(dataset),
        *check_decisions(places, as_of=as_of),
        *check_balance(places, as_of=as_of),
        *check_expiry(places),
        *check_limits(places, as_of=as_of),
        *check_pegging(places),
        *check_changes(places, as_of=as_of),
        *check_make_or_buy(places),
        *check_purchases(dataset, as_of=as_of),
        *check_work(dataset, as_of=as_of),
        *check_steps(dataset),
        *check_inbound(dataset, as_of=as_of),
        *check_pallets_and_options(dataset),
        *check_channels(dataset),
        *check_promises(dataset, as_of=as_of),
        *check_dispositions(dataset),
        *check_prices(dataset),
        *check_range(dataset, as_of=as_of),
        *check_placement(dataset),
        *check_centre_room(dataset),
        *check_relaxations(dataset),
        *check_routes(dataset),
        *check_building(dataset),
        *check_parcels(dataset),
        *check_shifts(dataset),
    ]
    return pl.concat([none(), *found]).unique(subset=["table", "key", "rule"], maintain_order=True)
