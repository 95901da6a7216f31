"""Demand: what will be wanted, how sure that is, and what people change about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle.review import changed_since
from fivefold.cycle.value_added import value_added
from fivefold.cycle.versions import selling_places
from fivefold.web import summaries
from fivefold.web.charts import lines
from fivefold.web.drawing import Figure
from fivefold.web.tower.grids import Grid, column
from fivefold.web.tower.rooms import item
from fivefold.web.tower.rooms.forecast_changes import YEAR_DAYS
from fivefold.web.tower.state import State, of_item

#: Items offered as a model of another.
MOST_MODELS = 60


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    sold = state.once("streams", lambda: summaries.streams(state.made, state.dataset))
    code, place = query.get("item", ""), query.get("place", "")
    if not code and sold.height:
        code, place = sold.row(0, named=True)["item"], sold.row(0, named=True)["location"]
    found = item.view(state, code, place) if code else None
    accurate = state.once("accuracy", lambda: summaries.accuracy(state.made))
    ahead = weeks(state, code, found["location"]) if found else []
    return {
        "found": found,
        "found_words": item.headline(state, found) if found else "",
        "unknown": code if code and not found else "",
        "weeks": ahead,
        "copied_from": ahead[0]["start"] - timedelta(days=YEAR_DAYS) if ahead else None,
        "models": models(sold, code, state) if found else [],
        "accuracy": _accuracy_words(accurate),
        "total": lambda width: total_chart(state, width),
        "overrides": overrides(state, code),
        "sources": sources(state, code) if found else [],
        "added": state.once("value_added", lambda: steps_added(state)),
        "order_changes": order_changes(state, code) if found else [],
        "streams": sold.height,
        "tree": state.once("tree", lambda: tree(state)),
        "circles": circles(state, code, found["location"]) if found else [],
    }


def _accuracy_words(rows: pl.DataFrame) -> dict[str, float | None]:
    """Return accuracy over all streams, weighted by what each sells."""
    told: dict[str, float | None] = {}
    for name in ("wape", "bias", "coverage_90", "wape_naive"):
        kept = rows.filter(pl.col(name).is_finite() & pl.col("units").is_not_null())
        whole = float(kept["units"].sum())
        told[name] = float((kept[name] * kept["units"]).sum()) / whole if whole else None
    return told


def tree(state: State) -> list[dict[str, Any]]:
    """Return demand by category and, below each, by family: money, accuracy, value added.

    Value added is how much of demand the forecast misses less than last year's figure does.
    """
    keys = ["item", "location"]
    sold = state.once("streams", lambda: summaries.streams(state.made, state.dataset))
    accurate = state.once("accuracy", lambda: summaries.accuracy(state.made)).drop("units")
    groups = state.dataset["items"].select("item", "category", "family")
    rows = (
        sold.join(groups, on="item", how="left")
        .join(accurate, on=keys, how="left")
        .with_columns(pl.col("category", "family").fill_null("–"))
    )
    whole = float(rows["revenue"].sum()) or 1.0
    found = []
    for (category,), own in rows.partition_by("category", as_dict=True).items():
        families = [
            _branch(str(name), part, whole)
            for (name,), part in own.partition_by("family", as_dict=True).items()
        ]
        families.sort(key=lambda row: -row["revenue"])
        found.append({**_branch(str(category), own, whole), "families": families})
    return sorted(found, key=lambda row: -row["revenue"])


def _branch(name: str, rows: pl.DataFrame, whole: float) -> dict[str, Any]:
    """Return one line of the tree; accuracy is weighted by what each stream sells."""

    def weighed(column_: str) -> float | None:
        kept = rows.filter(pl.col(column_).is_finite() & pl.col("units").is_not_null())
        units = float(kept["units"].sum())
        return float((kept[column_] * kept["units"]).sum()) / units if units else None

    wape, naive = weighed("wape"), weighed("wape_naive")
    revenue = float(rows["revenue"].sum())
    return {
        "name": name,
        "items": rows["item"].n_unique(),
        "units": float(rows["units"].sum()),
        "revenue": revenue,
        "share": revenue / whole,
        "wape": wape,
        "bias": weighed("bias"),
        "added": None if wape is None or naive is None else naive - wape,
    }


def models(sold: pl.DataFrame, code: str, state: State) -> list[tuple[str, str]]:
    """Return items another may be like: those of its family first, then what sells most."""
    family = dict(state.dataset["items"].select("item", "family").iter_rows())
    ranked = [each for each in sold["item"].unique(maintain_order=True).to_list() if each != code]
    ranked.sort(key=lambda each: family.get(each) != family.get(code))
    return [(each, state.title(each)) for each in ranked[:MOST_MODELS]]


def circles(state: State, code: str, place: str) -> list[tuple[str, str]]:
    """Return what a change of the forecast may be for, from one stream to a whole category."""
    told = [("stream", f"this item at {place}"), ("item", "this item, all places")]
    row = state.dataset["items"].filter(pl.col("item") == code)
    for name in ("family", "category"):
        if row.height and row[name][0]:
            told.append((name, f"{name} {row[name][0]}"))
    return told


def weeks(state: State, code: str, location: str) -> list[dict[str, Any]]:
    """Return the forecast of an item at a place week by week: mean, p10, p50, p90, projected."""
    quantiles = item.quantiles_of(state, code, location)
    means = of_item(state.made["forecast_means"], code, location).sort("period_start")
    at = {q: dict(rows) for q, rows in quantiles.items()}
    return [
        {
            "start": row["period_start"],
            "mean": row["units_mean"],
            "method": row["method"],
            **{
                f"p{round(q * 100)}": at.get(q, {}).get(row["period_start"])
                for q in (0.1, 0.5, 0.9)
            },
        }
        for row in means.iter_rows(named=True)
    ]


def overrides(state: State, code: str) -> list[dict[str, Any]]:
    """Return what people changed, that of the item first, the newest first."""
    rows = state.dataset["forecast_overrides"]
    if rows.height == 0:
        return []
    own = rows.with_columns(own=pl.col("item") == code).sort(
        "own", "made_on", descending=True, nulls_last=True
    )
    return own.head(20).to_dicts()


def sources(state: State, code: str) -> list[dict[str, Any]]:
    """Return who speaks in the consensus about an item, with record and weight."""
    own = of_item(state.made["forecast_sources"], code)
    return own.sort("location", "weight", descending=[False, True]).to_dicts()


def steps_added(state: State) -> list[dict[str, Any]]:
    """Return what each step of kept forecasts added, against what came since."""
    found = value_added(state.workspace.plans, state.dataset, as_of=state.today)
    return found["forecast_value_added"].filter(pl.col("category") == "").to_dicts()


def total_chart(state: State, width: int) -> Figure:
    """Return all demand by week, in money at list price, against what the plan serves."""
    price = state.dataset["items"].select("item", "price")
    places = list(selling_places(state.dataset))
    rows = (
        state.made["projected_stock"]
        .filter(pl.col("location").is_in(places))
        .join(price, on="item")
        .group_by("period_start")
        .agg(
            asked=(pl.col("demand") * pl.col("price")).sum(),
            served=((pl.col("demand") - pl.col("unmet")) * pl.col("price")).sum(),
        )
        .sort("period_start")
    )
    return lines(
        title="Demand by week at list price",
        days=rows["period_start"].to_list(),
        series={"wanted": rows["asked"].to_list(), "served": rows["served"].to_list()},
        unit=state.sign,
        width=width,
        height=210,
    )


def streams(state: State, query: Mapping[str, str]) -> Grid:
    """Return every stream of demand with its forecast and how well it did."""
    keys = ["item", "location"]
    plan = state.made
    first = plan["forecasts"]["period_start"].min()
    soon = plan["forecasts"].filter(pl.col("period_start") == first)
    ends = soon.group_by(keys).agg(
        low=pl.col("units").filter((pl.col("quantile") - 0.1).abs() < 1e-6).first(),
        high=pl.col("units").filter((pl.col("quantile") - 0.9).abs() < 1e-6).first(),
    )
    last = summaries_last_quarter(plan["sales_history"])
    frame = (
        state.once("streams", lambda: summaries.streams(plan, state.dataset))
        .join(last, on=keys, how="left")
        .join(ends, on=keys, how="left")
        .join(
            plan["forecast_means"]
            .sort("period_start")
            .group_by(keys, maintain_order=True)
            .agg(weekly=pl.col("units_mean").mean(), method=pl.col("method").first()),
            on=keys,
            how="left",
        )
        .join(
            state.once("accuracy", lambda: summaries.accuracy(plan)).drop("units"),
            on=keys,
            how="left",
        )
        .join(state.dataset["items"].select("item", "category", "family"), on="item", how="left")
        .with_columns(
            title=pl.col("item").replace(state.titles),
            key=pl.col("item") + "@" + pl.col("location"),
            added=pl.col("wape_naive") - pl.col("wape"),
        )
    )
    return Grid(
        name="demand",
        frame=frame,
        key="key",
        sign=state.sign,
        sort="-revenue",
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=250),
            column("location", "Place", width=92),
            column("sold", "Sold 13 weeks", "count", width=116),
            column("weekly", "Forecast a week", "number", width=126),
            column(
                "low", "p10", "number", width=70, help="The first week, one chance in ten of less."
            ),
            column("high", "p90", "number", width=70),
            column("revenue", "Sales, plan", "money"),
            column(
                "wape", "WAPE", "share", help="Sum of absolute errors over demand, held-out weeks."
            ),
            column("bias", "Bias", "share"),
            column(
                "added",
                "Value added",
                "share",
                help="How much less of demand is missed than with last year's figure.",
            ),
            column("method", "Method", "choice", width=170),
            column("category", "Category"),
            column("family", "Family"),
        ),
    )


def summaries_last_quarter(history: pl.DataFrame) -> pl.DataFrame:
    """Return units sold in the last 91 days of the record, by item and place."""
    last = history["date"].max()
    recent = history.filter(pl.col("date") > pl.lit(last) - pl.duration(days=91))
    return recent.group_by("item", "location").agg(sold=pl.col("units").sum())


def week_grid(state: State, query: Mapping[str, str]) -> Grid:
    """Return the weeks of one stream: forecast, what people set, and the two together."""
    code, place = query.get("item", ""), query.get("place", "")
    set_ = {
        row["starts_on"]: row
        for row in state.dataset["forecast_overrides"].iter_rows(named=True)
        if row["override"].startswith(f"{code}:{place}:")
        and row["override"].endswith(":week")
        and (row["expires_on"] is None or row["expires_on"] >= state.today)
    }
    last_year = _year_ago(state, code, place)
    steps = {
        row["period_start"]: row
        for row in of_item(state.made["forecast_steps"], code, place).iter_rows(named=True)
    }
    rows = []
    for row in weeks(state, code, place):
        own, step = set_.get(row["start"]), steps.get(row["start"])
        rows.append(
            {
                "week": row["start"],
                "key": f"{code}@{place}@{row['start']}",
                "last_year": last_year.get(row["start"]),
                "p10": row["p10"],
                "p50": row["p50"],
                "p90": row["p90"],
                "statistics": step["units_statistical"] if step else row["mean"],
                "agreed": step["units_consensus"] if step else None,
                "override": own["value"] if own else None,
                "final": own["value"] if own else row["mean"],
                "reason": own["reason"] if own else None,
                "author": own["author"] if own else None,
            }
        )
    kinds = {"week": pl.Date, "key": pl.String, "reason": pl.String, "author": pl.String}
    names = (
        "week", "key", "last_year", "p10", "p50", "p90",
        "statistics", "agreed", "override", "final", "reason", "author",
    )  # fmt: skip
    frame = pl.DataFrame(rows, schema={n: kinds.get(n, pl.Float64) for n in names})
    return Grid(
        name="weeks",
        frame=frame,
        key="key",
        sign=state.sign,
        columns=(
            column("week", "Week", "day"),
            column("last_year", "A year ago", "number", width=84),
            column("p10", "p10", "number", width=60),
            column("p50", "p50", "number", width=60),
            column("p90", "p90", "number", width=60),
            column("statistics", "Statistics", "number", width=86, help="What the methods say."),
            column(
                "agreed",
                "Consensus",
                "number",
                width=92,
                help="With what sales, marketing or customers expect, by their record.",
            ),
            column(
                "override",
                "Yours",
                "number",
                width=84,
                editable=True,
                help="Units of the week; type to set, empty to leave it to the forecast.",
            ),
            column("final", "Plan", "number", width=70, help="What the next plan takes."),
            column("reason", "Reason", width=180),
            column("author", "By", width=110),
        ),
    )


def _year_ago(state: State, code: str, place: str) -> dict[date, float]:
    history = of_item(state.made["sales_history"], code, place)
    rows = history.group_by(week=(pl.col("date") + pl.duration(days=364)).dt.truncate("1w")).agg(
        pl.col("units").sum()
    )
    return {week: float(units) for week, units in rows.iter_rows()}


def order_changes(state: State, code: str) -> list[dict[str, Any]]:
    """Return how the orders of an item differ from those of the plan before this one."""
    if state.before is None:
        return []
    before = state.before
    rows = state.once("changed", lambda: changed_since(state.made, before))
    return rows.filter(pl.col("item") == code).sort("to_due", nulls_last=True).to_dicts()
