"""Schedules: gap to the best known makespan, beside the library alone with the same limit.

    python -m benchmarks.schedule [--suite FAMILY] [--data PATH] [--seconds N] [--quick] [--json]

Families are jobshop (ft, la, abz, orb), fjsp (Brandimarte, Kacem) and rcpsp (PSPLIB j30). Each
case runs at 10 s and at `--seconds` (60) on two cores, counted as twice as many CPU-seconds of
the process, so that a busy machine changes no answer; reading and building the model count. Once
by ours (critical moves, then the solver from their answer) and once by the model of PyJobShop on
CP-SAT with its defaults, both with eight solver threads and stopped by the same watch. `--quick`
takes one case a family and 3 s. The list of best known values has
none for j30: there the reference is the best bound either solver proves, so a gap is at most what
is told. --data names a folder with the sub-folders jobshop, fjsp, rcpsp and best_known.
"""

from __future__ import annotations

import csv
import io
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow as pa

from benchmarks._form import DataMissingError, Measured, Options, cpu_seconds, peer_of, run
from fivefold.make.schedule_params import Params
from fivefold.make.shop import NO_MACHINE, Mode, Shop, Task, build
from fivefold.make.shop_search import search
from fivefold.make.shop_solver import solve, stopped_at

THREADS = 8
#: Cases of each family, small and large, fixed before anything was measured.
CASES = {
    "jobshop": ("ft10", "la24", "la29", "la38", "abz7", "abz8", "orb01"),
    "fjsp": ("mk02", "mk04", "mk05", "mk06", "mk09", "mk10", "kacem4"),
    "rcpsp": ("j30_13_1", "j30_29_1", "j30_29_9", "j30_30_1", "j30_45_1", "j30_9_1"),
}
QUICK = {"jobshop": "la24", "fjsp": "mk06", "rcpsp": "j30_29_1"}
#: A quick run's limit a case.
QUICK_LIMIT = 3.0
#: Cores a limit is meant on: a second of it is so many CPU-seconds.
CORES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Activities with their modes, forerunners and needs; machines or renewable resources."""

    tasks: list[Task]
    machines: int
    tools: tuple[int, ...] = ()


def measure(options: Options) -> Measured:
    """Measure one family or all."""
    families = list(CASES) if options.suite == "all" else [options.suite]
    root = options.folder("") if options.data else options.folder("jobshop").parent
    limits = (
        [QUICK_LIMIT] if options.quick else sorted({min(10.0, options.seconds), options.seconds})
    )
    _warm()
    rows: list[dict[str, Any]] = []
    for family in families:
        known = {} if family == "rcpsp" else _best_known(root, family)
        texts = _texts(root / family)
        names = (QUICK[family],) if options.quick else CASES[family]
        for name in names:
            if name not in texts:
                raise DataMissingError(f"schedule: no instance {name} in {root / family}")
            instance = READERS[family](texts[name])
            for limit in limits:
                rows.append(_case(family, name, instance, known.get(name), limit, options.seed))
    return Measured(
        rows=rows,
        summary=_summary(rows, "gap"),
        peer=peer_of("pyjobshop", _summary(rows, "peer_gap")),
    )


def _warm() -> None:
    """Compile the kernels before any clock runs."""
    tasks = [Task(order=0, modes=[Mode(machine=0, run=1)]) for _ in range(3)]
    search(build(tasks=tasks, machines=1, makespan_cost=1.0), Params(trials=10))


def _case(
    family: str, name: str, instance: Instance, best: float | None, limit: float, seed: int
) -> dict[str, Any]:
    ours, bound, own_cpu, own_wall = _ours(instance, limit, seed)
    theirs, their_bound, their_cpu = _theirs(instance, limit)
    reference = best if best is not None else max(bound, their_bound)
    return {
        "family": family,
        "case": name,
        "seconds": limit,
        "makespan": ours,
        "bound": bound,
        "reference": reference,
        "reference_is": "best known" if best is not None else "best bound proved here",
        "gap": ours / reference - 1,
        "wall_s": own_wall,
        "cpu_s": own_cpu,
        "peer_makespan": theirs,
        "peer_gap": theirs / reference - 1,
        "peer_cpu_s": their_cpu,
    }


def _ours(instance: Instance, limit: float, seed: int) -> tuple[float, float, float, float]:
    """Return makespan, bound, CPU seconds and wall seconds of our own."""
    started, cpu = time.perf_counter(), cpu_seconds()
    shop = _shop(instance)
    first = search(shop, Params(trials=1_000, seed=seed))
    left = limit * CORES - (cpu_seconds() - cpu)
    solved = solve(shop, first, seconds=left, workers=THREADS, seed=seed, clock=cpu_seconds)
    makespan = float(solved.times.finish.max())
    _assert_legal(instance, shop, solved.times)
    return makespan, solved.bound, cpu_seconds() - cpu, time.perf_counter() - started


def _shop(instance: Instance) -> Shop:
    return build(
        tasks=instance.tasks,
        machines=instance.machines,
        tool_units=instance.tools,
        makespan_cost=1.0,
    )


def _assert_legal(instance: Instance, shop: Shop, times: Any) -> None:
    """Check every rule of the instance on the times alone."""
    ends, starts = times.finish, times.start
    by_machine: dict[int, list[tuple[int, int]]] = {}
    use: dict[int, list[tuple[int, int]]] = {}
    for number, task in enumerate(instance.tasks):
        mode = task.modes[int(times.mode[number] - shop.mode_first[number])]
        assert ends[number] - starts[number] == mode.run
        assert all(starts[number] >= ends[other] + wait for other, wait in task.before)
        if mode.machine >= 0:
            by_machine.setdefault(mode.machine, []).append((starts[number], ends[number]))
        for tool, count in task.needs:
            use.setdefault(tool, []).extend([(starts[number], count), (ends[number], -count)])
    for spans in by_machine.values():
        spans.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for tool, events in use.items():
        level = 0
        for _, change in sorted(events):
            level += change
            assert level <= instance.tools[tool]


def _theirs(instance: Instance, limit: float) -> tuple[float, float, float]:
    """Return makespan, bound and CPU seconds of the library with its defaults."""
    from ortools.sat.python import cp_model
    from pyjobshop import Model
    from pyjobshop.solvers.ortools import CPModel

    cpu = cpu_seconds()
    model = Model()
    machines = [model.add_machine() for _ in range(instance.machines)]
    tools = [model.add_renewable(capacity=units) for units in instance.tools]
    tasks = [model.add_task() for _ in instance.tasks]
    for task, given in zip(tasks, instance.tasks, strict=True):
        for mode in given.modes:
            resources: list[Any] = [machines[mode.machine]] if mode.machine >= 0 else []
            resources += [tools[tool] for tool, _ in given.needs]
            demands = ([0] if mode.machine >= 0 else []) + [count for _, count in given.needs]
            model.add_mode(task, resources, mode.run, demands)
        for before, wait in given.before:
            model.add_end_before_start(tasks[before], task, wait)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = THREADS
    with stopped_at(solver, cpu + limit * CORES, cpu_seconds):
        state = solver.solve(CPModel(model.data()).model)
    if state not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise RuntimeError(f"the library found no schedule in {limit:g} s")
    return solver.objective_value, solver.best_objective_bound, cpu_seconds() - cpu


def _summary(rows: list[dict[str, Any]], column: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for limit in sorted({row["seconds"] for row in rows}):
        own = [row for row in rows if row["seconds"] == limit]
        found[f"mean_gap_{limit:g}s"] = fmean(row[column] for row in own)
        for family in dict.fromkeys(row["family"] for row in own):
            mean = fmean(row[column] for row in own if row["family"] == family)
            found[f"mean_gap_{limit:g}s_{family}"] = mean
    return found


def _best_known(root: Path, family: str) -> dict[str, float]:
    path = root / "best_known" / f"{family}.csv"
    if not path.is_file():
        raise DataMissingError(f"schedule: {path} is missing; give --data")
    with path.open(encoding="utf-8") as file:
        return {row["instance"]: float(row["upper_bound"]) for row in csv.DictReader(file)}


def _texts(folder: Path) -> dict[str, str]:
    """Return instances by lower-case name, from files and from archives."""
    if not folder.is_dir():
        raise DataMissingError(f"schedule: data folder {folder} is missing; give --data")
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(".tar.zst"):
            raw = pa.input_stream(str(path), compression="zstd").read()
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                for member in archive.getmembers():
                    inner = archive.extractfile(member)
                    if inner is not None:
                        text = inner.read().decode("utf-8", "replace")
                        found[Path(member.name).stem.lower()] = text
        elif path.is_file():
            found[path.stem.lower()] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _numbers(text: str) -> list[list[int]]:
    """Return the whole numbers of each line that holds nothing else."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if words and all(word.replace(".", "", 1).isdigit() for word in words):
            found.append([int(float(word)) for word in words])
    return found


def read_jobshop(text: str) -> Instance:
    """Return an instance of JSPLIB: jobs × machines, then machine and time of each step."""
    rows = _numbers(text)
    jobs, machines = rows[0]
    tasks: list[Task] = []
    for job, row in enumerate(rows[1 : jobs + 1]):
        for step in range(0, 2 * machines, 2):
            before = [(len(tasks) - 1, 0)] if step else []
            mode = Mode(machine=row[step], run=row[step + 1])
            tasks.append(Task(order=job, modes=[mode], before=before))
    return Instance(tasks=tasks, machines=machines)


def read_fjsp(text: str) -> Instance:
    """Return a flexible job shop: steps of a job, each with machines from 1 and their times."""
    rows = _numbers(text)
    jobs, machines = rows[0][:2]
    tasks: list[Task] = []
    for job, row in enumerate(rows[1 : jobs + 1]):
        place = 1
        for step in range(row[0]):
            many = row[place]
            pairs = row[place + 1 : place + 1 + 2 * many]
            modes = [Mode(machine=pairs[at] - 1, run=pairs[at + 1]) for at in range(0, 2 * many, 2)]
            before = [(len(tasks) - 1, 0)] if step else []
            tasks.append(Task(order=job, modes=modes, before=before))
            place += 1 + 2 * many
    return Instance(tasks=tasks, machines=machines)


def read_rcpsp(text: str) -> Instance:
    """Return a project in Patterson's form: time, needs and followers of each activity."""
    stream = [int(word) for word in text.split()]
    count, kinds = stream[0], stream[1]
    capacity = tuple(stream[2 : 2 + kinds])
    place = 2 + kinds
    given: list[tuple[int, list[int], list[int]]] = []
    for _ in range(count):
        run, needs = stream[place], stream[place + 1 : place + 1 + kinds]
        many = stream[place + 1 + kinds]
        first = place + 2 + kinds
        given.append((run, needs, [one - 1 for one in stream[first : first + many]]))
        place = first + many
    before: dict[int, list[tuple[int, int]]] = {}
    for number, (_, _, followers) in enumerate(given):
        for follower in followers:
            before.setdefault(follower, []).append((number, 0))
    tasks = [
        Task(
            order=0,
            modes=[Mode(machine=NO_MACHINE, run=run)],
            before=before.get(number, []),
            needs=[(kind, units) for kind, units in enumerate(needs) if units],
        )
        for number, (run, needs, _) in enumerate(given)
    ]
    return Instance(tasks=tasks, machines=0, tools=capacity)


READERS: Mapping[str, Callable[[str], Instance]] = {
    "jobshop": read_jobshop,
    "fjsp": read_fjsp,
    "rcpsp": read_rcpsp,
}


if __name__ == "__main__":
    run("schedule", measure, suites=("all", *CASES))
