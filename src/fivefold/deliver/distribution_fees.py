"""Fees of upstream storage that feeds the fulfilment network (Amazon Warehousing & Distribution).

One unit waits `days_upstream` in bulk storage, then goes on to the fulfilment network in the
cartons it came in. Fees are by carton and by cubic foot.

References
----------
.. [1] Seller Central page GAYG62Q3MPE6STFS: card of 2025 (official); the card of 2026 is told
   in part only (secondary), so storage outside the West has a range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fivefold.deliver.cartons import CartonLimits
from fivefold.deliver.fee_cards import FeeBook, Figure
from fivefold.deliver.fee_lines import DAYS_PER_MONTH, FeeLine
from fivefold.deliver.size_tiers import SizeTier
from fivefold.units import POUND_KG

#: Lines of this module, in the order they are charged.
LINES = ("AWD_PROCESSING_FEE", "AWD_STORAGE_FEE", "AWD_TRANSPORTATION_FEE")


def units_in_a_carton(item: Mapping[str, Any], size: SizeTier, limits: CartonLimits) -> int:
    """Return units of a case, else what a carton holds by volume and weight, at least one."""
    if item["case_quantity"]:
        return int(item["case_quantity"])
    volume = limits.volume_cm3 / (size.volume_cuft * 28_316.846592)
    weight = (limits.weight_kg - limits.carton_weight_kg) / (size.unit_weight_lb * float(POUND_KG))
    return max(1, min(limits.units, int(volume), int(weight)))


def distribution_lines(
    book: FeeBook,
    before: FeeBook,
    *,
    size: SizeTier,
    units_a_carton: int,
    days_upstream: float,
    option: str = "base",
) -> list[FeeLine]:
    """Return processing, storage and transport of one unit stored upstream and sent on.

    Parameters
    ----------
    book, before : FeeBook
        Cards of the day, and the last card known in full, whose storage is the other end of
        the range where today's is not known.
    size : SizeTier
    units_a_carton : int
        Units that share the fee of a carton; it is paid on the way in and on the way out.
    days_upstream : float
    option : {'base', 'smart_storage', 'amazon_managed', 'integrated'}
    """
    months = days_upstream / DAYS_PER_MONTH
    cuft = size.volume_cuft
    return [
        _line(
            "AWD_PROCESSING_FEE",
            book.find("AWD_PROCESSING_FEE", option=option),
            2.0 / units_a_carton,
            f"{units_a_carton} units a carton, in and out.",
        ),
        _storage(book, before, option, cuft * months, days_upstream),
        _line(
            "AWD_TRANSPORTATION_FEE",
            book.find("AWD_TRANSPORTATION_FEE", option=option),
            cuft,
            f"{cuft:.4f} cu ft to the fulfilment network.",
        ),
    ]


def _storage(book: FeeBook, before: FeeBook, option: str, times: float, days: float) -> FeeLine:
    name = "AWD_STORAGE_FEE"
    note = f"Held upstream {days:.0f} days."
    figures = book.find_all(name, option=option)
    known = next((figure for figure in figures if figure.amount is not None), None)
    if known is not None:
        return _line(name, known, times, note)
    ends = [
        figure.amount
        for figure in (
            before.find(name, option=option),
            book.find(name, option=option, region="west"),
        )
        if figure is not None and figure.amount is not None
    ]
    return FeeLine(
        line=name,
        amount=None,
        low=min(ends) * times if ends else 0.0,
        high=max(ends) * times if ends else None,
        card=figures[0].card if figures else "",
        grade="unknown",
        note=f"{note} Ends: the last card known in full, and this one's figure for the West.",
    )


def _line(name: str, figure: Figure | None, times: float, note: str) -> FeeLine:
    if figure is None or figure.amount is None:
        return FeeLine(line=name, amount=None, low=0.0, grade="unknown", note=note)
    amount = figure.amount * times
    return FeeLine(
        line=name,
        amount=amount,
        low=amount,
        high=amount,
        card=figure.card,
        effective_from=figure.effective_from,
        grade=figure.grade,
        note=" ".join(part for part in (note, figure.note) if part),
    )
