"""The service level of items as a policy: what another level would hold, risk and cost.

Asks the stock engine with the forecast of a plan; nothing is written until a level is kept, and
then it is kept as any other fact about items is: by a table that is loaded and can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from fivefold.connect.tables import write_csv
from fivefold.cycle.importing import import_files, undo_import
from fivefold.cycle.one_item import alone
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.model import Dataset, Outcome
from fivefold.plan.stock import set_targets

#: Levels that are set beside the one asked.
LEVELS = (0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995)
#: Items of one policy that are looked at together at most.
MOST_ITEMS = 400
#: Files that keep a policy are named so; no file of people's own is touched when one is cleared.
_KEPT_AS = "items-service-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLook:
    """What a service level does to items.

    Parameters
    ----------
    level : float or None
        Cycle service level asked; None leaves it to margins.
    places : polars.DataFrame
        item, location, and by `_now` and `_then`: cycle_service_level, fill_rate, safety_stock,
        reorder_point, order_up_to; unit_cost.
    curve : polars.DataFrame
        level, fill_rate, stock_value, cost_per_week of each level; empty level: by margin.
    now : dict
        The same of what holds now.
    """

    level: float | None
    places: pl.DataFrame
    curve: pl.DataFrame
    now: dict[str, float | None]

    def at(self, level: float) -> dict[str, float | None]:
        """Return the row of the curve at a level."""
        return self.curve.filter((pl.col("level") - level).abs() < 1e-9).row(0, named=True)


def look_at_service(
    dataset: Dataset, plan: Plan, items: Sequence[str], level: float | None, *, as_of: date
) -> PolicyLook:
    """Return what a cycle service level would hold of items, against what holds now.

    Parameters
    ----------
    dataset : Dataset
    plan : Plan
        Its forecast and sourcing are used.
    items : sequence of str
    level : float or None
        From 0.5 to 0.9999; None lets the margin of each item decide.
    as_of : date

    Raises
    ------
    ValueError
        If the level lies outside, or there is no item, or there are too many.
    """
    if level is not None and not 0.5 <= level <= 0.9999:
        raise ValueError(f"a service level lies between 0.5 and 0.9999, found {level}")
    if not 0 < len(items) <= MOST_ITEMS:
        raise ValueError(f"a policy is of 1 to {MOST_ITEMS} items, found {len(items)}")
    own = alone(plan.over(dataset), *items)
    now = set_targets(own, as_of=as_of)
    levels = sorted({*LEVELS, *(() if level is None else (level,))})
    made = {each: set_targets(_with_level(own, items, each), as_of=as_of) for each in levels}
    made_by_margin = set_targets(_with_level(own, items, None), as_of=as_of)
    then = made_by_margin if level is None else made[level]
    cost = own["items"].select("item", pl.col("unit_cost").fill_null(0.0))
    keys = ["item", "location"]
    places = (
        _first(now["stock_targets"])
        .join(_first(then["stock_targets"]), on=keys, suffix="_then")
        .rename({name: f"{name}_now" for name in _SHOWN})
        .join(cost, on="item", how="left")
        .filter(pl.col("item").is_in(list(items)))
        .sort(keys)
    )
    rows = [
        _told(each, found, cost, items) for each, found in [(None, made_by_margin), *made.items()]
    ]
    names = ("level", "fill_rate", "stock_value", "cost_per_week")
    curve = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64))
    return PolicyLook(level=level, places=places, curve=curve, now=_told(None, now, cost, items))


def _told(
    level: float | None, found: Outcome, cost: pl.DataFrame, items: Sequence[str]
) -> dict[str, float | None]:
    fill_rate = found.notes.get("fill_rate")
    return {
        "level": level,
        "fill_rate": float(fill_rate) if isinstance(fill_rate, float) else None,
        "stock_value": _value(found["stock_targets"], cost, items),
        "cost_per_week": found.objective,
    }


def level_file(items: Sequence[str], level: float) -> tuple[str, bytes]:
    """Return a service level of items as a file ready to be loaded."""
    frame = pl.DataFrame(
        {"item": list(items), "service_level_share": [f"{level:.6g}"] * len(items)}
    )
    return f"{_KEPT_AS}{level:.6g}.csv", write_csv(frame)


def clear_levels(
    workspace: Workspace, items: Sequence[str], *, actor: str, as_of: date
) -> tuple[str, ...]:
    """Take back the service levels kept of items; return items whose level comes from elsewhere.

    A file cannot say that a cell is empty, so the files that were kept as policy are taken back
    and what they say of other items is kept anew. A level in people's own files stays.
    """
    wanted = set(items)
    loads = [load for load in workspace.loads() if load.name.startswith(_KEPT_AS)]
    levels: dict[str, float] = {}
    for load in loads:
        rows = load.tables["items"].select("item", "service_level_share").drop_nulls()
        levels |= dict(rows.iter_rows())
    if wanted & set(levels):
        for load in loads:
            undo_import(workspace, load.sha256, actor=actor, as_of=as_of)
        rest: dict[float, list[str]] = {}
        for item, level in sorted(levels.items()):
            if item not in wanted:
                rest.setdefault(level, []).append(item)
        files = [level_file(names, level) for level, names in rest.items()]
        if files:
            import_files(workspace, files, actor=actor, as_of=as_of)
    left = workspace.dataset(as_of=as_of)["items"].filter(
        pl.col("item").is_in(list(wanted)) & pl.col("service_level_share").is_not_null()
    )
    return tuple(left["item"].sort().to_list())


_SHOWN = ("cycle_service_level", "fill_rate", "safety_stock", "reorder_point", "order_up_to")


def _with_level(dataset: Dataset, items: Sequence[str], level: float | None) -> Dataset:
    rows = dataset["items"].with_columns(
        service_level_share=pl.when(pl.col("item").is_in(list(items)))
        .then(pl.lit(level, dtype=pl.Float64))
        .otherwise(pl.col("service_level_share"))
    )
    return dataset.with_tables(items=rows)


def _first(targets: pl.DataFrame) -> pl.DataFrame:
    """Return the targets of the first period."""
    keys = ["item", "location"]
    return (
        targets.sort("period_start")
        .group_by(keys, maintain_order=True)
        .first()
        .select(*keys, *_SHOWN)
    )


def _value(targets: pl.DataFrame, cost: pl.DataFrame, items: Sequence[str]) -> float:
    """Return the safety stock of the items at what they cost."""
    own = _first(targets).filter(pl.col("item").is_in(list(items))).join(cost, on="item")
    return float(own.select((pl.col("safety_stock") * pl.col("unit_cost")).sum()).item() or 0.0)
