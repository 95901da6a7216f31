"""How much to hold where, from one place to many echelons."""

from fivefold.plan.stock.targets import Params, set_targets

__all__ = ["Params", "set_targets"]
