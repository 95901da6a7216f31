"""Prices that may be asked: a ladder with end digits, within a step, between the rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Prices closer than this are the same.
CENT = 0.005
#: Rungs kept in each direction at most; more say nothing new.
_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a price must keep to, with the name of the rule that says so.

    `low` and `high` are prices; `low_rule` and `high_rule` the rules behind them, "" where
    nothing but the step holds. `strict` says that today's price breaks a rule.
    """

    low: float
    high: float
    low_rule: str
    high_rule: str
    strict: bool
    contradiction: str = ""


def rungs(
    price: float, *, max_step_share: float, endings: Sequence[float] = (0.49, 0.99)
) -> list[float]:
    """Return prices with the right end digits within the largest step, today's among them.

    Parameters
    ----------
    price : float
        Price asked today.
    max_step_share : float
        Largest change at once, as a share of today's price.
    endings : sequence of float
        End digits a price may have, from 0 up to but not 1.

    Raises
    ------
    ValueError
        If the price is not above 0, the step not within 0 to 1 or an ending not below 1.

    Examples
    --------
    >>> rungs(13.99, max_step_share=0.1)
    [12.99, 13.49, 13.99, 14.49, 14.99]
    """
    if price <= 0:
        raise ValueError(f"price must be above 0, found {price}")
    if not 0 <= max_step_share <= 1:
        raise ValueError(f"max_step_share must be from 0 to 1, found {max_step_share}")
    if not endings or not all(0 <= ending < 1 for ending in endings):
        raise ValueError(f"endings must be from 0 to below 1, found {tuple(endings)}")
    low, high = price * (1.0 - max_step_share), price * (1.0 + max_step_share)
    found = {
        round(whole + ending, 2)
        for whole in range(max(0, math.floor(low)), math.floor(high) + 1)
        for ending in endings
        if low - CENT <= whole + ending <= high + CENT and whole + ending > 0
    }
    below = _thinned(sorted((p for p in found if p < price - CENT), reverse=True))
    above = _thinned(sorted(p for p in found if p > price + CENT))
    return sorted({*below, round(price, 2), *above})


def _thinned(ordered: list[float]) -> list[float]:
    """Return at most so many of the rungs, evenly, the farthest always among them."""
    if len(ordered) <= _MOST:
        return ordered
    step = (len(ordered) - 1) / (_MOST - 1)
    return sorted({ordered[round(i * step)] for i in range(_MOST)})


def bounds(
    price: float, rule: Mapping[str, Any], *, max_step_share: float, undercut_share: float
) -> Bounds:
    """Return the lowest and highest price the rules and the step allow.

    Parameters
    ----------
    price : float
        Price asked today.
    rule : mapping
        A row of `price_rules`, or empty.
    max_step_share : float
    undercut_share : float
        How far below the competitor's price a cut may go.

    Notes
    -----
    A rule goes before the step: where today's price breaks one, the price moves to it at
    once. A competitor's price stops cuts from going below it, but does not raise a price that
    is below it already. Rules that contradict each other are told and the price is kept.

    Examples
    --------
    >>> b = bounds(20.0, {"minimum_advertised_price": 19.0}, max_step_share=0.1, undercut_share=0.0)
    >>> b.low, b.low_rule, round(b.high, 2)
    (19.0, 'minimum advertised price', 22.0)
    """
    lows = [
        (value, name)
        for column, name in (
            ("floor_price", "floor"),
            ("minimum_advertised_price", "minimum advertised price"),
        )
        if (value := rule.get(column)) is not None
    ]
    highs = [] if rule.get("ceiling_price") is None else [(float(rule["ceiling_price"]), "ceiling")]
    rival = rule.get("competitor_price")
    if rival is not None and rule.get("competitor_premium_share") is not None:
        premium = float(rule["competitor_premium_share"])
        highs.append((rival * (1.0 + premium), "competitor's price and premium"))
    floor, floor_rule = max(lows, default=(0.0, ""))
    ceiling, ceiling_rule = min(highs, default=(math.inf, ""))
    if floor > ceiling + CENT:
        told = f"the {floor_rule} {floor:.2f} lies above the {ceiling_rule} {ceiling:.2f}"
        return Bounds(low=price, high=price, low_rule=floor_rule, high_rule=ceiling_rule,
                      strict=False, contradiction=told)  # fmt: skip
    strict = price < floor - CENT or price > ceiling + CENT
    if rival is not None:
        rest = min(price, rival * (1.0 - undercut_share))
        if rest > floor and rest <= ceiling:
            floor, floor_rule = rest, "competitor's price"
    low, high = price * (1.0 - max_step_share), price * (1.0 + max_step_share)
    if strict:
        # The nearest price that keeps the rule, and a step beyond it.
        low, high = floor, min(ceiling, max(floor, high))
    return Bounds(
        low=max(low, floor),
        high=min(high, ceiling),
        low_rule=floor_rule if floor >= low - CENT else "",
        high_rule=ceiling_rule if ceiling <= high + CENT else "",
        strict=strict,
    )


def allowed(
    price: float, held: Bounds, *, max_step_share: float, endings: Sequence[float]
) -> list[float]:
    """Return the rungs within bounds; today's price where none is, the bound where it must move."""
    if held.contradiction:
        return [round(price, 2)]
    if not held.strict:
        ladder = rungs(price, max_step_share=max_step_share, endings=endings)
        kept = [p for p in ladder if held.low - CENT <= p <= held.high + CENT]
        return kept or [round(price, 2)]
    reach = rungs(held.low, max_step_share=max_step_share, endings=endings) if held.low > 0 else []
    if price > held.high:
        reach = rungs(held.high, max_step_share=max_step_share, endings=endings)
    kept = [p for p in reach if held.low - CENT <= p <= held.high + CENT]
    # Today's price breaks a rule, so it is not among what may be asked.
    return kept or [round(held.low if price < held.low else held.high, 2)]
