"""From what customers say to who must act: causes that stand out, and the trail of one case.

Knows how often each part of the chain is blamed, item by item, and tells chance from cause.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.returns.care import feedback, reasons
from fivefold.returns.care_desk import owner_of

#: What each owner is asked to do.
ASKED = {
    "inspection": "Inspect the next lot{supplier} at tightened severity and tell the supplier",
    "packing": "Test the packing of the item and take a stronger one",
    "pick": "Look through the bin and the pick station for mixed items",
    "listing": "Correct title, pictures and sizes of the listing",
    "pricing": "Compare the price with the offers beside it",
    "promise": "Move the promised day of the item's orders to what is kept",
    "carrier": "Claim from the carrier and look at its lane",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseParams:
    """When a reason counts as a cause.

    Parameters
    ----------
    days : int
        Returns of so many days count.
    least_units : int
        Fewer units than this of an item and owner are chance.
    false_share : float
        Share of false alarms allowed among the actions.
    """

    days: int = 180
    least_units: int = 3
    false_share: float = 0.05


def find_causes(dataset: Dataset, params: CauseParams | None = None, *, as_of: date) -> Outcome:
    """Return what each part of the chain is asked to do: items blamed more than chance explains.

    Parameters
    ----------
    dataset : Dataset
        returns, orders, items, sourcing_options or supplier_offers, goods_receipts.
    params : CauseParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `care_actions`, the surest first.

    Notes
    -----
    For an item and owner, the chance of as many units by accident is the upper tail of a
    binomial with the owner's share over the other items. Alarms are kept by the rule of
    Benjamini & Hochberg (1995, JRSS B 57), so that no more than the share allowed is false.
    """
    from scipy.stats import binom

    params = params or CauseParams()
    table = feedback(dataset, as_of=as_of, days=params.days).filter(
        ~pl.col("owner").is_in(["none", "unknown"])
    )
    back = _units_back(dataset, as_of, params.days)
    total = sum(back.values())
    by_owner: dict[tuple[str, str], tuple[int, str]] = {}
    owners: dict[str, int] = {}
    for row in table.iter_rows(named=True):
        units, reason = by_owner.get((row["item"], row["owner"]), (0, row["reason"]))
        by_owner[row["item"], row["owner"]] = (units + row["units"], reason)
        owners[row["owner"]] = owners.get(row["owner"], 0) + row["units"]
    tested = []
    for (item, owner), (units, reason) in by_owner.items():
        others = total - back[item]
        expected = (owners[owner] - units) / others if others else 0.0
        # An owner nobody else blames is not impossible: one unit more than none was seen.
        expected = max(expected, 1.0 / (total + 1.0))
        chance = float(binom.sf(units - 1, back[item], min(expected, 1.0)))
        tested.append((chance, item, owner, units, reason, expected))
    kept = _kept(sorted(tested), params)
    suppliers = _suppliers(dataset)
    sold = _units_sold(dataset, as_of, params.days)
    rows = [_action(found, back, suppliers, sold) for found in kept]
    told = [
        Reason(
            subject=row["action"],
            reason_code="quality",
            reference=row["item"],
            quantity=float(row["units"]),
            text=(
                f"{row['units']} of {row['units_back']} returned units ({row['share']:.0%}) blame "
                f"{row['owner']}, {row['expected_share']:.1%} elsewhere; by accident "
                f"{row['chance']:.2g}."
            ),
        )
        for row in rows
    ]
    return Outcome(
        tables={"care_actions": schema("care_actions").frame(rows)},
        status="feasible",
        explanations=explanations_frame(told),
        notes={"tested": len(tested)},
    )


_Tested = tuple[float, str, str, int, str, float]


def _kept(tested: list[_Tested], params: CauseParams) -> list[_Tested]:
    last = 0
    for rank, (chance, *_rest) in enumerate(tested, start=1):
        if chance <= params.false_share * rank / len(tested):
            last = rank
    return [found for found in tested[:last] if found[3] >= params.least_units]


def _action(
    found: _Tested, back: Mapping[str, int], suppliers: Mapping[str, str], sold: Mapping[str, int]
) -> dict[str, Any]:
    chance, item, owner, units, reason, expected = found
    supplier = suppliers.get(item) if owner == "inspection" else None
    digest = hashlib.sha256(f"{owner}|{item}".encode()).hexdigest()[:8]
    is_defect = owner == "inspection" and sold.get(item, 0) > 0
    return {
        "action": f"care:{owner}:{digest}",
        "owner": owner,
        "item": item,
        "supplier": supplier,
        "reason": reason,
        "units": units,
        "units_back": back[item],
        "share": units / back[item],
        "expected_share": expected,
        "chance": chance,
        "field_defects_ppm": 1e6 * units / sold[item] if is_defect else None,
        "text": ASKED[owner].format(supplier=f" of {supplier}" if supplier else "") + ".",
    }


def _units_back(dataset: Dataset, as_of: date, days: int) -> dict[str, int]:
    day = pl.col("returned_at").dt.date()
    recent = dataset["returns"].filter((day > as_of - timedelta(days=days)) & (day <= as_of))
    return dict(recent.group_by("item").agg(pl.col("quantity").sum()).iter_rows())


def _units_sold(dataset: Dataset, as_of: date, days: int) -> dict[str, int]:
    day = pl.col("ordered_at").dt.date()
    recent = dataset["orders"].filter(
        (day > as_of - timedelta(days=days)) & (day <= as_of) & (pl.col("status") != "cancelled")
    )
    return dict(recent.group_by("item").agg(pl.col("quantity").sum()).iter_rows())


def _suppliers(dataset: Dataset) -> dict[str, str]:
    """Return who supplied each item last; else who offers it first by name."""
    found: dict[str, str] = {}
    offers = dataset["supplier_offers"].sort("supplier", descending=True)
    found |= dict(offers.select("item", "supplier").iter_rows())
    receipts = dataset["goods_receipts"].sort("received_on", "receipt")
    return found | dict(receipts.select("item", "supplier").iter_rows())


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the trail: what it is, its name, its day, and what it tells."""

    step: str
    name: str
    on: date | None
    text: str


def trail(dataset: Dataset, case: Mapping[str, Any], *, as_of: date) -> list[Step]:
    """Return the way from a complaint to its cause and what is done about it.

    Parameters
    ----------
    dataset : Dataset
        orders, returns, goods_receipts, inspections, supplier_scores and what `find_causes`
        reads; its `care_actions` are made here where the dataset has none.
    case : mapping
        A row of cases.
    as_of : date
    """
    steps = [_complaint(case)]
    steps += _order(dataset, case)
    steps += _return(dataset, case)
    steps.append(_cause(dataset, case, as_of))
    if owner_of(case.get("reason")) == "inspection":
        steps += _supply(dataset, case, as_of)
    actions = (
        dataset["care_actions"]
        if "care_actions" in dataset
        else find_causes(dataset, as_of=as_of)["care_actions"]
    )
    steps.append(_acts(actions, case))
    return steps


def _complaint(case: Mapping[str, Any]) -> Step:
    told = case.get("note") or (case.get("reason") or "no reason").replace("_", " ").lower()
    return Step(
        step="complaint",
        name=str(case["case"]),
        on=case["opened_at"].date(),
        text=f"A {case['kind']}: {told}.",
    )


def _order(dataset: Dataset, case: Mapping[str, Any]) -> list[Step]:
    rows = dataset["orders"].filter(
        (pl.col("order") == (case.get("order") or ""))
        & (pl.col("item") == (case.get("item") or ""))
    )
    return [
        Step(
            step="order",
            name=row["order"],
            on=row["ordered_at"].date(),
            text=(
                f"{row['quantity']} x {row['item']} through {row['channel']}"
                + (f" from {row['location']}" if row["location"] else "")
                + (f", sent on {row['shipped_on']}" if row["shipped_on"] else "")
                + "."
            ),
        )
        for row in rows.head(1).iter_rows(named=True)
    ]


def _return(dataset: Dataset, case: Mapping[str, Any]) -> list[Step]:
    rows = dataset["returns"].filter(
        (pl.col("order") == (case.get("order") or ""))
        & (pl.col("item") == (case.get("item") or ""))
    )
    return [
        Step(
            step="return",
            name=row["return_id"],
            on=row["returned_at"].date(),
            text=f"Found {(row['disposition'] or 'not graded').replace('_', ' ').lower()}"
            + (f"; {row['comment']}" if row["comment"] else "")
            + ".",
        )
        for row in rows.sort("returned_at").iter_rows(named=True)
    ]


def _cause(dataset: Dataset, case: Mapping[str, Any], as_of: date) -> Step:
    owner = owner_of(case.get("reason"))
    code = (case.get("reason") or "").strip().upper()
    entry = reasons().get(code)
    if owner == "none":
        text = "Its reason blames no part of the chain."
        return Step(step="cause", name="none", on=None, text=text)
    found = feedback(dataset, as_of=as_of, days=CauseParams().days)
    own = found.filter((pl.col("item") == (case.get("item") or "")) & (pl.col("owner") == owner))
    units = int(own["units"].sum())
    share = float(own["share"].sum())
    meaning = entry.meaning if entry else code
    text = f"{meaning}: {owner}. {units} units of the item, {share:.0%} of its returns, say so."
    return Step(step="cause", name=owner, on=None, text=text)


def _supply(dataset: Dataset, case: Mapping[str, Any], as_of: date) -> list[Step]:
    """Return the receipt the unit may have come from, its inspection and its supplier's score."""
    item, day = case.get("item") or "", case["opened_at"].date()
    steps = []
    receipts = dataset["goods_receipts"].filter(
        (pl.col("item") == item) & (pl.col("received_on") <= day)
    )
    for row in receipts.sort("received_on", "receipt").tail(1).iter_rows(named=True):
        text = f"Last lot before it, order {row['order']} of {row['supplier']}."
        steps.append(Step(step="receipt", name=row["receipt"], on=row["received_on"], text=text))
    checked = dataset["inspections"].filter(
        (pl.col("item") == item) & (pl.col("inspected_on") <= as_of)
    )
    for row in checked.sort("inspected_on", "inspection").tail(1).iter_rows(named=True):
        text = (
            f"{row['defects_found']} defects in {row['sample_size']} of {row['lot_size']}: "
            f"{row['verdict']}, {row['severity']} inspection."
        )
        steps.append(
            Step(step="inspection", name=row["inspection"], on=row["inspected_on"], text=text)
        )
    supplier = _suppliers(dataset).get(item)
    scores = dataset["supplier_scores"].filter(pl.col("supplier") == (supplier or ""))
    for row in scores.iter_rows(named=True):
        ppm = row["defects_ppm"]
        text = f"{supplier}: {'no' if ppm is None else f'{ppm:,.0f}'} defects a million received."
        steps.append(Step(step="supplier", name=str(supplier), on=None, text=text))
    if supplier and not scores.height:
        text = f"{supplier} supplies it and has no score yet."
        steps.append(Step(step="supplier", name=supplier, on=None, text=text))
    return steps


def _acts(actions: pl.DataFrame, case: Mapping[str, Any]) -> Step:
    own = actions.filter(
        (pl.col("item") == (case.get("item") or ""))
        & (pl.col("owner") == owner_of(case.get("reason")))
    )
    if own.height == 0:
        text = "None yet: no more of it than chance explains."
        return Step(step="action", name="none", on=None, text=text)
    row = own.row(0, named=True)
    return Step(step="action", name=row["action"], on=None, text=row["text"])
