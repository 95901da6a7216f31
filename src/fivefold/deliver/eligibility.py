"""Rules that allow an item in a channel or forbid it, and how our own house does against them.

References
----------
.. [1] FBA Onsite programme page of Amazon: trial of a week or more, then at most 50,000 units
   of a label; size tiers of FBA but special oversize; every order packed on time, at least
   99 % shipped on time, at most 1 % cancelled (official).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fivefold.deliver.channel_terms import ONSITE_UNITS_PER_LABEL
from fivefold.deliver.size_tiers import SizeTier


def forbidden_by(
    item: Mapping[str, Any],
    channel: Mapping[str, Any],
    size: SizeTier | None,
    units: Mapping[tuple[str, str], int],
) -> str:
    """Return the rule that forbids a channel for an item, empty where none does."""
    if channel["kind"] != "fba_onsite":
        return ""
    if item["hazmat"]:
        return "FBA Onsite takes no dangerous goods."
    if size is None:
        return "FBA Onsite needs sides and weight of the item."
    if size.tier == "xl_150_plus":
        return "FBA Onsite takes no special oversize."
    held = units.get((item["item"], channel["location"]), 0)
    if held > ONSITE_UNITS_PER_LABEL:
        return f"FBA Onsite takes at most 50,000 units of a label; {held:,} are held."
    return ""
