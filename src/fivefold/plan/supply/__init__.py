"""Supply: one time-phased plan of buys, makes and moves under the limits items share."""

from __future__ import annotations

from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.planning import plan_supply

__all__ = ["SupplyParams", "plan_supply"]
