"""The frontier of money against service for a company, with today's stock marked."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model.dataset import Dataset
from fivefold.model.outcome import Outcome, Reason, explanations_frame
from fivefold.model.schema import schema
from fivefold.plan.stock.forecast_arrays import read_demand
from fivefold.plan.stock.target_plan import Params, TargetPlan


def frontier(
    dataset: Dataset, params: Params | None = None, *, as_of: date, points: int = 16
) -> Outcome:
    """Return what money tied up in stock buys in service, with today's policy marked.

    Places that serve customers count, each with its own customers' demand averaged over the
    plan. All places obey one price of money; beside them stand the stock as it is (on hand
    and on order), the targets, and equal days of cover for all at the money of each.

    Parameters
    ----------
    dataset : Dataset
        As for `set_targets`; besides inventory and supply_orders.
    params : Params, optional
    as_of : date
    points : int
        Points of the frontier.

    Returns
    -------
    Outcome
        Table `stock_frontier`; explanations with subject `frontier`. Infeasible where there
        is no forecast or no item has a cost.
    """
    params = params or Params()
    demand = read_demand(dataset, as_of)
    plan = None if demand is None else TargetPlan(dataset, params, demand, as_of=as_of)
    if plan is not None:
        plan.solve()
    chosen = np.zeros(0, dtype=np.int64) if plan is None else _stocked(plan)
    if plan is None or chosen.size == 0:
        text = "There is no forecast of an item whose cost is known; forecast first."
        reason = Reason(subject="frontier", reason_code="infeasible", text=text)
        return Outcome(
            tables={"stock_frontier": schema("stock_frontier").empty()},
            status="infeasible",
            explanations=explanations_frame([reason]),
        )
    # Compiled kernels are loaded only when asked for.
    from fivefold.plan.stock import marginal_price as theory

    places = theory.StockedPlaces(
        lead_mean=plan.lead_mean[chosen].mean(axis=1),
        lead_variance=plan.lead_variance[chosen].mean(axis=1),
        cover_mean=plan.mean[chosen].mean(axis=1),
        cover_variance=plan.variance[chosen].mean(axis=1),
        unit_money=plan.costs.value[chosen],
        weight=np.ones(chosen.size),
    )
    named = [("marginal_price", point) for point in theory.trade_off(places, points=points)]
    aimed = theory.point_of_levels(
        places, (plan.mean + plan.safety)[chosen].mean(axis=1) + 0.5 * plan.extra_lot()[chosen]
    )
    marked = [("targets", aimed)]
    if "inventory" in dataset:
        keys = [plan.places.keys[place] for place in chosen]
        today = theory.point_of_levels(places, _positions(dataset, keys))
        marked.insert(0, ("current", today))
    named += marked
    named += [
        ("equal_cover", theory.point_at_equal_cover(places, point.investment))
        for _, point in marked
    ]
    label, mark = marked[0]
    even = named[-len(marked)][1]
    best, bound = theory.point_at_money(places, max(mark.investment, 1e-9))
    daily = float((plan.per_day[chosen] * plan.costs.value[chosen]).sum())
    rows: list[dict[str, object]] = [
        {
            "point": number,
            "policy": policy,
            "marginal_price": None if np.isnan(point.price) else point.price,
            "investment": max(point.investment, 0.0),
            "units_short": max(point.units_short, 0.0),
            "fill_rate": float(np.clip(point.fill_rate, 0.0, 1.0)),
            "cover_days": point.investment / daily if daily > 0 else None,
        }
        for number, (policy, point) in enumerate(named, start=1)
    ]
    what = "Stock on hand and on order" if label == "current" else "The targets"
    reasons = [
        Reason(
            subject="frontier",
            reason_code="service_level",
            reference=label,
            quantity=round(mark.fill_rate, 6),
            text=f"{what} would tie up {mark.investment:,.0f} on average and meet "
            f"{mark.fill_rate:.1%} of demand if kept up.",
        ),
        Reason(
            subject="frontier",
            reason_code="next_best",
            reference="marginal_price",
            quantity=round(best.fill_rate - mark.fill_rate, 6),
            price=best.price,
            text=f"The same money placed by one price would meet {best.fill_rate:.1%}; equal days "
            f"of cover everywhere, {even.fill_rate:.1%}.",
        ),
        Reason(
            subject="frontier",
            reason_code="constraint_price",
            reference="money tied up",
            quantity=round(best.investment, 2),
            price=best.price,
            text=f"There, one more unit of currency saves {best.price:.4g} units short a review; "
            f"no placement leaves fewer than {bound:,.1f} units short.",
        ),
    ]
    return Outcome(
        tables={"stock_frontier": schema("stock_frontier").frame(rows)},
        status="feasible",
        objective=best.units_short,
        bound=bound,
        explanations=explanations_frame(reasons),
        notes={"fill_gain_equal_money": best.fill_rate - even.fill_rate},
    )


def _stocked(plan: TargetPlan) -> NDArray[Any]:
    """Return the places with customers' demand and a known cost."""
    streams = len(plan.demand.keys)
    good = (plan.mean[:streams].mean(axis=1) > 0) & (plan.costs.value[:streams] > 0)
    return np.flatnonzero(good)


def _positions(dataset: Dataset, keys: list[tuple[str, str]]) -> NDArray[Any]:
    """Return units on hand and on order at each place."""
    held = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .select("item", "location", units=pl.col("on_hand") - pl.col("allocated"))
    )
    coming = (
        dataset["supply_orders"]
        .filter(~pl.col("status").is_in(["planned", "received", "closed", "cancelled"]))
        .select(
            "item",
            location="destination",
            units=pl.col("quantity") - pl.col("quantity_received"),
        )
    )
    total = pl.concat([held, coming]).group_by("item", "location").agg(pl.col("units").sum())
    known = {(item, place): units for item, place, units in total.iter_rows()}
    return np.array([max(0.0, float(known.get(key, 0))) for key in keys])
