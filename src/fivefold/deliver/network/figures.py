"""The figures a network is planned with: the dataset's own, else those of the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import polars as pl

from fivefold.model import Dataset, schema


@cache
def package_table(table: str) -> pl.DataFrame:
    """Return `network_figures` or `mode_cards` as they come with the package."""
    name = {"network_figures": "figures.csv", "mode_cards": "cards.csv"}[table]
    text = (files("fivefold.deliver.network") / name).read_bytes()
    read = pl.read_csv(text, infer_schema=False)
    shape = schema(table).polars_schema()
    return read.select(pl.col(c).cast(kind) for c, kind in shape.items())


def figures(dataset: Dataset) -> dict[str, float]:
    """Return the value of every figure; the dataset's own stand before the package's."""
    found: dict[str, float] = {}
    for frame in (package_table("network_figures"), dataset["network_figures"]):
        found |= dict(frame.select("figure", "value").iter_rows())
    return found


def with_figures(dataset: Dataset) -> Dataset:
    """Return the dataset with every figure: its own, and the package's where it has none."""
    own, package = dataset["network_figures"], package_table("network_figures")
    missing = package.filter(~pl.col("figure").is_in(own["figure"].implode()))
    names = [name for name in package.columns if name in own.columns]
    return dataset.with_tables(
        network_figures=pl.concat([own.select(names), missing.select(names)])
    )


def cards(dataset: Dataset, *, leg: str | None = None) -> pl.DataFrame:
    """Return the means of transport, of the dataset where it has any."""
    frame = dataset["mode_cards"]
    if frame.height == 0:
        frame = package_table("mode_cards")
    return frame if leg is None else frame.filter(pl.col("leg") == leg)


def kg_per_km(*, kg_per_mile: float, ch4_g: float = 0.0, n2o_g: float = 0.0) -> float:
    """Return CO2e in kg a vehicle kilometre from factors a vehicle mile.

    Notes
    -----
    Global warming potentials over 100 years of IPCC AR5: CH4 28, N2O 265, which the US EPA's
    Emission Factors Hub uses. Distances and masses follow the distance-based method of the GHG
    Protocol's scope 3 guidance, category 4, as the GLEC framework and ISO 14083 do for a leg.

    Examples
    --------
    >>> round(kg_per_km(kg_per_mile=1.298, ch4_g=0.0115, n2o_g=0.0376), 4)
    0.8129
    """
    return (kg_per_mile + 28 * ch4_g / 1000 + 265 * n2o_g / 1000) / 1.609344


def kg_per_tonne_km(*, kg_per_short_ton_mile: float) -> float:
    """Return CO2e in kg a tonne kilometre from a factor a short ton-mile (907.18474 kg).

    Examples
    --------
    >>> round(kg_per_tonne_km(kg_per_short_ton_mile=1.086), 4)
    0.7438
    """
    return kg_per_short_ton_mile / (0.90718474 * 1.609344)
