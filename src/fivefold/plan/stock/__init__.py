"""How much to hold where, from one place to many echelons."""

from fivefold.plan.stock.investment import frontier
from fivefold.plan.stock.target_plan import Params
from fivefold.plan.stock.targets import set_targets

__all__ = ["Params", "frontier", "set_targets"]
