"""Who may approve a purchase order of what value.

Knows limits by role, as settings give them. Never approves anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from fivefold.model import Dataset

#: Value of an order a role may approve where no setting `approval_limit_<role>` tells, in the
#: main currency. A policy to begin with, not a figure of anybody's.
DEFAULT_LIMITS: Mapping[str, float] = {
    "buyer": 10_000.0,
    "planner": 25_000.0,
    "admin": math.inf,
}


def approval_limit(dataset: Dataset, role: str) -> float:
    """Return the largest order value a role may approve; 0 where it may none."""
    name = f"approval_limit_{role}"
    default = DEFAULT_LIMITS.get(role, 0.0)
    if dataset.setting(name) is None:
        return default
    return dataset.setting_number(name, 0.0)


def approvers(dataset: Dataset, value: float) -> list[str]:
    """Return the roles that may approve an order of a value, the narrowest limit first."""
    known = {role: approval_limit(dataset, role) for role in DEFAULT_LIMITS}
    return sorted((r for r, limit in known.items() if limit >= value), key=lambda r: known[r])
