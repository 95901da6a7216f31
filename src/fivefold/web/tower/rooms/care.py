"""Returns at the desk: what a unit that came back is worth each way, before it is taken in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.caring import care_record, case_trail, list_cases
from fivefold.cycle.taking_back import ReturnWorth, value_return
from fivefold.errors import FivefoldError
from fivefold.model import schema
from fivefold.returns.care_desk import owner_of
from fivefold.web import words
from fivefold.web.charts import bars, intervals
from fivefold.web.drawing import Figure
from fivefold.web.pack_care import cause_name, told_cost, told_satisfaction
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.state import State

CONDITIONS = (
    ("SELLABLE", "As new, can be sold"),
    ("CUSTOMER_DAMAGED", "Damaged by the customer"),
    ("CARRIER_DAMAGED", "Damaged on its way"),
    ("DEFECTIVE", "Defective"),
)
REASONS = ("UNWANTED_ITEM", "DEFECTIVE", "NOT_AS_DESCRIBED", "DAMAGED_BY_CARRIER", "WRONG_ITEM")


def desk(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the form for goods that came back, as the address fills it, and their worth."""
    asked = {
        name: query.get(f"r_{name}", "").strip()
        for name in ("order", "item", "units", "condition", "reason", "id")
    }
    lines = _lines(state, asked["order"])
    if asked["order"] and not asked["item"] and len(lines) == 1:
        asked["item"] = lines[0]["item"]
    told: dict[str, Any] = {
        "asked": asked,
        "lines": lines,
        "conditions": CONDITIONS,
        "worth": None,
        "problem": "",
        "recent": _recent(state),
    }
    if asked["order"] and not lines:
        told["problem"] = f"There is no order {asked['order']!r}; its number stands on the slip."
    if asked["item"] and asked["condition"] and not told["problem"]:
        told |= _valued(state, asked, lines)
    return told


def _lines(state: State, order: str) -> list[dict[str, Any]]:
    if not order:
        return []
    rows = state.dataset["orders"].filter(pl.col("order") == order).sort("line")
    return [{**row, "title": state.title(row["item"])} for row in rows.iter_rows(named=True)]


def _valued(state: State, asked: Mapping[str, str], lines: list[dict[str, Any]]) -> dict[str, Any]:
    if not asked["units"].isdigit() or int(asked["units"]) < 1:
        return {"problem": f"{asked['units']!r} is not a whole number of units above 0."}
    if lines and asked["item"] not in {row["item"] for row in lines}:
        return {"problem": f"Order {asked['order']} has no item {asked['item']}."}
    channel = next((row["channel"] for row in lines if row["item"] == asked["item"]), "")
    name = asked["id"] or return_name(asked["order"], asked["item"], state.today)
    try:
        worth = value_return(
            state.workspace,
            name,
            at=at_noon(state.today),
            item=asked["item"],
            quantity=int(asked["units"]),
            order=asked["order"],
            channel=channel or "",
            reason=asked["reason"],
            condition=asked["condition"],
        )
    except FivefoldError as error:
        return {"problem": str(error)}
    return {"worth": _told(state, worth, name)}


def return_name(order: str, item: str, day: date) -> str:
    """Return the number of a return that has none yet; the same goods on a day have the same."""
    return f"R-{order or 'NO-ORDER'}-{item}-{day:%Y%m%d}"


def _told(state: State, worth: ReturnWorth, name: str) -> dict[str, Any]:
    rows = worth.options.sort(
        "allowed", "value", descending=[True, True], nulls_last=True
    ).to_dicts()
    known = [row for row in rows if row["allowed"] and row["value"] is not None]
    return {
        "name": name,
        "title": state.title(str(worth.row["item"])),
        "options": rows,
        "chosen": worth.chosen,
        "refund": worth.refund,
        "place": state.place(str(worth.row["location"])),
        "units": worth.row["quantity"],
        "draw": lambda width: _drawn(state, known, width),
        "best": next((row for row in rows if row["chosen"]), None),
    }


def _drawn(state: State, rows: list[dict[str, Any]], width: int) -> Figure:
    return bars(
        title="Value of each way",
        rows=[(words.plain_name(row["option"]), float(row["value"])) for row in rows],
        width=width,
        unit=state.sign,
    )


def _recent(state: State) -> list[dict[str, Any]]:
    """Return what was taken in here, the newest first, with its way and refund."""
    found = []
    for fact in state.workspace.recorded("case.opened"):
        row = fact.body.get("row", {})
        if "refund" in fact.body:
            found.append(
                {
                    "case": fact.subject,
                    "item": row.get("item") or "",
                    "title": state.title(row.get("item")),
                    "order": row.get("order") or "",
                    "chosen": fact.body["chosen"],
                    "refund": fact.body["refund"],
                    "due": str(row.get("answer_due_at") or "")[:10],
                }
            )
    return found[::-1][:12]


def cases(state: State, query: Mapping[str, str]) -> Grid:
    """Return cases with the day an answer is due, who takes them and how far they went up."""
    told = list_cases(state.workspace, now=at_noon(state.today), all_cases=True)["cases"]
    desk_of = pl.DataFrame(
        [{name: row[name] for name in ("case", "skill", "level", "hours_left")} for row in told],
        schema={
            "case": pl.String(),
            "skill": pl.String(),
            "level": pl.String(),
            "hours_left": pl.Float64(),
        },
        orient="row",
    )
    frame = state.dataset["cases"].join(desk_of, on="case", how="left")
    first = (
        column("case", "Case", width=190),
        column("kind", width=96),
        column("skill", "Taken by", width=100),
        column("level", "Lies with", width=100),
        column("hours_left", "Hours left", "number", width=100),
    )
    return Grid(
        name="cases",
        frame=frame,
        key="case",
        sign=state.sign,
        sort="answer_due_at",
        columns=schema_columns("cases", frame, first=first),
    )


def followed(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the trail of the case the address names, from the complaint to the action."""
    name = query.get("case", "").strip()
    if not name:
        return {"case_asked": "", "trail": [], "case_problem": ""}
    try:
        found = case_trail(state.workspace, name, as_of=state.today)
    except FivefoldError as error:
        return {"case_asked": name, "trail": [], "case_problem": str(error)}
    return {"case_asked": name, "trail": found["trail"], "case_problem": ""}


def said(state: State) -> dict[str, Any]:
    """Return what customers say and what their cases cost: two sentences, a chart, the gaps."""
    found = care_record(state.workspace, as_of=state.today)
    whole = found["all"]
    if whole is None:
        return {"said": None}
    causes = [
        (
            cause_name(row["cause"]),
            100.0 * (row["csat_share"] - whole["csat_share"]),
            100.0 * (row["csat_low_share"] - whole["csat_share"]),
            100.0 * (row["csat_high_share"] - whole["csat_share"]),
        )
        for row in found["figures"]
        if row["cause"] and not row["item"] and row["answers"]
    ]
    return {
        "said": told_satisfaction(whole),
        "case_cost": told_cost(whole, state.sign),
        "case_unknown": found["unknown"],
        "by_cause": lambda width: intervals(
            title="Content customers by cause, points from the mean", rows=causes, width=width
        ),
    }


def satisfaction_rows(state: State, query: Mapping[str, str]) -> Grid:
    """Return satisfaction and cost per case by item and cause."""
    found = care_record(state.workspace, as_of=state.today)["figures"]
    frame = (
        schema("care_figures")
        .frame(found)
        .filter(pl.col("item").is_not_null())
        .with_columns(
            title=pl.col("item").replace(state.titles),
            cause=pl.col("cause").fill_null("all causes"),
        )
    )
    return Grid(
        name="care_figures",
        frame=frame,
        key="subject",
        sign=state.sign,
        sort="-answers",
        columns=(
            column("item", width=112),
            column("title", "Name", width=230),
            column("cause", width=110),
            column("answers", "Answers", "count"),
            column("csat_share", "Content", "share"),
            column("csat_low_share", "At least", "share"),
            column("csat_high_share", "At most", "share"),
            column("stars_mean", "Stars", "number"),
            column("nps", "NPS", "number"),
            column("cases", "Cases", "count"),
            column("cases_costed", "Of known cost", "count", width=120),
            column("cost_per_case", "A case", "money"),
            column("refund", "Refund", "money"),
            column("goods_cost", "Goods", "money"),
            column("time_cost", "Time", "money"),
        ),
    )


def funnel(state: State) -> list[dict[str, Any]]:
    """Return what became of what was taken in here: units by step and way, money refunded."""
    received = state.workspace.recorded(documents.RETURN_RECEIVED)
    authorised = state.workspace.recorded(documents.RETURN_AUTHORISED)
    done = [f for f in state.workspace.recorded(documents.CASE_OPENED) if "chosen" in f.body]
    steps = [
        ("Asked for", len(authorised), None),
        ("Kept by the customer", sum(f.body["verdict"] == "returnless" for f in authorised),
         sum(f.body["refund"] for f in authorised)),
        ("Taken in", len(received), None),
        ("Graded", sum(bool(f.body["row"].get("disposition")) for f in received), None),
    ]  # fmt: skip
    ways = sorted({str(f.body["chosen"]) for f in done})
    for way in ways:
        own = [f for f in done if f.body["chosen"] == way]
        steps.append((words.plain_name(way), len(own), sum(f.body["refund"] for f in own)))
    return [
        {"step": step, "returns": count, "refunded": refunded} for step, count, refunded in steps
    ]


def rates_by_place(state: State) -> Grid:
    """Return units back by place and reason."""
    frame = (
        state.dataset["returns"]
        .group_by("location", "reason")
        .agg(back=pl.col("quantity").sum(), items=pl.col("item").n_unique())
        .with_columns(share=pl.col("back") / pl.col("back").sum().over("location"))
        .with_columns(
            key_=pl.concat_str("location", "reason", separator="|", ignore_nulls=True),
            owner=pl.col("reason").map_elements(owner_of, return_dtype=pl.String()),
        )
    )
    return Grid(
        name="return_places",
        frame=frame,
        key="key_",
        sign=state.sign,
        sort="-back",
        columns=(
            column("location", "Place", width=110),
            column("reason", width=210),
            column("owner", "Learns from it", width=120),
            column("back", "Came back", "count"),
            column("items", "Items", "count"),
            column("share", "Of the place", "share"),
        ),
    )
