"""Purchase orders, work orders and shipments: do they carry out the decisions, and add up?"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset

#: Heaviest carton Amazon takes without a team-lift label, 50 lb.
CARTON_KG = 22.68


def check_orders(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield purchase orders, work orders and shipments that do not add up."""
    yield from _purchases(dataset)
    yield from _purchase_lines(dataset)
    yield from _work(dataset)
    yield from _work_components(dataset)
    yield from _shipments(dataset)


def _purchases(dataset: Dataset) -> Iterator[pl.DataFrame]:
    orders = dataset["purchase_orders"]
    lines = (
        dataset["purchase_order_lines"]
        .group_by("order")
        .agg(goods=(pl.col("quantity") * pl.col("unit_price")).sum(), lines=pl.len())
    )
    joined = orders.join(lines, on="order", how="left")
    yield violations(
        joined.filter(pl.col("lines").is_null()),
        table="purchase_orders",
        key=["order"],
        rule="order_has_lines",
        found=pl.lit("no lines"),
        expected="at least one",
        text="an order without lines orders nothing",
    )
    yield violations(
        joined.filter(
            (pl.col("goods_value") - pl.col("goods")).abs() > 0.01 * (pl.col("lines") + 1)
        ),
        table="purchase_orders",
        key=["order"],
        rule="goods_value_is_sum_of_lines",
        found="goods_value",
        expected="goods",
        text="the value of an order is that of its lines",
    )
    parts = sum(
        (pl.col(c).fill_null(0.0) for c in ("freight_value", "duty_value", "other_value")),
        start=pl.col("goods_value"),
    )
    yield violations(
        orders.filter((pl.col("landed_value") - parts).abs() > 0.02),
        table="purchase_orders",
        key=["order"],
        rule="landed_is_goods_and_the_rest",
        found="landed_value",
        expected=parts,
        text="landed value is goods, freight, duty and the rest",
    )


def _purchase_lines(dataset: Dataset) -> Iterator[pl.DataFrame]:
    decisions = dataset["supply_plan"].filter(pl.col("kind") == "buy")
    lines = dataset["purchase_order_lines"].join(
        dataset["purchase_orders"].select("order", "supplier", "destination", "expected_on"),
        on="order",
        how="left",
    )
    if dataset["purchase_orders"].height == 0:
        return
    bought = lines.group_by("item", "destination").agg(bought=pl.col("quantity").sum())
    first = dataset["purchase_orders"]["ordered_on"].max()
    near = decisions.filter(pl.col("start_on") <= first)
    wanted = near.group_by("item", "destination").agg(wanted=pl.col("quantity").sum())
    short = wanted.join(bought, on=["item", "destination"], how="left").with_columns(
        pl.col("bought").fill_null(0)
    )
    yield violations(
        short.filter(pl.col("bought") < pl.col("wanted")),
        table="purchase_order_lines",
        key=["item", "destination"],
        rule="orders_carry_out_decisions",
        found="bought",
        expected=pl.format("≥ {}", pl.col("wanted")),
        text="what was decided to buy is ordered",
    )
    offers = dataset["supplier_offers"].select(
        "supplier", "item", "minimum_quantity", "order_multiple"
    )
    priced = lines.join(offers, on=["supplier", "item"], how="left")
    yield violations(
        priced.filter(pl.col("quantity") < pl.col("minimum_quantity")),
        table="purchase_order_lines",
        key=["order", "line"],
        rule="minimum_quantity",
        found="quantity",
        expected=pl.format("≥ {}", pl.col("minimum_quantity")),
        text="a line is at least the supplier's minimum",
    )
    yield violations(
        priced.filter(pl.col("quantity") % pl.col("order_multiple") != 0),
        table="purchase_order_lines",
        key=["order", "line"],
        rule="order_multiple",
        found="quantity",
        expected=pl.format("a multiple of {}", pl.col("order_multiple")),
        text="a line is a multiple of the supplier's lot",
    )


def _work(dataset: Dataset) -> Iterator[pl.DataFrame]:
    work = dataset["work_orders"]
    if work.height == 0:
        return
    yield violations(
        work.filter(pl.col("finish_at") <= pl.col("start_at")),
        table="work_orders",
        key=["order"],
        rule="ends_after_it_starts",
        found="finish_at",
        expected=pl.format("after {}", pl.col("start_at")),
        text="work ends after it starts",
    )
    late = (pl.col("finish_at").dt.date() - pl.col("due_on")).dt.total_days()
    yield violations(
        work.filter((late > 0) & (pl.col("late_days") + 1 < late)),
        table="work_orders",
        key=["order"],
        rule="lateness_is_told",
        found="late_days",
        expected=late,
        text="work that ends after its due day says so",
    )
    count = dataset["resources"].select("resource", pl.col("count"))
    yield violations(
        _overlaps(work)
        .join(count, on="resource", how="left")
        .filter(pl.col("running") > pl.col("count").fill_null(1)),
        table="work_orders",
        key=["order"],
        rule="no_overlap",
        found=pl.format("{} at once on {}", "running", "resource"),
        expected=pl.format("≤ {}", pl.col("count").fill_null(1)),
        text="a resource does one thing at a time",
    )


def _overlaps(work: pl.DataFrame) -> pl.DataFrame:
    """Return, at each start, how many orders run on the resource."""
    starts = work.select("resource", "order", at="start_at", step=pl.lit(1))
    ends = work.select("resource", "order", at="finish_at", step=pl.lit(-1))
    # An end sorts before a start at the same instant: one order may follow another at once.
    return (
        pl.concat([starts, ends])
        .filter(pl.col("resource").is_not_null())
        .sort("resource", "at", "step")
        .with_columns(running=pl.col("step").cum_sum().over("resource"))
        .filter(pl.col("step") == 1)
    )


def _work_components(dataset: Dataset) -> Iterator[pl.DataFrame]:
    bill = (
        dataset["bills_of_material"]
        .filter(~pl.col("is_by_product").fill_null(False) & pl.col("alternate_group").is_null())
        .select("product", "component", "quantity_per", "scrap_share")
    )
    needed = (
        dataset["work_orders"]
        .join(bill, on="product", how="inner")
        .with_columns(
            needed=pl.col("start_quantity")
            * pl.col("quantity_per")
            / (1 - pl.col("scrap_share").fill_null(0.0))
        )
    )
    issued = dataset["work_order_components"].select("order", "component", issued="quantity")
    joined = needed.join(issued, on=["order", "component"], how="left").with_columns(
        pl.col("issued").fill_null(0)
    )
    yield violations(
        joined.filter((pl.col("issued") - pl.col("needed")).abs() > 1.0 + 1e-9),
        table="work_order_components",
        key=["order", "component"],
        rule="bill_is_followed",
        found="issued",
        expected="needed",
        text="a work order takes what its bill of material says",
    )


def _shipments(dataset: Dataset) -> Iterator[pl.DataFrame]:
    packed = (
        dataset["inbound_cartons"]
        .group_by("shipment")
        .agg(packed=pl.col("quantity").sum(), boxes=pl.col("carton").n_unique())
    )
    joined = dataset["inbound_shipments"].join(packed, on="shipment", how="left")
    yield violations(
        joined.filter(pl.col("units") != pl.col("packed").fill_null(0)),
        table="inbound_shipments",
        key=["shipment"],
        rule="units_are_packed",
        found=pl.col("packed").fill_null(0),
        expected="units",
        text="every unit of a shipment is in a carton",
    )
    yield violations(
        joined.filter(pl.col("cartons") != pl.col("boxes").fill_null(0)),
        table="inbound_shipments",
        key=["shipment"],
        rule="cartons_are_counted",
        found="cartons",
        expected=pl.col("boxes").fill_null(0),
        text="a shipment has as many cartons as it says",
    )
    weights = (
        dataset["inbound_cartons"]
        .group_by("shipment", "carton")
        .agg(weight=pl.col("weight_kg").max(), units=pl.col("quantity").sum())
    )
    yield violations(
        weights.filter((pl.col("weight") > CARTON_KG) & (pl.col("units") > 1)),
        table="inbound_cartons",
        key=["shipment", "carton"],
        rule="carton_weight",
        found="weight",
        expected=f"≤ {CARTON_KG} kg",
        text="a carton of more than one unit weighs at most 50 lb",
    )
