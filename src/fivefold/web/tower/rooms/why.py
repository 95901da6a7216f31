"""Why: what the drawer says about a name, be it a figure, an order, a decision or an item."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import polars as pl

from fivefold.cycle.explain import why
from fivefold.errors import NotFoundError
from fivefold.model import schema
from fivefold.web import words
from fivefold.web.tower.grids import schema_columns, shown
from fivefold.web.tower.rooms import figures, item
from fivefold.web.tower.state import State

#: Rows of a table shown in the drawer, and reasons before the rest is folded away.
_ROWS, _REASONS = 6, 24


def view(state: State, name: str) -> dict[str, Any]:
    """Return what the plan says about a name.

    Raises
    ------
    NotFoundError
        If the plan knows nothing of it.
    """
    if name.startswith("figure:"):
        return _figure(state, name.removeprefix("figure:"))
    if "@" in name and name.split(":")[0] not in ("target", "forecast", "source", "unmet"):
        return _item(state, *name.split("@", 1))
    found = why(state.made, name)
    tables = [_table(state, table, frame) for table, frame in found.rows.items()]
    sections = []
    if found.reasons.height:
        sections.append(("Why", _reasons(found.reasons)))
    for (subject,), rows in found.because.partition_by(
        "subject", as_dict=True, maintain_order=True
    ).items():
        sections.append((_subject_words(state, str(subject)), _reasons(rows)))
    return {
        "name": found.name,
        "title": _subject_words(state, found.name),
        "lead": "",
        "tables": tables,
        "sections": sections[:_REASONS],
        "more": max(0, len(sections) - _REASONS),
        "item": None,
        "open": _opens(state, found.name),
        "plan": state.made.plan,
    }


def _opens(state: State, name: str) -> str:
    """Return the address of the page of a name that has one."""
    for frame in (state.dataset["supply_orders"], state.made["purchase_orders"]):
        if frame.filter(pl.col("order") == name).height:
            return f"/order?{urlencode({'name': name})}"
    if state.made["work_orders"].filter(pl.col("order") == name).height:
        return f"/make?{urlencode({'order': name})}"
    return ""


def _figure(state: State, name: str) -> dict[str, Any]:
    known = {each.name: each for each in figures.key_figures(state)}
    if name not in known:
        raise NotFoundError(f"there is no figure {name!r}")
    told = known[name]
    return {
        "name": f"figure:{name}",
        "title": f"{told.label}: {told.value}",
        "lead": told.meaning,
        "tables": _behind(state, name),
        "sections": [],
        "more": 0,
        "item": None,
        "plan": state.made.plan,
    }


def _behind(state: State, name: str) -> list[dict[str, Any]]:
    """Return the rows a figure is made of, the weightiest first."""
    from fivefold.web import summaries

    health = state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
    if name == "served":
        rows = (
            state.made["unmet_demand"]
            .group_by("reason_code")
            .agg(pl.col("units").sum(), pl.col("value").sum())
            .sort("value", descending=True)
        )
        kinds = (
            ("reason_code", "Reason", "choice"),
            ("units", "Units", "count"),
            ("value", "Money", "money"),
        )
        return [_plain(state, "Not served, by reason", rows, kinds)]
    if name in ("short", "excess"):
        wanted = ["excess"] if name == "excess" else ["stock-out", "at risk"]
        rows = health.filter(pl.col("status").is_in(wanted)).head(12)
        wide = (
            ("item", "Item", "text"),
            ("location", "Place", "text"),
            ("status", "State", "status"),
            ("on_hand", "On hand", "count"),
            ("cover_weeks", "Weeks", "number"),
        )
        return [_plain(state, "The first twelve", rows, wide)]
    if name == "orders":
        kinds = (
            ("order", "Order", "text"),
            ("ordered_on", "Order by", "day"),
            ("landed_value", "Landed", "money"),
        )
        return [_plain(state, "Orders", summaries.orders_now(state.made), kinds)]
    cost = state.dataset["items"].select("item", "unit_cost")
    rows = (
        state.dataset["inventory"]
        .join(cost, on="item")
        .group_by("location")
        .agg(pl.col("on_hand").sum(), value=(pl.col("on_hand") * pl.col("unit_cost")).sum())
        .sort("value", descending=True)
    )
    kinds = (
        ("location", "Place", "text"),
        ("on_hand", "Units", "count"),
        ("value", "At cost", "money"),
    )
    return [_plain(state, "By place", rows, kinds)]


def _plain(
    state: State, title: str, rows: pl.DataFrame, kinds: tuple[tuple[str, str, str], ...]
) -> dict[str, Any]:
    return {
        "title": title,
        "heads": [
            (label, kind in ("count", "number", "money", "share")) for _, label, kind in kinds
        ],
        "rows": [
            [shown(kind, value, state.sign) for (_, _, kind), value in zip(kinds, row, strict=True)]
            for row in rows.head(12).select(name for name, _, _ in kinds).iter_rows()
        ],
        "more": max(0, rows.height - 12),
    }


def _item(state: State, code: str, location: str) -> dict[str, Any]:
    found = item.view(state, code, location)
    if found is None:
        raise NotFoundError(f"plan {state.made.plan} knows nothing of {code} at {location}")
    at = found["location"]
    wanted = (
        ("Next supply", [row["decision"] for row in found["next"][:1]]),
        ("Demand not served", _like(state, f"unmet:{code}@{at}")[:1]),
        ("Stock wanted", _like(state, f"target:{code}@{at}")),
        ("Forecast", _like(state, f"forecast:{code}@{at}")),
        ("Where it is bought", _like(state, f"source:{code}@")[:1]),
        ("Where it is sold", [f"channel:{code}"]),
    )
    sections = []
    for title, subjects in wanted:
        rows = (
            state.made["explanations"]
            .filter(pl.col("subject").is_in(subjects))
            .sort("subject", "sequence")
        )
        if rows.height:
            sections.append((title, _reasons(rows.head(8))))
    return {
        "name": f"{code}@{at}",
        "title": f"{found['title']} at {state.place(at)}",
        "lead": item.headline(state, found),
        "tables": [],
        "sections": sections,
        "more": 0,
        "item": found,
        "links": [
            ("Change its forecast", f"/demand?{urlencode({'item': code, 'place': at})}"),
            (
                "Try another service level",
                f"/inventory?{urlencode({'tab': 'policy', 'item': code})}",
            ),
            ("Trace its goods and money", f"/books?{urlencode({'item': code})}"),
        ],
        "plan": state.made.plan,
    }


def _like(state: State, start: str) -> list[str]:
    subjects = state.once("subjects", lambda: state.made["explanations"]["subject"].unique().sort())
    return subjects.filter(subjects.str.starts_with(start)).to_list()


def _reasons(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "kind": words.plain_name(row["reason_code"]),
            "text": row["text"],
            "reference": row["reference"],
        }
        for row in rows.iter_rows(named=True)
    ]


def _table(state: State, table: str, frame: pl.DataFrame) -> dict[str, Any]:
    part = frame.head(_ROWS)
    columns = [c for c in schema_columns(table, part) if c.kind != "truth"][:12]
    if part.height == 1:
        row = part.row(0, named=True)
        return {
            "title": words.plain_name(table),
            "facts": [(c.title, shown(c.kind, row[c.name], state.sign)) for c in columns],
            "more": 0,
        }
    return {
        "title": words.plain_name(table),
        "heads": [(c.title, c.numeric) for c in columns[:6]],
        "rows": [
            [shown(c.kind, row[c.name], state.sign) for c in columns[:6]]
            for row in part.iter_rows(named=True)
        ],
        "more": max(0, frame.height - _ROWS),
    }


def _subject_words(state: State, subject: str) -> str:
    """Return a subject as people say it: `buy:A:SUP:WH1:…` as a sentence."""
    parts = subject.split(":")
    if parts[0] in ("buy", "move", "make") and len(parts) >= 4:
        verbs = {"buy": "Buy", "move": "Move", "make": "Make"}
        way = f" from {parts[2]}" if parts[0] != "make" else ""
        due = words.said(parts[-1])
        return f"{verbs[parts[0]]} {state.title(parts[1])}{way} to {parts[3]}, due {due}"
    if "@" in subject and len(parts) == 2:
        code, place = parts[1].split("@", 1)
        return f"{words.plain_name(parts[0])} of {state.title(code)} at {place}"
    if parts[0] == "channel" and len(parts) == 2:
        return f"Channel of {state.title(parts[1])}"
    return subject


def known_table(name: str) -> bool:
    """Whether the schema has a table of that name."""
    try:
        schema(name)
    except (KeyError, ValueError):
        return False
    return True
