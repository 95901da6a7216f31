"""Parameters of the supply plan, each with a default that runs and a range that is checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyParams:
    """How the supply plan is made.

    Parameters
    ----------
    periods : int
        Weeks planned.
    frozen_days : int
        Days from `as_of` on in which nothing new may start.
    fees_share : float
        Share of the price that selling costs, where channel_choices does not say.
    unknown_margin_share : float
        Margin on cost assumed where no price is known.
    unknown_unit_cost : float
        Cost of a unit assumed where neither item nor offer names one.
    target_worth_share : float
        Worth of a unit of safety stock, as a share of the margin of a sale.
    order_priority_share : float
        How much more a customer order is worth than the same unit of forecast.
    late_cost_share_per_week : float
        Cost of a customer order's week of lateness, as a share of what it is worth.
    most_cover_weeks : int
        Longest demand that fixed costs may bundle into one lot.
    move_cover_weeks : int
        Demand a move brings at least, in weeks.
    price_steps : int
        Most rounds of raising prices.
    least_change_value : float
        Smallest saving for which a change to an existing order is proposed.
    calm_share : float
        Gain below which nothing new is planned for an item that already has orders, as a
        share of what its demand is worth.
    exact_rows : int
        Largest number of rows for which the linear program is solved for its bound; 0 never.
    reserved : tuple of (str, float)
        Amounts of limits kept free of new decisions, by the name of the limit and its week.
    ordered_days : int
        Days from `as_of` on whose purchase orders are drawn already, so that no buy is added.
    left_out : tuple of ((supplier, place, mode), (period, ...))
        Loads that a plan of the same facts left out because they do not pay.
    quick : bool
        Plan what new facts touch once, afresh, in place of the best of several ways.
    reasons : bool
        Whether to explain every decision.
    """

    periods: int = 26
    frozen_days: int = 0
    fees_share: float = 0.30
    unknown_margin_share: float = 0.5
    unknown_unit_cost: float = 1.0
    target_worth_share: float = 0.5
    order_priority_share: float = 0.1
    late_cost_share_per_week: float = 0.05
    most_cover_weeks: int = 13
    move_cover_weeks: int = 2
    price_steps: int = 60
    least_change_value: float = 1.0
    calm_share: float = 0.02
    exact_rows: int = 4_000
    reserved: tuple[tuple[str, float], ...] = ()
    ordered_days: int = 0
    left_out: tuple[tuple[tuple[str, str, str], tuple[int, ...]], ...] = ()
    quick: bool = False
    reasons: bool = True

    def __post_init__(self) -> None:
        for name in ("periods", "most_cover_weeks", "move_cover_weeks", "price_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in (
            "frozen_days",
            "ordered_days",
            "unknown_margin_share",
            "unknown_unit_cost",
            "order_priority_share",
            "late_cost_share_per_week",
            "least_change_value",
            "exact_rows",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        for name in ("fees_share", "target_worth_share", "calm_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, found {getattr(self, name)}")
