"""What is sold, what a replication draws, and what was asked of each stage before it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from fivefold.twin.stages import Floats, Integers, Stages

#: Days over which a stage's recent rate is taken.
RATE_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Demand of one item in one channel, what a unit brings and what a sale costs.

    `fees` are charged by the marketplace a unit, by its own names; `carriage` is ours. `margin`
    is what a unit sold leaves after everything, returns included; 0 where nobody can say.
    """

    item: str
    location: str
    channel: str
    price: float
    fees: Mapping[str, float]
    carriage: float
    return_share: float
    sellable_share: float
    margin: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What one replication holds, the same for every policy.

    Parameters
    ----------
    demand : ndarray, shape (n_streams, n_days)
    lead_time : ndarray, shape (n_stages, n_weeks), uniform in (0, 1)
        Luck of an order placed in that week.
    existing : ndarray, shape (n_existing,), uniform in (0, 1)
    yields : ndarray, shape (n_stages, n_weeks), standard normal
    returns : ndarray, shape (n_streams, n_days), uniform in (0, 1)
    """

    demand: Integers
    lead_time: Floats
    existing: Floats
    yields: Floats
    returns: Floats


def draw(rng: np.random.Generator, demand: Integers, stages: Stages, *, weeks: int) -> Draws:
    """Return the luck of one replication, drawn once and handed to every policy."""
    count = len(stages.rows)
    return Draws(
        demand=demand,
        lead_time=rng.uniform(1e-9, 1 - 1e-9, size=(count, weeks)),
        existing=rng.uniform(1e-9, 1 - 1e-9, size=len(stages.existing)),
        yields=rng.normal(size=(count, weeks)),
        returns=rng.uniform(size=demand.shape),
    )


def asked_before(history: pl.DataFrame, stages: Stages, *, as_of: date) -> Floats:
    """Return units a day asked of each stage over the four weeks before, upstream ones included."""
    recent = history.filter(
        (pl.col("date") < as_of) & (pl.col("date") >= as_of - timedelta(days=RATE_DAYS))
    )
    rate = np.zeros(len(stages.rows))
    for item, location, units in (
        recent.group_by("item", "location").agg(pl.col("units").sum()).iter_rows()
    ):
        stage = stages.index.get((item, location))
        if stage is not None:
            rate[stage] += units / RATE_DAYS
    own = rate.copy()
    for stage, row in enumerate(stages.rows):
        _pass_up(stage, own[stage], row.kind, stages, rate, depth=0)
    return rate


def _pass_up(
    stage: int, units: float, kind: str, stages: Stages, rate: Floats, *, depth: int
) -> None:
    """Add a stage's own rate to every stage it is refilled from."""
    assert depth < 50, "stages refill each other in a circle"
    row = stages.rows[stage]
    feeders: list[tuple[int, float]] = []
    if kind == "move" and (row.item, row.source) in stages.index:
        feeders = [(stages.index[row.item, row.source], 1.0)]
    elif kind == "make":
        feeders = list(row.components)
    for feeder, per_unit in feeders:
        rate[feeder] += units * per_unit
        _pass_up(feeder, units * per_unit, stages.rows[feeder].kind, stages, rate, depth=depth + 1)
