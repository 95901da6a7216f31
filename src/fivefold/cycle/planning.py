"""Planning, as an order of calls: demand → channels → stock targets → supply → buy, make, ship.

Each engine reads the tables the ones before it wrote; no formula stands here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.check import check_plan
from fivefold.cycle.plans import Plan, plan_name
from fivefold.cycle.progress import Progress, Steps, silent
from fivefold.cycle.scenarios import scale_demand
from fivefold.cycle.standing import (
    Standing,
    carried_documents,
    decisions_of,
    nervousness,
    orders_of,
)
from fivefold.deliver.channels import choose_channels
from fivefold.deliver.fees import fee_cards
from fivefold.deliver.inbound import plan_shipments
from fivefold.deliver.placement import place_items
from fivefold.deliver.stock_prices import price_stock
from fivefold.make.floor import needs_steps
from fivefold.make.loads import measure_loads
from fivefold.make.quality import learn_yields, with_learnt_yields
from fivefold.make.requirements import cycles_if_any, explode
from fivefold.make.schedule import schedule_work
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.plan.demand import DemandParams, daily_demand, forecast
from fivefold.plan.stock import frontier, set_targets
from fivefold.plan.supply import SupplyParams, plan_supply, planning_facts, reserve_for_orders
from fivefold.plan.supply.relaxation import relax_orders
from fivefold.plan.supply.what_if import breaks_first
from fivefold.returns.volumes import forecast_returns
from fivefold.source.purchasing import propose_orders
from fivefold.source.suppliers import rank_options

#: Steps in order, with the share of the work each is expected to take.
STEPS = {
    "read": 2.0,
    "clean history": 8.0,
    "forecast demand": 40.0,
    "expect returns": 3.0,
    "rank suppliers": 4.0,
    "choose channels": 6.0,
    "set stock targets": 8.0,
    "plan supply": 20.0,
    "write orders": 5.0,
    "check": 4.0,
}
BREAKS_FIRST = "breaks_first"
#: Days from the day of the plan in which what starts is placed when it is accepted.
RELEASE_DAYS = 7
#: Results that a plan on top of another takes over from it.
_BEFORE_SUPPLY = (
    "sales_history",
    "learnt_yields",
    "operations",
    "forecasts",
    "forecast_means",
    "forecast_accuracy",
    "forecast_sources",
    "forecast_steps",
    "returns_forecast",
    "sourcing_options",
    "channel_choices",
    "channel_fees",
    "stock_targets",
)
#: What each engine that can be asked again answers.
_ANSWERS = {
    "returns": ("returns_forecast",),
    "sourcing": ("sourcing_options",),
    "channels": ("channel_choices", "channel_fees"),
    "stock": ("stock_targets",),
}
#: Names of decisions and documents: what was said of them is said anew.
_DECIDED = (
    ("supply_plan", "decision"),
    ("purchase_orders", "order"),
    ("work_orders", "order"),
    ("inbound_shipments", "shipment"),
)
_KEPT = "kept"
_ORDER = ("optimal", "feasible", "time_limit", "unbounded", "infeasible")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanParams:
    """What a person may change about a plan.

    Parameters
    ----------
    periods : int
        Weeks planned ahead, 4 to 104.
    demand_factor : float
        All demand times this; 1.6 is a jump of 60 %.
    seed : int
        Seed of what is drawn, if anything is.
    scenario : str
        Name under which the plan is kept.
    """

    periods: int = 26
    demand_factor: float = 1.0
    seed: int = 1
    scenario: str = "baseline"

    def __post_init__(self) -> None:
        if not 4 <= self.periods <= 104:
            raise ValueError(f"periods must be from 4 to 104, found {self.periods}")
        if not 0 < self.demand_factor <= 100:
            raise ValueError(
                f"demand_factor must be above 0 and at most 100, found {self.demand_factor}"
            )


def plan(
    dataset: Dataset,
    params: PlanParams | None = None,
    *,
    as_of: date,
    progress: Progress = silent,
    standing: Standing | None = None,
) -> Plan:
    """Return a plan for everything in the dataset.

    Parameters
    ----------
    dataset : Dataset
        What is known on the morning of `as_of`.
    params : PlanParams, optional
    as_of : date
        Day of the plan; nothing is planned to start before it.
    progress : Progress
        Told each step; may raise `CancelledError`.
    standing : Standing, optional
        The plan accepted last: what no new fact touches is carried over from it.

    Raises
    ------
    DataError
        If the dataset does not make sense; every problem is listed.
    """
    chosen = params or PlanParams()
    run = _Run(_with_cards(dataset.validate()), Steps(progress, STEPS, time.process_time))
    run.steps.begin("read")
    fingerprint = dataset.fingerprint()
    if standing is not None:
        run.refer_to(standing)
    name = plan_name(
        as_of=as_of,
        fingerprint=f"{fingerprint} {standing.fingerprint}" if standing else fingerprint,
        params=asdict(chosen),
        scenario=chosen.scenario,
    )
    if cycles_if_any(run.dataset):
        # Nothing can be planned through a circle; the explosion names every one.
        run.call("bills of material", explode, as_of)
    else:
        _all_steps(run, chosen, as_of)
    run.steps.end()
    return Plan(
        plan=name,
        as_of=as_of,
        status=run.status,
        tables=run.results(),
        dataset_fingerprint=fingerprint,
        params=asdict(chosen),
        seconds=run.steps.seconds,
        scenario=chosen.scenario,
        notes=run.notes,
    )


def replan(
    dataset: Dataset,
    standing: Standing,
    *,
    as_of: date,
    again: Collection[str] = (),
    tables: Mapping[str, pl.DataFrame] | None = None,
    scenario: str = "proposal",
    params: Mapping[str, object] | None = None,
    releasable: bool = True,
    progress: Progress = silent,
) -> Plan:
    """Return a plan on top of another: forecasts stand, what is touched is planned again.

    Parameters
    ----------
    dataset : Dataset
        What is known now, or would be.
    standing : Standing
        The plan to stand on; what nothing touches is carried over from it.
    again : collection of {'returns', 'sourcing', 'channels', 'stock'}
        Engines before supply whose answer is worked out anew.
    tables : mapping of str to polars.DataFrame, optional
        Results of engines before supply in place of those of the plan stood on.
    scenario : str
    params : mapping, optional
        What the plan is told beside the parameters of the one it stands on.
    releasable : bool
        Hold limits with what is about to be ordered, and look for ways to be on time too.
    progress : Progress
    """
    base = standing.plan
    told = {**base.params, "scenario": scenario, "on": base.plan, **(params or {})}
    own = PlanParams(periods=int(str(base.params.get("periods", PlanParams().periods))))
    run = _Run(_with_cards(dataset.validate()), Steps(progress, STEPS, time.process_time))
    run.steps.begin("read")
    fingerprint = dataset.fingerprint()
    run.refer_to(standing)
    run.keep(base, tables or {}, again)
    for name, step, verb in _AGAIN:
        if name in again:
            run.steps.begin(step)
            run.call(name, verb, as_of)
    run.steps.begin("plan supply")
    quick = SupplyParams(periods=own.periods, quick=not releasable)
    outcome = run.call("supply", plan_supply, as_of, quick)
    run.tell(_first_to_give_way(breaks_first(outcome)))
    _documents(run, own, as_of, hold=releasable)
    if releasable:
        run.call("late orders", relax_orders, as_of)
        run.call("placement", place_items, as_of)
        run.call("stock prices", price_stock, as_of)
    _check(run, as_of)
    run.steps.end()
    return Plan(
        plan=plan_name(as_of=as_of, fingerprint=fingerprint, params=told, scenario=scenario),
        as_of=as_of,
        status=run.status,
        tables=run.results(),
        dataset_fingerprint=fingerprint,
        params=told,
        seconds=run.steps.seconds,
        scenario=scenario,
        notes=run.notes,
    )


def before_supply(
    dataset: Dataset, standing: Standing, again: Collection[str]
) -> dict[str, pl.DataFrame]:
    """Return what engines before supply answer now, on top of a plan: their tables."""
    run = _Run(_with_cards(dataset.validate()), Steps(silent, STEPS, time.process_time))
    run.refer_to(standing)
    run.keep(standing.plan, {}, again)
    found: dict[str, pl.DataFrame] = {}
    for name, _, verb in _AGAIN:
        if name in again:
            found.update(run.call(name, verb, standing.plan.as_of).tables)
    return found


#: Engines before supply that can be asked again, in their order.
_AGAIN: tuple[tuple[str, str, Callable[..., Outcome]], ...] = (
    ("returns", "expect returns", forecast_returns),
    ("sourcing", "rank suppliers", rank_options),
    ("channels", "choose channels", choose_channels),
    ("stock", "set stock targets", set_targets),
)


def _all_steps(run: _Run, params: PlanParams, as_of: date) -> None:
    run.steps.begin("clean history")
    run.add({"sales_history": daily_demand(run.dataset, as_of=as_of)})
    if run.dataset["work_reports"].height:
        learnt = run.call("yields", learn_yields, as_of)["learnt_yields"]
        run.add({"operations": with_learnt_yields(run.dataset["operations"], learnt)})
    _demand(run, params, as_of)
    _supply(run, params, as_of)
    _documents(run, params, as_of)
    run.call("late orders", relax_orders, as_of)
    run.call("placement", place_items, as_of)
    run.call("stock prices", price_stock, as_of)
    _check(run, as_of)


def _documents(run: _Run, params: PlanParams, as_of: date, *, hold: bool = True) -> None:
    """Draw purchase orders, work orders and shipments of the supply plan."""
    run.steps.begin("write orders")
    run.draw("buy", "purchase orders", propose_orders, as_of)
    if hold:
        _hold_when_ordered(run, params, as_of)
    # Steps share machines, so those of all orders are laid out together.
    if needs_steps(run.dataset):
        run.call("work orders", schedule_work, as_of)
    else:
        run.draw("make", "work orders", schedule_work, as_of)
    run.call("loads", measure_loads, as_of)
    run.draw("move", "inbound shipments", plan_shipments, as_of)
    if run.standing is not None:
        supply = run.dataset["supply_plan"]
        run.notes["replanning"] = nervousness(supply, run.standing)


def _check(run: _Run, as_of: date) -> None:
    run.steps.begin("check")
    explained = run.dataset.with_tables(explanations=run.reasons())
    run.add({"violations": check_plan(explained, as_of=as_of)})


def _with_cards(dataset: Dataset) -> Dataset:
    """Return the dataset with the fee cards that come with the program, unless it has its own."""
    return dataset if "fee_cards" in dataset else dataset.with_tables(fee_cards=fee_cards())


def _demand(run: _Run, params: PlanParams, as_of: date) -> None:
    run.steps.begin("forecast demand")
    run.call("demand", forecast, as_of, DemandParams(periods=params.periods))
    if params.demand_factor != 1.0:
        run.dataset = scale_demand(run.dataset, params.demand_factor)
        run.refresh("forecasts", "forecast_means")
    run.steps.begin("expect returns")
    run.call("returns", forecast_returns, as_of)


def _supply(run: _Run, params: PlanParams, as_of: date) -> None:
    run.steps.begin("rank suppliers")
    run.call("sourcing", rank_options, as_of)
    run.steps.begin("choose channels")
    run.call("channels", choose_channels, as_of)
    run.steps.begin("set stock targets")
    run.call("stock", set_targets, as_of)
    run.call("frontier", frontier, as_of)
    run.steps.begin("plan supply")
    outcome = run.call("supply", plan_supply, as_of, SupplyParams(periods=params.periods))
    run.tell(_first_to_give_way(breaks_first(outcome)))


def _hold_when_ordered(run: _Run, params: PlanParams, as_of: date) -> None:
    """Plan again around the orders about to be placed, where the plan would not hold with them.

    An order joins buys of several days, so that it is paid on other days than they are.
    """
    last = as_of + timedelta(days=RELEASE_DAYS)
    heads = run.dataset["purchase_orders"].filter(pl.col("ordered_on") <= last)
    placed = heads["order"].to_list()
    lines = run.dataset["purchase_order_lines"].filter(pl.col("order").is_in(placed))
    firm = list(decisions_of(lines, "decisions"))
    supply = run.dataset["supply_plan"]
    decided = supply.with_columns(firm=pl.col("decision").is_in(firm))
    seen = run.dataset.with_tables(accepted_plan=decided.select(schema("accepted_plan").names))
    own = SupplyParams(periods=params.periods)
    reserved = reserve_for_orders(seen, orders_of(heads, lines), own, as_of=as_of)
    if not reserved:
        return
    seen = seen.with_tables(accepted_facts=planning_facts(seen, own, as_of=as_of))
    # Only what draws on a limit that joined orders overrun is touched, so it is planned once.
    told: Any = run.notes["supply"]
    again = replace(
        own,
        reserved=reserved,
        ordered_days=RELEASE_DAYS,
        left_out=told["left_out"],
        quick=True,
    )
    outcome = run.call("supply", plan_supply, as_of, again, seen)
    run.tell(_first_to_give_way(breaks_first(outcome)))
    reasons = run.reasons_of("purchase orders", placed)
    # What was added to a decision about to be ordered is ordered beside it.
    ordered = supply.filter(pl.col("decision").is_in(firm)).select("decision", first="quantity")
    left = (
        run.dataset["supply_plan"]
        .join(ordered, on="decision", how="left", maintain_order="left")
        .with_columns(quantity=pl.col("quantity") - pl.col("first").fill_null(0))
        .filter(pl.col("quantity") > 0)
        .drop("first")
    )
    orders = pl.concat([run.dataset["supply_orders"], orders_of(heads, lines)])
    run.call(
        "purchase orders",
        propose_orders,
        as_of,
        seen=run.dataset.with_tables(
            supply_plan=left,
            supply_orders=orders,
            purchase_orders=heads,
            purchase_order_lines=lines,
        ),
        beside={"purchase_orders": heads, "purchase_order_lines": lines},
        reasons=reasons,
    )


def _first_to_give_way(found: Mapping[str, Any]) -> list[Reason]:
    """Return the first limit that binds and the first demand not served, as sentences."""
    reasons = []
    limit, unmet = found["limit"], found["unmet"]
    if limit is not None:
        reasons.append(
            Reason(
                subject=BREAKS_FIRST,
                reason_code="constraint_bound",
                reference=limit["limit"],
                quantity=limit["amount"],
                price=limit["price"],
                text=f"Limit {limit['limit']} ({limit['kind']}) is the first to bind, in the week "
                f"of {limit['period_start']}: a unit more of it would save {limit['price']:,.2f}.",
            )
        )
    if unmet is not None:
        reasons.append(
            Reason(
                subject=BREAKS_FIRST,
                reason_code="unmet",
                reference=f"{unmet['item']}@{unmet['location']}",
                quantity=unmet["units"],
                text=f"{unmet['item']} at {unmet['location']} is the first not served in full: "
                f"{unmet['units']:,.0f} units short in the week of {unmet['period_start']}, "
                f"because of {unmet['reason_code'].replace('_', ' ')}.",
            )
        )
    return reasons


class _Run:
    """The dataset as it grows by the tables of each engine, and what they said."""

    def __init__(self, dataset: Dataset, steps: Steps) -> None:
        self.dataset = dataset
        self.steps = steps
        self.status = "optimal"
        self.notes: dict[str, object] = {}
        self.standing: Standing | None = None
        self._made: dict[str, pl.DataFrame] = {}
        self._reasons: dict[str, pl.DataFrame] = {}

    def call(
        self,
        engine: str,
        verb: Callable[..., Outcome],
        as_of: date,
        params: object | None = None,
        seen: Dataset | None = None,
        *,
        beside: Mapping[str, pl.DataFrame] | None = None,
        reasons: pl.DataFrame | None = None,
    ) -> Outcome:
        """Call an engine, keep its tables, its status and its reasons, and return what it said.

        It sees the dataset, or another one; rows that stand already are kept beside its own.
        Called again, an engine takes back what it said before.
        """
        arguments = () if params is None else (params,)
        outcome = verb(self.dataset if seen is None else seen, *arguments, as_of=as_of)
        tables = dict(outcome.tables)
        for name, rows in (beside or {}).items():
            tables[name] = pl.concat([rows, tables[name]], how="diagonal_relaxed")
        self.add(tables)
        told = [frame for frame in (reasons, outcome.explanations) if frame is not None]
        self._reasons[engine] = pl.concat(told) if told else schema("explanations").empty()
        self.status = max(self.status, outcome.status, key=_ORDER.index)
        self.notes[engine] = {
            "status": outcome.status,
            "objective": outcome.objective,
            "bound": outcome.bound,
            **outcome.notes,
        }
        return outcome

    def refer_to(self, standing: Standing) -> None:
        """Let the engines read what the accepted plan decided and was told."""
        self.standing = standing
        self.dataset = self.dataset.with_tables(**standing.tables())

    def draw(self, kind: str, engine: str, verb: Callable[..., Outcome], as_of: date) -> None:
        """Draw documents of a kind of decision; those of the accepted plan that hold stay."""
        carried = carried_documents(self.standing, self.dataset, kind, as_of=as_of)
        if carried.left.height or self.standing is None:
            others = self.dataset["supply_plan"].filter(pl.col("kind") != kind)
            seen = self.dataset.with_tables(
                supply_plan=pl.concat([others, carried.left]), **carried.tables
            )
            self.call(
                engine,
                verb,
                as_of,
                seen=seen,
                beside=carried.tables,
                reasons=carried.explanations,
            )
            return
        self._reasons[engine] = carried.explanations
        self.add(carried.tables)
        self.notes[engine] = {"status": "optimal", "carried_over": True}

    def reasons_of(self, engine: str, subjects: list[str]) -> pl.DataFrame:
        """Return what an engine said about some subjects."""
        return self._reasons[engine].filter(pl.col("subject").is_in(subjects))

    def tell(self, reasons: Iterable[Reason]) -> None:
        """Keep what breaks first, in place of what was told of it before."""
        self._reasons[BREAKS_FIRST] = explanations_frame(reasons)

    def add(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Keep tables and let the next engine read them."""
        self._made.update(tables)
        self.dataset = self.dataset.with_tables(**tables)

    def keep(self, base: Plan, instead: Mapping[str, pl.DataFrame], again: Collection[str]) -> None:
        """Keep what engines before supply said in another plan, less of those asked again."""
        # An engine must not see what a later one made of its own earlier answer.
        dropped = {table for name in again for table in _ANSWERS[name]}
        kept = [name for name in _BEFORE_SUPPLY if name in base.tables and name not in dropped]
        found = {name: base.tables[name] for name in kept}
        self.add({**found, **instead})
        decided = pl.concat([base[name][column] for name, column in _DECIDED])
        told = base["explanations"]
        self._reasons[_KEPT] = told.filter(
            ~pl.col("subject").is_in(pl.concat([decided, pl.Series([BREAKS_FIRST])]).implode())
        )

    def refresh(self, *names: str) -> None:
        """Keep tables as they now stand in the dataset."""
        for name in names:
            self._made[name] = self.dataset[name]

    def reasons(self) -> pl.DataFrame:
        """Return the reasons of all engines, numbered anew within each subject."""
        empty = schema("explanations").empty()
        told = dict(self._reasons)
        kept = told.pop(_KEPT, empty)
        rows = pl.concat(list(told.values())) if told else empty
        if kept.height:
            # What was told again stands in place of what was told before.
            again = rows.select("subject", "reason_code").unique()
            kept = kept.join(again, on=["subject", "reason_code"], how="anti")
            rows = pl.concat([kept, rows])
        return rows.with_columns(sequence=pl.int_range(1, pl.len() + 1).over("subject"))

    def results(self) -> dict[str, pl.DataFrame]:
        """Return all tables that were made, the reasons among them."""
        return {**self._made, "explanations": self.reasons()}
