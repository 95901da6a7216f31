"""Routes: gaps to best known, a large day, and sequences drivers would drive.

    python -m benchmarks.routes [--suite S] [--data PATH] [--seconds N] [--quick] [--json]

Suites: instances (Solomon, X, Li and Lim, real grocery days), large (10,000 stops against a run
five times as long), last_mile (the challenge's score, each route by what the others teach),
drone (a truck and its drone, against exact solutions), or all of them.
The peer is PyVRP as it comes, on the same numbers with the same seconds. Solomon and Li and Lim
count vehicles first: their gap is that of distance where the number of vehicles is the best
known, and `vehicles_over` says where it is not. The real days have no published best: their gap
is to the better of both runs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._form import (
    SHARED_DATA,
    DataMissingError,
    Measured,
    Options,
    cpu_timer,
    peer_of,
    run,
)
from benchmarks._route_instances import (
    FINE,
    read_lilim,
    read_ortec,
    read_solomon,
    read_x,
    texts,
)
from fivefold.compute import processors
from fivefold.deliver.last_mile.decompose import solve_day
from fivefold.deliver.last_mile.driver_knowledge import (
    DrivenRoute,
    learn_sequences,
    propose_sequence,
)
from fivefold.deliver.last_mile.drone import read_instance, truck_and_drone
from fivefold.deliver.last_mile.legs import Speed, StraightLegs
from fivefold.deliver.last_mile.problem import Answer, RoutingProblem, Vehicle
from fivefold.deliver.last_mile.sequence_score import sequence_score
from fivefold.deliver.last_mile.solver import _answer, _data, solve

#: Folder, file ending, reader, file of best known, its columns of name, cost and vehicles.
FAMILIES = {
    "solomon": ("vrptw", ".txt", read_solomon, "solomon100_sintef.csv", "distance", "vehicles"),
    "x": ("cvrp", ".vrp", read_x, "x_cvrp.csv", "bks_cost", ""),
    "li_lim": ("pdptw", ".txt", read_lilim, "lilim_repriced.csv", "distance", "vehicles"),
    "real_days": ("ortec", ".txt", read_ortec, "", "", ""),
}
#: A run on 10,000 stops may take this many times the limit of an instance; the long run five
#: times that.
LARGE_TIMES = 12.0
LONG_TIMES = 5.0


def measure(options: Options) -> Measured:
    """Measure the suites asked for."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    asked = options.suite
    if asked in ("all", "instances"):
        instances = list(_instances(options))
        rows += instances
        for family in FAMILIES:
            of = [row for row in instances if row["family"] == family]
            summary[f"{family}_mean_gap"] = _mean(row["gap"] for row in of)
            summary[f"{family}_vehicles_over"] = sum(row["vehicles_over"] or 0 for row in of)
            peer[f"{family}_mean_gap"] = _mean(row["peer_gap"] for row in of)
            peer[f"{family}_vehicles_over"] = sum(row["peer_vehicles_over"] or 0 for row in of)
        summary["mean_gap"] = _mean(row["gap"] for row in instances)
        summary["peer_mean_gap"] = _mean(row["peer_gap"] for row in instances)
    if asked in ("all", "last_mile"):
        routes = _last_mile(options)
        rows += routes
        summary["last_mile_score"] = _mean(row["score"] for row in routes)
        summary["last_mile_score_distance_only"] = _mean(
            row["score_distance_only"] for row in routes
        )
        summary["last_mile_routes_better"] = sum(
            row["score"] < row["score_distance_only"] for row in routes
        )
    if asked in ("all", "drone"):
        drones = _drones(options)
        rows += drones
        summary["drone_mean_gap"] = _mean(row["gap"] for row in drones)
        summary["drone_optimal_share"] = _mean(float(row["gap"] < 1e-6) for row in drones)
        summary["drone_saved_share"] = _mean(row["saved_share"] for row in drones)
    if asked in ("all", "large"):
        large = _large(options)
        rows.append(large)
        summary["stops_10k_gap_to_long_run"] = large["gap_to_long_run"]
        summary["stops_10k_wall_s"] = large["wall_s"]
        summary["stops_10k_cpu_s_at_most"] = large["cpu_s_at_most"]
        peer["stops_10k_cost_over_ours"] = large["peer_cost_over_ours"]
    return Measured(rows=rows, summary=summary, peer=peer_of("pyvrp", peer))


def _mean(values: Any) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None


def _instances(options: Options) -> Iterator[dict[str, Any]]:
    """Yield a row for each published instance: ours and the peer with the same seconds."""
    seconds = 2.0 if options.quick else options.seconds
    for family, (folder, suffix, read, best_file, cost, count) in FAMILIES.items():
        root = SHARED_DATA / folder if options.data is None else options.data / folder
        best = _best_known(best_file, cost, count)
        for taken, (name, text) in enumerate(texts(root, suffix)):
            if options.quick and taken >= 2:
                break
            problem = read(text)
            with cpu_timer() as ours_time:
                ours = solve(problem, seconds=seconds, seed=options.seed)
            with cpu_timer() as peer_time:
                theirs = plain(problem, seconds, options.seed)
            known = best.get(Path(name).stem.lower())
            yield {
                "family": family,
                "instance": Path(name).stem,
                "visits": problem.size,
                "seconds": seconds,
                "cpu_s": ours_time.cpu_s,
                "peer_cpu_s": peer_time.cpu_s,
                **_compared(problem, ours, theirs, known),
            }


def _compared(
    problem: RoutingProblem,
    ours: Answer,
    theirs: Answer,
    known: tuple[float, int | None] | None,
) -> dict[str, Any]:
    """Return gaps and vehicles over of both; None where an answer keeps not every limit."""
    lengths = [_length(problem, answer) for answer in (ours, theirs)]
    if known is None:
        known = (min(length for length in lengths if length is not None), None)
    cost, count = known
    scale = 1.0 if count is None else float(FINE)
    found: dict[str, Any] = {"best_known": cost, "best_known_vehicles": count}
    for prefix, answer, length in (("", ours, lengths[0]), ("peer_", theirs, lengths[1])):
        over = None if count is None else len(answer.routes) - count
        counted = length is not None and (over is None or over == 0)
        found[f"{prefix}cost"] = None if length is None else length / scale
        found[f"{prefix}gap"] = length / scale / cost - 1.0 if counted and length else None
        found[f"{prefix}vehicles_over"] = over
    return found


def _length(problem: RoutingProblem, answer: Answer) -> int | None:
    if not answer.is_feasible or answer.missed:
        return None
    return sum(
        int(
            problem.legs.along(np.concatenate([[0], np.asarray(route.visits) + 1, [0]]), 0)[0].sum()
        )
        for route in answer.routes
    )


def plain(problem: RoutingProblem, seconds: float, seed: int) -> Answer:
    """Return what PyVRP with its own parameters finds on the same numbers."""
    import pyvrp
    from pyvrp.stop import MaxRuntime

    kinds = list(range(len(problem.vehicles)))
    result = pyvrp.solve(
        _data(problem, kinds),
        stop=MaxRuntime(seconds),
        seed=seed,
        collect_stats=False,
        display=False,
    )
    return _answer(problem, kinds, result)


def _best_known(file: str, cost: str, count: str) -> dict[str, tuple[float, int | None]]:
    if not file:
        return {}
    path = SHARED_DATA / "best_known" / file
    if not path.exists():
        raise DataMissingError(f"routes: {path} is missing; give --data")
    with path.open(encoding="utf-8") as lines:
        return {
            row["instance"].lower(): (float(row[cost]), int(row[count]) if count else None)
            for row in csv.DictReader(lines)
        }


def _last_mile(options: Options) -> list[dict[str, Any]]:
    """Score each route's sequence, learnt from the other routes only."""
    root = SHARED_DATA if options.data is None else options.data
    driven = driven_routes(root / "amazon_last_mile")
    steps = 100 if options.quick else 1000
    rows = []
    for number, (name, route) in enumerate(driven):
        others = [other for n, (_name, other) in enumerate(driven) if n != number]
        unseen = DrivenRoute(seconds=route.seconds, zones=route.zones)
        with cpu_timer() as timer:
            knowledge = learn_sequences(others)
            proposed = propose_sequence(unseen, knowledge, iterations=steps, seed=options.seed)
        quickest = propose_sequence(unseen, None, iterations=steps, seed=options.seed)
        rows.append(
            {
                "family": "last_mile",
                "instance": name,
                "stops": len(route.zones) - 1,
                "score": sequence_score(route.order, proposed, route.seconds),
                "score_distance_only": sequence_score(route.order, quickest, route.seconds),
                "tour_s": _tour(route, proposed),
                "tour_s_distance_only": _tour(route, quickest),
                "tour_s_driven": _tour(route, route.order),
                "cpu_s": timer.cpu_s,
            }
        )
    return rows


def _tour(route: DrivenRoute, order: tuple[int, ...]) -> float:
    return float(route.seconds[list(order), [*order[1:], order[0]]].sum())


def driven_routes(folder: Path) -> list[tuple[str, DrivenRoute]]:
    """Return the routes of the challenge with the order driven, by name; the station is first."""
    files = {Path(name).name: text for name, text in texts(folder, ".json")}
    try:
        stops = json.loads(files["route_data.json"])
        orders = json.loads(files["actual_sequences.json"])
        times = json.loads(files["travel_times.json"])
    except KeyError as missing:
        raise DataMissingError(f"routes: {folder} has no {missing}; give --data") from None
    found = []
    for name in sorted(stops):
        places = stops[name]["stops"]
        codes = sorted(places, key=lambda code: (places[code]["type"] != "Station", code))
        where = {code: number for number, code in enumerate(codes)}
        actual = orders[name]["actual"]
        zones = [places[code]["zone_id"] for code in codes]
        found.append(
            (
                name,
                DrivenRoute(
                    seconds=np.array([[times[name][i][j] for j in codes] for i in codes]),
                    zones=[zone if isinstance(zone, str) else None for zone in zones],
                    order=tuple(where[code] for code in sorted(actual, key=actual.get)),
                ),
            )
        )
    return found


def _drones(options: Options) -> list[dict[str, Any]]:
    """Compare a truck with a drone with the exact solutions published beside the instances."""
    root = SHARED_DATA if options.data is None else options.data
    files = {Path(name).stem: text for name, text in texts(root / "tspd", ".txt")}
    rows = []
    for name in sorted(files):
        exact = files.get(f"{name}-DP")
        if exact is None:
            continue
        instance = read_instance(files[name])
        with cpu_timer() as timer:
            tour = truck_and_drone(instance, seed=options.seed)
        best = float(exact.rsplit("Total cost :", 1)[1].split()[0].strip("*/"))
        rows.append(
            {
                "family": "drone",
                "instance": name,
                "cost": tour.cost,
                "best_known": best,
                "gap": tour.cost / best - 1.0,
                "saved_share": 1.0 - tour.cost / tour.truck_only_cost,
                "cpu_s": timer.cpu_s,
            }
        )
        if options.quick and len(rows) >= 20:
            break
    return rows


def large_day(stops: int, seed: int) -> RoutingProblem:
    """Return a drawn day of one station: a city with dense and thin parts, mixed windows."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0.0, 0.12, (40, 2))
    where = centres[rng.integers(0, 40, stops)] + rng.normal(0.0, 0.02, (stops, 2))
    evening = rng.random(stops) < 0.05
    zeros = np.zeros(stops, dtype=np.int64)
    return RoutingProblem(
        legs=StraightLegs(
            latitude=30.3 + np.concatenate([[0.0], where[:, 0]]),
            longitude=-97.7 + np.concatenate([[0.0], where[:, 1]]),
            circuity=1.2,
            speeds=[Speed(street=32 / 3.6, stem=60 / 3.6)],
        ),
        delivery=np.ones((stops, 1), dtype=np.int64),
        pickup=zeros[:, None],
        service=zeros + 110,
        early=np.where(evening, 17 * 3600, 8 * 3600),
        late=np.where(evening, 20 * 3600, 21 * 3600),
        release=zeros,
        miss_cost=zeros + 20_000_000,
        vehicles=[
            Vehicle(
                available=stops // 90 + 10,
                capacity=(190,),
                fixed_cost=6_000_000,
                cost_per_metre=35,
                cost_per_second=694,
                early=8 * 3600,
                late=21 * 3600,
                longest=10 * 3600,
                load_seconds=1200,
                break_after=5 * 3600,
                break_seconds=1800,
            )
        ],
    )


def _large(options: Options) -> dict[str, Any]:
    """Route 10,000 stops, again with five times the time, and by the peer in one piece."""
    problem = large_day(1000 if options.quick else 10_000, options.seed)
    seconds = 5.0 if options.quick else options.seconds * LARGE_TIMES
    with cpu_timer() as timer:
        ours = solve_day(problem, seconds=seconds, seed=options.seed)
    long = solve_day(problem, seconds=seconds * LONG_TIMES, seed=options.seed + 1)
    with cpu_timer() as peer_timer:
        theirs = plain(problem, seconds, options.seed)
    return {
        "family": "large",
        "instance": f"drawn day of {problem.size} stops",
        "visits": problem.size,
        "cost": ours.cost,
        "long_run_cost": long.cost,
        "gap_to_long_run": ours.cost / long.cost - 1.0,
        "missed": len(ours.missed),
        "routes": len(ours.routes),
        "wall_s": timer.wall_s,
        # Workers are not children of this process, so their time is bounded, not read.
        "cpu_s_at_most": timer.wall_s * processors(),
        "peer_cost_over_ours": theirs.cost / ours.cost - 1.0 if theirs.is_feasible else None,
        "peer_missed": len(theirs.missed),
        "peer_cpu_s": peer_timer.cpu_s,
    }


if __name__ == "__main__":
    run("routes", measure, suites=("all", "instances", "large", "last_mile", "drone"), seconds=10.0)
