"""Independent rules: is this plan legal? Shares no code with the engines."""

from fivefold.check.plan import check_plan

__all__ = ["check_plan"]
