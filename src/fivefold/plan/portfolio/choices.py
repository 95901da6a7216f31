"""Which items to offer, where and from when, and why: the entry of the room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.portfolio.candidates import Item, Known, groups_of, read_items
from fivefold.plan.portfolio.exact import solve_exactly
from fivefold.plan.portfolio.pricing_limits import Range, choose_states
from fivefold.plan.portfolio.states import Candidate, Group, all_states, transfer_shares
from fivefold.plan.portfolio.views import abc, pareto, xyz

FloatArray = NDArray[np.float64]
#: Least share of its demand an item has by itself, however much comes over from others.
_OWN_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeParams:
    """What the range is chosen with.

    Parameters
    ----------
    transfer_share : float
        Share of the demand for an item not offered that tries a substitute. [assumed]
    fixed_cost : float
        Cost a year of carrying an item: content, care, counting, attention. [assumed]
    move_cost : float
        Cost of changing an item's channel.
    cash_limit : float, optional
        Most money in stock on average; not limited where left out.
    unsold_share : float
        Share of its cost lost on what a year does not sell of a minimum order. [assumed]
    most_in_group : int
        Most items that stand in for each other, 2 to 7.
    exact_items : int
        Up to so many items, a choice that prices did not prove is solved to the end.
    """

    transfer_share: float = 0.3
    fixed_cost: float = 120.0
    move_cost: float = 40.0
    cash_limit: float | None = None
    unsold_share: float = 0.5
    most_in_group: int = 5
    exact_items: int = 60

    def __post_init__(self) -> None:
        for name in ("transfer_share", "unsold_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, found {getattr(self, name)}")
        if not 2 <= self.most_in_group <= 7:
            raise ValueError(f"most_in_group must be from 2 to 7, found {self.most_in_group}")
        if self.cash_limit is not None and self.cash_limit < 0:
            raise ValueError(f"cash_limit must not be negative, found {self.cash_limit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an item stands in the answer."""

    item: Item
    group: Group
    state: int
    column: int

    @property
    def option(self) -> int:
        return int(self.group.option[self.state, self.column])


def choose_range(dataset: Dataset, params: RangeParams | None = None, *, as_of: date) -> Outcome:
    """Return which items to keep, move, end, launch or bring back, where, and from when.

    Parameters
    ----------
    dataset : Dataset
        What `read_items` reads: input tables with those of a plan.
    params : RangeParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `portfolio_choices`, a row an item; the objective is the contribution a year less
        fixed costs, the bound what no range within the limits can exceed. Infeasible, and
        why, where nothing can be judged or the limits allow no range.
    """
    params = params or RangeParams()
    known = read_items(
        dataset,
        as_of=as_of,
        fixed_cost=params.fixed_cost,
        move_cost=params.move_cost,
        cash_limit=params.cash_limit,
        unsold_share=params.unsold_share,
    )
    if not known.items:
        text = "No item has a known contribution in a channel; plan first."
        reason = Reason(subject="portfolio", reason_code="infeasible", text=text)
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))
    members = groups_of(known.items, most=params.most_in_group)
    groups = _groups(known, members, params, scale=None)
    answer = choose_states(groups, known.amounts)
    status = "feasible" if answer.gap > 1e-6 else "optimal"
    if not answer.feasible:
        text = "Even the least range breaks a limit of room or cash."
        reason = Reason(subject="portfolio", reason_code="infeasible", text=text)
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([reason]))
    if status == "feasible" and len(known.items) <= params.exact_items:
        answer, status = _to_the_end(groups, known, answer, params)
    places = [
        _Place(item=known.items[i], group=group, state=int(state), column=column)
        for group, state, numbers in zip(groups, answer.states, members, strict=True)
        for column, i in enumerate(numbers)
    ]
    places.sort(key=lambda place: place.item.item)
    sure = _confident(known, members, params, answer)
    rows, reasons = _told(places, answer, known, sure, dataset, params, as_of)
    return Outcome(
        tables={"portfolio_choices": schema("portfolio_choices").frame(rows)},
        status=status,  # type: ignore[arg-type]
        objective=answer.value,
        bound=answer.bound,
        explanations=explanations_frame(reasons),
        notes={
            "today": _today_value(groups, members, known),
            "prices": dict(zip((n for n, _ in known.limits), answer.prices.tolist(), strict=True)),
            "usage": dict(zip((n for n, _ in known.limits), answer.usage.tolist(), strict=True)),
            "limits": dict(known.limits),
        },
    )


def _groups(
    known: Known, members: list[list[int]], params: RangeParams, *, scale: str | None
) -> list[Group]:
    """Return the states of every group at expected demand, or at one of its ends."""
    found = []
    for numbers in members:
        items = [known.items[i] for i in numbers]
        demand = _were_all_offered(items, params.transfer_share)
        if scale is not None:
            ends = [getattr(item, scale) / max(item.demand, 1e-9) for item in items]
            demand = demand * np.array(ends)
        candidates = [
            _at_end(item.candidate(float(units)), item, scale)
            for item, units in zip(items, demand, strict=True)
        ]
        found.append(
            all_states(candidates, transfer=params.transfer_share, limits=len(known.limits))
        )
    return found


def _at_end(candidate: Candidate, item: Item, scale: str | None) -> Candidate:
    """Return the candidate with contributions at the same end as its demand."""
    if scale is None:
        return candidate
    side = 0 if scale == "low" else 1
    options = []
    for option in candidate.options:
        end = item.contribution_ends.get(option.channel, (None, None))[side]
        left = option.contribution if end is None else end
        options.append(replace(option, contribution=left))
    return replace(candidate, options=tuple(options))


def _were_all_offered(items: list[Item], transfer: float) -> FloatArray:
    """Return demand were all offered: what is offered today already has what came over."""
    seen = np.array([item.demand for item in items])
    absent = np.array([not item.offered for item in items])
    over = transfer * (np.where(absent, seen, 0.0) @ transfer_shares(seen))
    return np.where(absent, seen, np.maximum(_OWN_SHARE * seen, seen - over))


def _to_the_end(
    groups: list[Group], known: Known, answer: Range, params: RangeParams
) -> tuple[Range, str]:
    """Return the choice of branch and bound where it is better than that of prices."""
    exact = solve_exactly(
        [group.items for group in groups], known.amounts, transfer=params.transfer_share
    )
    if not exact.options or exact.value < answer.value - 1e-6:
        return answer, "feasible"
    states = np.array(
        [group.state(chosen) for group, chosen in zip(groups, exact.options, strict=True)]
    )
    usage = sum(
        (group.usage[state] for group, state in zip(groups, states, strict=True)),
        start=np.zeros(len(known.limits)),
    )
    better = replace(answer, states=states, value=exact.value, bound=exact.bound, usage=usage)
    return better, exact.status


def _confident(
    known: Known, members: list[list[int]], params: RangeParams, answer: Range
) -> set[str]:
    """Return items for which the choice is the same at both ends, at the prices found."""
    same: set[str] = {item.item for item in known.items}
    for scale in ("low", "high"):
        groups = _groups(known, members, params, scale=scale)
        for group, numbers, state in zip(groups, members, answer.states, strict=True):
            net = group.value - group.usage @ answer.prices
            now = group.option[state]
            then = group.option[int(net.argmax())]
            for column, i in enumerate(numbers):
                if (now[column] > 0) != (then[column] > 0):
                    same.discard(known.items[i].item)
    return same


def _today_value(groups: list[Group], members: list[list[int]], known: Known) -> float:
    """Return what the range offered today earns, by the same account."""
    total = 0.0
    for group, numbers in zip(groups, members, strict=True):
        options = [1 if known.items[i].offered and known.items[i].options else 0 for i in numbers]
        total += float(group.value[group.state(options)])
    return total


def _told(
    places: list[_Place],
    answer: Range,
    known: Known,
    sure: set[str],
    dataset: Dataset,
    params: RangeParams,
    as_of: date,
) -> tuple[list[dict[str, object]], list[Reason]]:
    channels = {row["channel"]: row for row in dataset["channels"].iter_rows(named=True)}
    countries = dict(dataset["locations"].select("location", "country").iter_rows())
    worth = np.array([_earned(place) for place in places])
    weeks = max((len(place.item.weekly) for place in places), default=1)
    record = np.stack([np.resize(np.append(p.item.weekly, np.zeros(weeks)), weeks) for p in places])
    views = zip(abc(worth), xyz(record), pareto(worth).tolist(), strict=True)
    rows: list[dict[str, object]] = []
    reasons: list[Reason] = []
    for place, (class_, steadiness, share) in zip(places, views, strict=True):
        item, name = place.item, f"range:{place.item.item}"
        option = item.options[place.option - 1] if place.option else item.options[0]
        action = _action(item, place.option)
        other, cost, value = _next_best(place, answer.prices)
        sold = float(place.group.sold[place.state, place.column])
        own = place.group.items[place.column].demand
        channel = channels.get(option.channel, {})
        rows.append(
            {
                "item": item.item,
                "channel": option.channel,
                "marketplace": channel.get("marketplace"),
                "region": countries.get(channel.get("location", "")),
                "action": action,
                "effective_on": _effective_on(item, action, as_of),
                "units_per_year": sold,
                "units_low": item.low,
                "units_high": item.high,
                "taken_over_units": max(0.0, sold - own) if place.option else 0.0,
                "lost_to_units": _goes_over(place, params.transfer_share),
                "contribution": option.contribution,
                "fixed_cost": option.fixed,
                "cash": item.cash,
                "volume_m3": item.volume,
                "value_per_year": value,
                "next_best": other,
                "next_best_cost": cost,
                "confident": item.item in sure,
                "abc_class": class_,
                "xyz_class": steadiness,
                "cumulative_share": share,
                "decision": name,
            }
        )
        reasons += _reasons(place, rows[-1], known, answer, params)
    return rows, reasons


def _earned(place: _Place) -> float:
    item = place.item
    option = item.options[place.option - 1] if place.option else item.options[0]
    return option.contribution * item.demand


def _action(item: Item, option: int) -> str:
    if option == 0:
        return "end" if item.offered else "leave_out"
    if item.offered:
        return "keep" if item.options[option - 1].channel in (item.today, "") else "move"
    return "relaunch" if item.status in ("ended", "phase_out") else "launch"


def _next_best(place: _Place, prices: FloatArray) -> tuple[str, float, float]:
    """Return the best other choice for the item, its cost a year, and what offering adds.

    The other items of the group answer at their best; limits are paid at their prices.
    """
    group, now = place.group, place.option
    net = group.value - group.usage @ prices
    mine = group.option[:, place.column]
    other = mine != now
    if not other.any():
        return "", 0.0, 0.0
    best = int(np.flatnonzero(other)[net[other].argmax()])
    chosen = int(mine[best])
    told = "not offered" if chosen == 0 else f"offered by {place.item.options[chosen - 1].channel}"
    with_it, without = group.value[mine > 0].max(), group.value[mine == 0].max()
    cost = max(0.0, float(net[place.state] - net[best]))
    return told, cost, float(with_it - without)


def _goes_over(place: _Place, transfer: float) -> float:
    """Return units a year that go over to substitutes where the item is not offered."""
    if place.option:
        return 0.0
    demand = np.array([candidate.demand for candidate in place.group.items])
    offered = place.group.option[place.state] > 0
    return float(transfer * demand[place.column] * transfer_shares(demand)[place.column] @ offered)


def _effective_on(item: Item, action: str, as_of: date) -> date:
    """Return when it takes effect: when stock is sold, or when new stock could be there."""
    if action == "end":
        daily = item.demand / 365.0
        days = min(365.0, item.stock / daily) if daily > 0 else 0.0
        return as_of + timedelta(days=round(days))
    if action in ("launch", "relaunch") and item.stock <= 0:
        return as_of + timedelta(days=round(item.lead_days))
    if action == "move":
        return as_of + timedelta(days=round(min(item.lead_days, 28.0)))
    return as_of


def _reasons(
    place: _Place,
    row: dict[str, object],
    known: Known,
    answer: Range,
    params: RangeParams,
) -> list[Reason]:
    item, name = place.item, str(row["decision"])
    option = item.options[place.option - 1] if place.option else item.options[0]
    told = str(row["action"]).replace("_", " ")
    reasons = [
        Reason(
            subject=name,
            reason_code="demand_served",
            reference=item.item,
            quantity=item.demand,
            price=option.contribution,
            text=f"{told}: about {item.demand:,.0f} units a year ({item.low:,.0f} to "
            f"{item.high:,.0f}), each leaving {option.contribution:.2f} by {option.channel} after "
            f"every fee and return; carrying it costs {option.fixed:,.0f} a year.",
        )
    ]
    if item.analogues:
        text = (
            f"It has no record of its own: demand is read off {item.analogues} items of its "
            f"family and may be anything from {item.low:,.0f} to {item.high:,.0f}."
        )
        reasons.append(Reason(subject=name, reason_code="forecast_method", text=text))
    moved = float(row["lost_to_units"] or 0.0) + float(row["taken_over_units"] or 0.0)  # type: ignore[arg-type]
    if moved >= 1.0:
        verb = "go over to its substitutes" if not place.option else "come over from items left out"
        reasons.append(
            Reason(
                subject=name,
                reason_code="demand_served",
                reference=item.family,
                quantity=moved,
                text=f"{moved:,.0f} units a year {verb}; {params.transfer_share:.0%} of the demand "
                "for an item that is not offered is assumed to try another once.",
            )
        )
    if option.fixed > params.fixed_cost + params.move_cost and item.minimum:
        text = (
            f"The least order of {item.minimum:,} units is more than a year sells beside the "
            f"{item.stock:,.0f} there; what is left costs {option.fixed - params.fixed_cost:,.0f}."
        )
        reasons.append(
            Reason(subject=name, reason_code="lot_rule", quantity=float(item.minimum), text=text)
        )
    for number, (limit, _) in enumerate(known.limits):
        price, takes = float(answer.prices[number]), float(option.per_unit[number])
        if price > 1e-9 and takes > 0:
            units = takes * item.demand
            text = (
                f"It takes {units:,.2f} of {limit}, which is short: one more is worth {price:,.2f} "
                f"a year, so the item pays {units * price:,.0f} for it."
            )
            reasons.append(
                Reason(
                    subject=name,
                    reason_code="constraint_price",
                    reference=limit,
                    quantity=units,
                    price=price,
                    text=text,
                )
            )
    text = (
        f"Next best is {row['next_best']}, which costs {row['next_best_cost']:,.0f} a year; the "
        f"choice {'holds' if row['confident'] else 'does not hold'} at both ends of demand and "
        "contribution."
    )
    reasons.append(
        Reason(
            subject=name,
            reason_code="next_best",
            reference=str(row["next_best"]),
            quantity=float(row["next_best_cost"]),  # type: ignore[arg-type]
            text=text,
        )
    )
    return reasons
