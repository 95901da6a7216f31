"""The range against branch and bound, against a bound at 10,000 items, and against cutting by ABC.

    python -m benchmarks.portfolio [--suite small|large|twin] [--quick] --json

* **small**: random ranges of 12 items in groups of substitutes under two limits, solved by
  prices and by branch and bound (HiGHS), which enumerates no state.
* **large**: 10,000 items in 2,000 groups; distance to the bound of the dual and CPU-seconds.
* **twin**: a made seller (`twin.companies`) that may hold 60 % of today's money in stock. Our
  range and an ABC cut (most revenue first until the money is gone) are planned and played on
  the same luck; demand for what is dropped goes to substitutes by the same model in both. The
  world believes the share that goes over that the range was chosen with: the twin tests the
  choice and the stock, not that share. Channels stay as they are and nothing is brought back.

Peer: HiGHS through scipy for small; the ABC cut for the twin. No data is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_timer, peer_of, run
from fivefold.cycle.importing import import_files
from fivefold.cycle.planning import plan
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.model import Dataset, schema
from fivefold.plan.portfolio.candidates import Item, groups_of, read_items
from fivefold.plan.portfolio.choices import RangeParams
from fivefold.plan.portfolio.exact import solve_exactly
from fivefold.plan.portfolio.pricing_limits import choose_states
from fivefold.plan.portfolio.states import Candidate, Option, all_states, transfer_shares
from fivefold.twin.companies.seller import AS_OF, write_company
from fivefold.twin.experiment import prove

TRANSFER = 0.3
CASH_SHARE = 0.6
SUITES = ("all", "small", "large", "twin")


def measure(options: Options) -> Measured:
    """Measure the suites asked for."""
    asked = SUITES[1:] if options.suite == "all" else (options.suite,)
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    if "small" in asked:
        _small(options, rows, summary, peer)
    if "large" in asked:
        _large(options, rows, summary)
    if "twin" in asked:
        _twin(options, rows, summary, peer)
    return Measured(rows=rows, summary=summary, peer=peer_of("scipy", peer, name="HiGHS; ABC cut"))


def _instance(
    rng: np.random.Generator, *, groups: int, items: int, options: int
) -> list[list[Candidate]]:
    """Return groups of substitutes with lognormal demand and losses among the margins."""
    return [
        [
            Candidate(
                item=f"{g}-{i}",
                demand=float(rng.lognormal(5.0, 1.2)),
                options=tuple(
                    Option(
                        channel=f"C{k}",
                        contribution=float(rng.normal(4.0, 4.0)),
                        fixed=float(rng.uniform(50, 400)),
                        per_unit=np.array([rng.uniform(0.5, 3.0), rng.lognormal(-5.0, 0.8)]),
                    )
                    for k in range(options)
                ),
            )
            for i in range(items)
        ]
        for g in range(groups)
    ]


def _small(
    options: Options, rows: list[dict[str, Any]], summary: dict[str, Any], peer: dict[str, Any]
) -> None:
    gaps, ours_s, theirs_s = [], 0.0, 0.0
    for number in range(8 if options.quick else 40):
        rng = np.random.default_rng([options.seed, number])
        candidates = _instance(rng, groups=3, items=4, options=2)
        groups = [all_states(g, transfer=TRANSFER, limits=2) for g in candidates]
        free = choose_states(groups, np.array([np.inf, np.inf])).usage
        limits = free * rng.uniform(0.3, 0.9)
        with cpu_timer() as ours:
            groups = [all_states(g, transfer=TRANSFER, limits=2) for g in candidates]
            found = choose_states(groups, limits)
        with cpu_timer() as theirs:
            exact = solve_exactly(candidates, limits, transfer=TRANSFER, seconds=options.seconds)
        assert exact.value <= found.bound + 1e-5
        assert found.feasible
        gap = (exact.value - found.value) / max(1e-9, abs(exact.value))
        gaps.append(gap)
        ours_s, theirs_s = ours_s + ours.cpu_s, theirs_s + theirs.cpu_s
        rows.append({"case": f"small {number}", "value": found.value, "exact": exact.value,
                     "gap": gap, "bound": found.bound, "exact_status": exact.status})  # fmt: skip
    summary |= {
        "mean_gap": float(np.mean(gaps)),
        "max_gap": float(np.max(gaps)),
        "optimal_share": float(np.mean(np.array(gaps) < 1e-6)),
        "small_cpu_s": ours_s,
    }
    peer["small_cpu_s"] = theirs_s


def _large(options: Options, rows: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    candidates = _instance(
        np.random.default_rng([options.seed, 10_000]), groups=2000, items=5, options=2
    )
    with cpu_timer() as timer:
        groups = [all_states(g, transfer=TRANSFER, limits=2) for g in candidates]
        free = choose_states(groups, np.array([np.inf, np.inf])).usage
        found = choose_states(groups, free * np.array([0.6, 0.7]))
    rows.append({"case": "10,000 items", "value": found.value, "bound": found.bound,
                 "gap": found.gap, "cpu_s": timer.cpu_s, "feasible": found.feasible})  # fmt: skip
    summary |= {"gap_10k": found.gap, "cpu_s_10k": timer.cpu_s}


def _twin(
    options: Options, rows: list[dict[str, Any]], summary: dict[str, Any], peer: dict[str, Any]
) -> None:
    items, days, replications = (40, 300, 3) if options.quick else (40, 300, 8)
    with tempfile.TemporaryDirectory() as folder:
        files = write_company(Path(folder) / "files", seed=options.seed, items=items, days=days)
        with Workspace(Path(folder) / "w") as store:
            import_files(
                store, [(f.name, f.read_bytes()) for f in files], actor="benchmark", as_of=AS_OF
            )
            dataset = store.dataset(as_of=AS_OF)
            made = plan(dataset, as_of=AS_OF)
            known = _offered(dataset.with_tables(**made.tables))
            cash = CASH_SHARE * sum(item.cash for item in known)
            kept = {"range": _ours(known, cash), "abc": _by_abc(known, made, cash)}
            profit = {
                name: _played(store, dataset, known, keep, replications, options)
                for name, keep in kept.items()
            }
    fixed = RangeParams().fixed_cost * _twin_days(options) / 365.0
    by_luck = np.array(profit["range"]) - np.array(profit["abc"])
    by_luck = by_luck - fixed * (len(kept["range"]) - len(kept["abc"]))
    half = _half_width(by_luck)
    base = float(np.mean(profit["abc"])) - fixed * len(kept["abc"])
    rows.append({"case": f"twin, {items} items", "cash": cash, "kept": len(kept["range"]),
                 "kept_abc": len(kept["abc"]), "both": len(kept["range"] & kept["abc"]),
                 "profit": float(np.mean(profit["range"])) - fixed * len(kept["range"]),
                 "profit_abc": base, "replications": replications})  # fmt: skip
    summary |= {
        "twin_gain": float(by_luck.mean()) / abs(base),
        "twin_gain_low": float(by_luck.mean() - half) / abs(base),
        "twin_gain_high": float(by_luck.mean() + half) / abs(base),
        "twin_gain_currency": float(by_luck.mean()),
    }
    peer["twin_profit_abc"] = base


def _twin_days(options: Options) -> int:
    return 91 if options.quick else 182


def _half_width(values: np.ndarray) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def _offered(dataset: Dataset) -> tuple[Item, ...]:
    """Return the items sold today, with today's channel alone."""
    from dataclasses import replace

    known = read_items(dataset, as_of=AS_OF, fixed_cost=RangeParams().fixed_cost, move_cost=0.0,
                       cash_limit=1.0, unsold_share=0.5)  # fmt: skip
    return tuple(
        replace(item, options=item.options[:1])
        for item in known.items
        if item.offered and item.today
    )


def _ours(known: tuple[Item, ...], cash: float) -> set[str]:
    groups = [
        all_states([_cash_only(known[i]) for i in numbers], transfer=TRANSFER, limits=1)
        for numbers in groups_of(known, most=5)
    ]
    found = choose_states(groups, np.array([cash]))
    return {
        candidate.item
        for group, state in zip(groups, found.states, strict=True)
        for candidate, option in zip(group.items, group.option[state], strict=True)
        if option
    }


def _cash_only(item: Item) -> Candidate:
    option = item.options[0]
    only = Option(channel=option.channel, contribution=option.contribution, fixed=option.fixed,
                  per_unit=option.per_unit[:1])  # fmt: skip
    return Candidate(item=item.item, demand=item.demand, options=(only,))


def _by_abc(known: tuple[Item, ...], made: Plan, cash: float) -> set[str]:
    """Return the items of most revenue a year for as long as their stock is paid for."""
    prices = {
        (row["item"], row["channel"]): row["price"] or 0.0
        for row in made["channel_choices"].iter_rows(named=True)
    }
    ordered = sorted(known, key=lambda i: (-i.demand * prices.get((i.item, i.today), 0.0), i.item))
    kept: set[str] = set()
    for item in ordered:
        if item.cash <= cash:
            cash -= item.cash
            kept.add(item.item)
    return kept


def _played(
    store: Workspace,
    dataset: Dataset,
    known: tuple[Item, ...],
    kept: set[str],
    replications: int,
    options: Options,
) -> list[float]:
    """Return profit of each replication when only these items are offered, and planned so."""
    factors = _factors(known, kept)
    overrides = schema("forecast_overrides").frame(
        [
            {"override": f"range {item}", "item": item, "action": "multiply", "value": factor,
             "author": "benchmark", "reason": "range", "made_on": AS_OF, "starts_on": AS_OF}
            for item, factor in factors.items()
        ]
    )  # fmt: skip
    reduced = dataset.with_tables(forecast_overrides=overrides)
    made = plan(reduced, as_of=AS_OF)
    proof = prove(made, reduced, store.journal, days=_twin_days(options),
                  replications=replications, seed=options.seed, demand_times=factors)  # fmt: skip
    mine = proof.by_replication.filter(
        (pl.col("policy") == proof.new) & (pl.col("measure") == "profit")
    )
    return [float(v) for v in mine.sort("replication")["value"].to_list()]


def _factors(known: tuple[Item, ...], kept: set[str]) -> Mapping[str, float]:
    """Return what each item's demand is multiplied by: none where dropped, more beside it."""
    factors: dict[str, float] = {}
    for numbers in groups_of(known, most=5):
        demand = np.array([known[i].demand for i in numbers])
        stays = np.array([known[i].item in kept for i in numbers])
        over = TRANSFER * (np.where(stays, 0.0, demand) @ transfer_shares(demand))
        for i, units, there, more in zip(numbers, demand, stays, over, strict=True):
            factors[known[i].item] = float(1.0 + more / max(units, 1e-9)) if there else 0.0
    return factors


if __name__ == "__main__":
    run("portfolio", measure, suites=SUITES)
