"""Why each place holds what it holds, as rows a person can read."""

from __future__ import annotations

import numpy as np

from fivefold.model.outcome import Reason
from fivefold.plan.stock.network import Way
from fivefold.plan.stock.target_plan import TargetPlan


def target_reasons(plan: TargetPlan) -> list[Reason]:
    """Return the reasons of all places, subject `target:ITEM@LOCATION`, sorted by place."""
    found: list[Reason] = []
    for place in sorted(range(plan.n), key=lambda number: plan.places.keys[number]):
        found += _reasons_of(plan, place)
    return found


def _reasons_of(plan: TargetPlan, place: int) -> list[Reason]:
    rows = [_demand(plan, place), _service(plan, place), _lead_time(plan, place)]
    lot = _lot(plan, place)
    rows += [lot] if lot else []
    fee = _fee(plan, place)
    rows += [fee] if fee else []
    return [*rows, _held(plan, place), _next_best(plan, place)]


def _subject(plan: TargetPlan, place: int) -> str:
    item, location = plan.places.keys[place]
    return f"target:{item}@{location}"


def _demand(plan: TargetPlan, place: int) -> Reason:
    fed = plan.places.feeds[place]
    names = ", ".join("@".join(plan.places.keys[child]) for child, _ in fed[:3])
    more = f" and {len(fed) - 3} more" if len(fed) > 3 else ""
    onward = f", what {names}{more} draw included" if fed else ""
    per_week = 7.0 * float(plan.per_day[place])
    return Reason(
        subject=_subject(plan, place),
        reason_code="demand_served",
        reference="@".join(plan.places.keys[place]),
        quantity=round(per_week, 3),
        text=f"Serves {per_week:,.1f} units a week{onward}.",
    )


def _service(plan: TargetPlan, place: int) -> Reason:
    aim, short = float(plan.level[place]), float(plan.short[place])
    source = plan.source(place)
    if source == "given":
        text = f"Service level {aim:.1%} as a planner gave it."
    elif source == "assumed":
        text = f"No price is known, so service level {aim:.1%} is assumed."
    else:
        held = float(plan.held[place] * plan.cycle_days[place])
        origin = plan.costs.margin_from[place]
        if plan.places.feeds[place]:
            origin = "its own sales and those it would make places downstream lose"
        text = (
            f"Service level {aim:.1%}: a unit short loses {short:.2f} ({origin}), "
            f"a unit held {plan.cycle_days[place]:.0f} days costs {held:.3f}."
        )
    return Reason(
        subject=_subject(plan, place),
        reason_code="unknown_figure" if source == "assumed" else "service_level",
        reference=source,
        quantity=round(aim, 6),
        price=None if np.isnan(short) else round(short, 4),
        text=text,
    )


def _lead_time(plan: TargetPlan, place: int) -> Reason:
    way: Way = plan.places.chosen[place]
    days, spread = float(plan.lead_days[place]), float(plan.lead_sd[place])
    if way.known:
        text = (
            f"Covers {days:.1f} ± {spread:.1f} days from {way.name} and "
            f"{plan.params.review_days:.0f} days of review."
        )
    else:
        text = f"No source is known; {days:.0f} days of lead time are assumed."
    return Reason(
        subject=_subject(plan, place),
        reason_code="lead_time" if way.known else "unknown_figure",
        reference=way.name,
        quantity=round(days, 3),
        text=text,
    )


def _lot(plan: TargetPlan, place: int) -> Reason | None:
    minimum = plan.places.chosen[place].minimum_quantity
    lot = float(plan.lot[place])
    if minimum <= 0 or lot > minimum or plan.extra_lot()[place] <= 0:
        return None
    return Reason(
        subject=_subject(plan, place),
        reason_code="lot_rule",
        reference=plan.places.chosen[place].name,
        quantity=minimum,
        text=f"Orders are at least {minimum:,.0f} units, {plan.cycle_days[place]:.0f} days of "
        "demand; the larger order needs less safety stock.",
    )


def _fee(plan: TargetPlan, place: int) -> Reason | None:
    choice = plan.cover.get(place)
    if choice is None:
        return None
    moved = float((choice.safety - plan.newsvendor[place] + plan.mean[place]).mean())
    saved = float(choice.saved.mean())
    verb = "more" if moved > 0 else "less"
    return Reason(
        subject=_subject(plan, place),
        reason_code="fee_card",
        reference=f"{choice.why} ({choice.card})",
        quantity=round(moved, 2),
        price=round(saved / abs(moved), 5) if abs(moved) > 1e-9 else None,
        text=f"Holds {abs(moved):,.0f} units {verb} than margin alone asks for, because of "
        f"{choice.why}; that saves {saved:,.2f} a week.",
    )


def _held(plan: TargetPlan, place: int) -> Reason:
    safety, fill = float(plan.safety[place].mean()), float(plan.fill_rate[place].mean())
    return Reason(
        subject=_subject(plan, place),
        reason_code="safety_stock",
        reference="@".join(plan.places.keys[place]),
        quantity=round(safety, 2),
        price=round(float(plan.held[place] * 7), 5),
        text=f"Holds {safety:,.0f} units against uncertainty on average at "
        f"{plan.held[place] * 7:.3f} a unit and week; expected fill rate {fill:.1%}.",
    )


def _next_best(plan: TargetPlan, place: int) -> Reason:
    """Another way to fill the place, else one day of demand less."""
    other, way = plan.places.other[place], plan.places.chosen[place]
    per_week = 7.0 * float(plan.per_day[place])
    safety = float(plan.safety[place].mean())
    if other is not None:
        review = plan.params.review_days
        # Safety stock goes with the standard deviation of lead-time demand.
        mean, variance = float(plan.mean[place].mean()), float(plan.variance[place].mean())
        days = way.lead_time_days_mean + review
        daily = max(variance - (plan.per_day[place] * way.lead_time_days_sd) ** 2, 0.0) / days
        changed = daily * (other.lead_time_days_mean + review)
        changed += (plan.per_day[place] * other.lead_time_days_sd) ** 2
        stock = safety * (np.sqrt(changed / variance) - 1.0) if mean > 0 and variance > 0 else 0.0
        goods = (other.unit_cost - way.unit_cost) * per_week
        cost = goods + float(stock * plan.held[place] * 7)
        return Reason(
            subject=_subject(plan, place),
            reason_code="next_best",
            reference=other.name,
            quantity=round(float(stock), 2),
            price=round(cost, 4),
            text=f"Filling it from {other.name} in {other.lead_time_days_mean:.0f} days would "
            f"change safety stock by {stock:+,.0f} units and cost by {cost:+,.2f} a week.",
        )
    day = float(plan.per_day[place])
    saves = day * float(plan.held[place]) * 7
    # Each cycle that ends short misses up to that many more.
    risk = 1.0 - float(plan.cycle_level[place].mean())
    loses = risk * day * float(np.nan_to_num(plan.short[place])) * 7 / plan.cycle_days[place]
    return Reason(
        subject=_subject(plan, place),
        reason_code="next_best",
        reference="one day of demand less",
        quantity=round(-day, 2),
        price=round(float(loses - saves), 4),
        text=f"A day of demand less would save {saves:,.2f} of holding and lose at least "
        f"{loses:,.2f} of sales a week.",
    )
