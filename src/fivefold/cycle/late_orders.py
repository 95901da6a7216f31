"""What is late, what holds it, and what it would take to have it on time.

Order of calls only: the plan's tables beside the facts it was made from, then the engine.
"""

from __future__ import annotations

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset, Outcome
from fivefold.plan.supply.relaxation import RelaxParams, relax_orders

_READ = ("pegging", "unmet_demand", "projected_stock", "limit_prices", "sourcing_options")


def late_orders(plan: Plan, dataset: Dataset, *, options: int = 4) -> Outcome:
    """Return what every late order and unserved week of a plan would need to be on time."""
    tables = {name: plan[name] for name in _READ}
    return relax_orders(
        dataset.with_tables(**tables), RelaxParams(options=options), as_of=plan.as_of
    )
