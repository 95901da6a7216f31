"""Purchase orders that carry out the buys of a plan.

Knows suppliers' terms. Never changes what the plan needs, only how it is ordered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.source.drafts import Buy, Draft, on_shared_days
from fivefold.source.order_pricing import Terms, price_order
from fivefold.source.order_reasons import order_reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How buys become orders.

    Parameters
    ----------
    consolidate_days : int
        Buys whose order days lie this close may share one order, placed on the first of
        these days, where every line still arrives by its due day.
    horizon_days : int or None
        Only buys to be ordered within so many days become orders; None takes all.
    cost_of_capital_share_per_year : float
        Used where the setting of that name is absent; prices what is bought ahead.
    storage_share_per_year : float
        Further cost of holding a unit for a year, as a share of its cost.
    load_m3 : dict of str to float
        Usable cube of one shipment by mode.
    """

    consolidate_days: int = 3
    horizon_days: int | None = None
    cost_of_capital_share_per_year: float = 0.12
    storage_share_per_year: float = 0.08
    load_m3: Mapping[str, float] = field(default_factory=lambda: {"fcl": 67.0, "ftl": 80.0})

    def __post_init__(self) -> None:
        for name in ("consolidate_days", "horizon_days"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, found {value}")
        for name in ("cost_of_capital_share_per_year", "storage_share_per_year"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")


def propose_orders(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return purchase orders that carry out the buys of the supply plan.

    Buys of one supplier, destination and mode are joined where their order days are near
    and no line comes later for it. Quantities of an item in one order are raised to the
    minimum and multiple of its offer. Days on which a supplier would be asked for less than
    its minimum value share the day of others, those of orders drawn already included.
    Shipment costs are shared by cube (else weight, else value) to the cent.

    Parameters
    ----------
    dataset : Dataset
        Reads supply_plan (kind buy, status proposed or approved), suppliers,
        supplier_offers, price_breaks, lanes, duties, items, locations, sourcing_options,
        forecast_means, explanations, settings; purchase_orders are orders drawn already that
        stand beside what is proposed.
    params : Params, optional
    as_of : date
        No order is dated before it.

    Returns
    -------
    Outcome
        Tables `purchase_orders` and `purchase_order_lines`; objective is their landed
        value. Explanations have the order number as subject. Figures not known are left
        empty and told.
    """
    params = params or Params()
    capital = dataset.setting_number(
        "cost_of_capital_share_per_year", params.cost_of_capital_share_per_year
    )
    terms = Terms(
        dataset,
        load_m3=params.load_m3,
        holding_share_per_year=capital + params.storage_share_per_year,
    )
    by_supplier: dict[str, list[Draft]] = {}
    for group in _groups(dataset["supply_plan"], params, as_of):
        by_supplier.setdefault(group[0], []).extend(_drafts(*group, params=params))
    drawn = _drawn(dataset["purchase_orders"], as_of)
    drafts = [
        draft
        for supplier, own in by_supplier.items()
        for draft in on_shared_days(
            own,
            minimum=terms.minimum_value(supplier),
            value=terms.goods_value,
            beside=drawn.get(supplier),
        )
    ]
    names = _names(drafts, set(dataset["supply_orders"]["order"].to_list()))
    orders: list[dict[str, object]] = []
    lines: list[dict[str, object]] = []
    reasons: list[Reason] = []
    for name, draft in sorted(zip(names, drafts, strict=True), key=lambda pair: pair[0]):
        priced = price_order(name, draft, terms)
        orders.append(priced.order)
        lines.extend(priced.lines)
        reasons.extend(order_reasons(name, draft, priced, terms))
    table = schema("purchase_orders").frame(orders)
    return Outcome(
        tables={
            "purchase_orders": table,
            "purchase_order_lines": schema("purchase_order_lines").frame(lines),
        },
        status="feasible",
        objective=float(table["landed_value"].fill_null(0.0).sum()),
        explanations=explanations_frame(reasons),
        notes={"buys": sum(len(draft.all_buys) for draft in drafts), "orders": len(drafts)},
    )


def _drawn(orders: pl.DataFrame, as_of: date) -> dict[str, dict[date, float]]:
    """Return what each supplier is asked for by day in orders that are drawn but not placed."""
    found: dict[str, dict[date, float]] = {}
    summed = (
        orders.filter(pl.col("ordered_on") >= as_of)
        .group_by("supplier", "ordered_on")
        .agg(pl.col("goods_value").fill_null(0.0).sum())
    )
    for supplier, day, value in summed.iter_rows():
        found.setdefault(supplier, {})[day] = value
    return found


def _groups(
    plan: pl.DataFrame, params: Params, as_of: date
) -> Iterator[tuple[str, str, str, list[Buy]]]:
    """Yield buys of each supplier, destination and mode in order of their order day."""
    wanted = plan.filter(
        (pl.col("kind") == "buy")
        & pl.col("status").is_in(["proposed", "approved"])
        & pl.col("source").is_not_null()
    ).with_columns(pl.col("mode").fill_null(""))
    if params.horizon_days is not None:
        last = as_of + timedelta(days=params.horizon_days)
        wanted = wanted.filter(pl.col("start_on") <= last)
    ordered = wanted.sort("source", "destination", "mode", "start_on", "due_on", "decision")
    for key, part in ordered.group_by("source", "destination", "mode", maintain_order=True):
        buys = [
            Buy(
                decision=row["decision"],
                item=row["item"],
                quantity=row["quantity"],
                order_on=max(as_of, row["start_on"]),
                due_on=max(row["due_on"], max(as_of, row["start_on"])),
            )
            for row in part.iter_rows(named=True)
        ]
        yield str(key[0]), str(key[1]), str(key[2]), buys


def _drafts(
    supplier: str,
    destination: str,
    mode: str,
    buys: list[Buy],
    *,
    params: Params,
) -> list[Draft]:
    """Return buys joined into orders."""
    drafts: list[Draft] = []
    for buy in buys:
        near = (
            number
            for number, draft in enumerate(drafts)
            if draft.fits(buy, within_days=params.consolidate_days)
        )
        found = next(near, None)
        if found is None:
            drafts.append(
                Draft(
                    supplier=supplier,
                    destination=destination,
                    mode=mode,
                    order_on=buy.order_on,
                    buys=(buy,),
                )
            )
        else:
            drafts[found] = replace(drafts[found], buys=(*drafts[found].buys, buy))
    return drafts


def _names(drafts: Iterable[Draft], taken: Set[str] = frozenset()) -> list[str]:
    """Return a number for each order, made of what it is; numbers `taken` are other orders.

    Two orders of one supplier, destination, day and mode exist only where their arrival
    days differ; the later ones then carry theirs.
    """
    names: list[str] = []
    for draft in drafts:
        parts = ["PO", draft.supplier, draft.destination, f"{draft.order_on:%Y%m%d}"]
        name = "-".join([*parts, draft.mode] if draft.mode else parts)
        if name in names or name in taken:
            name += f"-{draft.expected_on:%Y%m%d}"
        if name in names or name in taken:
            name += f"-{draft.all_buys[0].decision}"
        names.append(name)
    return names
