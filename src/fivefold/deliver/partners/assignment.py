"""Which partner drives which route: fair in work, stable in territory.

A route fits a partner by the share of its stops in the partner's territories (a driver who knows
the streets); it is fair where partners' hours stay level in proportion to what was agreed. Both
are one cost, and the assignment of routes to partners' slots that costs least is found exactly
(Jonker and Volgenant 1987, as in scipy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from fivefold.model import Outcome, Reason, explanations_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentParams:
    """How routes are given to partners.

    Parameters
    ----------
    routes_agreed : mapping of str to int
        Routes a day each partner can take.
    hours_before : mapping of str to float
        Hours driven so far in the term; levels what went before.
    fairness : float
        Weight of an hour away from the level against one stop outside the territory.
    """

    routes_agreed: Mapping[str, int]
    hours_before: Mapping[str, float]
    fairness: float = 2.0

    def __post_init__(self) -> None:
        if not self.routes_agreed or any(n < 0 for n in self.routes_agreed.values()):
            raise ValueError(f"routes_agreed needs partners and counts, found {self.routes_agreed}")
        if self.fairness < 0:
            raise ValueError(f"fairness must not be negative, found {self.fairness}")


def assign_routes(
    routes: pl.DataFrame,
    stops: pl.DataFrame,
    deliveries: pl.DataFrame,
    territories: pl.DataFrame,
    params: AssignmentParams,
) -> Outcome:
    """Return the routes with a partner each; routes beyond what was agreed have none.

    Parameters
    ----------
    routes, stops : polars.DataFrame
        Tables routes and route_stops.
    deliveries, territories : polars.DataFrame
        For the postal code of each stop and the partner of each postal code.
    params : AssignmentParams
    """
    from scipy.optimize import linear_sum_assignment

    partners = sorted(params.routes_agreed)
    ordered = routes.sort("route")
    known = _known_stops(ordered, stops, deliveries, territories, partners)
    hours = (
        ordered.select((pl.col("ends_minute") - pl.col("starts_minute")) / 60.0)
        .to_series()
        .to_numpy()
    )
    slots = [(p, n) for p, name in enumerate(partners) for n in range(params.routes_agreed[name])]
    if not slots or ordered.height == 0:
        return Outcome(tables={"routes": ordered}, explanations=explanations_frame([]))
    total = ordered["stops"].to_numpy()
    mean = float(hours.mean())
    before = np.array([params.hours_before.get(name, 0.0) for name in partners])
    agreed = np.array([max(1, params.routes_agreed[name]) for name in partners], dtype=np.float64)
    # The n-th route of a partner costs what it would be above the level: convex, so that slots
    # fill in turn and partners that are behind come first.
    ahead = before / agreed - float((before / agreed).min())
    level = np.array([(n + 1) / agreed[p] * mean + ahead[p] for p, n in slots])
    away = total[:, None] - known[:, [p for p, _n in slots]]
    cost = away + params.fairness * level[None, :] + 1e-6 * hours[:, None] * level[None, :]
    row, column = linear_sum_assignment(cost)
    given: list[str | None] = [None] * ordered.height
    for r, c in zip(row, column, strict=True):
        given[int(r)] = partners[slots[int(c)][0]]
    table = ordered.with_columns(partner=pl.Series(given, dtype=pl.String))
    return Outcome(
        tables={"routes": table},
        status="optimal",
        objective=float(cost[row, column].sum()),
        explanations=explanations_frame(_reasons(table, known, partners)),
    )


def _known_stops(
    routes: pl.DataFrame,
    stops: pl.DataFrame,
    deliveries: pl.DataFrame,
    territories: pl.DataFrame,
    partners: list[str],
) -> np.ndarray:
    """Return how many stops of each route lie in each partner's territories."""
    at_home = (
        stops.filter(pl.col("delivery").is_not_null())
        .select("route", "delivery")
        .join(deliveries.select("delivery", "postal_code"), on="delivery")
        .join(
            territories.select("postal_code", "partner").unique(subset="postal_code"),
            on="postal_code",
        )
        .group_by("route", "partner")
        .agg(n=pl.len())
    )
    where = {name: i for i, name in enumerate(routes["route"])}
    found = np.zeros((routes.height, len(partners)))
    for route, partner, count in at_home.iter_rows():
        if route in where and partner in partners:
            found[where[route], partners.index(partner)] = count
    return found


def _reasons(table: pl.DataFrame, known: np.ndarray, partners: list[str]) -> list[Reason]:
    reasons = []
    for i, row in enumerate(table.iter_rows(named=True)):
        if row["partner"] is None:
            text = "No partner has a route left today; the own fleet drives it."
            reasons.append(Reason(subject=row["route"], reason_code="capacity", text=text))
            continue
        mine = partners.index(row["partner"])
        best = int(np.argmax(known[i]))
        reasons.append(
            Reason(
                subject=row["route"],
                reason_code="rule",
                reference=row["partner"],
                quantity=float(known[i, mine]),
                text=f"{known[i, mine]:.0f} of its stops lie in territories of {row['partner']}.",
            )
        )
        if best != mine:
            reasons.append(
                Reason(
                    subject=row["route"],
                    reason_code="next_best",
                    reference=partners[best],
                    quantity=float(known[i, best]),
                    text=(
                        f"{partners[best]} knows {known[i, best]:.0f} of its stops but is ahead "
                        "in hours or out of routes."
                    ),
                )
            )
    return reasons
