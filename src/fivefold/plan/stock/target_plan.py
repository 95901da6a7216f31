"""Targets of all places as arrays: lead-time demand, service from money, echelons, fill rates.

Knows no tables of results; `targets` reads and writes those.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fivefold.maths.distributions import demand_cdf, demand_loss, demand_quantile
from fivefold.model.dataset import Dataset
from fivefold.plan.stock.costs import DAYS_PER_YEAR, UnitCosts, unit_costs
from fivefold.plan.stock.cover_fees import (
    CUBIC_FEET_PER_M3,
    UTILISATION_CUBIC_FEET,
    CoverChoice,
    choose_cover,
    item_fees,
)
from fivefold.plan.stock.forecast_arrays import Demand
from fivefold.plan.stock.lead_time_demand import Curves, Draws, lead_time_nodes, window_moments
from fivefold.plan.stock.network import Places, resolve_places

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How targets are set.

    Parameters
    ----------
    review_days : float
        Days from one chance to order to the next.
    forecast_error_correlation : float
        Correlation of the errors of two periods of a forecast, 0 to 1; 0.1 is that of
        exponential smoothing with constant 0.1, whose level is wrong for all periods alike.
    capital_share_per_year : float or None
        Cost of capital; None takes the setting `cost_of_capital_share_per_year`, else 0.12.
    risk_share_per_year : float
        Loss, damage and obsolescence of stock as a share of its value.
    referral_share : float
        Share of the price the marketplace takes where no channel choice says better.
    lowest_service_share, highest_service_share : float
        Limits of a service level that follows from margin.
    unknown_margin_service_share : float
        Service level where the margin is not known.
    internal_shortage_share : float
        Share of a shortage upstream that becomes a lost sale downstream.
    make_queue_days, default_lead_time_days : float
        Waiting before a plant starts; lead time where no source is known.
    longest_cycle_days : float
        An order covers no more than this unless the minimum quantity forces it.
    fees : bool
        Whether marketplace fees on cover and age enter.
    """

    review_days: float = 7.0
    forecast_error_correlation: float = 0.1
    capital_share_per_year: float | None = None
    risk_share_per_year: float = 0.05
    referral_share: float = 0.15
    lowest_service_share: float = 0.5
    highest_service_share: float = 0.995
    unknown_margin_service_share: float = 0.95
    internal_shortage_share: float = 0.5
    make_queue_days: float = 5.0
    default_lead_time_days: float = 30.0
    longest_cycle_days: float = 91.0
    fees: bool = True

    def __post_init__(self) -> None:
        for name in (
            "forecast_error_correlation",
            "risk_share_per_year",
            "referral_share",
            "lowest_service_share",
            "highest_service_share",
            "unknown_margin_service_share",
            "internal_shortage_share",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, found {getattr(self, name)}")
        if self.lowest_service_share > self.highest_service_share:
            raise ValueError("lowest_service_share must not exceed highest_service_share")
        if self.review_days <= 0:
            raise ValueError(f"review_days must be positive, found {self.review_days}")
        for name in ("make_queue_days", "default_lead_time_days", "longest_cycle_days"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")


class TargetPlan:
    """The targets of all places as arrays, one row a place, one column a period."""

    def __init__(self, dataset: Dataset, params: Params, demand: Demand, *, as_of: date) -> None:
        self.params, self.demand = params, demand
        self.places: Places = resolve_places(
            dataset,
            demand.keys,
            as_of=as_of,
            units_per_week=demand.units_per_week(),
            make_queue_days=params.make_queue_days,
            default_lead_time_days=params.default_lead_time_days,
        )
        places = self.places
        self.n, self.periods = len(places.keys), len(demand.starts)
        self.levels = places.levels()
        self.lead_days = np.array([way.lead_time_days_mean for way in places.chosen])
        self.lead_sd = np.array([way.lead_time_days_sd for way in places.chosen])
        self.draws = self._draws()
        self.review = params.review_days / demand.days
        longest = (self.lead_days + 3 * self.lead_sd).max() / demand.days
        margin = int(np.ceil(longest + self.review + self.draws.ahead.max(initial=0.0))) + 2
        self.curves = Curves.build(
            demand.mean,
            demand.sd,
            margin=margin,
            correlation=params.forecast_error_correlation,
        )
        capital = params.capital_share_per_year
        if capital is None:
            capital = dataset.setting_number("cost_of_capital_share_per_year", 0.12)
        self.costs: UnitCosts = unit_costs(
            dataset,
            places.keys,
            np.array([way.unit_cost for way in places.chosen]),
            capital_share_per_year=capital,
            risk_share_per_year=params.risk_share_per_year,
            referral_share=params.referral_share,
        )
        self.fees = item_fees(dataset, places.keys, as_of=as_of) if params.fees else [None] * self.n
        # Storage fees run a year through: nine months at one rate, three at the other.
        self.held = self.costs.held_per_day.copy()
        for place, fees in enumerate(self.fees):
            if fees is not None:
                yearly = 9.0 * fees.storage[0] + 3.0 * fees.storage[1]
                self.held[place] += yearly / DAYS_PER_YEAR
        self.cover: dict[int, CoverChoice] = {}

    def _draws(self) -> Draws:
        """Return which streams of demand reach which place, walking up from every stream."""
        feeders: list[list[tuple[int, float]]] = [[] for _ in range(self.n)]
        for place, fed in enumerate(self.places.feeds):
            for child, quantity in fed:
                feeders[child].append((place, quantity))
        rows: list[tuple[int, int, float, float]] = []
        for stream in range(len(self.demand.keys)):
            stack = [(stream, 1.0, 0.0)]
            while stack:
                place, quantity, ahead = stack.pop()
                rows.append((place, stream, quantity, ahead))
                later = ahead + self.lead_days[place] / self.demand.days
                stack += [(up, quantity * per, later) for up, per in feeders[place]]
        return Draws(
            np.array([row[0] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype=np.int64),
            np.array([row[2] for row in rows]),
            np.array([row[3] for row in rows]),
        )

    def solve(self) -> None:
        """Set the targets, those of places that feed nobody first."""
        nodes = lead_time_nodes(self.lead_days, self.lead_sd) / self.demand.days
        self.lead_mean, self.lead_variance = self._moments(nodes, echelon=False)
        self.mean, self.variance = self._moments(nodes + self.review, echelon=False)
        self.per_day = self.mean.mean(axis=1) / (self.lead_days + self.params.review_days)
        self.lot = self._lots()
        self.cycle_days = np.maximum(
            self.params.review_days, self.lot / np.maximum(self.per_day, 1e-9)
        )
        self.short = self._shortage_costs()
        self.level = self._service_levels()
        level = np.broadcast_to(self.level[:, None], self.mean.shape)
        self.newsvendor = demand_quantile(level, mean=self.mean, variance=self.variance)
        self.safety = np.maximum(self.newsvendor - self.mean, 0.0)
        self._count_fees()
        self._lean_on_downstream(nodes)
        self._round()
        self.fill_rate, self.cycle_level = self._service_reached(nodes)

    def _moments(self, lengths: FloatArray, *, echelon: bool) -> tuple[FloatArray, FloatArray]:
        return window_moments(
            self.curves, self.draws, lengths, periods=self.periods, echelon=echelon
        )

    def _lots(self) -> FloatArray:
        """Return the usual order: economic quantity, at least the minimum and one review."""
        fixed = np.array([way.fixed_cost for way in self.places.chosen])
        minimum = np.array([way.minimum_quantity for way in self.places.chosen])
        yearly = np.maximum(self.per_day, 0.0) * DAYS_PER_YEAR
        held = np.maximum(self.held * DAYS_PER_YEAR, 1e-9)
        economic = np.sqrt(2.0 * fixed * yearly / held)
        economic = np.minimum(economic, self.params.longest_cycle_days * self.per_day)
        lots = [economic, minimum, self.per_day * self.params.review_days]
        return np.asarray(np.maximum.reduce(lots))

    def _shortage_costs(self) -> FloatArray:
        """Return the cost of a unit short; upstream, what it makes places downstream lose."""
        short = np.where(self.costs.known, np.maximum(self.costs.short, 0.0), np.nan)
        own = np.zeros(self.n)
        own[: len(self.demand.keys)] = self.demand.mean.mean(axis=1)
        flow = own.copy()
        for group in self.levels:
            for place in group:
                fed = self.places.feeds[place]
                if not fed:
                    continue
                lost = own[place] * (0.0 if np.isnan(short[place]) else short[place])
                for child, quantity in fed:
                    drawn = quantity * flow[child]
                    flow[place] += drawn
                    passed = 0.0 if np.isnan(short[child]) else short[child] / quantity
                    lost += drawn * passed * self.params.internal_shortage_share
                if flow[place] > 0 and lost > 0:
                    short[place] = lost / flow[place]
        return short

    def _service_levels(self) -> FloatArray:
        """Return the chance of no stock-out to aim at, by place."""
        held = np.where(
            np.isnan(self.costs.left),
            self.held * self.cycle_days,
            self.held * self.cycle_days + np.maximum(self._ending_loss(), 0.0),
        )
        short = self.short
        ratio = np.where(held + short > 0, short / np.maximum(held + short, 1e-12), 0.0)
        ratio = np.clip(ratio, self.params.lowest_service_share, self.params.highest_service_share)
        ratio = np.where(np.isnan(short), self.params.unknown_margin_service_share, ratio)
        return np.where(np.isnan(self.costs.given), ratio, self.costs.given)

    def _ending_loss(self) -> FloatArray:
        """Return the loss on a unit left over where sale ends within the plan, else 0."""
        last = self.demand.starts[-1]
        ends = np.array([day is not None and day <= last for day in self.costs.ends_on])
        return np.where(ends, np.nan_to_num(self.costs.left), 0.0)

    def extra_lot(self) -> FloatArray:
        """Return by how much the usual order exceeds what one review sells."""
        return np.asarray(np.maximum(self.lot - self.per_day * self.params.review_days, 0.0))

    def _count_fees(self) -> None:
        """Move safety stock where fees on cover and age make another level cheaper."""
        charged = [
            place
            for place, fees in enumerate(self.fees)
            if fees is not None and np.isnan(self.costs.given[place]) and self.per_day[place] > 0
        ]
        if not charged:
            return
        on_hand = self.safety[charged].mean(axis=1) + 0.5 * self.lot[charged]
        stored = (on_hand * self.costs.volume_m3[charged]).sum() * CUBIC_FEET_PER_M3
        months = [start.month for start in self.demand.starts]
        for place in charged:
            fees = self.fees[place]
            assert fees is not None
            per_day = (self.mean[place] - self.lead_mean[place]) / self.params.review_days
            choice = choose_cover(
                fees,
                safety=self.safety[place],
                months=months,
                per_day=per_day,
                cycle_units=np.maximum(self.lot[place], per_day * self.params.review_days),
                lead_mean=self.lead_mean[place],
                lead_variance=self.lead_variance[place],
                mean=self.mean[place],
                variance=self.variance[place],
                short_cost=float(np.nan_to_num(self.short[place])),
                held_per_day=float(self.held[place]),
                review_days=self.params.review_days,
                utilisation_applies=bool(stored >= UTILISATION_CUBIC_FEET),
            )
            if choice.why:
                self.safety[place] = choice.safety
                self.cover[place] = choice

    def _lean_on_downstream(self, nodes: FloatArray) -> None:
        """Replace the safety stock of places that feed others by echelon less downstream."""
        inner = [place for place in range(self.n) if self.places.feeds[place]]
        if not inner:
            return
        mean, variance = self._moments(nodes + self.review, echelon=True)
        own = np.zeros(self.n)
        own[: len(self.demand.keys)] = self.demand.mean.mean(axis=1)
        below = np.zeros_like(self.safety)
        covered = self.safety.copy()
        for group in self.levels[1:]:
            for place in group:
                fed = self.places.feeds[place]
                weights = np.array([per * self.per_day[child] for child, per in fed])
                aims = np.array([self.level[child] for child, _ in fed])
                aim = float((weights * aims).sum() / weights.sum()) if weights.sum() else 0.5
                if not np.isnan(self.costs.given[place]):
                    aim = float(self.costs.given[place])
                echelon = demand_quantile(aim, mean=mean[place], variance=variance[place])
                stands = sum(per * covered[child] for child, per in fed)
                below[place] = stands
                leant = np.maximum(echelon - mean[place] - stands, 0.0)
                # Customers served from here wait for nobody downstream.
                self.safety[place] = (
                    np.maximum(leant, self.safety[place]) if own[place] > 0 else leant
                )
                covered[place] = self.safety[place] + stands

    def _round(self) -> None:
        """Make reorder points whole units; safety stock takes up the difference."""
        ahead = np.rint((self.lead_days + self.params.review_days) / self.demand.days)
        columns = np.arange(self.periods)[None, :] + ahead[:, None].astype(np.int64)
        columns = np.minimum(columns, self.periods - 1)
        rows = np.arange(self.n)[:, None]
        self.safety = np.where(self.mean > 0, self.safety, 0.0)
        base = self.mean + self.safety
        self.safety = np.ceil(base - 1e-9) - self.mean
        self.safety = np.where(self.mean > 0, np.maximum(self.safety, 0.0), 0.0)
        forward = self._forward_means()
        self.reorder = np.ceil(forward + self.safety[rows, columns] - 1e-9)
        self.up_to = self.reorder + np.ceil(self.extra_lot()[:, None] - 1e-9)

    def _forward_means(self) -> FloatArray:
        """Return mean demand from the start of each period over lead time and review."""
        length = (self.lead_days + self.params.review_days) / self.demand.days
        starts = np.arange(self.periods, dtype=np.float64)[None, :]
        begin = starts + self.draws.ahead[:, None]
        end = begin + length[self.draws.place][:, None]
        mean, _ = self.curves.window(self.draws.stream[:, None], begin, end)
        total = np.zeros((self.n, self.periods))
        np.add.at(total, self.draws.place, self.draws.quantity[:, None] * mean)
        return total

    def _service_reached(self, nodes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return fill rate and cycle service level with the delays places upstream cause."""
        delay = np.zeros(self.n)
        fill, cycle = np.ones_like(self.mean), np.ones_like(self.mean)
        extra = self.extra_lot()
        feeder = np.full(self.n, -1)
        for place, fed in enumerate(self.places.feeds):
            for child, _ in fed:
                feeder[child] = place
        for group in reversed(self.levels):
            late = np.array([delay[feeder[p]] if feeder[p] >= 0 else 0.0 for p in group])
            chosen = np.array(group)
            lead_mean, lead_variance = self.lead_mean[chosen], self.lead_variance[chosen]
            mean, variance = self.mean[chosen], self.variance[chosen]
            base = mean + self.safety[chosen]
            rate = self.per_day[chosen][:, None]
            # A delay of d days moves both windows d days further out.
            grown = rate * late[:, None]
            factor = 1.0 + late[:, None] / (
                self.lead_days[chosen][:, None] + self.params.review_days
            )
            lead_mean, lead_variance = lead_mean + grown, lead_variance * factor
            mean, variance = mean + grown, variance * factor
            missed, left_over, reached = (
                np.zeros_like(mean),
                np.zeros_like(mean),
                np.zeros_like(mean),
            )
            # After an order the position lies anywhere between reorder point and order-up-to.
            for share in (0.1127, 0.5, 0.8873):
                weight = 4 / 9 if share == 0.5 else 5 / 18
                level = base + share * extra[chosen][:, None]
                at_end = demand_loss(level, mean=mean, variance=variance)
                at_start = demand_loss(level, mean=lead_mean, variance=lead_variance)
                missed += weight * np.maximum(at_end - at_start, 0.0)
                left_over += weight * 0.5 * (at_end + at_start)
                reached += weight * demand_cdf(level, mean=mean, variance=variance)
            wanted = np.maximum(mean - lead_mean, 1e-12)
            fill[chosen] = np.where(mean > 0, np.clip(1.0 - missed / wanted, 0.0, 1.0), 1.0)
            cycle[chosen] = np.where(mean > 0, reached, 1.0)
            delay[chosen] = (left_over / np.maximum(rate, 1e-9)).mean(axis=1)
        self.delay_days = delay
        return fill, cycle

    def expected_cost(self) -> float:
        """Return the cost of holding and shortage expected a period, over all places."""
        days = self.demand.days
        extra = self.extra_lot()
        on_hand = self.safety.mean(axis=1) + 0.5 * (extra + self.per_day * self.params.review_days)
        held = on_hand * self.held * days
        streams = slice(0, len(self.demand.keys))
        missed = (1.0 - self.fill_rate[streams]) * self.demand.mean
        lost = missed.mean(axis=1) * np.nan_to_num(self.short[streams])
        return float(held.sum() + lost.sum())

    def overall_fill_rate(self) -> float:
        """Return the share of customers' demand expected to be met from stock."""
        wanted = self.demand.mean
        met = self.fill_rate[: len(self.demand.keys)] * wanted
        return float(met.sum() / wanted.sum()) if wanted.sum() else 1.0

    def source(self, place: int) -> str:
        """Return where the service level of a place comes from."""
        if not np.isnan(self.costs.given[place]):
            return "given"
        return "assumed" if np.isnan(self.short[place]) else "margin"
