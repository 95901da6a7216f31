"""Stock targets of every item at every place, period by period, and why that much.

Never looks at what is on hand, and orders nothing.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from fivefold.calendars import next_monday
from fivefold.model.dataset import Dataset
from fivefold.model.outcome import Outcome, Reason, explanations_frame
from fivefold.model.schema import schema
from fivefold.plan.stock.forecast_arrays import read_demand
from fivefold.plan.stock.target_plan import Params, TargetPlan
from fivefold.plan.stock.target_reasons import target_reasons


def set_targets(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return what to hold of every item at every place, period by period.

    Parameters
    ----------
    dataset : Dataset
        Read: forecast_means, forecasts, items, locations, lanes, sourcing_options (else
        supplier_offers), suppliers, bills_of_material, operations, offers, channels,
        channel_choices, fee_cards, settings.
    params : Params, optional
    as_of : date
        Periods from the first Monday on or after it count.

    Returns
    -------
    Outcome
        Table `stock_targets`; explanations with subject `target:ITEM@LOCATION`. `objective`
        is the expected cost a period of holding and shortage at the targets.

    Raises
    ------
    DataError
        If places feed each other in a circle.

    Notes
    -----
    Service follows from money: with margin p lost per unit short, holding h per unit and
    day and T days between receipts, 1 - level = h T / (p + h T) [1]_. Places that feed
    others get the echelon target of [2]_ less what stands downstream; the delay their own
    shortages cause downstream lengthens lead times there when fill rates are computed [3]_.

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., §6.7 (shortage cost per unit, lost sales).
    .. [2] Shang, Song (2003), "Newsvendor bounds and heuristic for optimal policies in
       serial supply chains", Management Science 49(5).
    .. [3] Sherbrooke (1968), "METRIC", Operations Research 16(1).
    """
    params = params or Params()
    demand = read_demand(dataset, as_of)
    if demand is None:
        reason = Reason(
            subject="target:*",
            reason_code="infeasible",
            text=f"There is no forecast for periods from {next_monday(as_of)} on; forecast first.",
        )
        return Outcome(
            tables={"stock_targets": schema("stock_targets").empty()},
            status="infeasible",
            explanations=explanations_frame([reason]),
        )
    plan = TargetPlan(dataset, params, demand, as_of=as_of)
    plan.solve()
    return Outcome(
        tables={"stock_targets": _table(plan)},
        status="feasible",
        objective=plan.expected_cost(),
        explanations=explanations_frame(target_reasons(plan)),
        notes={"places": plan.n, "fill_rate": plan.overall_fill_rate()},
    )


def _table(plan: TargetPlan) -> pl.DataFrame:
    """Return the targets as the table `stock_targets`, sorted by its key."""
    keys, repeat = plan.places.keys, plan.periods
    frame = pl.DataFrame(
        {
            "item": np.repeat([key[0] for key in keys], repeat),
            "location": np.repeat([key[1] for key in keys], repeat),
            "period_start": plan.demand.starts * plan.n,
            "safety_stock": plan.safety.ravel(),
            # Demand that falls away after a period can leave its levels below the safety
            # stock held through it.
            "reorder_point": np.maximum(plan.safety, plan.reorder).ravel(),
            "order_up_to": np.maximum.reduce([plan.safety, plan.reorder, plan.up_to]).ravel(),
            "cycle_service_level": plan.cycle_level.ravel(),
            "fill_rate": plan.fill_rate.ravel(),
            "service_source": np.repeat([plan.source(p) for p in range(plan.n)], repeat),
            "lead_time_days_mean": np.repeat(plan.lead_days, repeat),
            "lead_time_days_sd": np.repeat(plan.lead_sd, repeat),
        }
    )
    table = schema("stock_targets")
    return (
        frame.with_columns(pl.col(name).cast(kind) for name, kind in table.polars_schema().items())
        .select(table.names)
        .sort(table.key)
    )
