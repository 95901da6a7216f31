"""One item planned alone, with and without a change: what the change does to its orders.

Its components come with it; limits it shares with other items do not bind here, so this is a
look ahead of the next plan, not a plan that can be accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from fivefold.cycle.planning import PlanParams, plan
from fivefold.cycle.plans import Plan
from fivefold.cycle.review import changed_since
from fivefold.model import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a change does to the orders of one item.

    Parameters
    ----------
    before, after : Plan
        The item planned alone.
    changes : DataFrame
        As `changed_since`.
    """

    before: Plan
    after: Plan
    changes: pl.DataFrame

    @property
    def unserved_units(self) -> float:
        """Units of demand that would go unserved beyond those that do so already."""
        after, before = (float(p["unmet_demand"]["units"].sum()) for p in (self.after, self.before))
        return after - before


def alone(dataset: Dataset, *items: str) -> Dataset:
    """Return the dataset with nothing but some items and what they are made of."""
    kept, new = set(items), set(items)
    materials = dataset["bills_of_material"]
    while new:
        rows = materials.filter(pl.col("product").is_in(list(new)))
        new = set(rows["component"].to_list()) - kept
        kept |= new
    tables = {}
    for name, frame in dataset.tables.items():
        column = next((c for c in ("item", "product") if c in frame.columns), None)
        if column is not None and frame.height:
            tables[name] = frame.filter(pl.col(column).is_in(list(kept)))
    return dataset.with_tables(**tables)


def look_at_overrides(
    dataset: Dataset, item: str, overrides: pl.DataFrame, *, as_of: date, periods: int = 26
) -> Look:
    """Return what further changes of the forecast do to the orders of an item.

    Parameters
    ----------
    dataset : Dataset
    item : str
    overrides : DataFrame
        As forecast_overrides; one of a name that stands takes its place.
    as_of : date
    periods : int
    """
    own = alone(dataset, item)
    standing = own["forecast_overrides"]
    rest = standing.join(overrides.select("override"), on="override", how="anti")
    told = pl.concat([rest, overrides.select(standing.columns)], how="vertical_relaxed")
    params = PlanParams(periods=periods)
    before = plan(own, params, as_of=as_of)
    after = plan(own.with_tables(forecast_overrides=told), params, as_of=as_of)
    return Look(before=before, after=after, changes=changed_since(after, before))
