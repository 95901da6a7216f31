"""Who gets units that do not suffice for all: by priority, in fair shares, or by margin.

Knows what is free and who wants it. It reserves nothing.

References
----------
.. [1] Fair shares are the largest-remainder method of apportionment (Hamilton) capped at what
   each wants: Balinski, Young (2001), *Fair Representation*, 2nd ed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

import polars as pl

from fivefold.model import Dataset, Outcome, schema

Rule = Literal["priority", "fair_share", "margin"]
#: States of supply that still brings goods.
COMING = ("approved", "sent", "confirmed", "in_transit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Units one customer or channel wants of an item.

    Parameters
    ----------
    name : str
    units : int
    priority : int or None
        Lower goes first; None goes last.
    margin : float
        Money a unit earns there.
    """

    name: str
    units: int
    priority: int | None = None
    margin: float = 0.0


def allocate(free: int, requests: Sequence[Request], rule: Rule = "priority") -> dict[str, int]:
    """Return the units each request gets; in sum no more than `free`, each no more than wanted.

    Parameters
    ----------
    free : int
    requests : sequence of Request
        In the order in which they came, which breaks ties.
    rule : {'priority', 'fair_share', 'margin'}

    Raises
    ------
    ValueError
        If `free` or a request is negative, two share a name, or the rule is not known.

    Examples
    --------
    >>> wanted = [Request(name="A", units=6), Request(name="B", units=3, priority=1)]
    >>> allocate(6, wanted), allocate(6, wanted, "fair_share")
    ({'A': 3, 'B': 3}, {'A': 4, 'B': 2})
    """
    if free < 0 or any(one.units < 0 for one in requests):
        raise ValueError("units must not be negative")
    if len({one.name for one in requests}) != len(requests):
        raise ValueError("each request needs a name of its own")
    if rule == "fair_share":
        return _shared(free, requests)
    if rule == "priority":
        ranked = sorted(requests, key=lambda one: (one.priority is None, one.priority or 0))
    elif rule == "margin":
        ranked = sorted(requests, key=lambda one: -one.margin)
    else:
        raise ValueError(f"rule must be priority, fair_share or margin, found {rule!r}")
    given = {one.name: 0 for one in requests}
    for one in ranked:
        given[one.name] = min(one.units, free)
        free -= given[one.name]
    return given


def _shared(free: int, requests: Sequence[Request]) -> dict[str, int]:
    wanted = sum(one.units for one in requests)
    if wanted <= free:
        return {one.name: one.units for one in requests}
    # Whole numbers throughout: the share is units * free / wanted, its remainder over wanted.
    given = {one.name: one.units * free // wanted for one in requests}
    left = free - sum(given.values())
    by_rest = sorted(requests, key=lambda one: -(one.units * free % wanted))
    for one in by_rest[:left]:
        given[one.name] += 1
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareParams:
    """What is shared out.

    Parameters
    ----------
    horizon_days : int
        Supply that is ordered and comes within these days counts beside what is free now.
    units : mapping of item to int, optional
        So much of an item instead.
    """

    horizon_days: int = 14
    units: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.horizon_days < 0:
            raise ValueError(f"horizon_days must be at least 0, found {self.horizon_days}")


def share_out(dataset: Dataset, params: ShareParams | None = None, *, as_of: date) -> Outcome:
    """Return who would get what of each item that is short, by every rule side by side.

    Parameters
    ----------
    dataset : Dataset
        orders (lines that wait, in the order in which they came, with what they wait for),
        inventory, supply_orders, items.
    params : ShareParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `allocation_choices`, the rules one after the other. `notes` holds by rule the units
        given, the margin known, and the customers who would not get all.
    """
    params = params or ShareParams()
    lines = dataset["orders"].filter(
        pl.col("status").is_in(["pending", "open"]) & (pl.col("quantity") > 0)
    )
    free = _coming(dataset, lines, params, as_of)
    costs = dict(dataset["items"].select("item", "unit_cost").iter_rows())
    rows: list[dict[str, Any]] = []
    for item in lines["item"].unique().sort():
        own = lines.filter(pl.col("item") == item).to_dicts()
        if sum(row["quantity"] for row in own) <= free.get(item, 0):
            continue
        requests = [_request(str(number), row, costs) for number, row in enumerate(own)]
        for rule in get_args(Rule):
            shares = allocate(free.get(item, 0), requests, rule)
            for request, row in zip(requests, own, strict=True):
                rows.append(_choice(rule, row, shares[request.name], costs.get(item)))
    choices = schema("allocation_choices").frame(rows)
    return Outcome(
        tables={"allocation_choices": choices},
        status="feasible",
        objective=float(choices.height),
        explanations=schema("explanations").empty(),
        notes={"rules": [_summed(choices, rule) for rule in get_args(Rule)], "free": free},
    )


def _request(name: str, row: dict[str, Any], costs: dict[str, float | None]) -> Request:
    margin = (row["unit_price"] or 0.0) - (costs.get(row["item"]) or 0.0)
    return Request(name=name, units=row["quantity"], priority=row["priority"], margin=margin)


def _coming(
    dataset: Dataset, lines: pl.DataFrame, params: ShareParams, as_of: date
) -> dict[str, int]:
    """Return units to share of each item: free now at own places, and ordered to come soon."""
    items = lines["item"].unique().to_list()
    own = dataset["locations"].filter(
        pl.col("kind").is_in(["warehouse", "store", "plant", "fulfilment_centre"])
        & (pl.col("operated_by") != "amazon")
    )["location"]
    here = pl.col("item").is_in(items)
    held = dataset["inventory"].filter(
        here & pl.col("location").is_in(own) & (pl.col("condition") == "sellable")
    )
    until = as_of + timedelta(days=params.horizon_days)
    ordered = dataset["supply_orders"].filter(
        here
        & pl.col("destination").is_in(own)
        & pl.col("status").is_in(COMING)
        & (pl.col("expected_on") <= until)
    )
    units = pl.concat(
        [
            held.select("item", units=pl.col("on_hand") - pl.col("allocated").fill_null(0)),
            ordered.select(
                "item", units=pl.col("quantity") - pl.col("quantity_received").fill_null(0)
            ),
        ]
    )
    found = units.group_by("item").agg(pl.col("units").clip(lower_bound=0).sum())
    return {**dict(found.sort("item").iter_rows()), **dict(params.units)}


def _choice(rule: str, row: dict[str, Any], given: int, cost: float | None) -> dict[str, Any]:
    price = row["unit_price"]
    return {
        "rule": rule,
        "order": row["order"],
        "line": row["line"],
        "item": row["item"],
        "channel": row["channel"],
        "wanted": row["quantity"],
        "given": given,
        "margin": None if price is None or cost is None else round((price - cost) * given, 2),
        "promised_on": row["promised_on"],
        "is_short": given < row["quantity"],
    }


def _summed(choices: pl.DataFrame, rule: str) -> dict[str, Any]:
    own = choices.filter(pl.col("rule") == rule)
    late = own.filter("is_short")
    return {
        "rule": rule,
        "units_given": int(own["given"].sum()),
        "units_wanted": int(own["wanted"].sum()),
        "margin": float(own["margin"].sum()),
        "margin_unknown_lines": own["margin"].null_count(),
        "customers_late": late["order"].n_unique(),
        "customers_with_nothing": own.filter(pl.col("given") == 0)["order"].n_unique(),
        "customers": own["order"].n_unique(),
    }
