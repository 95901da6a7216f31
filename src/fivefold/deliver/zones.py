"""How far a ZIP code is, which carrier zone that makes, and what a parcel costs there.

Knows ZIP coordinates (library `zipcodes`) and great circles. The rates that come with the
package are assumptions and say so; a contract replaces them by cards of the same name.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from fivefold.deliver.fee_cards import FeeBook
from fivefold.deliver.fee_lines import FeeLine

EARTH_RADIUS_MILES = 3958.7613
#: Upper ends of zones 2 to 7 by distance, in miles; beyond is zone 8.
ZONE_ENDS_MILES = np.array([150.0, 300.0, 600.0, 1000.0, 1400.0, 1800.0])
ASSUMED_ZONE = 5
#: Working days where a company's own card does not tell them.
ASSUMED_GROUND_DAYS = 5

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@cache
def _coordinates() -> dict[str, tuple[float, float]]:
    """Return latitude and longitude by ZIP code, and by its first three digits as their mean."""
    import zipcodes

    places: dict[str, tuple[float, float]] = {}
    sums: dict[str, list[float]] = {}
    for row in zipcodes.list_all():  # type: ignore[no-untyped-call]
        if not row["lat"] or not row["long"]:
            continue
        latitude, longitude = float(row["lat"]), float(row["long"])
        if latitude == 0.0 and longitude == 0.0:
            continue
        places[row["zip_code"]] = (latitude, longitude)
        total = sums.setdefault(row["zip_code"][:3], [0.0, 0.0, 0.0])
        total[0] += latitude
        total[1] += longitude
        total[2] += 1.0
    for prefix, (latitude, longitude, count) in sums.items():
        places[prefix] = (latitude / count, longitude / count)
    return places


def zip_coordinates(postal_code: str | None) -> tuple[float, float] | None:
    """Return latitude and longitude of a US ZIP code, None where it is not known.

    ZIP+4 and codes that lost their leading zeros are understood; a code the library does
    not have falls back to the middle of its first three digits.

    Examples
    --------
    >>> zip_coordinates("92335")
    (34.0794, -117.4551)
    >>> zip_coordinates("92335-1234") == zip_coordinates("92335")
    True
    """
    if not postal_code:
        return None
    digits = postal_code.strip().split("-")[0]
    if not digits.isdigit() or len(digits) > 5:
        return None
    padded = digits.zfill(5)
    known = _coordinates()
    return known.get(padded) or known.get(padded[:3])


@cache
def zip_place(postal_code: str) -> str:
    """Return city and state of a US ZIP code, empty where it is not known.

    >>> zip_place("60601"), zip_place("99999")
    ('Chicago, IL', '')
    """
    import zipcodes

    digits = postal_code.strip().split("-")[0]
    if not digits.isdigit() or len(digits) > 5:
        return ""
    found = zipcodes.filter_by(zip_code=digits.zfill(5))  # type: ignore[no-untyped-call]
    return f"{found[0]['city']}, {found[0]['state']}" if found else ""


def great_circle_miles(
    latitude_a: npt.ArrayLike,
    longitude_a: npt.ArrayLike,
    latitude_b: npt.ArrayLike,
    longitude_b: npt.ArrayLike,
) -> FloatArray:
    """Return the distance between points on a sphere, in miles, broadcast.

    References
    ----------
    .. [1] Sinnott (1984), "Virtues of the haversine", Sky and Telescope 68(2), 159.

    Examples
    --------
    >>> float(great_circle_miles(40.64, -73.78, 33.94, -118.41).round(0))
    2470.0
    """
    phi_a, lambda_a, phi_b, lambda_b = (
        np.radians(np.asarray(value, dtype=np.float64))
        for value in (latitude_a, longitude_a, latitude_b, longitude_b)
    )
    half = (
        np.sin((phi_b - phi_a) / 2.0) ** 2
        + np.cos(phi_a) * np.cos(phi_b) * np.sin((lambda_b - lambda_a) / 2.0) ** 2
    )
    return np.asarray(
        2.0 * EARTH_RADIUS_MILES * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))), dtype=np.float64
    )


def zones_of(miles: npt.ArrayLike) -> IntArray:
    """Return carrier zones 2 to 8 of distances; an unknown distance (nan) is the assumed zone.

    >>> zones_of([0.0, 150.0, 150.1, 2500.0]).tolist()
    [2, 2, 3, 8]
    """
    distance = np.asarray(miles, dtype=np.float64)
    zones = np.searchsorted(ZONE_ENDS_MILES, distance, side="left") + 2
    return np.where(np.isnan(distance), ASSUMED_ZONE, zones).astype(np.int64)


def ground_days(book: FeeBook, zone: int) -> int:
    """Return the working days of ground carriage to a zone, by the card in force."""
    days = service_days(book, "ground", zone)
    return ASSUMED_GROUND_DAYS if days is None else days


def service_days(book: FeeBook, service: str, zone: int) -> int | None:
    """Return the working days of a service to a zone by the card in force, None where unknown."""
    figure = book.find("PARCEL_TRANSIT_DAYS", option=service, region=f"zone_{zone}")
    return None if figure is None or figure.amount is None else int(figure.amount)


def carriage(
    book: FeeBook,
    *,
    zone: int,
    weight_lb: float,
    spread_share: float = 0.0,
    service: str = "ground",
) -> FeeLine:
    """Return what a carrier takes for a parcel by a service.

    Parameters
    ----------
    zone : int
        2 to 8.
    weight_lb : float
        Billable weight: the greater of real and dimensional weight.
    spread_share : float
        How far an assumed rate may be off, for its ends.
    service : str
        The option of its rates on the cards.
    """
    name = "PARCEL_CARRIAGE"
    figure = book.find(name, option=service, region=f"zone_{zone}", value=weight_lb)
    amount = None if figure is None else figure.at(weight_lb)
    if figure is None or amount is None:
        return FeeLine(
            line=name, amount=None, grade="unknown", note=f"No rate, {weight_lb:.1f} lb."
        )
    off = spread_share if figure.grade == "assumed" else 0.0
    return FeeLine(
        line=name,
        amount=amount,
        low=amount * (1.0 - off),
        high=amount * (1.0 + off),
        card=figure.card,
        effective_from=figure.effective_from,
        grade=figure.grade,
        note=f"Zone {zone}, {weight_lb:.2f} lb. {figure.source}.",
    )
