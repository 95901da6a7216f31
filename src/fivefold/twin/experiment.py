"""Replications of two policies on the same luck, and what can be said of their difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape
from typing import Any

import numpy as np
import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.shipping import costs_of_sale
from fivefold.ledger.journal import Journal
from fivefold.model import Dataset
from fivefold.twin.draws import Stream, asked_before, draw
from fivefold.twin.policies import CoverPolicy, Policy, planned_policy
from fivefold.twin.replay import Replay, ReplayResult
from fivefold.twin.stages import Floats, Integers, Stages, stages_of
from fivefold.twin.world import demand_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure under two policies: means, and their paired difference with its interval."""

    measure: str
    unit: str
    old: float
    new: float
    difference: float
    low: float
    high: float
    better: str

    @property
    def verdict(self) -> str:
        """better, worse, or no difference that can be told from luck."""
        if self.low <= 0.0 <= self.high:
            return "not told from luck"
        up = self.difference > 0
        return "better" if up == (self.better == "higher") else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the twin says of a plan against the policy before it.

    Parameters
    ----------
    old, new : str
        Names of the two policies.
    figures : tuple of Figure
    replications, days : int
    seed : int
    by_replication : polars.DataFrame
        replication, policy, measure, value.
    commands : int
        Commands written into the forked books in all.
    """

    plan: str
    old: str
    new: str
    figures: tuple[Figure, ...]
    replications: int
    days: int
    seed: int
    by_replication: pl.DataFrame
    commands: int

    def figure(self, measure: str) -> Figure:
        """Return one measure.

        Raises
        ------
        KeyError
            If it was not measured.
        """
        for figure in self.figures:
            if figure.measure == measure:
                return figure
        raise KeyError(f"{measure!r} was not measured")

    def _repr_html_(self) -> str:
        head = (
            f"<p><b>{escape(self.new)}</b> against {escape(self.old)}: {self.days} days, "
            f"{self.replications} replications on the same luck</p>"
        )
        names = ("measure", "old", "new", "difference", "95 % interval", "verdict")
        lines = "".join(
            f"<tr><td>{escape(f.measure.replace('_', ' '))}</td>"
            + "".join(f"<td>{value:,.4g}</td>" for value in (f.old, f.new, f.difference))
            + f"<td>{f.low:,.4g} … {f.high:,.4g}</td><td>{escape(f.verdict)}</td></tr>"
            for f in self.figures
        )
        titles = "".join(f"<th>{name}</th>" for name in names)
        return f"{head}<table><tr>{titles}</tr>{lines}</table>"

    def table(self) -> pl.DataFrame:
        """Return the figures as a table that is kept with the plan."""
        told = {
            "old_name": self.old,
            "new_name": self.new,
            "replications": self.replications,
            "days": self.days,
            "seed": self.seed,
        }
        return pl.DataFrame(
            [{**asdict(figure), "verdict": figure.verdict, **told} for figure in self.figures]
        )

    def record(self) -> dict[str, Any]:
        """Return the proof as a record."""
        return {
            "plan": self.plan,
            "old": self.old,
            "new": self.new,
            "replications": self.replications,
            "days": self.days,
            "seed": self.seed,
            "commands": self.commands,
            "figures": [{**asdict(f), "verdict": f.verdict} for f in self.figures],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One replication of one policy, as measures see it.

    Parameters
    ----------
    result : ReplayResult
    stages : Stages
    streams : tuple of Stream
    capital_per_day : float
        Cost of capital, share a day.
    is_new : bool
        The policy that is tried, not the one it is tried against.
    luck : numpy.random.Generator
        The same for both policies of a replication.
    """

    result: ReplayResult
    stages: Stages
    streams: tuple[Stream, ...]
    capital_per_day: float
    is_new: bool
    luck: np.random.Generator


#: Name, unit and which way is better of each measure, in the order they are told.
Measures = tuple[tuple[str, str, str], ...]

MEASURES: Measures = (
    ("profit", "currency", "higher"),
    ("contribution", "currency", "higher"),
    ("fill_rate", "share", "higher"),
    ("fill_rate_earning", "share", "higher"),
    ("margin_missed", "currency", "lower"),
    ("units_lost", "units", "lower"),
    ("stock_out_share", "share", "lower"),
    ("inventory_value", "currency", "lower"),
    ("inventory_days", "days", "lower"),
)


def prove(
    plan: Plan,
    dataset: Dataset,
    journal: Journal,
    *,
    old: Plan | None = None,
    days: int = 91,
    replications: int = 8,
    seed: int = 7,
    demand_times: Mapping[str, float] | None = None,
    measures: Measures = MEASURES,
    measured: Callable[[Played], dict[str, float]] | None = None,
    progress: Progress = silent,
) -> Proof:
    """Return how a plan does against the plan before it, or against days of cover where none was.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
        What the plan was made from, with inventory and open orders.
    journal : Journal
        Forked for each replication; never written to.
    old : Plan, optional
    days, replications, seed : int
        Length, number and seed of the replications; two policies share the luck of each.
    demand_times : mapping of item to factor, optional
        What demand is multiplied by in the world played, whatever a plan expects.
    measures, measured
        What is told of a replication, and the function that finds it; default is `MEASURES`.

    Notes
    -----
    Intervals are 95 %, Student's t on the paired differences. Profit is contribution from the
    books less the cost of capital on the stock held each day.
    """
    setting = _setting(plan, old, dataset, journal)
    model = demand_model(setting.dataset, as_of=plan.as_of, days=days)
    streams, kept = _streams(plan, setting.dataset, setting.stages, model.streams)

    times = demand_times or {}
    asked = model.times([times.get(item, 1.0) for item in model.streams["item"]])

    def demand_of(rng: np.random.Generator) -> Integers:
        return asked.draw(rng)[kept]

    told = (measures, measured or _measured)
    return _play(setting, streams, demand_of, days, replications, seed, told, progress)


def trace(
    plan: Plan,
    dataset: Dataset,
    journal: Journal,
    demand: pl.DataFrame,
    *,
    old: Plan | None = None,
    replications: int = 2,
    seed: int = 7,
) -> Proof:
    """Return how a plan would have done against demand that really came.

    Parameters
    ----------
    demand : polars.DataFrame
        item, location, date, units; from the day of the plan on.
    replications : int
        Demand is the same in each; lead times and yields are drawn.
    """
    setting = _setting(plan, old, dataset, journal)
    keys = demand.select("item", "location").unique().sort("item", "location")
    last = demand["date"].max()
    if not isinstance(last, date):
        raise ValueError("demand has no rows to play")
    days = (last - plan.as_of).days + 1
    came = np.zeros((keys.height, days), dtype=np.int64)
    row = {key: number for number, key in enumerate(keys.rows())}
    for item, location, day, units in demand.select(
        "item", "location", "date", "units"
    ).iter_rows():
        came[row[item, location], (day - plan.as_of).days] += units
    streams, kept = _streams(plan, setting.dataset, setting.stages, keys)
    told = (MEASURES, _measured)
    return _play(setting, streams, lambda rng: came[kept], days, replications, seed, told, silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    plan: Plan
    dataset: Dataset
    journal: Journal
    stages: Stages
    policies: tuple[Policy, Policy]


def _setting(plan: Plan, old: Plan | None, dataset: Dataset, journal: Journal) -> _Setting:
    full = dataset.with_tables(sales_history=plan["sales_history"])
    stages = stages_of(plan, full)
    return _Setting(
        plan=plan,
        dataset=full,
        journal=journal,
        stages=stages,
        policies=_policies(plan, old, stages),
    )


def _play(
    setting: _Setting,
    streams: tuple[Stream, ...],
    demand_of: Callable[[np.random.Generator], Integers],
    days: int,
    replications: int,
    seed: int,
    told: tuple[Measures, Callable[[Played], dict[str, float]]],
    progress: Progress,
) -> Proof:
    from scipy.stats import t as student

    plan, stages, policies = setting.plan, setting.stages, setting.policies
    measures, measured = told
    rate = asked_before(plan["sales_history"], stages, as_of=plan.as_of)
    capital = setting.dataset.setting_number("cost_of_capital_share_per_year", 0.12) / 365
    values: dict[str, list[dict[str, float]]] = {policy.name: [] for policy in policies}
    commands = 0
    for replication in range(replications):
        rng = np.random.default_rng([seed, replication])
        lucks = draw(rng, demand_of(rng), stages, weeks=days // 7 + 1)
        for number, policy in enumerate(policies):
            share = (replication * len(policies) + number) / (replications * len(policies))
            progress(f"replication {replication + 1} of {replications}, {policy.name}", share)
            with setting.journal.fork() as fork:
                first = fork.seq
                currency = setting.journal.currency
                result = Replay(fork, stages, streams, policy, lucks, plan.as_of, currency).run(
                    rate
                )
                commands += fork.seq - first
            played = Played(
                result=result,
                stages=stages,
                streams=streams,
                capital_per_day=capital,
                is_new=number == len(policies) - 1,
                luck=np.random.default_rng([seed, replication, 1]),
            )
            values[policy.name].append(measured(played))
    factor = student.ppf(0.975, max(1, replications - 1))
    figures = _compared(values, policies, measures, factor)
    return Proof(
        plan=plan.plan,
        old=policies[0].name,
        new=policies[1].name,
        figures=tuple(figures),
        replications=replications,
        days=days,
        seed=seed,
        by_replication=_table(values),
        commands=commands,
    )


def _policies(plan: Plan, old: Plan | None, stages: Stages) -> tuple[Policy, Policy]:
    before: Policy = (
        planned_policy(old, stages, name=f"plan {old.plan}")
        if old is not None
        else CoverPolicy(stages)
    )
    return before, planned_policy(plan, stages, name=f"plan {plan.plan}")


def _streams(
    plan: Plan, dataset: Dataset, stages: Stages, demand: pl.DataFrame
) -> tuple[tuple[Stream, ...], list[int]]:
    """Return what is sold where and for how much; streams without a stage are left out."""
    fees = costs_of_sale(plan["channel_fees"])
    places = {
        row["location"]: row["channel"]
        for row in dataset["channels"].sort("channel", descending=True).iter_rows(named=True)
        if row["kind"] in ("fba", "fbm", "web", "retail")
    }
    prices = {
        (item, channel): price
        for item, channel, price in plan["channel_choices"]
        .select("item", "channel", "price")
        .iter_rows()
    }
    left = {
        (item, channel): contribution
        for item, channel, contribution in plan["channel_choices"]
        .select("item", "channel", "contribution")
        .drop_nulls()
        .iter_rows()
    }
    listed = dict(dataset["items"].select("item", "price").iter_rows())
    back = _return_shares(plan)
    streams: list[Stream] = []
    kept: list[int] = []
    for number, (item, location) in enumerate(demand.select("item", "location").iter_rows()):
        channel = places.get(location)
        if channel is None or (item, location) not in stages.index:
            continue
        charged, spent = fees.get((item, channel), ({}, 0.0))
        share, sellable = back.get((item, location), (0.0, 1.0))
        kept.append(number)
        streams.append(
            Stream(
                item=item,
                location=location,
                channel=channel,
                price=prices.get((item, channel)) or listed.get(item) or 0.0,
                fees=charged,
                carriage=spent,
                return_share=share,
                sellable_share=sellable,
                margin=left.get((item, channel), 0.0),
            )
        )
    return tuple(streams), kept


def _return_shares(plan: Plan) -> dict[tuple[str, str], tuple[float, float]]:
    keys = ["item", "location"]
    back = (
        plan["returns_forecast"]
        .group_by(keys)
        .agg(back=pl.col("units_mean").sum(), sellable=pl.col("sellable_units_mean").sum())
    )
    sold = plan["forecast_means"].group_by(keys).agg(sold=pl.col("units_mean").sum())
    # Sums over groups differ in their last digits from run to run; the same seed must not.
    return {
        (item, location): (
            round(min(0.5, back / sold), 12),
            round(sellable / back, 12) if back > 0 else 1.0,
        )
        for item, location, back, sellable, sold in back.join(sold, on=keys).iter_rows()
        if sold > 0
    }


def _measured(played: Played) -> dict[str, float]:
    result, stages, streams = played.result, played.stages, played.streams
    capital_per_day = played.capital_per_day
    wanted, served = float(result.wanted.sum()), float(result.served.sum())
    days = result.wanted.shape[1]
    cost = {stage.item: stage.unit_cost for stage in stages.rows}
    sold_cost = float(
        result.served.sum(axis=1) @ np.array([cost.get(s.item, 0.0) for s in streams])
    )
    mean_value = float(result.stock_value.mean())
    asked = result.wanted > 0
    asked_for, short = result.wanted.sum(axis=1), (result.wanted - result.served).sum(axis=1)
    margin = np.array([stream.margin for stream in streams])
    earning = margin > 0
    earned_for = float(asked_for @ earning)
    return {
        "profit": result.contribution - capital_per_day * float(result.stock_value.sum()),
        "contribution": result.contribution,
        "fill_rate": served / wanted if wanted else 1.0,
        "fill_rate_earning": 1.0 - float(short @ earning) / earned_for if earned_for else 1.0,
        "margin_missed": float(short @ np.maximum(margin, 0.0)),
        "units_lost": wanted - served,
        "stock_out_share": float((result.served < result.wanted)[asked].mean())
        if asked.any()
        else 0.0,
        "inventory_value": mean_value,
        "inventory_days": mean_value / (sold_cost / days) if sold_cost > 0 else float("nan"),
    }


def _compared(
    values: Mapping[str, Sequence[Mapping[str, float]]],
    policies: tuple[Policy, Policy],
    measures: Measures,
    factor: float,
) -> list[Figure]:
    old, new = values[policies[0].name], values[policies[1].name]
    figures = []
    for measure, unit, better in measures:
        before: Floats = np.array([row[measure] for row in old])
        after: Floats = np.array([row[measure] for row in new])
        paired = after - before
        half = factor * float(paired.std(ddof=1)) / np.sqrt(len(paired)) if len(paired) > 1 else 0.0
        figures.append(
            Figure(
                measure=measure,
                unit=unit,
                old=float(before.mean()),
                new=float(after.mean()),
                difference=float(paired.mean()),
                low=float(paired.mean() - half),
                high=float(paired.mean() + half),
                better=better,
            )
        )
    return figures


def _table(values: Mapping[str, Sequence[Mapping[str, float]]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"replication": number, "policy": policy, "measure": measure, "value": value}
            for policy, rows in values.items()
            for number, row in enumerate(rows)
            for measure, value in row.items()
        ]
    )
