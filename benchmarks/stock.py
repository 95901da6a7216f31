"""Inventory theory against textbooks, safety stock on real chains, money against service.

    python -m benchmarks.stock [--suite textbook|gsm|frontier|all] [--data FOLDER] --json

`--data` takes a folder with the files of any of: `stockpyl_instances.json` (or its archive),
`stages.parquet` + `arcs.parquet` (with `willems_gsm.csv` beside them or in `../best_known`),
stage files `*.txt` with brute-force solutions `*.json` (or their archive). Suites whose files
it lacks are left out. A chain counts as a hard target where two independent solvers of the
published table agree within 0.1 %; elsewhere only the gap to our own bound counts.
"""

from __future__ import annotations

import csv
import io
import json
import math
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from scipy import stats

from benchmarks._form import DataMissingError, Measured, Options, cpu_timer, peer_of, run
from fivefold.maths.graphs import low_level_codes
from fivefold.plan.stock import base_stock, continuous_review, lots, min_max, newsvendor
from fivefold.plan.stock import marginal_price as theory
from fivefold.plan.stock.guaranteed_service import ServiceNetwork, place_safety_stock

HARD_WITHIN = 1e-3
HOLDING_SHARE = 0.2
FRONTIER_PLACES = 100_000
#: Stage file, cost accumulates downstream, holding share, solution file.
SOLVED_STAGE_FILES = (
    ("battery_small_divergent", True, 1.0, "brute_force_battery_small_divergent_sol_1"),
    ("bulldozer_small_convergent", True, 1.0, "brute_force_bulldozer_small_convergent_sol_1"),
    ("bulldozer_small_linear", True, 1.0, "brute_force_bulldozer_small_linear_sol_1"),
    ("bulldozer_small_convergent", False, 1.0, "brute_force_convergent_solutions"),
    ("bulldozer_small_linear", False, 1.0, "brute_force_linear_solutions"),
    ("toys", False, 1.0, "reference_solution_coc_toys"),
    ("bulldozer", False, 0.3, "reference_solution"),
    ("bulldozer", True, 0.3, "bulldozer_solution"),
    ("battery", True, 0.25, "battery_solution"),
)


def texts(folder: Path, *suffixes: str) -> dict[str, str]:
    """Return the text files of a folder and of the .tar.zst archives in it, by name."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.name.endswith(".tar.zst"):
            raw = pa.input_stream(str(path), compression="zstd").read()
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                for member in archive.getmembers():
                    name = Path(member.name).name
                    inner = archive.extractfile(member)
                    if inner is not None and name.endswith(suffixes):
                        found[name] = inner.read().decode("utf-8")
        elif path.is_file() and path.name.endswith(suffixes):
            found[path.name] = path.read_text(encoding="utf-8")
    return found


def instances(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the textbook instances of a folder by name; empty where it has none."""
    files = texts(folder, "stockpyl_instances.json")
    if not files:
        return {}
    listed = json.loads(next(iter(files.values())))["instances"]
    return {entry["name"]: entry["data"] for entry in listed}


def textbook_cases(
    known: dict[str, dict[str, Any]],
) -> Iterator[tuple[str, str, float, float]]:
    """Yield (instance, figure, our value, published value) for every instance we cover.

    Published figures: Snyder & Shen (2019) with the digits that stockpyl, by the same
    author, prints for its instances.
    """

    def has(*names: str) -> bool:
        return all(name in known for name in names)

    def lot(name: str) -> tuple[float, float]:
        data = known[name]
        return lots.economic_quantity(
            cost_per_order=data["fixed_cost"],
            demand_per_year=data["demand_rate"],
            holding_cost_per_unit_year=data["holding_cost"],
        )

    if has("example_3_1"):
        quantity, cost = lot("example_3_1")
        yield "example_3_1", "Q", quantity, 304.0467800264368
        yield "example_3_1", "cost", cost, 68.41052550594829
    if has("example_3_8"):
        data = known["example_3_8"]
        figures = lots.economic_quantity_backorders(
            cost_per_order=data["fixed_cost"],
            demand_per_year=data["demand_rate"],
            holding_cost_per_unit_year=data["holding_cost"],
            backorder_cost_per_unit_year=data["stockout_cost"],
        )
        published = (310.81255515896464, 0.0430622009569378, 66.92136355097325)
        for figure, value, told in zip(("Q", "x", "cost"), figures, published, strict=True):
            yield "example_3_8", figure, value, told
    discounts = lots.quantity_with_discounts(
        cost_per_order=200, demand_per_year=1000, holding_share_per_year=0.2,
        from_quantity=[0, 200, 500], unit_price=[500, 475, 450],
    )  # fmt: skip
    yield "all_units_discounts", "cost", discounts[1], 472900.0
    discounts = lots.quantity_with_discounts(
        cost_per_order=150, demand_per_year=2400, holding_share_per_year=0.25,
        from_quantity=[0, 300, 600], unit_price=[100, 90, 80], incremental=True,
    )  # fmt: skip
    yield "incremental_discounts", "Q", discounts[0], 1481.8906842274164
    yield "incremental_discounts", "cost", discounts[1], 222762.8136845483
    yield from _newsvendor_cases(known)
    yield from _reorder_cases(known)
    yield from _tree_cases(known)


def _newsvendor_cases(
    known: dict[str, dict[str, Any]],
) -> Iterator[tuple[str, str, float, float]]:
    for name in ("example_4_1", "example_4_3"):
        if name in known:
            data = known[name]
            quantity, cost = newsvendor.newsvendor_normal(
                demand_mean=data["demand_mean"],
                demand_sd=data["demand_sd"],
                cost_under=data["stockout_cost"],
                cost_over=data["holding_cost"],
            )
            yield name, "S", float(quantity), 56.60395592743389
            yield name, "cost", float(cost), 1.9976051931766445
    if "example_4_2" in known:
        data = known["example_4_2"]
        under = data["revenue"] - data["purchase_cost"]
        quantity, cost = newsvendor.newsvendor_normal(
            demand_mean=data["demand_mean"],
            demand_sd=data["demand_sd"],
            cost_under=under,
            cost_over=data["purchase_cost"] - data["salvage_value"],
        )
        profit = under * data["demand_mean"] - float(cost)
        yield "example_4_2", "profit", profit, 33.002394806823354
    if "problem_4_8b" in known:
        data = known["problem_4_8b"]
        figures = newsvendor.newsvendor_lognormal(
            log_mean=data["mu"],
            log_sd=data["sigma"],
            cost_under=data["stockout_cost"],
            cost_over=data["holding_cost"],
        )
        yield "problem_4_8b", "S", figures[0], 295.6266448071368
        yield "problem_4_8b", "cost", figures[1], 29.44254351324322
    poisson = newsvendor.newsvendor_poisson(demand_mean=50, cost_under=0.70, cost_over=0.18)
    yield "newsvendor_poisson_50", "S", poisson[0], 56.0
    yield "newsvendor_poisson_50", "cost", poisson[1], 1.797235211809178
    discrete = newsvendor.newsvendor_discrete(
        units=range(41), chance=_scaled(stats.poisson(6).pmf(range(41))), cost_under=4, cost_over=1
    )
    yield "newsvendor_discrete_6", "S", discrete[0], 8.0
    yield "newsvendor_discrete_6", "cost", discrete[1], 3.570106945770941
    if "example_4_4" in known:
        data = known["example_4_4"]
        level, cost = base_stock.base_stock_normal(
            demand_mean=data["demand_mean"],
            demand_sd=data["demand_sd"],
            lead_time=data["lead_time"],
            holding_cost=data["holding_cost"],
            shortage_cost=data["stockout_cost"],
        )
        # 250 + 0.8255 * 8 sqrt 5 and 1.9976 sqrt 5: the newsvendor's over five periods.
        yield "example_4_4", "S", level, 250 + (56.60395592743389 - 50) * math.sqrt(5)
        yield "example_4_4", "cost", cost, 1.9976051931766445 * math.sqrt(5)
    if "example_4_7" in known:
        data = known["example_4_7"]
        policy = min_max.best_min_max(
            demand_chance=_scaled(stats.poisson(data["demand_mean"]).pmf(range(80))),
            cost_per_order=data["fixed_cost"],
            holding_cost=data["holding_cost"],
            shortage_cost=data["stockout_cost"],
        )
        yield "example_4_7", "s", policy.reorder_level, 4.0
        yield "example_4_7", "S", policy.order_up_to, 10.0
        yield "example_4_7", "cost", policy.cost, 8.034111561471642
    if "example_4_8" in known:
        data = known["example_4_8"]
        levels = min_max.min_max_power_approximation(
            demand_mean=data["demand_mean"],
            demand_sd=data["demand_sd"],
            cost_per_order=data["fixed_cost"],
            holding_cost=data["holding_cost"],
            shortage_cost=data["stockout_cost"],
        )
        yield "example_4_8", "s", levels[0], 40.19461695647407
        yield "example_4_8", "S", levels[1], 74.29017010980579


def _reorder_cases(
    known: dict[str, dict[str, Any]],
) -> Iterator[tuple[str, str, float, float]]:
    def costs(name: str) -> continuous_review.ReviewCosts:
        data = known[name]
        return continuous_review.ReviewCosts(
            cost_per_order=data["fixed_cost"],
            holding_cost=data["holding_cost"],
            shortage_cost=data["stockout_cost"],
            demand_mean=data["demand_mean"],
            demand_sd=data.get("demand_sd", 0.0),
            lead_time=data["lead_time"],
        )

    if "example_5_1" in known:
        given = costs("example_5_1")
        at = continuous_review.reorder_cost(given, reorder_point=126.8, order_quantity=328.5)
        yield "example_5_1", "cost of (126.8, 328.5)", at, 78.07116250928294
        best = continuous_review.best_reorder_policy(given)
        yield "example_5_1", "r", best.reorder_point, 126.8670634479628
        yield "example_5_1", "Q", best.order_quantity, 328.4491421980451
        eil = continuous_review.reorder_policy_eil(given)
        yield "example_5_1", "r EIL", eil.reorder_point, 213.97044213580244
        yield "example_5_1", "Q EIL", eil.order_quantity, 318.5901810768729
        yield "example_5_1", "cost EIL", eil.cost, 95.45114022285196
        eoqb = continuous_review.reorder_policy_eoqb(given)
        yield "example_5_1", "r EOQB", eoqb.reorder_point, 128.63781442427097
        yield "example_5_1", "Q EOQB", eoqb.order_quantity, 308.5737801203754
        simple = continuous_review.reorder_policy_safety_stock(given)
        yield "example_5_1", "r EOQ+SS", simple.reorder_point, 190.3369965715624
    if "example_5_8" in known:
        exact = continuous_review.best_reorder_policy_poisson(costs("example_5_8"))
        yield "example_5_8", "r", exact.reorder_point, 3.0
        yield "example_5_8", "Q", exact.order_quantity, 5.0
        yield "example_5_8", "cost", exact.cost, 107.92358063314975


def _tree_cases(known: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, float, float]]:
    published = {
        "example_6_3": 2.8284271247461903,
        "example_6_5": 8.277916867529369,
        "problem_6_9": 15.649530249501026,
        "figure_6_14": 18.824004472592172,
    }
    for name, cost in published.items():
        if name in known:
            answer = place_safety_stock(instance_network(known[name]))
            yield name, "cost", answer.cost, cost


def instance_network(data: dict[str, Any]) -> ServiceNetwork:
    """Return a textbook instance as a network; inbound service times lengthen processing."""
    nodes = data["_nodes"]
    number = {node["_index"]: k for k, node in enumerate(nodes)}
    arcs = [
        (number[node["_index"]], number[after])
        for node in nodes
        for after in node["_successor_indices"]
    ]
    own = [(node["demand_source"]["standard_deviation"] or 0.0) ** 2 for node in nodes]
    variance = added_upstream(np.array(own), arcs)
    k = np.array([node["demand_bound_constant"] for node in nodes])
    return ServiceNetwork(
        processing_time=[
            (node["processing_time"] or 0) + (node["external_inbound_cst"] or 0) for node in nodes
        ],
        holding_cost=[node["local_holding_cost"] for node in nodes],
        demand_bound=k * np.sqrt(variance),
        arcs=arcs,
        longest_service_time=[
            float("nan") if node["external_outbound_cst"] is None else node["external_outbound_cst"]
            for node in nodes
        ],
    )


def added_upstream(
    own: np.ndarray, arcs: list[tuple[int, int]], each: dict[tuple[int, int], float] | None = None
) -> np.ndarray:
    """Return figures of customers added up the arcs, times the units drawn squared."""
    total = own.astype(float)
    codes = low_level_codes([*arcs, *((k, -1) for k in range(own.size))])
    for stage in sorted(range(own.size), key=lambda k: -codes[k]):
        for supplier, customer in arcs:
            if supplier == stage:
                total[stage] += (each or {}).get((supplier, customer), 1.0) ** 2 * total[customer]
    return total


def added_downstream(
    own: np.ndarray, arcs: list[tuple[int, int]], each: dict[tuple[int, int], float] | None = None
) -> np.ndarray:
    """Return costs of suppliers added down the arcs, times the units drawn."""
    total = own.astype(float)
    codes = low_level_codes([*arcs, *((k, -1) for k in range(own.size))])
    for stage in sorted(range(own.size), key=lambda k: codes[k]):
        for supplier, customer in arcs:
            if customer == stage:
                total[stage] += (each or {}).get((supplier, customer), 1.0) * total[supplier]
    return total


def chain_network(stages: pl.DataFrame, arcs: pl.DataFrame) -> ServiceNetwork:
    """Return a chain of Willems (2008): mean stage times, z of the highest service level."""
    number = {name: k for k, name in enumerate(stages["Stage Name"])}
    pairs = [
        (number[source], number[target])
        for source, target in zip(arcs["source"], arcs["destination"], strict=True)
    ]
    variance = added_upstream(stages["stdDevDemand"].fill_null(0.0).to_numpy() ** 2, pairs)
    z = float(stats.norm.ppf(stages["serviceLevel"].max()))
    return ServiceNetwork(
        processing_time=stages["stageTime"].to_numpy(),
        holding_cost=HOLDING_SHARE * added_downstream(stages["stageCost"].to_numpy(), pairs),
        demand_bound=z * np.sqrt(variance),
        arcs=pairs,
        longest_service_time=stages["maxServiceTime"]
        .cast(pl.Float64)
        .fill_null(float("nan"))
        .to_numpy(),
    )


def stage_file_network(text: str, *, cumulative: bool, share: float) -> ServiceNetwork:
    """Return the network of a stage file: costs per stage, suppliers with units drawn."""
    rows = [row for row in csv.reader(text.splitlines()[1:]) if row and row[0]]
    number = {row[0]: k for k, row in enumerate(rows)}
    each = {
        (number[row[k]], number[row[0]]): float(row[k + 1] or 1)
        for row in rows
        for k in range(8, len(row) - 1, 2)
        if row[k]
    }

    def column(k: int, empty: float) -> np.ndarray:
        return np.array([float(row[k]) if row[k] else empty for row in rows])

    bound = (column(6, 0.0) * column(7, 0.0)) ** 2
    cost = column(3, 0.0)
    return ServiceNetwork(
        processing_time=column(1, 0.0),
        holding_cost=share * (added_downstream(cost, list(each), each) if cumulative else cost),
        demand_bound=np.sqrt(added_upstream(bound, list(each), each)),
        arcs=list(each),
        longest_service_time=column(2, float("nan")),
    )


def measure_textbook(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "suite": "textbook",
            "case": name,
            "figure": figure,
            "value": value,
            "published": told,
            "difference": value - told,
            "rel_difference": abs(value - told) / max(abs(told), 1e-12),
        }
        for name, figure, value, told in textbook_cases(instances(folder))
    ]


def measure_chains(
    folder: Path, seconds: float, *, only: tuple[int, ...] = ()
) -> list[dict[str, Any]]:
    """Solve every chain of stages.parquet and arcs.parquet, or `only` some."""
    stages = pl.read_parquet(folder / "stages.parquet")
    arcs = pl.read_parquet(folder / "arcs.parquet")
    places = (folder / "willems_gsm.csv", folder.parent / "best_known" / "willems_gsm.csv")
    published = {
        row["chain"]: row
        for path in places
        if path.exists()
        for row in pl.read_csv(path).iter_rows(named=True)
    }
    rows = []
    for chain in stages["chain"].unique().sort():
        if only and chain not in only:
            continue
        network = chain_network(
            stages.filter(pl.col("chain") == chain), arcs.filter(pl.col("chain") == chain)
        )
        told = published.get(chain, {})
        one, two = told.get("moncayo_best_35min"), told.get("exact_milp_here")
        hard = bool(one and two and abs(one - two) <= HARD_WITHIN * two)
        rows.append(
            _solved(f"willems_{chain:02d}", network, two or one, hard=hard, seconds=seconds)
        )
        rows[-1]["published_other_solver"] = one
    return rows


def measure_stage_files(files: dict[str, str], seconds: float) -> list[dict[str, Any]]:
    """Solve the stage files that come with a solution of the same cost convention."""
    rows = []
    for name, cumulative, share, solution in SOLVED_STAGE_FILES:
        if f"{name}.txt" not in files or f"{solution}.json" not in files:
            continue
        told = json.loads(files[f"{solution}.json"])
        cost = told["cost"] if isinstance(told, dict) else sum(row[1]["cost"] for row in told)
        network = stage_file_network(files[f"{name}.txt"], cumulative=cumulative, share=share)
        rows.append(_solved(f"{name}/{solution}", network, float(cost), hard=True, seconds=seconds))
    return rows


def _solved(
    case: str, network: ServiceNetwork, published: float | None, *, hard: bool, seconds: float
) -> dict[str, Any]:
    end = time.process_time() + seconds
    with cpu_timer() as timer:
        answer = place_safety_stock(network, stop=lambda: time.process_time() > end)
    stages = len(np.asarray(network.processing_time))
    return {
        "suite": "gsm",
        "case": case,
        "stages": stages,
        "arcs": len(network.arcs),
        "tree": len(network.arcs) == stages - 1,
        "objective": answer.cost,
        "bound": answer.bound,
        "gap": answer.gap,
        "branches": answer.branches,
        "published": published,
        "hard_target": hard,
        "rel_difference": None if not published else answer.cost / published - 1,
        "cpu_s": timer.cpu_s,
    }


def measure_random_tree(seed: int) -> dict[str, Any]:
    """Time the dynamic programme alone on a tree of 200 stages, as a mean of many runs."""
    rng = np.random.default_rng(seed)
    count = 200
    arcs = [
        (k, int(rng.integers(0, k))) if rng.random() < 0.5 else (int(rng.integers(0, k)), k)
        for k in range(1, count)
    ]
    suppliers = {supplier for supplier, _ in arcs}
    network = ServiceNetwork(
        processing_time=rng.integers(1, 4, count),
        holding_cost=rng.uniform(1, 10, count),
        demand_bound=rng.uniform(1, 5, count),
        arcs=arcs,
        longest_service_time=[float("nan") if k in suppliers else 0.0 for k in range(count)],
    )
    place_safety_stock(network)
    runs = 20
    with cpu_timer() as timer:
        for _ in range(runs):
            answer = place_safety_stock(network)
    return {
        "suite": "gsm",
        "case": "random_tree_200",
        "stages": count,
        "tree": True,
        "objective": answer.cost,
        "bound": answer.bound,
        "gap": answer.gap,
        "hard_target": False,
        "cpu_s": timer.cpu_s / runs,
    }


def measure_peer(
    known: dict[str, dict[str, Any]], names: tuple[str, ...]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run stockpyl on the textbook trees it carries, with the cost and time of both."""
    from stockpyl.gsm_tree import optimize_committed_service_times
    from stockpyl.instances import load_instance

    rows = []
    for name in names:
        if name not in known:
            continue
        with cpu_timer() as theirs:
            _, cost = optimize_committed_service_times(load_instance(name))
        network = instance_network(known[name])
        with cpu_timer() as ours:
            answer = place_safety_stock(network)
        rows.append(
            {
                "suite": "gsm",
                "case": f"{name} (stockpyl beside)",
                "tree": True,
                "objective": answer.cost,
                "bound": answer.bound,
                "gap": answer.gap,
                "published": cost,
                "hard_target": True,
                "rel_difference": answer.cost / cost - 1,
                "cpu_s": ours.cpu_s,
                "peer_cpu_s": theirs.cpu_s,
            }
        )
    summary = {
        "gsm_cpu_s": sum(row["peer_cpu_s"] for row in rows),
        "gsm_cpu_s_ours": sum(row["cpu_s"] for row in rows),
        "trees": len(rows),
    }
    return rows, summary


def made_places(count: int, seed: int) -> theory.StockedPlaces:
    """Return made-up item-places: demand, lead times, spread and values as in a catalogue."""
    rng = np.random.default_rng(seed)
    demand = rng.lognormal(1.0, 1.5, count)
    lead = rng.uniform(1.0, 12.0, count)
    variance = np.maximum(demand, (rng.uniform(0.3, 1.5, count) * demand) ** 2)
    return theory.StockedPlaces(
        lead_mean=demand * lead,
        lead_variance=variance * lead,
        cover_mean=demand * (lead + 1),
        cover_variance=variance * (lead + 1),
        unit_money=rng.lognormal(2.5, 0.8, count),
        weight=np.ones(count),
    )


def measure_frontier(count: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Draw the frontier and compare with equal days of cover at the money of 95 % fill."""
    places = made_places(count, seed)
    theory.trade_off(made_places(50, seed), points=2)  # compiled before the clock starts
    with cpu_timer() as timer:
        points = theory.trade_off(places)
    money = 0.5 * (points[0].investment + points[-1].investment)
    low, high = points[0].investment, points[-1].investment
    for _ in range(25):
        even = theory.point_at_equal_cover(places, money)
        low, high = (money, high) if even.fill_rate < 0.95 else (low, money)
        if abs(even.fill_rate - 0.95) < 1e-4:
            break
        money = 0.5 * (low + high)
    best, bound = theory.point_at_money(places, even.investment)
    rows = [
        {
            "suite": "frontier",
            "case": f"price {point.price:.4g}",
            "investment": point.investment,
            "fill_rate": point.fill_rate,
            "units_short": point.units_short,
        }
        for point in points
    ]
    for label, point in (("equal cover", even), ("one price, equal money", best)):
        rows.append(
            {
                "suite": "frontier",
                "case": label,
                "investment": point.investment,
                "fill_rate": point.fill_rate,
                "units_short": point.units_short,
            }
        )
    summary = {
        "frontier_places": count,
        "frontier_cpu_s": timer.cpu_s,
        "frontier_gap_to_bound": (best.units_short - bound) / max(best.units_short, 1e-12),
        "fill_gain_equal_money": best.fill_rate - even.fill_rate,
        "fill_equal_cover": even.fill_rate,
        "fill_one_price": best.fill_rate,
    }
    return rows, summary


def measure(options: Options) -> Measured:
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    peer = None
    wanted = options.suite
    place_safety_stock(_tiny())  # compiled before the clock starts

    def folder(name: str, has: Callable[[Path], bool]) -> Path | None:
        """Return the folder of a suite; None where --data lacks its files."""
        found = options.folder(name)
        if has(found):
            return found
        if options.data is None:
            raise DataMissingError(f"stock: no files of {name} in data folder {found}")
        return None

    textbook = None
    if wanted in ("all", "textbook") or (wanted == "gsm" and options.data is None):
        textbook = folder("stockpyl", lambda path: bool(texts(path, "stockpyl_instances.json")))
    if wanted in ("all", "textbook") and textbook:
        rows += measure_textbook(textbook)
        summary["textbook_max_rel_error"] = max(row["rel_difference"] for row in rows)
        summary["textbook_figures"] = len(rows)
    if wanted in ("all", "gsm"):
        chains = folder("willems", lambda path: (path / "stages.parquet").exists())
        solved = measure_chains(chains, options.seconds) if chains else []
        summary["gsm_cpu_s"] = sum(row["cpu_s"] for row in solved)
        stage_files = folder("gsm_tests", lambda path: bool(texts(path, ".txt")))
        if stage_files:
            solved += measure_stage_files(texts(stage_files, ".txt", ".json"), options.seconds)
        tree = measure_random_tree(options.seed)
        solved.append(tree)
        if textbook:
            trees, peer_summary = measure_peer(
                instances(textbook), ("example_6_5", "problem_6_9", "figure_6_14")
            )
            solved += trees
            peer = peer_of("stockpyl", peer_summary)
        gaps = [row["gap"] for row in solved]
        off = [abs(row["rel_difference"]) for row in solved if row["hard_target"]]
        summary["gsm_max_rel_gap"] = max(gaps + off)
        summary["gsm_hard_targets"] = len(off)
        summary["gsm_max_rel_difference_hard"] = max(off, default=None)
        summary["gsm_tree_200_cpu_ms"] = 1000 * tree["cpu_s"]
        rows += solved
    if wanted in ("all", "frontier"):
        drawn, figures = measure_frontier(FRONTIER_PLACES, options.seed)
        rows += drawn
        summary |= figures
    return Measured(rows=rows, summary=summary, peer=peer)


def _tiny() -> ServiceNetwork:
    return ServiceNetwork(
        processing_time=[2, 1, 1, 1],
        holding_cost=[1, 2, 2, 3],
        demand_bound=[1, 1, 1, 1],
        arcs=[(0, 1), (0, 2), (1, 3), (2, 3)],
        longest_service_time=[float("nan")] * 3 + [0],
    )


def _scaled(chance: Any) -> np.ndarray:
    values = np.asarray(chance, dtype=float)
    return np.asarray(values / values.sum())


if __name__ == "__main__":
    run("stock", measure, suites=("all", "textbook", "gsm", "frontier"), seconds=60.0)
