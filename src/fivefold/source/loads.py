"""What a purchase order fills of its container, and what topping it up saves and binds.

Knows orders, the size of what is on them and the lane they travel; places and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from fivefold.model import Dataset
from fivefold.source.demand_rates import daily_rates
from fivefold.source.filling import Params as FillParams
from fivefold.source.landed_cost import unit_volume_m3, unit_weight_kg

DAYS_PER_YEAR = 365.0
#: Days of forecast that the use of an item is taken from, as where a load is filled.
_RATE_DAYS = 91


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What a load holds and money costs.

    Parameters
    ----------
    load_m3, load_kg : dict of str to float
        Usable cube and payload of one load, by mode.
    cost_of_capital_share_per_year : float
    """

    load_m3: Mapping[str, float] = field(default_factory=lambda: FillParams().load_m3)
    load_kg: Mapping[str, float] = field(default_factory=lambda: FillParams().load_kg)
    cost_of_capital_share_per_year: float = 0.12

    def __post_init__(self) -> None:
        if not 0 <= self.cost_of_capital_share_per_year <= 2:
            found = self.cost_of_capital_share_per_year
            raise ValueError(f"cost_of_capital_share_per_year must lie in 0–2, found {found}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """What filling an order's load further would do.

    Parameters
    ----------
    rows : polars.DataFrame
        item, units_before, units, more, volume_m3, goods_value, days_of_use of each item that
        grows.
    goods_value, volume_m3, weight_kg : float
        What is added.
    freight_saved : float
        Freight that a later load need not carry, at the rate of a full load on this lane.
    capital_cost : float
        Capital bound by what is bought early, for as long as it lasts on average.
    """

    rows: pl.DataFrame
    goods_value: float
    volume_m3: float
    weight_kg: float
    freight_saved: float
    capital_cost: float

    @property
    def gain(self) -> float:
        """Freight saved less capital bound."""
        return self.freight_saved - self.capital_cost


def load_mode(mode: str | None, params: Params | None = None) -> str | None:
    """Return the part of a way that travels in loads of a known size, None where none does.

    >>> load_mode("fcl"), load_mode("rail+fcl"), load_mode("air")
    ('fcl', 'fcl', None)
    """
    known = (params or Params()).load_m3
    return next((part for part in (mode or "").split("+") if part in known), None)


def order_loads(dataset: Dataset, params: Params | None = None) -> pl.DataFrame:
    """Return what each purchase order takes of its loads.

    Parameters
    ----------
    dataset : Dataset
        Reads purchase_orders, purchase_order_lines, items.
    params : Params, optional

    Returns
    -------
    polars.DataFrame
        order, lines, units, volume_m3, weight_kg (empty where the size of an item on it is not
        known), loads, fill_share (empty where it travels in no load of a known size).
    """
    params = params or Params()
    sizes = _sizes(dataset)
    lines = (
        dataset["purchase_order_lines"]
        .join(sizes, on="item", how="left")
        .group_by("order")
        .agg(
            lines=pl.len(),
            units=pl.col("quantity").sum(),
            volume_m3=(pl.col("quantity") * pl.col("m3")).sum(),
            weight_kg=(pl.col("quantity") * pl.col("kg")).sum(),
            known=pl.col("m3").is_not_null().all() & pl.col("kg").is_not_null().all(),
        )
    )
    rows = []
    joined = dataset["purchase_orders"].select("order", "mode").join(lines, on="order")
    for row in joined.sort("order").iter_rows(named=True):
        mode = load_mode(row["mode"], params)
        known = row["known"]
        loads = fill = None
        if known and mode is not None and mode in params.load_kg:
            shares = (
                row["volume_m3"] / params.load_m3[mode],
                row["weight_kg"] / params.load_kg[mode],
            )
            loads = max(1, *(-int(-share // 1) for share in shares))
            fill = max(shares) / loads
        rows.append(
            {
                "order": row["order"],
                "lines": row["lines"],
                "units": row["units"],
                "volume_m3": row["volume_m3"] if known else None,
                "weight_kg": row["weight_kg"] if known else None,
                "loads": loads,
                "fill_share": fill,
            }
        )
    kinds = {
        "order": pl.String,
        **dict.fromkeys(("lines", "units", "loads"), pl.Int64),
        **dict.fromkeys(("volume_m3", "weight_kg", "fill_share"), pl.Float64),
    }
    names = ("order", "lines", "units", "volume_m3", "weight_kg", "loads", "fill_share")
    return pl.DataFrame(rows, schema={name: kinds[name] for name in names})


def worth_of_filling(
    dataset: Dataset, order: str, filled: pl.DataFrame, params: Params | None = None
) -> TopUp:
    """Return what an order topped up to these lines saves in freight and binds in capital.

    Parameters
    ----------
    dataset : Dataset
        Reads purchase_orders, purchase_order_lines, items, lanes, forecast_means, locations,
        bills_of_material, operations.
    order : str
    filled : polars.DataFrame
        Lines as `fill_order` gives them.
    params : Params, optional

    Notes
    -----
    What is added travels at no further cost of the load, so it saves its share of a later full
    one: volume over usable cube times the cost of a shipment. It is bought before it is needed:
    the units last `more / use per day` days beyond the others, half of that on average, and on
    top wait for what was on the order already.
    """
    params = params or Params()
    head = dataset["purchase_orders"].filter(pl.col("order") == order).row(0, named=True)
    mode = load_mode(head["mode"], params)
    before = dict(
        dataset["purchase_order_lines"]
        .filter(pl.col("order") == order)
        .group_by("item")
        .agg(pl.col("quantity").sum())
        .iter_rows()
    )
    sizes = {row["item"]: row for row in _sizes(dataset).iter_rows(named=True)}
    rates = daily_rates(dataset, days=_RATE_DAYS)
    rows, capital = [], 0.0
    for row in filled.sort("item").iter_rows(named=True):
        more = row["quantity"] - before.get(row["item"], 0)
        if more <= 0:
            continue
        size = sizes.get(row["item"], {})
        rate = rates.get((row["item"], head["destination"]))
        days = more / rate.units_per_day if rate and rate.units_per_day > 0 else 0.0
        waits = before.get(row["item"], 0) / rate.units_per_day if days and rate else 0.0
        value = more * (row["unit_price"] or 0.0)
        share = params.cost_of_capital_share_per_year / DAYS_PER_YEAR
        capital += value * share * (waits + days / 2)
        rows.append(
            {
                "item": row["item"],
                "units_before": before.get(row["item"], 0),
                "units": row["quantity"],
                "more": more,
                "volume_m3": more * (size.get("m3") or 0.0),
                "weight_kg": more * (size.get("kg") or 0.0),
                "goods_value": value,
                "days_of_use": days,
            }
        )
    whole = ("units_before", "units", "more")
    names = ("item", *whole, "volume_m3", "weight_kg", "goods_value", "days_of_use")
    frame = pl.DataFrame(
        rows,
        schema={
            n: pl.String if n == "item" else pl.Int64 if n in whole else pl.Float64 for n in names
        },
    )
    volume = float(frame["volume_m3"].sum())
    per_load = _cost_of_a_load(dataset, head["supplier"], head["destination"], mode)
    room = params.load_m3.get(mode or "", 0.0)
    return TopUp(
        rows=frame,
        goods_value=float(frame["goods_value"].sum()),
        volume_m3=volume,
        weight_kg=float(frame["weight_kg"].sum()),
        freight_saved=volume / room * per_load if room else 0.0,
        capital_cost=capital,
    )


def _cost_of_a_load(dataset: Dataset, origin: str, destination: str, mode: str | None) -> float:
    """Return what one shipment on the lane costs whatever is in it; 0 where it is not known."""
    lane = dataset["lanes"].filter(
        (pl.col("origin") == origin)
        & (pl.col("destination") == destination)
        & (pl.col("mode") == mode)
    )
    return float(lane["cost_per_shipment"][0] or 0.0) if lane.height else 0.0


def _sizes(dataset: Dataset) -> pl.DataFrame:
    rows = [
        {"item": row["item"], "m3": unit_volume_m3(row), "kg": unit_weight_kg(row)}
        for row in dataset["items"].iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema={"item": pl.String, "m3": pl.Float64, "kg": pl.Float64})
