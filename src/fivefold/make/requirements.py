"""What each place needs of each item, period by period: the bill of material exploded.

Knows gross needs, stock, receipts, lots and lead times. Never schedules a machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl

from fivefold.calendars import Periods, next_monday
from fivefold.make.bom import Sites, cycles, issue_per_start, making_sites, upstream, yields
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

CLOSED = ("received", "closed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is exploded and over what time.

    Parameters
    ----------
    demand : {'plan', 'forecast'}
        Where needs come from: the makes of the supply plan (products are started when the
        plan says), or the mean forecast (products are netted too). A dataset without
        makes is exploded from the forecast in either case.
    periods, period_days : int
        Length of the horizon and of a period.
    safety_stock : bool
        Keep the safety stock of `stock_targets` in stock.
    explained : int
        How many past-due releases are explained, largest first.
    """

    demand: Literal["plan", "forecast"] = "plan"
    periods: int = 26
    period_days: int = 7
    safety_stock: bool = True
    explained: int = 200

    def __post_init__(self) -> None:
        if self.demand not in ("plan", "forecast"):
            raise ValueError(f"demand must be plan or forecast, found {self.demand!r}")
        for name in ("periods", "period_days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")


def explode(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return gross and net requirements of every product and component.

    Level by level, products before their components: gross needs less stock, orders on
    their way and by-products are net needs; lot rules make them planned receipts; the
    lead time moves those to releases; units started (good units over yield) need
    components (over one less scrap). Of components that replace each other the first by
    priority that is in force is used. Releases before the first period are put into it
    and told.

    Parameters
    ----------
    dataset : Dataset
        Reads bills_of_material, operations, resources, items, inventory, supply_orders,
        supply_plan, forecast_means, stock_targets, sourcing_options, lanes, locations.
    params : Params, optional
    as_of : date
        Periods start on the first Monday on or after it.

    Returns
    -------
    Outcome
        Table `requirements`; infeasible, with every circle named, where an item is needed
        to make itself.

    References
    ----------
    .. [1] Orlicky (1975), *Material Requirements Planning*, ch. 4; Silver, Pyke, Thomas
       (2017), *Inventory and Production Management in Supply Chains*, 4th ed., §15.3.
    """
    params = params or Params()
    circles = cycles_if_any(dataset)
    if circles:
        return _infeasible(
            Reason(
                subject=f"requirements:{circle[0]}",
                reason_code="infeasible",
                reference=circle[0],
                text=f"An item is needed to make itself: {' → '.join(circle)}; correct the "
                "bill of material.",
            )
            for circle in circles
        )
    sites = making_sites(dataset)
    if sites is None:
        text = "No operation and no location of kind plant or warehouse says where things are made."
        return _infeasible([Reason(subject="requirements", reason_code="infeasible", text=text)])
    periods = Periods(start=next_monday(as_of), days=params.period_days, count=params.periods)
    network = _Network(dataset, sites, params, periods)
    return network.solved()


def cycles_if_any(dataset: Dataset) -> list[list[str]]:
    """Return the circles of the bill of material; the compiled pass says whether to look."""
    from fivefold.make.explosion_kernels import low_level_codes

    lines = dataset["bills_of_material"].filter(~pl.col("is_by_product"))
    if lines.is_empty():
        return []
    edges = _coded(lines)
    codes, starts = _compressed(edges)
    _, order = low_level_codes(starts, codes)
    return cycles(dataset) if order.size < starts.size - 1 else []


def _coded(lines: pl.DataFrame) -> pl.DataFrame:
    """Return columns parent and child with the items of BOM lines as integers."""
    names = pl.concat([lines["product"], lines["component"]]).unique().sort()
    index = pl.DataFrame({"name": names}).with_row_index("code")
    return (
        lines.select("product", "component")
        .join(index.rename({"name": "product", "code": "parent"}), on="product")
        .join(index.rename({"name": "component", "code": "child"}), on="component")
        .select("parent", "child", pl.lit(len(names)).alias("count"))
    )


def _compressed(edges: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return children sorted by parent, and where each parent's begin."""
    count = int(edges["count"][0])
    ordered = edges.sort("parent", "child")
    parents = ordered["parent"].to_numpy().astype(np.int64)
    starts = np.searchsorted(parents, np.arange(count + 1)).astype(np.int64)
    return ordered["child"].to_numpy().astype(np.int64), starts


def _infeasible(reasons: Any) -> Outcome:
    return Outcome(
        tables={"requirements": schema("requirements").empty()},
        status="infeasible",
        explanations=explanations_frame(reasons),
    )


class _Network:
    """Nodes (item, location) with integer codes, their edges and their figures by period."""

    def __init__(self, dataset: Dataset, sites: Sites, params: Params, periods: Periods) -> None:
        self.dataset, self.sites, self.params, self.periods = dataset, sites, params, periods
        makes = dataset["supply_plan"].filter(pl.col("kind") == "make")
        self.makes = makes if params.demand == "plan" else makes.head(0)
        self.from_forecast = self.makes.is_empty()
        self.bom = self._bom_edges()
        self.demand = self._own_demand()
        self.transfers = self._transfers()
        self.nodes = self._nodes()

    def _bom_edges(self) -> pl.DataFrame:
        """Return one row a BOM line: product, component and the place both are at."""
        return self.dataset["bills_of_material"].join(self.sites.table, on="product", how="inner")

    def _own_demand(self) -> pl.DataFrame:
        """Return item, location, date, units of demand that comes from outside."""
        if not self.from_forecast:
            return self.makes.select(
                "item",
                pl.col("destination").alias("location"),
                pl.col("due_on").alias("day"),
                pl.col("quantity").cast(pl.Float64).alias("units"),
            )
        known = pl.concat([self.bom["product"], self.bom["component"]]).unique()
        return (
            self.dataset["forecast_means"]
            .filter(pl.col("item").is_in(known.implode()))
            .select(
                "item",
                "location",
                pl.col("period_start").alias("day"),
                pl.col("units_mean").alias("units"),
            )
        )

    def _transfers(self) -> pl.DataFrame:
        """Return edges from where a made item is needed back to where it is made.

        Columns item, location, before, days; each place on the way nets its own stock.
        """
        made_at: dict[str, str] = dict(self.sites.table.iter_rows())
        needed = pl.concat(
            [
                self.demand.select("item", "location"),
                self.bom.select(pl.col("component").alias("item"), "location"),
            ]
        ).unique()
        needed = needed.join(
            self.sites.table.rename({"product": "item", "location": "site"}), on="item"
        ).filter(pl.col("location") != pl.col("site"))
        ways: dict[str, dict[str, tuple[str, float]]] = {}
        rows: set[tuple[str, str, str, float]] = set()
        for item, place, site in needed.sort("item", "location").iter_rows():
            came_from = ways.setdefault(site, upstream(self.dataset, site))
            current = place
            while current != made_at[item]:
                before, days = came_from.get(current, (site, 0.0))
                rows.add((item, current, before, days))
                current = before
        return pl.DataFrame(
            sorted(rows),
            schema={
                "item": pl.String,
                "location": pl.String,
                "before": pl.String,
                "days": pl.Float64,
            },
            orient="row",
        )

    def _nodes(self) -> pl.DataFrame:
        """Return every (item, location) with its code, sorted by name."""
        pairs = [
            self.demand.select("item", "location"),
            self.bom.select(pl.col("product").alias("item"), "location"),
            self.bom.select(pl.col("component").alias("item"), "location"),
            self.transfers.select("item", "location"),
            self.transfers.select("item", pl.col("before").alias("location")),
        ]
        unique = pl.concat(pairs).unique().sort("item", "location")
        return unique.with_row_index("code").with_columns(pl.col("code").cast(pl.Int64))

    def _code(self, frame: pl.DataFrame, item: str, location: str, name: str) -> pl.DataFrame:
        """Return `frame` with the code of (item, location) as a column; unknown pairs drop out."""
        keys = self.nodes.rename({"item": item, "location": location, "code": name})
        return frame.join(keys, on=[item, location], how="inner")

    def _edges(self) -> pl.DataFrame:
        """Return all edges in order: parent, preferred alternates first."""
        start, days = self.periods.start, self.periods.days
        since = (pl.col("effective_from") - start).dt.total_days() / days
        until = (pl.col("effective_to") - start).dt.total_days() / days
        bom = self._code(self.bom, "product", "location", "parent")
        bom = self._code(bom, "component", "location", "child").select(
            "parent",
            "child",
            # A by-product comes with good units, so nothing is added for its own loss.
            pl.when("is_by_product")
            .then(pl.col("quantity_per") * (1 - pl.col("scrap_share").fill_null(0.0)))
            .otherwise(issue_per_start())
            .alias("per_unit"),
            since.ceil().fill_null(0).cast(pl.Int64).alias("from_period"),
            until.floor().fill_null(self.periods.count).cast(pl.Int64).alias("to_period"),
            pl.col("alternate_group").rank("dense").cast(pl.Int64).fill_null(-1).alias("group"),
            pl.col("priority").fill_null(1),
            pl.col("is_by_product"),
        )
        moved = self._code(self.transfers, "item", "location", "parent").rename(
            {"location": "to_place"}
        )
        moved = self._code(moved, "item", "before", "child").select(
            "parent",
            "child",
            pl.lit(1.0).alias("per_unit"),
            pl.lit(0, dtype=pl.Int64).alias("from_period"),
            pl.lit(self.periods.count, dtype=pl.Int64).alias("to_period"),
            pl.lit(-1, dtype=pl.Int64).alias("group"),
            pl.lit(1, dtype=pl.Int64).alias("priority"),
            pl.lit(value=False).alias("is_by_product"),
        )
        return pl.concat([bom, moved]).sort("parent", "group", "priority", "child")

    def _per_node(self, frame: pl.DataFrame, column: str, default: float) -> np.ndarray:
        """Return one value a node from a frame with item, location and `column`."""
        joined = self.nodes.join(
            frame.select("item", "location", column).unique(["item", "location"], keep="first"),
            on=["item", "location"],
            how="left",
        ).sort("code")
        values = joined[column].cast(pl.Float64).fill_null(default)
        return np.array(values.to_numpy(), dtype=np.float64)

    def _by_period(self, frame: pl.DataFrame) -> np.ndarray:
        """Return units by node and period from item, location, day, units; early ones first."""
        grid = np.zeros((self.nodes.height, self.periods.count))
        coded = self._code(frame, "item", "location", "code")
        index = (pl.col("day") - self.periods.start).dt.total_days() // self.periods.days
        coded = coded.select("code", index.clip(lower_bound=0).alias("period"), "units").filter(
            (pl.col("period") < self.periods.count) & pl.col("units").is_not_null()
        )
        np.add.at(
            grid,
            (coded["code"].to_numpy(), coded["period"].to_numpy().astype(np.int64)),
            coded["units"].to_numpy(),
        )
        return grid

    def _opening(self) -> np.ndarray:
        """Return sellable stock not promised, less safety stock."""
        stock = (
            self.dataset["inventory"]
            .filter(pl.col("condition") == "sellable")
            .group_by("item", "location")
            .agg((pl.col("on_hand") - pl.col("allocated")).sum().alias("units"))
        )
        opening = self._per_node(stock, "units", 0.0)
        if self.params.safety_stock:
            targets = self.dataset["stock_targets"].sort("period_start")
            opening -= self._per_node(targets, "safety_stock", 0.0)
        return opening

    def _on_order(self) -> np.ndarray:
        """Return what orders already placed still bring, by node and period."""
        orders = self.dataset["supply_orders"].filter(~pl.col("status").is_in(CLOSED))
        return self._by_period(
            orders.select(
                "item",
                pl.col("destination").alias("location"),
                pl.col("expected_on").alias("day"),
                (pl.col("quantity") - pl.col("quantity_received"))
                .clip(lower_bound=0)
                .cast(pl.Float64)
                .alias("units"),
            )
        )

    def _lead_days(self) -> np.ndarray:
        """Return days from release to receipt: making, moving, or buying."""
        made = making_days(self.dataset).join(self.sites.table, on="product")
        buying = (
            self.dataset["sourcing_options"]
            .sort("rank")
            .select(
                "item",
                pl.col("destination").alias("location"),
                pl.col("lead_time_days_mean").alias("days"),
            )
        )
        moving = self.transfers.select("item", "location", "days")
        making = made.select(pl.col("product").alias("item"), "location", "days")
        return self._per_node(pl.concat([making, moving, buying]), "days", 0.0)

    def _made(self, values: dict[str, float], default: float) -> np.ndarray:
        """Return a value of each product at the place it is made, `default` elsewhere."""
        frame = self.sites.table.rename({"product": "item"}).with_columns(
            pl.col("item").replace_strict(values, default=None, return_dtype=pl.Float64).alias("v")
        )
        return self._per_node(frame, "v", default)

    def solved(self) -> Outcome:
        """Return the outcome: codes once, arrays through the kernel, a long table back."""
        from fivefold.make.explosion_kernels import explode_levels, low_level_codes

        edges = self._edges()
        count = self.nodes.height
        parents = edges["parent"].to_numpy()
        starts = np.searchsorted(parents, np.arange(count + 1)).astype(np.int64)
        targets = np.ascontiguousarray(edges["child"].to_numpy())
        levels, order = low_level_codes(starts, targets)
        if order.size < count:
            return self._by_product_circle(levels)
        gross, scheduled = self._by_period(self.demand), self._on_order()
        releases, receipts, fixed = self._fixed()
        good = {product: 1.0 / share for product, share in self._yields().items() if share > 0}
        lot = {
            name: {
                item: float(value)
                for item, value in self.dataset["items"].select("item", name).iter_rows()
                if value is not None and value > 1
            }
            for name in ("make_minimum_quantity", "make_multiple")
        }
        lead = np.ceil(self._lead_days() / self.periods.days - 1e-9).astype(np.int64)
        available, net, planned, released, past_due = explode_levels(
            order,
            starts,
            targets,
            edges["per_unit"].to_numpy(),
            edges["from_period"].to_numpy(),
            edges["to_period"].to_numpy(),
            edges["group"].to_numpy(),
            edges["is_by_product"].to_numpy(),
            gross,
            scheduled,
            self._opening(),
            releases,
            receipts,
            fixed,
            lead,
            self._made(good, 1.0),
            self._made(lot["make_minimum_quantity"], 0.0),
            self._made(lot["make_multiple"], 0.0),
        )
        figures = {
            "gross": gross,
            "scheduled": scheduled,
            "available": available,
            "net": net,
            "planned_receipts": planned,
            "planned_releases": released,
        }
        table = self._table(figures, levels, past_due)
        return Outcome(
            tables={"requirements": table},
            status="feasible",
            explanations=explanations_frame(self._reasons(past_due, lead)),
            notes={
                "nodes": count,
                "edges": edges.height,
                "levels": int(levels.max(initial=-1)) + 1,
            },
        )

    def _yields(self) -> dict[str, float]:
        return yields(self.dataset["operations"])

    def _fixed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return releases and receipts the plan fixes, and which nodes it fixes."""
        place = pl.col("destination").alias("location")
        units = pl.col("quantity").cast(pl.Float64).alias("units")
        releases = self._by_period(
            self.makes.select("item", place, pl.col("start_on").alias("day"), units)
        )
        receipts = self._by_period(
            self.makes.select("item", place, pl.col("due_on").alias("day"), units)
        )
        fixed = np.zeros(self.nodes.height, dtype=np.bool_)
        coded = self._code(self.makes.select("item", place).unique(), "item", "location", "code")
        fixed[coded["code"].to_numpy()] = True
        return releases, receipts, fixed

    def _by_product_circle(self, levels: np.ndarray) -> Outcome:
        """Return the answer where only a by-product closes a circle."""
        lost = self.nodes.filter(pl.Series(levels < 0))["item"].unique().sort().to_list()
        text = (
            f"A by-product closes a circle among {', '.join(lost[:10])}: what comes out of "
            "making one is needed to make it; take the by-product line out of the bill."
        )
        return _infeasible(
            [
                Reason(
                    subject=f"requirements:{lost[0]}",
                    reason_code="infeasible",
                    reference=lost[0],
                    text=text,
                )
            ]
        )

    def _table(
        self, figures: dict[str, np.ndarray], levels: np.ndarray, past_due: np.ndarray
    ) -> pl.DataFrame:
        """Return the rows in which something happens."""
        busy = np.zeros_like(figures["gross"], dtype=bool)
        for name, grid in figures.items():
            if name != "available":
                busy |= grid != 0
        node, period = np.nonzero(busy)
        late = np.where(period == 0, past_due[node], 0.0)
        starts = pl.Series(self.periods.starts(), dtype=pl.Date)
        frame = pl.DataFrame(
            {
                "item": self.nodes["item"].gather(node),
                "location": self.nodes["location"].gather(node),
                "period_start": starts.gather(period),
                "level": levels[node],
                **{name: grid[node, period] for name, grid in figures.items()},
                "past_due": late,
            }
        )
        return frame.select(schema("requirements").names)

    def _reasons(self, past_due: np.ndarray, lead: np.ndarray) -> Iterator[Reason]:
        """Yield what cannot be had in time and what was assumed."""
        worst = np.argsort(-past_due, kind="stable")[: self.params.explained]
        for code in sorted(int(code) for code in worst if past_due[code] > 0):
            item, location = self.nodes["item"][code], self.nodes["location"][code]
            yield Reason(
                subject=f"requirements:{item}@{location}",
                reason_code="lead_time",
                reference=item,
                quantity=float(past_due[code]),
                text=(
                    f"{past_due[code]:,.1f} units of {item} at {location} should have been "
                    f"released before {self.periods.start}: the lead time is "
                    f"{int(lead[code])} periods."
                ),
            )
        for product in self.sites.assumed[: self.params.explained]:
            yield Reason(
                subject=f"requirements:{product}",
                reason_code="unknown_figure",
                reference=product,
                text=f"{product} has no operation; it is taken to be made at the first plant.",
            )


def making_days(dataset: Dataset) -> pl.DataFrame:
    """Return product and days from issue of components to finished units.

    The item's own figure, else the hours of its operations for one smallest batch over
    the hours their resources work a day.
    """
    hours = pl.col("setup_time_hours") + pl.col("run_time_hours_per_unit") * pl.col("lot")
    from_steps = (
        dataset["operations"]
        .join(dataset["resources"].select("resource", "hours_per_day"), on="resource", how="left")
        .join(
            dataset["items"].select(
                pl.col("item").alias("product"),
                pl.col("make_minimum_quantity").fill_null(1).alias("lot"),
            ),
            on="product",
            how="left",
        )
        .with_columns(pl.col("lot").fill_null(1), pl.col("hours_per_day").fill_null(8.0))
        .group_by("product")
        .agg((hours / pl.max_horizontal("hours_per_day", pl.lit(0.1))).sum().alias("steps"))
    )
    given = dataset["items"].select(pl.col("item").alias("product"), "make_lead_time_days")
    products = dataset["bills_of_material"].select("product").unique()
    return (
        products.join(given, on="product", how="left")
        .join(from_steps, on="product", how="left")
        .select(
            "product",
            pl.coalesce("make_lead_time_days", "steps").fill_null(0.0).alias("days"),
        )
        .sort("product")
    )
