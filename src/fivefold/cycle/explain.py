"""Why: the reasons for a decision, and those of the decisions it carries out."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.errors import NotFoundError

#: Tables whose rows carry out a decision: table, column of the name, column of the decision.
_CARRIES_OUT = (
    ("purchase_order_lines", "order", "decision"),
    ("work_orders", "order", "decision"),
    ("inbound_cartons", "shipment", "decision"),
    ("channel_choices", "item", "decision"),
)
#: Tables in which a name may stand, with the column that holds it.
_NAMED_IN = (
    ("purchase_orders", "order"),
    ("purchase_order_lines", "order"),
    ("work_orders", "order"),
    ("inbound_shipments", "shipment"),
    ("supply_plan", "decision"),
    ("channel_choices", "decision"),
    ("supply_changes", "order"),
    ("promises", "order"),
    ("dispositions", "return_id"),
    ("order_relaxations", "demand"),
    ("placement", "item"),
    ("limit_prices", "limit"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Everything a plan can say about one name.

    `rows` are the rows of each table it stands in, `reasons` its own reasons,
    `because` those of the decisions it carries out.
    """

    name: str
    plan: str
    rows: dict[str, pl.DataFrame]
    reasons: pl.DataFrame
    because: pl.DataFrame


def why(plan: Plan, name: str) -> Why:
    """Return why a purchase order, work order, shipment, channel choice or decision is as it is.

    An item's name leads to everything decided about it, a shared limit's to its weeks, the
    dearest first, and to the decisions that it bound.

    Raises
    ------
    NotFoundError
        If the plan does not know the name; near names are told.
    """
    subject = _resolve(plan, name)
    rows = {}
    for table, column in _NAMED_IN:
        found = plan[table].filter(pl.col(column) == subject)
        if found.height:
            rows[table] = found
    if "limit_prices" in rows:
        rows["limit_prices"] = rows["limit_prices"].sort(
            "price", "period_start", descending=[True, False]
        )
    reasons = plan.why(subject)
    carried = _carried_out(plan, subject)
    pegged = pegged_to(plan, subject)
    if pegged.height:
        # What an order stands on, down to its sources, and why each of those decisions is so.
        rows["pegging"] = pegged
        carried = [*carried, *pegged.filter(pl.col("origin_kind") == "decision")["origin"].unique()]
        reasons = pl.concat([reasons, plan.why(f"late:{subject}")])
    told = plan["explanations"]
    because = told.filter(pl.col("subject").is_in(carried))
    if "limit_prices" in rows:
        because = told.filter(pl.col("reference") == subject)
    if subject != name or (not rows and reasons.height == 0):
        # An item's name leads to its channel choice first, and to all else decided about it.
        about, further = _about_item(plan, name)
        rows = {**about, **rows}
        because = pl.concat([because, further.filter(pl.col("subject") != subject)]).unique()
    if not rows and reasons.height == 0 and because.height == 0:
        raise NotFoundError(_unknown(plan, name))
    return Why(
        name=subject,
        plan=plan.plan,
        rows=rows,
        reasons=reasons,
        because=because.sort("subject", "sequence"),
    )


def pegged_to(plan: Plan, name: str) -> pl.DataFrame:
    """Return what an order or week of forecast stands on, level by level down to its sources.

    `name` is an order, an order line `order/line`, or a week of forecast. Rows are those of
    `pegging` with `level`: 1 serves the demand, 2 is what level 1 is made or moved from.
    """
    pegs = plan["pegging"]
    of_order = (pl.col("consumer") == name) | pl.col("consumer").str.starts_with(name + "/")
    found = pegs.filter(of_order & (pl.col("consumer_kind") != "supply"))
    levels = [found.with_columns(level=pl.lit(1))]
    seen: set[str] = set()
    while found.height:
        made = found.filter(pl.col("origin_kind") == "decision")["origin"].unique().sort()
        further = [origin for origin in made if origin not in seen]
        seen.update(further)
        from_supply = pl.col("consumer_kind") == "supply"
        found = pegs.filter(from_supply & pl.col("consumer").is_in(further))
        levels.append(found.with_columns(level=pl.lit(len(levels) + 1)))
    keys = ["level", "consumer", "origin_kind", "origin", "available_on"]
    return pl.concat(levels).sort(keys).select("level", pl.exclude("level"))


def _resolve(plan: Plan, name: str) -> str:
    """Return the subject meant by `name`, which may miss its prefix or its case."""
    subjects = plan["explanations"]["subject"].unique()
    if name in subjects:
        return name
    for prefix in ("channel:", "forecast:", "target:", "source:", "make_or_buy:"):
        if prefix + name in subjects:
            return prefix + name
    known = pl.concat([subjects, plan["limit_prices"]["limit"].unique()])
    if name in known:
        return name
    folded = known.filter(known.str.to_lowercase() == name.lower())
    return str(folded[0]) if len(folded) else name


def _carried_out(plan: Plan, name: str) -> list[str]:
    found: list[str] = []
    for table, column, decision in _CARRIES_OUT:
        rows = plan[table].filter(pl.col(column) == name)
        found.extend(rows[decision].drop_nulls().unique().to_list())
    return found


def _about_item(plan: Plan, item: str) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    rows = {}
    subjects: list[str] = [f"channel:{item}"]
    about = ("supply_plan", "make_or_buy", "stock_targets", "channel_choices", "unmet_demand")
    for table in about:
        found = plan[table].filter(pl.col("item") == item)
        if found.height:
            rows[table] = found
        if table == "supply_plan":
            subjects.extend(found["decision"].to_list())
    because = plan["explanations"].filter(
        pl.col("subject").is_in(subjects)
        | pl.col("subject").str.starts_with(f"forecast:{item}@")
        | pl.col("subject").str.starts_with(f"target:{item}@")
        | pl.col("subject").str.starts_with(f"source:{item}@")
        | pl.col("subject").str.starts_with(f"make_or_buy:{item}@")
    )
    return rows, because


def _unknown(plan: Plan, name: str) -> str:
    from difflib import get_close_matches

    known = set(plan["explanations"]["subject"].to_list())
    for table, column in _NAMED_IN:
        known.update(plan[table][column].drop_nulls().to_list())
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    hint = f"; near to it: {', '.join(near)}" if near else ""
    return f"plan {plan.plan} knows nothing of {name!r}{hint}"
