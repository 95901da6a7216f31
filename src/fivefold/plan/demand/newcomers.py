"""Items with little or no history of their own: what alike items did, until own sales tell.

Analogues are active items of the same family, else category, else any, with a price near
the newcomer's. The rate of demand is a gamma-Poisson mixture: analogues give the prior,
own days move it, so that the first weeks of sales count the sooner the more alike the
analogues are (Bayes' rule for the Poisson with a gamma prior; Gelman et al. 2013, *Bayesian
Data Analysis*, 3rd ed., section 2.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from fivefold.plan.demand.combination import Floats

#: Own blocks that make an item a newcomer no longer.
GROWN_BLOCKS = 8
#: Fewest analogues worth asking before a wider circle is.
CIRCLE = 3


@dataclass(frozen=True, slots=True)
class Belief:
    """Demand a block of a newcomer: mean, variance of the rate, and who it is like."""

    mean: float
    rate_variance: float
    analogues: tuple[str, ...]
    circle: str


def believe(
    *, item: str, own: Floats, location: str, grown: pl.DataFrame, items: pl.DataFrame
) -> Belief | None:
    """Return what to expect of a newcomer a block, None where nothing is like it.

    Parameters
    ----------
    item, location : str
    own : ndarray
        Its own blocks so far, possibly none. [units]
    grown : polars.DataFrame
        item, location, units_mean: mean units a block of items that have a history.
    items : polars.DataFrame
    """
    chosen, circle = _analogues(item, location, grown, items)
    if chosen.height == 0:
        if len(own) == 0:
            return None
        mean = float(own.mean())
        return Belief(mean, max(mean, 0.05) ** 2, (), "itself")
    weights = chosen["weight"].to_numpy() / chosen["weight"].sum()
    rates = chosen["units_mean"].to_numpy()
    mean = float((weights * rates).sum())
    spread = float((weights * (rates - mean) ** 2).sum())
    # Few analogues show too little of how much newcomers differ: at least half the mean.
    spread = max(spread, (0.5 * mean) ** 2, 1e-6)
    shape, scale = max(mean, 1e-6) ** 2 / spread, spread / max(mean, 1e-6)
    later_shape = shape + float(own.sum())
    later_scale = scale / (1.0 + len(own) * scale)
    return Belief(
        later_shape * later_scale,
        later_shape * later_scale**2,
        tuple(chosen["item"].to_list()[:3]),
        circle,
    )


def _analogues(
    item: str, location: str, grown: pl.DataFrame, items: pl.DataFrame
) -> tuple[pl.DataFrame, str]:
    """Items like this one with weights that fall with the distance in price."""
    this = items.filter(pl.col("item") == item)
    if this.height == 0:
        return grown.head(0), "none"
    price = this["price"][0]
    near = pl.lit(1.0)
    if price is not None and price > 0:
        distance = (pl.col("price") / price).log().abs()
        near = (-(distance.fill_null(1.0))).exp()
    known = grown.filter((pl.col("location") == location) & (pl.col("item") != item))
    if known.height == 0:
        known = grown.filter(pl.col("item") != item)
    known = known.join(items.select("item", "price", "family", "category"), on="item", how="left")
    for circle in ("family", "category"):
        value = this[circle][0]
        if value is None:
            continue
        found = known.filter(pl.col(circle) == value)
        if found.height >= CIRCLE:
            return _nearest(found.with_columns(near.alias("weight"))), f"{circle} {value}"
    return _nearest(known.with_columns(near.alias("weight"))), "the catalogue"


def _nearest(found: pl.DataFrame) -> pl.DataFrame:
    return found.sort(["weight", "item"], descending=[True, False]).head(20)


def newcomer_quantiles(belief: Belief, levels: Floats) -> Floats:
    """Return quantiles of one block of a newcomer: Poisson demand at an uncertain rate."""
    from fivefold.plan.demand.kernels import counts

    found = np.zeros((1, levels.size))
    variance = belief.mean + belief.rate_variance
    counts.quantiles(np.array([belief.mean]), np.array([variance]), levels[None, :].copy(), found)
    quantiles: Floats = found[0]
    return quantiles
