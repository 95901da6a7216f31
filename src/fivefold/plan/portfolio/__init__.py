"""The range: which items to keep, launch, bring back or end, where, and from when.

Reads what the plan says of demand, stock and contribution; decides under shared limits of
cash and room; ends nothing itself.
"""

from fivefold.plan.portfolio.choices import RangeParams, choose_range

__all__ = ["RangeParams", "choose_range"]
