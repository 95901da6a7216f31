"""Elasticities against published ones, and what prices chosen on one half earn on the other.

    python -m benchmarks.price [--data ../shared/data/pricing] [--quick] --json

Data: `pricing` of the shared data (Dominick's orange juice as in bayesm: 83 stores, 11 brands,
121 weeks; Nevo's made cereal as in pyblp). `--data` names a folder with the same files.

What is compared with what:

* **Published**: regressions of Taddy (2019), *Business Data Science*, on three of the brands
  (log sales on log price, brand by brand and with one slope for all), run again on the data;
  and the logit with brand effects and instruments of the pyblp tutorial (price -30).
* **Engine**: `plan.price.fit_elasticities` on store by brand, with promotion, season, trend and
  substitutes held fixed: other controls, so other figures; they are told, not scored.
* **Known truth**: weeks drawn with elasticities we know; share of 90 % intervals that hold them.
* **Gain**: factors on prices within 10 % are chosen on even stores in the first half of the
  weeks, and judged on odd stores in the second half by a model fitted there alone; then the
  halves change places. The shelf's mean price may not rise, since what would be lost to other
  shops is not in the data; what a higher level would seem to bring is told apart. Limits: the
  judge is a model too, it believes constant elasticity within 10 %, competitors and buying
  ahead are not in it, and prices were not set at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks._form import Measured, Options, cpu_timer, peer_of, run
from fivefold.plan.price.elasticity import Elasticities, ElasticityParams, fit_elasticities
from fivefold.plan.price.panel import Panel

FloatArray = NDArray[np.float64]
BRANDS = 11
#: Brands of the published regressions: Tropicana, Minute Maid and Dominick's, 64 ounces.
PUBLISHED = {1: -3.37753 + 0.66576, 5: -3.37753 + 0.05679, 10: -3.37753}
PUBLISHED_POOLED = -3.13869
PUBLISHED_LOGIT_PRICE = -30.0
FACTORS = np.round(np.arange(0.90, 1.101, 0.02), 2)


def measure(options: Options) -> Measured:
    """Measure all four parts."""
    folder = options.folder("pricing")
    juice = pl.read_parquet(_file(options, folder, "orangeJuice_yx.parquet"))
    cereal = pl.read_parquet(_file(options, folder, "pyblp_nevo_products.parquet"))
    rows: list[dict[str, Any]] = []
    errors = _published(juice, rows)
    errors.append(_logit(cereal, rows))
    coverage = _known_truth(options, rows)
    halves = _halves(juice)
    with cpu_timer() as fit_time:
        fits = {name: _fit(half) for name, half in halves.items()}
    _engine_rows(fits["even first"], rows)
    with cpu_timer() as peer_time:
        naive = {name: _naive(half) for name, half in halves.items()}
    gains, naive_gains, free_gains = [], [], []
    for learn, judge in (("even first", "odd second"), ("odd second", "even first")):
        ours = _chosen(halves[learn], fits[learn])
        theirs = _chosen_naively(halves[learn], naive[learn])
        got = _judged(halves[judge], fits[judge], ours, options.seed)
        peer = _judged(halves[judge], fits[judge], theirs, options.seed)
        free = _chosen(halves[learn], fits[learn], keep_level=False)
        free_gains.append(_judged(halves[judge], fits[judge], free, options.seed, draws=20))
        gains.append(got)
        naive_gains.append(peer)
        rows.append({"case": f"learnt on {learn}, judged on {judge}", **got,
                     "factors": {str(b + 1): float(f) for b, f in enumerate(ours)},
                     "naive_gain_share": peer["gain_share"]})  # fmt: skip
    kept = sum(g["profit_kept"] for g in gains)
    gain = sum(g["gain"] for g in gains)
    low, high = (sum(g[k] for g in gains) / kept for k in ("gain_low", "gain_high"))
    naive_gain = sum(g["gain"] for g in naive_gains) / kept
    return Measured(
        rows=rows,
        summary={
            "elasticity_max_rel_error": max(errors),
            "coverage_90_known_truth": coverage,
            "out_of_sample_gain": gain / kept,
            "out_of_sample_gain_low": low,
            "out_of_sample_gain_high": high,
            "naive_gain": naive_gain,
            "gain_if_the_level_may_rise": sum(g["gain"] for g in free_gains) / kept,
            "fit_cpu_s": fit_time.cpu_s,
            "store_brands": sum(len(h.panel.items) for h in halves.values()),
        },
        peer=peer_of(
            "statsmodels",
            {"out_of_sample_gain": naive_gain, "fit_cpu_s": peer_time.cpu_s},
            name="statsmodels OLS, log on log by brand, no controls, no shrinkage",
        ),
    )


def _file(options: Options, folder: Path, name: str) -> Path:
    found = sorted(folder.rglob(name)) if folder.is_dir() else []
    if not found:
        found = sorted(folder.parent.rglob(f"pricing/{name}"))
    if not found:
        from benchmarks._form import DataMissingError

        raise DataMissingError(f"{options.name}: no {name} in data folder {folder}")
    return found[0]


def _published(juice: pl.DataFrame, rows: list[dict[str, Any]]) -> list[float]:
    """Run the published regressions again; return the relative error of each slope."""
    sides, columns, errors = [], [], []
    for number, (brand, published) in enumerate(PUBLISHED.items()):
        own = juice.filter(pl.col("brand") == brand)
        # Ounces are priced; the published figures are of 64 of them, which moves no slope.
        price = np.log(own[f"price{brand}"].to_numpy() * 64)
        units = own["logmove"].to_numpy()
        slope = float(np.linalg.lstsq(np.c_[np.ones(len(price)), price], units, rcond=None)[0][1])
        dummies = np.zeros((len(price), len(PUBLISHED)))
        dummies[:, number] = 1.0
        sides.append(units)
        columns.append(np.c_[dummies, price])
        errors.append(abs(slope / published - 1.0))
        rows.append({"case": f"published, brand {brand}", "ours": slope, "published": published,
                     "rel_error": errors[-1]})  # fmt: skip
    pooled = np.linalg.lstsq(np.vstack(columns), np.concatenate(sides), rcond=None)[0][-1]
    errors.append(abs(float(pooled) / PUBLISHED_POOLED - 1.0))
    rows.append({"case": "published, one slope", "ours": float(pooled),
                 "published": PUBLISHED_POOLED, "rel_error": errors[-1]})  # fmt: skip
    return errors


def _logit(cereal: pl.DataFrame, rows: list[dict[str, Any]]) -> float:
    """Return the relative error of the price coefficient of the published logit."""
    outside = (
        1.0
        - cereal.group_by("market_ids")
        .agg(pl.col("shares").sum())
        .join(cereal.select("market_ids"), on="market_ids", how="right", maintain_order="right")[
            "shares"
        ]
        .to_numpy()
    )
    utility = np.log(cereal["shares"].to_numpy()) - np.log(outside)
    brand = cereal["product_ids"].to_numpy()
    names = [c for c in cereal.columns if c.startswith("demand_instruments")]

    def within(values: FloatArray) -> FloatArray:
        answer = values.astype(np.float64).copy()
        for name in np.unique(brand):
            answer[brand == name] -= answer[brand == name].mean(axis=0)
        return answer

    price = within(cereal["prices"].to_numpy())
    instruments = within(cereal.select(names).to_numpy())
    fitted = instruments @ np.linalg.lstsq(instruments, price, rcond=None)[0]
    slope = float(fitted @ within(utility) / (fitted @ price))
    error = abs(slope / PUBLISHED_LOGIT_PRICE - 1.0)
    shares = cereal["shares"].to_numpy()
    own = float(np.mean(slope * cereal["prices"].to_numpy() * (1.0 - shares)))
    rows.append({"case": "published, cereal logit", "ours": slope,
                 "published": PUBLISHED_LOGIT_PRICE, "rel_error": error,
                 "mean_own_elasticity": own})  # fmt: skip
    return error


def _known_truth(options: Options, rows: list[dict[str, Any]]) -> float:
    """Return the share of 90 % intervals that hold elasticities drawn by ourselves."""
    rng = np.random.default_rng([options.seed, 8])
    families, each, weeks = 40, 5, 104
    n = families * each
    centre = np.repeat(rng.normal(-2.2, 0.6, families), each)
    truth = centre + rng.normal(0, 0.5, n)
    moves = rng.random((n, weeks)) < rng.choice([0.0, 0.02, 0.1], n)[:, None]
    price = 20 * np.exp(np.cumsum(np.where(moves, rng.normal(0, 0.07, (n, weeks)), 0.0), axis=1))
    season = 0.4 * np.sin(2 * np.pi * (np.arange(weeks) / 52 + rng.random((n, 1))))
    noise = np.zeros((n, weeks))
    for week in range(1, weeks):
        noise[:, week] = 0.7 * noise[:, week - 1] + rng.normal(0, 0.15, n)
    mean = rng.uniform(3, 40, (n, 1)) * np.exp(truth[:, None] * np.log(price / 20) + season + noise)
    panel = Panel(
        items=tuple(f"I{i:03}" for i in range(n)),
        families=tuple(f"F{i // each:02}" for i in range(n)),
        weeks=np.datetime64("2024-01-01") + 7 * np.arange(weeks),
        units=rng.poisson(mean).astype(np.float64),
        price=price,
        promotion=np.zeros((n, weeks)),
        counts=np.ones((n, weeks)),
        offset=np.zeros((n, weeks)),
    )
    found = fit_elasticities(panel, ElasticityParams())
    held = np.abs(found.own.mean - truth) <= 1.645 * found.own.sd
    alone = np.isfinite(found.own_alone_sd)
    error = float(np.sqrt(np.mean((found.own.mean - truth)[alone] ** 2)))
    raw = float(np.sqrt(np.mean((found.own_alone - truth)[alone] ** 2)))
    rows.append({"case": "known truth", "items": n, "coverage_90": float(held.mean()),
                 "rmse": error, "rmse_without_shrinkage": raw})  # fmt: skip
    return float(held.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Stores and weeks of one half: the panel of store by brand and unit costs beside it."""

    panel: Panel
    cost: FloatArray
    stores: NDArray[np.int64]
    brands: NDArray[np.int64]


def _halves(juice: pl.DataFrame) -> dict[str, Half]:
    middle = (int(juice["week"].min()) + int(juice["week"].max())) // 2
    stores = juice["store"].unique().sort().to_list()
    even = set(stores[0::2])
    first = juice.filter(pl.col("week") <= middle)
    second = juice.filter(pl.col("week") > middle)
    return {
        "even first": _half(first.filter(pl.col("store").is_in(even))),
        "odd second": _half(second.filter(~pl.col("store").is_in(even))),
    }


def _half(juice: pl.DataFrame) -> Half:
    weeks = np.arange(int(juice["week"].min()), int(juice["week"].max()) + 1)
    stores = juice["store"].unique().sort().to_list()
    row = {store: number for number, store in enumerate(stores)}
    shape = (len(stores) * BRANDS, len(weeks))
    units, price, promotion, counts, cost = (np.zeros(shape) for _ in range(5))
    price[:] = np.nan
    for brand in range(1, BRANDS + 1):
        own = juice.filter(pl.col("brand") == brand)
        at = (
            np.array([row[s] for s in own["store"].to_list()]) * BRANDS + brand - 1,
            own["week"].to_numpy() - weeks[0],
        )
        units[at] = np.exp(own["logmove"].to_numpy())
        price[at] = own[f"price{brand}"].to_numpy()
        promotion[at] = np.maximum(own["deal"].to_numpy(), own["feat"].to_numpy())
        counts[at] = 1.0
        # Profit is the gross margin in per cent of the price.
        cost[at] = own[f"price{brand}"].to_numpy() * (1.0 - own["profit"].to_numpy() / 100.0)
    panel = Panel(
        items=tuple(f"{s}-{b}" for s in stores for b in range(1, BRANDS + 1)),
        families=tuple(str(s) for s in stores for _ in range(BRANDS)),
        # Week 40 of the data is the middle of June 1990.
        weeks=np.datetime64("1990-06-14") + 7 * (weeks - 40),
        units=units,
        price=price,
        promotion=promotion,
        counts=counts,
        offset=np.zeros(shape),
    )
    return Half(
        panel=panel,
        cost=cost,
        stores=np.repeat(np.arange(len(stores)), BRANDS),
        brands=np.tile(np.arange(BRANDS), len(stores)),
    )


def _fit(half: Half) -> Elasticities:
    brands = [str(b) for b in half.brands]
    return fit_elasticities(half.panel, ElasticityParams(weeks=104), drawn_to=brands)


def _engine_rows(found: Elasticities, rows: list[dict[str, Any]]) -> None:
    for brand in range(BRANDS):
        rows.append({"case": f"engine, brand {brand + 1}",
                     "own": float(found.own.family_mean[brand]),
                     "own_sd": float(found.own.family_sd[brand]),
                     "cross": float(found.cross.family_mean[brand])})  # fmt: skip


def _naive(half: Half) -> FloatArray:
    """Return log-log slopes by brand without any control, by a library."""
    import statsmodels.api as sm

    slopes = np.zeros(BRANDS)
    for brand in range(BRANDS):
        rows = half.brands == brand
        used = half.panel.counts[rows] > 0
        y, x = np.log(half.panel.units[rows][used]), np.log(half.panel.price[rows][used])
        slopes[brand] = sm.OLS(y, sm.add_constant(x)).fit().params[1]
    return slopes


def _totals(half: Half) -> Mapping[str, FloatArray]:
    """Return units, revenue and cost of each brand over the half."""
    price = np.where(half.panel.counts > 0, half.panel.price, 0.0)
    units = half.panel.units * half.panel.counts
    return {
        name: np.bincount(half.brands, weights=values.sum(axis=1), minlength=BRANDS)
        for name, values in (
            ("units", units),
            ("revenue", units * price),
            ("cost", units * half.cost),
        )
    }


def _profit(
    totals: Mapping[str, FloatArray], own: FloatArray, cross: FloatArray, factors: FloatArray
) -> float:
    """Return profit of all brands at factors on their prices."""
    step = np.log(factors)
    weight = totals["units"][None, :] * (1.0 - np.eye(BRANDS))
    index = (weight / weight.sum(axis=1, keepdims=True)) @ step
    ratio = np.exp(own * step + cross * index)
    return float((ratio * (totals["revenue"] * factors - totals["cost"])).sum())


def _chosen(half: Half, found: Elasticities, *, keep_level: bool = True) -> FloatArray:
    """Return the factors that earn most on this half by the engine's elasticities."""
    own, cross = found.own.family_mean, found.cross.family_mean
    return _best_factors(_totals(half), own, cross, keep_level=keep_level)


def _chosen_naively(half: Half, slopes: FloatArray) -> FloatArray:
    return _best_factors(_totals(half), slopes, np.zeros(BRANDS), keep_level=True)


def _best_factors(
    totals: Mapping[str, FloatArray], own: FloatArray, cross: FloatArray, *, keep_level: bool
) -> FloatArray:
    """Return factors found by changing two brands at a time.

    With `keep_level` the mean price of the shelf, weighted by revenue, does not rise: what is
    earned comes from relative prices, not from believing that nobody changes shop.
    """
    share = totals["revenue"] / totals["revenue"].sum()
    factors = np.ones(BRANDS)
    best = _profit(totals, own, cross, factors)
    for _ in range(6):
        before = best
        for one in range(BRANDS):
            for other in range(one + 1, BRANDS):
                for first in FACTORS:
                    for second in FACTORS:
                        tried = factors.copy()
                        tried[one], tried[other] = first, second
                        if keep_level and share @ np.log(tried) > 1e-9:
                            continue
                        value = _profit(totals, own, cross, tried)
                        if value > best + 1e-9:
                            best, factors = value, tried
        if best <= before:
            break
    return factors


def _judged(
    half: Half, found: Elasticities, factors: FloatArray, seed: int, *, draws: int = 400
) -> dict[str, float]:
    """Return profit at factors against prices kept, by the judge's own model.

    The interval draws stores with replacement and elasticities from their errors.
    """
    rng = np.random.default_rng([seed, 41])
    price = np.where(half.panel.counts > 0, half.panel.price, 0.0)
    units = half.panel.units * half.panel.counts
    revenue, cost = (units * price).sum(axis=1), (units * half.cost).sum(axis=1)
    step = np.log(factors)
    sold = units.sum(axis=1).reshape(-1, BRANDS)
    weight = sold[:, None, :] * (1.0 - np.eye(BRANDS))[None]
    total = weight.sum(axis=2, keepdims=True)
    index = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0) @ step
    move = np.tile(step, len(sold))

    def gain(own: FloatArray, cross: FloatArray) -> FloatArray:
        ratio = np.exp(own * move + cross * index.ravel())
        change = ratio * (revenue * np.tile(factors, len(sold)) - cost) - (revenue - cost)
        return np.asarray(change.reshape(-1, BRANDS).sum(axis=1))

    by_store = gain(found.own.mean, found.cross.mean)
    drawn = []
    for _ in range(draws):
        # Errors are shared by a brand's stores as well as each store's own.
        shared = rng.normal(size=(2, BRANDS))
        own = found.own.mean + found.own.family_sd[found.drawn_to] * shared[0][half.brands]
        cross = found.cross.mean + found.cross.family_sd[found.drawn_to] * shared[1][half.brands]
        own = own + found.own.sd * rng.normal(size=len(own))
        stores = rng.integers(0, len(by_store), len(by_store))
        drawn.append(float(gain(own, cross)[stores].sum()))
    kept = float((revenue - cost).sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "profit_kept": kept,
        "gain": float(by_store.sum()),
        "gain_low": float(low),
        "gain_high": float(high),
        "gain_share": float(by_store.sum()) / kept,
    }


if __name__ == "__main__":
    run("price", measure)
