"""Supply: one time-phased plan of buys, makes and moves under the limits items share."""

from __future__ import annotations

from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.planning import plan_supply
from fivefold.plan.supply.reference import planning_facts, reserve_for_orders

__all__ = ["SupplyParams", "plan_supply", "planning_facts", "reserve_for_orders"]
