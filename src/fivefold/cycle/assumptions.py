"""What a plan takes for granted: each assumption named, with its source and how it holds."""

from __future__ import annotations

from typing import Any

import polars as pl

from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.measures import days_outstanding
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.ledger import events
from fivefold.model import Dataset

ASSUMED = "sop.assumed"
#: Settings a plan is told by people.
_SETTINGS = ("cash_budget_per_week", "cost_of_capital_share_per_year", "opening_cash")


def assume(
    workspace: Workspace, plan: Plan, name: str, text: str, *, author: str, actor: str
) -> None:
    """Write an assumption of a plan; the same name again says it anew, an empty text drops it.

    Raises
    ------
    ValueError
        If the name is empty or a text is longer than 500 letters.
    """
    if not name.strip() or len(name) > 80 or len(text) > 500:
        raise ValueError("an assumption has a name of 1 to 80 letters and a text of at most 500")
    count = len(workspace.recorded(ASSUMED))
    body = {"text": text.strip(), "author": author, "plan": plan.plan}
    workspace.journal.submit(
        [
            events.record(
                key=f"{ASSUMED}:{name}:{count}",
                actor=actor,
                effective_at=at_noon(plan.as_of),
                kind=ASSUMED,
                subject=name.strip(),
                body=body,
            )
        ],
        wait=True,
    )


def assumptions(workspace: Workspace, plan: Plan, dataset: Dataset) -> list[dict[str, Any]]:
    """Return what the plan takes for granted.

    Returns
    -------
    list of dict
        name, value, source, tracked: what facts say of it by now, None where none do.
    """
    return [*_of_data(plan, dataset), *_of_people(workspace)]


def _of_people(workspace: Workspace) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for fact in workspace.recorded(ASSUMED):
        found.pop(fact.subject, None)
        if fact.body["text"]:
            found[fact.subject] = {
                "name": fact.subject,
                "value": fact.body["text"],
                "source": fact.body["author"],
                "tracked": None,
            }
    return list(found.values())


def _of_data(plan: Plan, dataset: Dataset) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"name": "weeks planned", "value": plan.params.get("periods"), "source": "parameters",
         "tracked": None},
        {"name": "demand times", "value": plan.params.get("demand_factor", 1.0),
         "source": "parameters", "tracked": _bias(plan)},
    ]  # fmt: skip
    sources = {row["name"]: row for row in dataset["settings"].iter_rows(named=True)}
    for name in _SETTINGS:
        row = sources.get(name)
        rows.append(
            {
                "name": name.replace("_", " "),
                "value": row["value"] if row else None,
                "source": (row["source"] or "settings") if row else "not known",
                "tracked": None,
            }
        )
    rows += [
        {
            "name": f"limit {row['limit']}",
            "value": f"{row['amount_per_week']:,.0f} a week",
            "source": row["source"] or "limits",
            "tracked": _use(plan, row["limit"]),
        }
        for row in dataset["limits_rules"].sort("limit").iter_rows(named=True)
        if row["amount_per_week"] is not None
    ]
    rows += _lead_times(dataset)
    lag = days_outstanding(dataset)
    rows.append(
        {
            "name": "days from sale to payout",
            "value": None if lag is None else round(lag, 1),
            "source": "settlements" if lag is not None else "not known",
            "tracked": None,
        }
    )
    return rows


def _bias(plan: Plan) -> str | None:
    """Return how forecasts did in held-out weeks."""
    chosen = plan["forecast_accuracy"].filter("chosen").drop_nulls("bias")
    if not chosen.height:
        return None
    bias = float(chosen.select(pl.col("bias").median()).item())
    return f"median bias {bias:+.1%} in held-out weeks"


def _use(plan: Plan, limit: str) -> str | None:
    own = plan["limit_prices"].filter((pl.col("limit") == limit) & (pl.col("amount") > 0))
    if not own.height:
        return None
    bound = own.filter(pl.col("price") > 1e-6).height
    most = own.select((pl.col("used") / pl.col("amount")).max()).item()
    return f"used up to {most:.0%}, binds in {bound} weeks"


def _lead_times(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the lead time told of each supplier beside what its receipts took."""
    told = (
        dataset["supplier_offers"]
        .group_by("supplier")
        .agg(days=pl.col("lead_time_days_mean").mean())
        .sort("supplier")
    )
    took = dict(
        dataset["goods_receipts"]
        .filter(pl.col("received_on").is_not_null() & pl.col("ordered_on").is_not_null())
        .group_by("supplier")
        .agg((pl.col("received_on") - pl.col("ordered_on")).dt.total_days().mean())
        .iter_rows()
    )
    return [
        {
            "name": f"lead time of {supplier}",
            "value": f"{days:.0f} days",
            "source": "supplier offers",
            "tracked": f"{took[supplier]:.0f} days on average so far" if supplier in took else None,
        }
        for supplier, days in told.iter_rows()
    ]
