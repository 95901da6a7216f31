"""Which price to ask for each item in each channel, and why: guard rails, gain, markdown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.price.clearance import Clearance, Clearances
from fivefold.plan.price.ladder import CENT, Bounds, allowed, bounds
from fivefold.plan.price.markdown import LEAVE, Markdown, best_markdown
from fivefold.plan.price.optimum import Situation, Worth, worth_of
from fivefold.plan.price.situations import Sold, read_sold

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceParams:
    """House rules for prices and how sure a change must be.

    Parameters
    ----------
    days : int
        Days a price is judged over, 7 to 364.
    max_step_share : float
        Largest change at once, share of today's price.
    endings : tuple of float
        End digits a price may have.
    margin_floor_share : float
        Least contribution as a share of the price; `price_rules` may ask for more.
    undercut_share : float
        How far below a competitor's price a cut may go.
    confidence : float
        Least chance of a gain for a change to be proposed.
    least_gain : float
        Least expected gain over the days, currency.
    clear_weeks, clear_depth_share : int, float
        Weeks a markdown may take, and its deepest cut.
    cover_weeks : float
        Stock for more weeks than this is too much.
    aged_days : int
        Age from which stock is old.
    prior_elasticity, prior_elasticity_sd : float
        Counted where no elasticity was estimated.
    """

    days: int = 91
    max_step_share: float = 0.10
    endings: tuple[float, ...] = (0.49, 0.99)
    margin_floor_share: float = 0.0
    undercut_share: float = 0.0
    confidence: float = 0.8
    least_gain: float = 10.0
    clear_weeks: int = 26
    clear_depth_share: float = 0.5
    cover_weeks: float = 26.0
    aged_days: int = 181
    prior_elasticity: float = -2.62
    prior_elasticity_sd: float = 1.5

    def __post_init__(self) -> None:
        if not 7 <= self.days <= 364:
            raise ValueError(f"days must be from 7 to 364, found {self.days}")
        for name in ("max_step_share", "confidence", "clear_depth_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, found {getattr(self, name)}")
        if not 1 <= self.clear_weeks <= 104:
            raise ValueError(f"clear_weeks must be from 1 to 104, found {self.clear_weeks}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    sold: Sold
    held: Bounds
    action: str
    price: float
    now: float
    left: float
    units_now: float
    units: float
    gain: float
    gain_low: float
    gain_high: float
    chance: float
    free_price: float
    bound_by: str
    runner_up: tuple[float, float] | None
    clearance: Clearance | None = None
    markdown: Markdown | None = None


def propose_prices(dataset: Dataset, params: PriceParams | None = None, *, as_of: date) -> Outcome:
    """Return the price to ask for every active offer, and markdown paths of ageing stock.

    Parameters
    ----------
    dataset : Dataset
        What `read_sold` reads, price_elasticities, inventory_ages, fee_cards, locations.
    params : PriceParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `price_proposals`, `markdown_paths`; the objective is the expected gain over the days.
        Infeasible, and why, where no offer has a price, a forecast and a known contribution.

    Notes
    -----
    The rung of most expected gain is proposed if its chance of gaining and its gain reach what
    the parameters ask; else the price is kept. Contribution of substitutes moves with the
    price by their cross elasticities. Stock binds until a new order could arrive.
    """
    params = params or PriceParams()
    offers = [sold for sold in read_sold(dataset, as_of=as_of) if sold.curve is not None]
    if not offers:
        text = "No active offer has a price, a forecast and known fees; plan first."
        reason = Reason(subject="price", reason_code="infeasible", text=text)
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))
    own, cross = _elasticities(dataset, params)
    worth = _worth_by_item(offers, params)
    clearing = Clearances(
        dataset, as_of=as_of, aged_days=params.aged_days, cover_weeks=params.cover_weeks
    )
    chosen = []
    for sold in offers:
        elasticity = own.get(sold.item, (params.prior_elasticity, params.prior_elasticity_sd))
        substitutes = tuple(
            (worth[other], value) for other, value in cross.get(sold.item, ()) if other in worth
        )
        chosen.append(_choose(sold, params, elasticity, substitutes, clearing))
    rows = [_row(choice, params) for choice in chosen]
    paths = [row for choice in chosen for row in _path_rows(choice, as_of)]
    reasons = [
        reason
        for choice in chosen
        for reason in _reasons(choice, own.get(choice.sold.item), params)
    ]
    return Outcome(
        tables={
            "price_proposals": schema("price_proposals").frame(rows),
            "markdown_paths": schema("markdown_paths").frame(paths),
        },
        status="optimal",
        objective=float(sum(choice.gain for choice in chosen)),
        explanations=explanations_frame(reasons),
    )


def _elasticities(
    dataset: Dataset, params: PriceParams
) -> tuple[dict[str, tuple[float, float]], dict[str, list[tuple[str, float]]]]:
    """Return own elasticities, and by item whose price moves: who gains by it and how much."""
    own: dict[str, tuple[float, float]] = {}
    cross: dict[str, list[tuple[str, float]]] = {}
    for row in dataset["price_elasticities"].iter_rows(named=True):
        if row["with_item"] == "":
            own[row["item"]] = (row["elasticity"], row["elasticity_sd"])
        else:
            cross.setdefault(row["with_item"], []).append((row["item"], row["elasticity"]))
    return own, cross


def _worth_by_item(offers: list[Sold], params: PriceParams) -> dict[str, float]:
    """Return the contribution of each item over the days at today's prices."""
    total: dict[str, float] = {}
    for sold in offers:
        now = float(sold.contribution(np.array([sold.price]))[0])
        units = float(_demand(sold, params)[0].sum())
        total[sold.item] = total.get(sold.item, 0.0) + now * units
    return total


def _demand(sold: Sold, params: PriceParams) -> tuple[FloatArray, FloatArray]:
    """Return demand and its spread for each week of the days; the last forecast is kept up."""
    weeks = max(1, round(params.days / 7.0))
    reach = np.minimum(np.arange(weeks), len(sold.weekly) - 1)
    return sold.weekly[reach], sold.weekly_sd[reach]


def _choose(
    sold: Sold,
    params: PriceParams,
    elasticity: tuple[float, float],
    substitutes: tuple[tuple[float, float], ...],
    clearing: Clearances,
) -> _Choice:
    held = bounds(
        sold.price,
        sold.rule,
        max_step_share=params.max_step_share,
        undercut_share=params.undercut_share,
    )
    now = float(sold.contribution(np.array([sold.price]))[0])
    ladder = _ladder(sold, params, held)
    mean, sd = _demand(sold, params)
    soon = min(sold.lead_weeks, len(mean))
    at = Situation(
        price=sold.price,
        soon_units=float(mean[:soon].sum()),
        soon_sd=float(np.sqrt((sd[:soon] ** 2).sum())),
        later_units=float(mean[soon:].sum()),
        stock_units=sold.stock + sold.coming,
        elasticity=elasticity[0],
        elasticity_sd=elasticity[1],
        substitutes=substitutes,
    )
    worth = worth_of(ladder, sold.contribution(ladder), now, at)
    best = _best(ladder, worth, sold.price, held, params)
    free = np.linspace(0.5, 1.5, 101) * sold.price
    free_price = float(free[worth_of(free, sold.contribution(free), now, at).gain.argmax()])
    units_now = float(worth_of(np.array([sold.price]), np.array([now]), now, at).units[0])
    choice = _Choice(
        sold=sold,
        held=held,
        action=_action(float(ladder[best]), sold.price),
        price=float(ladder[best]),
        now=now,
        left=float(sold.contribution(ladder[best : best + 1])[0]),
        units_now=units_now,
        units=float(worth.units[best]),
        gain=float(worth.gain[best]),
        gain_low=float(worth.gain_low[best]),
        gain_high=float(worth.gain_high[best]),
        chance=float(worth.chance[best]),
        free_price=free_price,
        bound_by=_bound_by(float(ladder[best]), free_price, ladder, held, params),
        runner_up=_runner_up(ladder, worth, best),
    )
    clearance = clearing.of(sold, weeks=params.clear_weeks)
    return choice if clearance is None else _cleared(choice, clearance, elasticity, params)


def _ladder(sold: Sold, params: PriceParams, held: Bounds) -> FloatArray:
    """Return the rungs within all bounds, those under the margin floor left out."""
    found = np.array(
        allowed(sold.price, held, max_step_share=params.max_step_share, endings=params.endings)
    )
    floor = sold.rule.get("margin_floor_share")
    least = params.margin_floor_share if floor is None else float(floor)
    enough = sold.contribution(found) >= least * found - CENT
    # Keeping today's price, or the nearest lawful one, is always possible.
    return found[enough | (np.abs(found - sold.price) < CENT)] if enough.any() else found


def _best(ladder: FloatArray, worth: Worth, price: float, held: Bounds, params: PriceParams) -> int:
    """Return the rung to ask: the best that is sure enough, else today's."""
    same = np.flatnonzero(np.abs(ladder - price) < CENT)
    good = (worth.chance >= params.confidence) & (worth.gain >= params.least_gain)
    if not good.any():
        return int(same[0]) if len(same) else int(worth.gain.argmax())
    return int(np.where(good, worth.gain, -np.inf).argmax())


def _action(price: float, now: float) -> str:
    if abs(price - now) < CENT:
        return "keep"
    return "raise" if price > now else "lower"


def _bound_by(
    price: float, free: float, ladder: FloatArray, held: Bounds, params: PriceParams
) -> str:
    """Return the rule that stands between the price and the free optimum."""
    if held.contradiction:
        return "rules contradict each other"
    if free > price + CENT and price >= ladder.max() - CENT:
        return held.high_rule or "largest step"
    if free < price - CENT and price <= ladder.min() + CENT:
        return held.low_rule or "largest step or least margin"
    return ""


def _runner_up(ladder: FloatArray, worth: Worth, best: int) -> tuple[float, float] | None:
    others = [i for i in range(len(ladder)) if i != best]
    if not others:
        return None
    second = max(others, key=lambda i: worth.gain[i])
    return float(ladder[second]), float(worth.gain[second])


def _cleared(
    choice: _Choice, clearance: Clearance, elasticity: tuple[float, float], params: PriceParams
) -> _Choice:
    """Return the choice for a stock that is to be cleared, where that is worth more."""
    sold = choice.sold
    weeks = params.clear_weeks
    demand = sold.weekly[np.minimum(np.arange(weeks), len(sold.weekly) - 1)]
    lowest = max(sold.price * (1.0 - params.clear_depth_share), _least_price(sold))
    steps = sorted({round(sold.price * (1.0 - k * 0.05), 2) for k in range(1, 11)}, reverse=True)
    prices = np.array([sold.price, *(p for p in steps if p >= lowest - CENT)])
    income = sold.contribution(prices) + sold.spent
    ratio = (prices / sold.price) ** min(0.0, elasticity[0])
    units = clearance.units
    worth = best_markdown(
        stock_units=units,
        demand=demand,
        prices=prices,
        income=income,
        ratio=ratio,
        holding=clearance.holding,
        leave_value=clearance.way_out.value,
        end_value=_kept_on(sold, income[0], clearance, float(demand.mean())),
    )
    first = int(worth.choice[0, -1])
    if first == LEAVE:
        way = "liquidate" if clearance.way_out.way == "liquidate" else "remove"
        action, price = way, sold.price
    elif first > 0:
        action, price = "markdown", float(prices[first])
    else:
        return _undiscounted(choice, clearance, worth, params)
    return _Choice(
        sold=sold,
        held=choice.held,
        action=action,
        price=price,
        now=choice.now,
        left=float(sold.contribution(np.array([price]))[0]),
        units_now=choice.units_now,
        units=float(worth.units.sum()),
        gain=worth.value - worth.full_price_value,
        gain_low=min(0.0, worth.value - worth.full_price_value),
        gain_high=max(0.0, worth.value - worth.full_price_value),
        chance=choice.chance,
        free_price=price,
        bound_by="",
        runner_up=(sold.price, 0.0),
        clearance=clearance,
        markdown=worth,
    )


def _undiscounted(
    choice: _Choice, clearance: Clearance, worth: Markdown, params: PriceParams
) -> _Choice:
    """Return the choice where no markdown pays yet; too much stock is not made dearer either."""
    told = replace(choice, clearance=clearance, markdown=worth)
    much = clearance.leaving or clearance.weeks_of_cover > params.cover_weeks
    if choice.action != "raise" or not much or choice.held.strict:
        return told
    return replace(
        told,
        action="keep",
        price=choice.sold.price,
        left=choice.now,
        units=choice.units_now,
        gain=0.0,
        gain_low=0.0,
        gain_high=0.0,
        chance=0.0,
        bound_by="too much stock to ask more",
        runner_up=(choice.price, choice.gain),
    )


def _least_price(sold: Sold) -> float:
    """Return the lowest price a rule lets be asked; clearing does not excuse from it."""
    rule = sold.rule
    return max(rule.get("floor_price") or 0.0, rule.get("minimum_advertised_price") or 0.0)


def _kept_on(sold: Sold, income: float, clearance: Clearance, weekly: float) -> FloatArray | None:
    """Return the worth of stock left at the end where the item goes on being sold."""
    if weekly <= 0 or clearance.leaving:
        return None
    number = np.arange(1, clearance.units + 1)
    cost = float(clearance.holding[-1])
    each = np.maximum(income - cost * number / weekly, clearance.way_out.value)
    return np.concatenate([[0.0], np.cumsum(each)])


def _row(choice: _Choice, params: PriceParams) -> dict[str, object]:
    sold = choice.sold
    return {
        "item": sold.item,
        "channel": sold.channel,
        "action": choice.action,
        "price_now": round(sold.price, 2),
        "price": round(choice.price, 2),
        "contribution_now": choice.now,
        "contribution": choice.left,
        "days": params.days,
        "units_now": choice.units_now,
        "units": choice.units,
        "gain": choice.gain,
        "gain_low": choice.gain_low,
        "gain_high": choice.gain_high,
        "chance_of_gain": choice.chance,
        "free_price": choice.free_price,
        "bound_by": choice.bound_by or None,
        "stock_units": round(sold.stock + sold.coming),
        "decision": _name(sold),
    }


def _name(sold: Sold) -> str:
    return f"price:{sold.item}:{sold.channel}"


def _path_rows(choice: _Choice, as_of: date) -> list[dict[str, object]]:
    path, clearance = choice.markdown, choice.clearance
    if path is None or clearance is None or choice.action not in ("markdown", "keep"):
        return []
    if choice.action == "keep" and not np.nanmin(path.price, initial=np.inf) < choice.sold.price:
        return []
    monday = as_of - timedelta(days=as_of.weekday())
    rows: list[dict[str, object]] = []
    for week in range(len(path.price)):
        if path.stock[week] < 0.5 or not np.isfinite(path.price[week]):
            break
        rows.append(
            {
                "item": choice.sold.item,
                "channel": choice.sold.channel,
                "week_start": monday + timedelta(weeks=week),
                "price": float(path.price[week]),
                "stock_units_mean": float(path.stock[week]),
                "units_mean": float(path.units[week]),
                "value": path.value if week == 0 else None,
            }
        )
    return rows


def _reasons(
    choice: _Choice, elasticity: tuple[float, float] | None, params: PriceParams
) -> list[Reason]:
    sold, name = choice.sold, _name(choice.sold)
    told = "keep" if choice.action == "keep" else f"{sold.price:.2f} to {choice.price:.2f}"
    reasons = [
        Reason(
            subject=name,
            reason_code="demand_served",
            reference=f"{sold.item}@{sold.location}",
            quantity=choice.units,
            price=choice.left,
            text=f"{told}: {choice.units_now:,.0f} units in {params.days} days at today's price, "
            f"{choice.units:,.0f} at the new one; a unit leaves {choice.now:.2f} and then "
            f"{choice.left:.2f}.",
        ),
        _elasticity_reason(name, elasticity, params),
    ]
    soon = sold.weekly[: sold.lead_weeks].sum()
    if sold.stock + sold.coming < soon:
        text = (
            f"Only {sold.stock + sold.coming:,.0f} units are there or coming before a new order "
            f"could arrive in {sold.lead_weeks} weeks; {soon:,.0f} are wanted, so a higher price "
            "loses little."
        )
        reasons.append(
            Reason(subject=name, reason_code="stock_on_hand", quantity=sold.stock, text=text)
        )
    if choice.bound_by:
        text = (
            f"{choice.held.contradiction or choice.bound_by} holds the price; without rules "
            f"{choice.free_price:.2f} would gain most."
        )
        reasons.append(
            Reason(
                subject=name,
                reason_code="constraint_bound",
                reference=choice.bound_by,
                price=choice.free_price,
                text=text,
            )
        )
    if choice.clearance is not None and choice.markdown is not None:
        reasons.append(_clearing_reason(name, choice))
    if choice.runner_up is not None:
        price, gain = choice.runner_up
        text = (
            f"Next best is {price:.2f} with {gain:+,.0f}; this choice brings {choice.gain:+,.0f} "
            f"over the days and gains with a chance of {choice.chance:.0%}."
        )
        reasons.append(
            Reason(subject=name, reason_code="next_best", quantity=gain, price=price, text=text)
        )
    return reasons


def _elasticity_reason(
    name: str, elasticity: tuple[float, float] | None, params: PriceParams
) -> Reason:
    if elasticity is None:
        text = (
            f"No elasticity was estimated; the mean of published ones, "
            f"{params.prior_elasticity:.2f}, is counted with a wide spread."
        )
        return Reason(subject=name, reason_code="unknown_figure", text=text)
    return Reason(
        subject=name,
        reason_code="forecast_method",
        reference="price_elasticities",
        quantity=elasticity[0],
        price=elasticity[1],
        text=f"A price 1 % higher changes demand by {elasticity[0]:+.2f} % (standard error "
        f"{elasticity[1]:.2f}).",
    )


def _clearing_reason(name: str, choice: _Choice) -> Reason:
    clearance, path = choice.clearance, choice.markdown
    assert clearance is not None
    assert path is not None
    text = (
        f"{clearance.because} Marking down as best can be is worth {path.value:,.0f}, today's "
        f"price all along {path.full_price_value:,.0f}, all of it at once "
        f"{path.leave_value:,.0f}: {clearance.way_out.text}."
    )
    return Reason(
        subject=name,
        reason_code="disposition",
        reference=clearance.way_out.way,
        quantity=float(clearance.units),
        price=clearance.way_out.value,
        text=text,
    )
