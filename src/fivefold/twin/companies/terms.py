"""On which terms the example seller buys, and how its plant makes kits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivefold.twin.companies.catalogue import Catalogue, Floats, Ints
from fivefold.twin.companies.network import SUPPLIER_BY_CODE

#: A landed unit cost holds freight and duty besides the price the supplier is paid.
PRICE_SHARE_OF_LANDED = {"CN": 0.70, "VN": 0.72, "US": 0.94}
#: From this many smallest orders on, every unit is cheaper by this share.
PRICE_BREAKS = ((3, 0.04), (8, 0.07))
LINE_HOURS_PER_DAY = 8.0
SETUP_HOURS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Purchase and kitting terms, one entry an item; items never bought carry zeros.

    `unit_price` is what the supplier is paid below the first price break, `line_hours` and
    `pack_hours` what a kit takes on each of the plant's two resources.
    """

    unit_price: Floats
    minimum_quantity: Ints
    order_multiple: Ints
    line_hours: Floats
    pack_hours: Floats


def make_terms(rng: np.random.Generator, catalogue: Catalogue, units_per_day: Floats) -> Terms:
    """Return the terms of a catalogue whose items go at `units_per_day`, shape (n_items,).

    A third of the smallest orders was agreed with hopes too high, so some items are bought
    for a year at a time. Run times are such that the line is busy 72 % of an average week.
    """
    n = len(catalogue)
    country = [SUPPLIER_BY_CODE[s].country if s else "" for s in catalogue.supplier]
    share = np.array([PRICE_SHARE_OF_LANDED.get(c, 0.0) for c in country])
    usual = np.array([SUPPLIER_BY_CODE[s].minimum_units if s else 0 for s in catalogue.supplier])
    wanted = usual * np.clip(6.0 / catalogue.unit_cost, 0.15, 3.0)
    modest = np.maximum(units_per_day * rng.uniform(40, 110, size=n), 6.0)
    hopeful = rng.random(n) < 0.33
    minimum = np.where(hopeful, np.minimum(wanted, modest * 4), np.minimum(wanted, modest))
    multiple = np.where(usual > 0, catalogue.case_quantity, 1)
    minimum = np.where(usual > 0, np.ceil(np.maximum(minimum, 1) / multiple) * multiple, 0)
    run = np.where(catalogue.made, rng.uniform(0.6, 1.6, size=n), 0.0)
    load = float((run * units_per_day).sum())
    # Setups take their part of the week too, hence less than the five days of eight hours.
    scale = 0.72 * LINE_HOURS_PER_DAY * 5 / 7 / load if load > 0 else 0.0
    return Terms(
        unit_price=(catalogue.unit_cost * share).round(2),
        minimum_quantity=minimum.astype(np.int64),
        order_multiple=multiple.astype(np.int64),
        line_hours=(run * scale).round(4),
        pack_hours=(run * scale * 0.45).round(4),
    )
