"""A siting problem over quarters: sites that open, grow by modules and close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.network.facility import Facilities

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phased:
    """A siting problem over quarters.

    Parameters
    ----------
    sites : Facilities
        Arcs, unit costs, capacities without modules, fixed costs a day; `demand` is not used.
    demand : ndarray, shape (n_zones, n_quarters)
        Units a day.
    module, module_cost : ndarray, shape (n_sites,)
        What a module adds and costs a day.
    modules_most : ndarray, shape (n_sites,)
    opening : ndarray, shape (n_sites,)
        What having opened costs for each quarter a site is open; 0 for standing ones.
    closing : ndarray, shape (n_sites,)
        Cost of closing, once.
    standing : ndarray of bool
    days : float
        Days of a quarter.
    """

    sites: Facilities
    demand: Floats
    module: Floats
    module_cost: Floats
    modules_most: Ints
    opening: Floats
    closing: Floats
    standing: NDArray[np.bool_]
    days: float
