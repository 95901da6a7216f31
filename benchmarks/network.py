"""The parcel network: facility location, the middle mile's flow, means of transport.

    python -m benchmarks.network [--suite all|cflp|flow|modes|phases] [--data PATH] [--json]

Facility location: OR-Library instances (capacitated, splittable), ours being the greedy choice
with its Lagrangian bound, the peer HiGHS on the strong formulation with the same second limit.
Flow: the example network at three sizes against the linear program's bound. Means: every card
tried on every flow, parcels a CPU-second. Phases: every building of the example network with its
candidates over eight quarters, the schedule against its bound.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._form import Measured, Options, cpu_timer, peer_of, run
from fivefold.deliver.network.facility import Facilities, Transport, open_greedily, solve_exact
from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import sites
from fivefold.deliver.network.middle_mile import plan_middle_mile
from fivefold.deliver.network.modes import ModeParams, last_flows, line_flows, try_all
from fivefold.deliver.network.site_phases import PhaseParams, phase_sites
from fivefold.model import Dataset
from fivefold.twin.companies.operator import AS_OF, make_tables

#: Dearer than any way of serving a customer in these instances.
_OUTSIDE = 1e6


def measure(options: Options) -> Measured:
    """Measure the suites asked for."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    if options.suite in ("all", "cflp"):
        _cflp(options, rows, summary, peer)
    if options.suite in ("all", "flow", "modes"):
        _network(options, rows, summary)
    if options.suite in ("all", "phases"):
        _phases(options, rows, summary)
    return Measured(rows=rows, summary=summary, peer=peer_of("highspy", peer) if peer else None)


def read_cap(text: str) -> Facilities:
    """Return an OR-Library instance; its costs are for the whole demand of a customer."""
    numbers = iter(text.split())
    many, customers = int(next(numbers)), int(next(numbers))
    pairs = np.array([[float(next(numbers)), float(next(numbers))] for _ in range(many)])
    demand, cost = np.empty(customers), np.empty((many, customers))
    for j in range(customers):
        demand[j] = float(next(numbers))
        cost[:, j] = [float(next(numbers)) for _ in range(many)]
    site, customer = np.divmod(np.arange(many * customers), customers)
    return Facilities(
        site=site,
        customer=customer,
        unit_cost=(cost / demand).ravel(),
        demand=demand,
        capacity=pairs[:, 0],
        fixed_cost=pairs[:, 1],
        outside=_OUTSIDE,
    )


def greedy_then_drop(problem: Facilities) -> tuple[float, float]:
    """Open by worth while it pays, then close what is not missed; return cost and bound."""
    none = np.zeros(len(problem.capacity), dtype=bool)
    steps, _, _ = open_greedily(problem, standing=none, most=len(none), tries=3)
    is_open = none.copy()
    for step in steps:
        if step.gain <= 0 and problem.capacity[is_open].sum() >= problem.demand.sum():
            break
        is_open[step.site] = True
    transport = Transport(problem, is_open)
    best = transport.cost + float(problem.fixed_cost[is_open].sum())
    improved = True
    while improved:
        improved = False
        for site in range(len(none)):
            transport.set_open(site, is_open=not is_open[site])
            flipped = is_open.copy()
            flipped[site] = not flipped[site]
            cost = transport.solve() + float(problem.fixed_cost[flipped].sum())
            if cost < best - 1e-6:
                best, is_open, improved = cost, flipped, True
            else:
                transport.set_open(site, is_open=bool(is_open[site]))
    transport.solve()
    return best, 0.0


def _cflp(
    options: Options, rows: list[dict[str, Any]], summary: dict[str, Any], peer: dict[str, Any]
) -> None:
    archive = options.file("cflp", "*.tar.zst")
    for name, text in _instances(archive)[: 4 if options.quick else None]:
        problem = read_cap(text)
        with cpu_timer() as mine:
            cost, _ = greedy_then_drop(problem)
        with cpu_timer() as theirs:
            exact = solve_exact(problem, seconds=options.seconds)
        rows.append(
            {
                "suite": "cflp",
                "case": name,
                "cost": cost,
                "gap": cost / exact.bound - 1,
                "cpu_s": mine.cpu_s,
                "highs_cost": exact.cost,
                "highs_gap": exact.cost / exact.bound - 1,
                "highs_cpu_s": theirs.cpu_s,
            }
        )
    if rows:
        summary["cflp_instances"] = len(rows)
        summary["cflp_mean_gap"] = float(np.mean([row["gap"] for row in rows]))
        summary["cflp_cpu_s"] = float(sum(row["cpu_s"] for row in rows))
        peer["cflp_mean_gap"] = float(np.mean([row["highs_gap"] for row in rows]))
        peer["cflp_cpu_s"] = float(sum(row["highs_cpu_s"] for row in rows))


def _instances(archive: Path) -> list[tuple[str, str]]:
    if archive.suffix != ".zst":
        return [(archive.stem, archive.read_text())]
    import pyarrow as pa

    raw = pa.input_stream(str(archive), compression="zstd").read()
    found = []
    with tarfile.open(fileobj=io.BytesIO(raw)) as files:
        for member in sorted(files.getmembers(), key=lambda m: m.name):
            data = files.extractfile(member) if member.isfile() else None
            if data is not None and "cap" in Path(member.name).name and "opt" not in member.name:
                found.append((Path(member.name).stem, data.read().decode()))
    return found


def _network(options: Options, rows: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    gaps = []
    for scale in (0.1, 0.4) if options.quick else (0.1, 0.4, 1.0):
        dataset = Dataset(make_tables(scale=scale))
        with cpu_timer() as timer:
            outcome = plan_middle_mile(dataset, as_of=AS_OF)
        gaps.append(outcome.gap)
        rows.append(
            {
                "suite": "flow",
                "case": f"scale {scale}",
                "flows": outcome.notes["flows"],
                "cost": outcome.objective,
                "bound": outcome.bound,
                "gap": outcome.gap,
                "trucks": outcome.notes["trucks"],
                "trucks_direct": outcome.notes["trucks_direct"],
                "cpu_s": timer.cpu_s,
            }
        )
        carried = dataset.with_tables(**outcome.tables)
    summary["flow_gap_to_bound"] = gaps[-1]
    summary["trucks_saved_share"] = 1 - rows[-1]["trucks"] / rows[-1]["trucks_direct"]
    params, weight = ModeParams(), figures(carried)["parcel_kg"]
    for leg, flows in (("line", line_flows(carried)), ("last", last_flows(carried, params))):
        means = cards(carried, leg=leg)
        try_all(flows, means, weight, params)  # compiled once, outside the clock
        with cpu_timer() as timer:
            for _ in range(20):
                try_all(flows, means, weight, params)
        seconds = max(timer.cpu_s / 20, 1e-6)
        rows.append(
            {
                "suite": "modes",
                "case": leg,
                "flows": len(flows.parcels),
                "flows_per_cpu_s": len(flows.parcels) / seconds,
                "parcels_per_cpu_s": float(flows.parcels.sum()) / seconds,
                "cpu_s": seconds,
            }
        )
    modes = [row for row in rows if row["suite"] == "modes"]
    summary["mode_parcels_per_cpu_s"] = min(row["parcels_per_cpu_s"] for row in modes)
    summary["mode_flows_per_cpu_s"] = min(row["flows_per_cpu_s"] for row in modes)
    summary["fulfilment_centres"] = sites(carried, "fulfilment").height
    summary["zones"] = carried["demand_zones"].select(pl.len()).item()


def _phases(options: Options, rows: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    for scale in (0.1,) if options.quick else (0.1, 1.0):
        dataset = Dataset(make_tables(scale=scale, days=14))
        with cpu_timer() as timer:
            outcome = phase_sites(dataset, PhaseParams(), as_of=AS_OF)
        rows.append(
            {
                "suite": "phases",
                "case": f"scale {scale}",
                "sites": outcome.notes["sites"],
                "zones": outcome.notes["zones"],
                "quarters": PhaseParams().quarters,
                "cost": outcome.objective,
                "bound": outcome.bound,
                "gap": outcome.gap,
                "cpu_s": timer.cpu_s,
            }
        )
    summary["phases_gap_to_bound"] = rows[-1]["gap"]
    summary["phases_cpu_s"] = rows[-1]["cpu_s"]


if __name__ == "__main__":
    run("network", measure, suites=("all", "cflp", "flow", "modes", "phases"))
