"""Faults put into legal plans: one line a kind, with the rule and the row that must be named."""

# One fault a line reads best.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks._legal_plans import AS_OF, FIRST
from fivefold.model import Dataset, schema

_ALL = pl.lit(True)
_NODE_WEEK = ("item", "location", "period_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Parameters
    ----------
    kind : str
    table : str
        Table that is spoilt.
    rule : str
        Rule that must be named.
    change : dict of str to expression, 'drop' or 'double'
        What becomes of the rows picked.
    where : expression
        Rows that can be spoilt.
    reported : str
        Table of the violation, where it is another.
    key : tuple of expressions
        Key that must be named, of the row before the change; empty is any row.
    """

    kind: str
    table: str
    rule: str
    change: dict[str, pl.Expr] | str
    where: pl.Expr = _ALL
    reported: str = ""
    key: tuple[pl.Expr | str, ...] = ()

    def inject(
        self, dataset: Dataset, rng: np.random.Generator, *, rows: int = 1
    ) -> tuple[Dataset, set[tuple[str, str, str]]] | None:
        """Return the spoilt dataset and the (table, rule, key) to be named; None where no row fits."""
        frame = _with_terms(self.table, dataset).with_row_index("_row")
        fitting = frame.filter(self.where.fill_null(False))["_row"].to_numpy()
        if len(fitting) == 0:
            return None
        picked = rng.choice(fitting, min(rows, len(fitting)), replace=False)
        chosen = frame.filter(pl.col("_row").is_in(picked.tolist()))
        hit = pl.col("_row").is_in(picked.tolist())
        columns = list(schema(self.table).names)
        if self.change == "drop":
            spoilt = frame.filter(~hit)
        elif self.change == "double":
            spoilt = pl.concat([frame, chosen])
        else:
            assert isinstance(self.change, dict)
            kinds = schema(self.table).polars_schema()
            spoilt = frame.with_columns(
                pl.when(hit).then(to.cast(kinds[name])).otherwise(pl.col(name)).alias(name)
                for name, to in self.change.items()
            )
        wanted = {(self.reported or self.table, self.rule, key) for key in self._keys(chosen)}
        return dataset.with_tables(**{self.table: spoilt.select(columns)}), wanted

    def _keys(self, chosen: pl.DataFrame) -> list[str]:
        if not self.key:
            return [""]
        parts = [pl.col(k) if isinstance(k, str) else k for k in self.key]
        text = pl.concat_str([part.cast(pl.String).fill_null("") for part in parts], separator="→")
        return chosen.select(text.alias("key"))["key"].to_list()


def is_named(violations: pl.DataFrame, wanted: tuple[str, str, str]) -> bool:
    """Tell whether a violation names the table, the rule and, where one is asked, the row."""
    table, rule, key = wanted
    found = violations.filter((pl.col("table") == table) & (pl.col("rule") == rule))
    return bool(found.height if key == "" else found["key"].str.starts_with(key).any())


def _with_terms(table: str, dataset: Dataset) -> pl.DataFrame:
    """Return the table; the supply plan with the lot rules of its offers."""
    frame = dataset[table]
    if table != "supply_plan":
        return frame
    offers = dataset["supplier_offers"].select(
        "item", "minimum_quantity", "order_multiple", source="supplier"
    )
    return frame.join(offers, on=["source", "item"], how="left", maintain_order="left")


def _plan(kind: str, rule: str, change: dict[str, pl.Expr], where: pl.Expr = _ALL) -> Fault:
    return Fault(
        kind=kind, table="supply_plan", rule=rule, change=change, where=where, key=("decision",)
    )


def _stock(kind: str, rule: str, change: dict[str, pl.Expr], where: pl.Expr = _ALL) -> Fault:
    return Fault(
        kind=kind, table="projected_stock", rule=rule, change=change, where=where, key=_NODE_WEEK
    )


def _row(
    table: str,
    key: tuple[pl.Expr | str, ...],
) -> Callable[..., Fault]:
    def fault(
        kind: str, rule: str, change: dict[str, pl.Expr] | str, where: pl.Expr = _ALL
    ) -> Fault:
        return Fault(kind=kind, table=table, rule=rule, change=change, where=where, key=key)

    return fault


def _limit(kind: str, rule: str, reported: str = "supply_plan") -> Fault:
    key = ("subject",) if kind == "storage_m3" else ("limit", "subject")
    return Fault(
        kind=f"limit of {kind} passed",
        table="limits_rules",
        rule=rule,
        change={"amount_per_week": pl.lit(0.0)},
        where=(pl.col("kind") == kind)
        & (pl.col("amount_per_week") > 1.0 if kind != "storage_m3" else _ALL)
        & (pl.col("amount_per_week") > 0.03),
        reported=reported,
        key=key,
    )


_buy, _move, _make = (pl.col("kind") == kind for kind in ("buy", "move", "make"))
_col, _lit = pl.col, pl.lit
_DAY = timedelta(days=1)
_order = _row("purchase_orders", ("order",))
_line = _row("purchase_order_lines", ("order", "line"))
_work = _row("work_orders", ("order",))
_part = _row("work_order_components", ("order", "component"))
_ship = _row("inbound_shipments", ("shipment",))
_box = _row("inbound_cartons", ("shipment", "carton"))
_price = _row("limit_prices", ("limit", "subject", "period_start"))
_choice = _row("channel_choices", ("item", "channel"))
_fee = _row("channel_fees", ("item", "channel", "line"))
_quantile = _row("forecasts", (*_NODE_WEEK, "quantile"))

FAULTS: tuple[Fault, ...] = (
    _plan("start before the plan", "not_in_the_past", {"start_on": _lit(AS_OF - _DAY)}),
    _plan("due before start", "ends_after_it_starts", {"due_on": _col("start_on") - _DAY}),
    _plan("start on a Sunday", "starts_on_open_day", {"start_on": _col("start_on").dt.truncate("1w") - _DAY}),
    _plan("start on a closure", "starts_on_open_day", {"start_on": _lit(date(2026, 11, 26))}),
    _plan("below the minimum", "minimum_quantity", {"quantity": _lit(1)}, _buy & (_col("minimum_quantity") > 1)),
    _plan("no multiple", "order_multiple", {"quantity": _col("quantity") + 1}, _buy & (_col("order_multiple") > 1)),
    _plan("lead time of a buy", "lead_time", {"start_on": _col("due_on") - _DAY}, _buy),
    _plan("lead time of a move", "lead_time", {"start_on": _col("due_on")}, _move),
    _plan("value is wrong", "value_is_quantity_times_cost", {"value": _col("value") + 1}),
    _plan("cost of a move", "cost_is_that_of_the_way", {"unit_cost": _col("unit_cost") + 1}, _move),
    _plan("unknown item", "known_reference", {"item": _lit("NONE")}),
    _plan("no offer", "supplier_offers_item", {"source": _lit("WH")}, _buy),
    _plan("no lane", "lane_exists", {"mode": _lit("air")}, _move),
    _plan("no such plant", "plant_makes_item", {"destination": _lit("WH")}, _make),
    _plan("no units", "minimum", {"quantity": _lit(0)}),
    _plan("no day", "required", {"due_on": _lit(None)}),
    _plan("no such kind", "choice", {"kind": _lit("steal")}),
    Fault(kind="decision twice", table="supply_plan", rule="unique_key", change="double", key=("decision",)),
    Fault(
        kind="planted late delivery", table="supply_plan", rule="receipts_follow_from_decisions",
        change={"due_on": _col("due_on") + timedelta(days=21)}, reported="projected_stock",
        key=("item", "destination", "due_on"),
    ),
    Fault(
        kind="early delivery", table="supply_plan", rule="receipts_follow_from_decisions",
        change={"due_on": _col("due_on") - timedelta(days=7)}, where=_col("due_on") > FIRST,
        reported="projected_stock", key=("item", "destination", _col("due_on") - timedelta(days=7)),
    ),
    Fault(
        kind="decision left out", table="supply_plan", rule="receipts_follow_from_decisions", change="drop",
        reported="projected_stock", key=("item", "destination", "due_on"),
    ),
    Fault(
        kind="make without work order", table="work_orders", rule="make_has_work_order", change="drop",
        reported="supply_plan", key=("decision",),
    ),
    Fault(
        kind="decision without reason", table="explanations", rule="has_because", change="drop",
        where=_col("subject").str.contains("^(buy|make|move):"), reported="supply_plan", key=("subject",),
    ),
    _stock("planted negative balance", "closing_not_negative", {"closing": _lit(-5.0)}),
    _stock("stock from nowhere", "opening_plus_in_minus_out", {"closing": _col("closing") + 1}),
    _stock("opening jumps", "opening_is_last_closing", {"opening": _col("opening") + 1}, _col("period_start") > FIRST),
    _stock("more than was counted", "opening_is_the_count", {"opening": _col("opening") + 9}, _col("period_start") == FIRST),
    _stock("receipt from nowhere", "receipts_follow_from_decisions", {"receipts": _col("receipts") + 900}),
    _stock("issue to nowhere", "issues_follow_from_decisions", {"issues": _col("issues") + 900}),
    _stock("demand made up", "demand_is_the_forecast", {"demand": _col("demand") + 2}),
    _stock("more unmet than wanted", "unmet_within_demand", {"unmet": _col("demand") + 1}),
    _stock("over-delivery", "unmet_not_negative", {"unmet": _lit(-1.0)}),
    _row("unmet_demand", _NODE_WEEK)("unmet not told", "unmet_has_reason", "drop"),
    _row("unmet_demand", _NODE_WEEK)("reason unknown", "reason_is_known", {"reason_code": _lit("luck")}),
    _quantile("quantile falls", "quantiles_rise", {"units": _lit(0.0)}, _col("quantile") == 0.9),
    _quantile("not a number", "finite", {"units": _lit(float("nan"))}),
    _row("forecasts", _NODE_WEEK)("not a share", "share", {"quantile": _lit(1.5)}),
    _row("stock_targets", _NODE_WEEK)("levels fall", "levels_rise", {"order_up_to": _lit(0.0)}),
    _price("limit passed", "limit_held", {"used": _col("amount") * 1.1 + 1}, _col("kind") != "storage_m3"),
    _price("price of a slack limit", "slack_limit_has_no_price", {"price": _lit(2.0)}, _col("used") < 0.4 * _col("amount")),
    _price("limit made up", "amount_is_given", {"amount": _col("amount") + 5}),
    _price("use made up", "use_follows_from_decisions", {"used": _col("used") + 1}),
    _limit("cash", "cash_limit"),
    _limit("supplier_units", "supplier_limit"),
    _limit("resource_hours", "resource_limit"),
    _limit("receipts_units", "receipts_limit"),
    _row("pegging", ("origin_kind", "origin", "item", "location"))(
        "served twice", "nothing_serves_twice", {"units": _col("units") + 900}),
    _row("pegging", ("consumer",))(
        "used before it is there", "used_when_it_is_there", {"available_on": _lit(AS_OF - 8 * _DAY)},
        _col("origin_kind") == "decision"),
    _row("pegging", ("consumer",))(
        "wrong item", "item_and_place_agree", {"item": _lit("I9")}, _col("origin_kind") == "decision"),
    _row("pegging", ("consumer", "item"))(
        "input left out", "inputs_are_taken_once", "drop", _col("consumer_kind") == "supply"),
    _order("order without lines", "known_reference", {"supplier": _lit("NONE")}),
    _order("goods do not add up", "goods_value_is_sum_of_lines", {"goods_value": _col("goods_value") + 5}),
    _order("landed does not add up", "landed_is_goods_and_the_rest", {"landed_value": _col("landed_value") + 5}),
    _order(
        "below the smallest order", "minimum_order_value",
        {"goods_value": _lit(0.0), "ordered_on": _col("ordered_on") + _DAY},
    ),
    _order("ordered on a Saturday", "starts_on_open_day", {"ordered_on": _lit(date(2026, 11, 28))}),
    Fault(
        kind="ordered too late", table="purchase_orders", rule="lead_time",
        change={"ordered_on": _col("expected_on") - _DAY}, reported="purchase_order_lines", key=("order",),
    ),
    _line("price off the list", "price_is_that_of_the_quantity", {"unit_price": _col("unit_price") + 0.05}),
    _line("line of another decision", "line_is_of_its_decision", {"item": _lit("P0000")}),
    Fault(
        kind="ordered too little", table="purchase_order_lines", rule="orders_come_in_time", change="drop",
        key=(_lit("SUP"), "item"),
    ),
    Fault(
        kind="ordered too much", table="purchase_order_lines", rule="no_more_than_decided",
        change={"quantity": _col("quantity") + 9_000}, key=(_lit("SUP"), "item"),
    ),
    _work("ends before it starts", "ends_after_it_starts", {"finish_at": _col("start_at")}),
    _work("too short", "takes_its_hours", {"finish_at": _col("start_at") + timedelta(seconds=60)}),
    _work("works on a Sunday", "runs_on_open_day", {"start_at": _lit(FIRST - _DAY).cast(pl.Datetime("us", "UTC"))}),
    _work("available before it is finished", "steps_in_sequence", {"available_on": _col("available_on") - _DAY}),
    _work("late and not told", "lateness_is_told", {"due_on": _col("available_on") - 5 * _DAY}),
    _work("too few started", "start_covers_yield", {"start_quantity": _lit(1)}, _col("quantity") > 1),
    Fault(
        kind="other units than decided", table="work_orders", rule="work_is_of_its_decision",
        change={"quantity": _col("quantity") + 1}, key=("decision",),
    ),
    _part("bill not followed", "bill_is_followed", {"quantity": _col("quantity") + 5}),
    _part("component left out", "bill_is_followed", "drop"),
    _ship("unit not packed", "units_are_packed", {"units": _col("units") + 1}),
    _ship("cartons miscounted", "cartons_are_counted", {"cartons": _col("cartons") + 1}),
    _ship("ships too fast", "lead_time", {"expected_on": _col("ship_on")}),
    _ship("weight does not add up", "weight_is_of_its_cartons", {"weight_kg": _col("weight_kg") + 1}),
    _box("carton too heavy", "carton_weight", {"weight_kg": _lit(30.0)}, _col("quantity") > 1),
    _box("carton too long", "carton_side", {"length_cm": _lit(70.0)}, _col("quantity") > 1),
    _box("carton too light", "carton_carries_its_contents", {"weight_kg": _lit(0.01)}),
    _box("carton too small", "carton_holds_its_contents", {"height_cm": _lit(0.1)}),
    Fault(
        kind="other units than moved", table="inbound_cartons", rule="carries_the_moves",
        change={"quantity": _col("quantity") + 1}, key=(_lit("WH"), _lit("NET")),
    ),
    _row("promises", ("item", "location"))("promised twice", "nothing_promised_twice", {"quantity": _col("quantity") + 900}),
    _row("promises", ("item", "location"))("beyond supply", "promise_within_supply", {"quantity": _col("quantity") + 90_000}),
    _row("promises", ("order", "line"))("more than ordered", "no_more_than_ordered", {"quantity": _col("quantity") + 1}),
    _row("promises", ("order", "line"))("another item promised", "promise_of_what_was_ordered", {"item": _lit("P0000")}),
    _row("promises", ("order", "line"))("arrives before it ships", "promise_dates", {"deliver_on": _col("ship_on") - _DAY}),
    _choice("contribution made up", "contribution_is_price_less_lines", {"contribution": _col("contribution") + 0.5}),
    _choice("second best called best", "best_is_best", {"is_best": _lit(True)}, ~_col("is_best")),
    _fee("fee miscounted", "counted_is_known_or_within_range", {"counted": _col("counted") + 0.1}),
    _row("dispositions", ("return_id",))("no way chosen", "one_way_chosen", {"chosen": _lit(False)}, _col("chosen")),
    _row("dispositions", ("return_id",))("worse way chosen", "best_is_best", {"chosen": _lit(True)}, ~_col("chosen")),
    Fault(
        kind="offer has ended", table="supplier_offers", rule="offer_in_force",
        change={"valid_to": _lit(AS_OF - _DAY)}, where=_ALL, reported="supply_plan",
    ),
    Fault(
        kind="lane closed", table="lanes", rule="lane_active", change={"active_to": _lit(AS_OF - _DAY)},
        reported="supply_plan",
    ),
    Fault(
        kind="bill not in force", table="bills_of_material", rule="component_is_in_the_bill",
        change={"effective_to": _lit(AS_OF - _DAY)}, reported="work_order_components",
    ),
    Fault(
        kind="item has ended", table="items", rule="item_still_sold", change={"status": _lit("ended")},
        reported="supply_plan",
    ),
)  # fmt: skip
