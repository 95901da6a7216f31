"""Independent rules: is this plan legal? Shares no code with the engines."""

from fivefold.check.catalogue import Rule, rules
from fivefold.check.plan import check_plan

__all__ = ["Rule", "check_plan", "rules"]
