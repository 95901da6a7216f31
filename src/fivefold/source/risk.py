"""What can go wrong with a way to buy, as money a unit.

Knows three risks: uncertain demand over an uncertain lead time, defects, and losing the
supplier. Never ranks.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

from fivefold.source.landed_cost import DAYS_PER_YEAR, defect_unit_cost
from fivefold.source.options import Option

STANDARD_NORMAL = NormalDist()


def lead_time_risk_per_unit(
    *,
    margin: float,
    holding_cost_per_cycle: float,
    demand_units_per_day: float,
    demand_variance_per_day: float,
    lead_time_days_mean: float,
    lead_time_days_sd: float,
    cycle_units: float,
) -> float:
    """Return what the spread of demand over the lead time costs a unit, at its best.

    With the best mix of buffer stock and lost sales a cycle costs (p + h) φ(z) σ,
    Φ(z) = p / (p + h) [1]_, with σ² = L σ_d² + d² σ_L² [2]_. So a supplier that comes late
    at random is charged the cheaper of waiting and of stock against it.

    Parameters
    ----------
    margin : float
        Lost with a unit that is not there. [p]
    holding_cost_per_cycle : float
        Of one unit kept for one order cycle. [h]
    demand_units_per_day, demand_variance_per_day : float
        [d, σ_d²]
    lead_time_days_mean, lead_time_days_sd : float
        [L, σ_L]
    cycle_units : float
        Units of one order, over which the cost is spread.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §4.3.2,
       newsvendor with normal demand: cost at the optimum.
    .. [2] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., ch. 6: demand over a random lead time.

    Examples
    --------
    >>> round(
    ...     lead_time_risk_per_unit(
    ...         margin=0.70,
    ...         holding_cost_per_cycle=0.18,
    ...         demand_units_per_day=50,
    ...         demand_variance_per_day=64,
    ...         lead_time_days_mean=1,
    ...         lead_time_days_sd=0,
    ...         cycle_units=1,
    ...     ),
    ...     4,
    ... )
    1.9976
    """
    sd = math.sqrt(
        lead_time_days_mean * demand_variance_per_day
        + (demand_units_per_day * lead_time_days_sd) ** 2
    )
    if sd == 0 or margin <= 0 or holding_cost_per_cycle <= 0:
        return 0.0
    total = margin + holding_cost_per_cycle
    z = STANDARD_NORMAL.inv_cdf(margin / total)
    return total * STANDARD_NORMAL.pdf(z) * sd / cycle_units


def loss_risk_per_unit(
    *, margin: float, failure_probability_per_year: float, days_without_goods: float
) -> float:
    """Return the chance of losing the supplier, as lost margin a unit.

    A year's loss is chance × days without goods × units a day × margin; over a year's units
    that is chance × days / 365 × margin.

    >>> round(
    ...     loss_risk_per_unit(
    ...         margin=10, failure_probability_per_year=0.05, days_without_goods=73
    ...     ),
    ...     9,
    ... )
    0.1
    """
    return failure_probability_per_year * days_without_goods / DAYS_PER_YEAR * margin


def with_risk(
    option: Option, rivals: list[Option], *, capital_share_per_year: float, recovery_days: float
) -> Option:
    """Return an option with its three risks a unit.

    After losing its supplier the place is without goods until recovery, or until the
    quickest other supplier among `rivals` delivers.
    """
    others = [rival.lead_days_mean for rival in rivals if rival.supplier != option.supplier]
    loss: float | None = 0.0
    if option.failure_probability > 0:
        loss = (
            None
            if option.margin is None
            else loss_risk_per_unit(
                margin=option.margin,
                failure_probability_per_year=option.failure_probability,
                days_without_goods=min([recovery_days, *others]),
            )
        )
    defects = defect_unit_cost(
        landed_unit_cost=option.landed, defect_share=min(option.defect_share, 0.99)
    )
    late = _late_risk(option, capital_share_per_year)
    return replace(option, late_risk=late, defect_risk=defects, loss_risk=loss)


def _late_risk(option: Option, capital_share_per_year: float) -> float | None:
    """Return the lead-time risk of an option; None where a lost unit has no known value."""
    if option.rate is None or option.rate.units_per_day <= 0:
        return 0.0
    if option.margin is None:
        return None
    cycle_days = option.quantity / option.rate.units_per_day
    return lead_time_risk_per_unit(
        margin=option.margin,
        holding_cost_per_cycle=option.landed * capital_share_per_year * cycle_days / DAYS_PER_YEAR,
        demand_units_per_day=option.rate.units_per_day,
        demand_variance_per_day=option.rate.variance_per_day,
        lead_time_days_mean=option.lead_days_mean,
        lead_time_days_sd=option.lead_days_sd,
        cycle_units=option.quantity,
    )
