"""Lots under capacity: several levels (MLCLSP), and one product a period with change-overs (PSP).

Ours and HiGHS alone get the same CPU-seconds on one thread, 10 and `--seconds`. The reference is
the best known cost where the instance carries one (PSP: its last number); where there is none
(MLCLSP) it is the cheapest of ours, the peer's and of the set-ups one author published with the
instance, lots made best for those; `reference_is` says which. `gap_to_bound` is proved here.
"""

from __future__ import annotations

import csv
import io
import re
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._form import DataMissingError, Measured, Options, cpu_timer, peer_of
from benchmarks._lot_family import Family
from fivefold.make.lot_model import build_model
from fivefold.make.lot_problem import LotProblem, cost_of
from fivefold.make.lot_search import Solver, best_sequence, solve_lots, solve_plainly

QUICK_LIMIT = 3.0


def texts(folder: Path, ending: str) -> dict[str, str]:
    """Return files of an ending by name, from a folder and the archives in it.

    Raises
    ------
    DataMissingError
        If there is none.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.name.endswith(".tar.zst"):
            raw = pa.input_stream(str(path), compression="zstd").read()
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                for member in archive.getmembers():
                    inner = archive.extractfile(member)
                    if inner is not None and member.name.endswith(ending):
                        found[Path(member.name).name] = inner.read().decode("utf-8", "replace")
        elif path.is_file() and path.name.endswith(ending):
            found[path.name] = path.read_text(encoding="utf-8", errors="replace")
    if not found:
        raise DataMissingError(f"lots: no *{ending} in data folder {folder}; give --data")
    return dict(sorted(found.items()))


def read_mlclsp(text: str) -> LotProblem:
    """Return a multi-level problem of Stadtler's and Tempelmeier's test sets."""
    lines = text.splitlines()
    periods, products, resources = (int(word) for word in lines[3].split())
    at = 5

    def block(count: int) -> list[list[str]]:
        nonlocal at
        rows = [line.split() for line in lines[at : at + count]]
        at += count + 1
        return rows

    items = block(products)
    bill, demand, hours, rate, setup = (
        np.array(block(count), float)
        for count in (products, products, resources, resources, resources)
    )
    overtime = np.array(block(1)[0], float)
    # Opening stock is a receipt of the first period.
    demand[:, 0] -= np.array([float(row[3]) for row in items])
    return LotProblem(
        demand=demand,
        setup_cost=np.array([float(row[0]) for row in items]),
        hold_cost=np.array([float(row[1]) for row in items]),
        lead_periods=np.array([int(row[2]) for row in items]),
        needs=[(int(c), int(p), float(bill[c, p])) for c, p in np.argwhere(bill > 0)],
        hours=hours,
        hours_per_unit=rate,
        setup_hours=setup,
        overtime_cost=overtime,
        overtime_hours=np.full((resources, periods), np.inf),
        late_cost=np.full(products, np.inf),
        can_make=np.ones(products, bool),
    )


def read_psp(text: str) -> tuple[LotProblem, float]:
    """Return a pigment sequencing problem (CSPLib prob058) and its best known cost."""
    words = [float(word) for word in text.split()]
    periods, products = int(words[0]), int(words[1])
    cut = 2 + products * periods
    turn = np.array(words[cut + 1 : cut + 1 + products**2]).reshape(products, products)
    problem = LotProblem(
        demand=np.array(words[2:cut]).reshape(products, periods),
        setup_cost=np.zeros(products),
        hold_cost=np.full(products, words[cut]),
        lead_periods=np.zeros(products, np.int64),
        hours=np.ones((1, periods)),
        hours_per_unit=np.ones((1, products)),
        setup_hours=np.zeros((1, products)),
        overtime_cost=np.zeros(1),
        overtime_hours=np.zeros((1, periods)),
        late_cost=np.full(products, np.inf),
        can_make=np.ones(products, bool),
        changeover_cost=turn,
    )
    return problem, words[cut + 1 + products**2]


def cost_of_setups(problem: LotProblem, text: str) -> float | None:
    """Return the least cost with the set-ups of a published solution; None where they do not do.

    Its rows are machine, period and the products set up there.
    """
    model = build_model(problem)
    chosen = np.zeros((problem.products, problem.periods))
    for row in csv.reader(io.StringIO(text)):
        if len(row) > 2 and row[1].strip().isdigit():
            for product in re.findall(r"Item_(\d+)", " ".join(row[2:])):
                chosen[int(product) - 1, int(row[1]) - 1] = 1.0
    solver = Solver(model, time.process_time)
    fixed = np.array([chosen[place] for place in model.place])
    found = solver.solve(fixed, fixed, np.zeros(len(fixed), bool), seconds=30.0)
    return None if found is None else found.cost


def _measured(
    name: str, options: Options, cases: Mapping[str, tuple[LotProblem, float | None, str]]
) -> Measured:
    """Run ours and the peer on all cases at both limits."""
    limits = (
        [min(QUICK_LIMIT, options.seconds)]
        if options.quick
        else sorted({min(10.0, options.seconds), options.seconds})
    )
    rows = []
    for case, (problem, known, source) in cases.items():
        ours, theirs = {}, {}
        row: dict[str, Any] = {"family": name, "case": case}
        for limit in limits:
            with cpu_timer() as timer:
                plan = solve_lots(
                    problem, clock=time.process_time, seconds=limit, seed=options.seed
                )
            ours[limit] = cost_of(problem, plan) if np.isfinite(plan.cost) else np.inf
            with cpu_timer() as peer_timer:
                other = solve_plainly(problem, clock=time.process_time, seconds=limit)
            theirs[limit] = cost_of(problem, other) if np.isfinite(other.cost) else np.inf
            tag = f"{limit:g}s"
            bound = max(plan.bound, other.bound) if np.isfinite(other.cost) else plan.bound
            row |= {
                f"cost_{tag}": ours[limit],
                f"peer_cost_{tag}": theirs[limit],
                f"bound_{tag}": plan.bound,
                f"gap_to_bound_{tag}": ours[limit] / bound - 1,
                f"status_{tag}": plan.status,
                f"cpu_s_{tag}": timer.cpu_s,
                f"peer_cpu_s_{tag}": peer_timer.cpu_s,
            }
        found = min([*ours.values(), *theirs.values()])
        reference = known if known is not None else np.inf
        row["reference_is"] = source if reference <= found else "best found here"
        reference = min(reference, found)
        row["reference"] = reference
        for limit in limits:
            row[f"gap_{limit:g}s"] = ours[limit] / reference - 1
            row[f"peer_gap_{limit:g}s"] = theirs[limit] / reference - 1
        rows.append(row)
    summary: dict[str, Any] = {"cases": len(rows)}
    peer: dict[str, Any] = {}
    for limit in limits:
        tag = f"{limit:g}s"
        summary[f"mean_gap_{tag}"] = fmean(row[f"gap_{tag}"] for row in rows)
        summary[f"mean_gap_to_bound_{tag}"] = fmean(row[f"gap_to_bound_{tag}"] for row in rows)
        summary[f"cpu_s_{tag}"] = sum(row[f"cpu_s_{tag}"] for row in rows)
        told = [row[f"peer_gap_{tag}"] for row in rows if np.isfinite(row[f"peer_gap_{tag}"])]
        peer[f"{name}_mean_gap_{tag}"] = fmean(told) if told else None
        peer[f"{name}_unsolved_{tag}"] = len(rows) - len(told)
        peer[f"{name}_cpu_s_{tag}"] = sum(row[f"peer_cpu_s_{tag}"] for row in rows)
    return Measured(rows=rows, summary=summary, peer=peer_of("highspy", peer))


def measure_mlclsp(options: Options) -> Measured:
    """Measure multi-level lots with set-up times and overtime."""
    folder = options.folder("lotsizing")
    given = texts(folder, "MLCLS.dat")
    try:
        published = texts(folder, ".csv")
    except DataMissingError:
        published = {}
    cases: dict[str, tuple[LotProblem, float | None, str]] = {}
    for name, text in list(given.items())[: 2 if options.quick else None]:
        problem = read_mlclsp(text)
        setups = published.get(f"solution_instance_{name[0]}.csv")
        known = None if setups is None else cost_of_setups(problem, setups)
        cases[name.split("_MLCLS")[0]] = (problem, known, "published set-ups")
    return _measured("multilevel", options, cases)


def measure_psp(options: Options) -> Measured:
    """Measure one product a period with change-overs."""
    given = texts(options.folder("lotsizing"), ".psp")
    cases: dict[str, tuple[LotProblem, float | None, str]] = {}
    for name, text in list(given.items())[:: 5 if options.quick else 1]:
        problem, known = read_psp(text)
        cases[name.removesuffix(".psp")] = (problem, known, "best known")
    if cases:
        best_sequence(next(iter(cases.values()))[0], trials=1, seed=1)  # compiled before any clock
    return _measured("changeovers", options, cases)


MULTILEVEL = Family(name="multilevel", measure=measure_mlclsp)
CHANGEOVERS = Family(name="changeovers", measure=measure_psp)
