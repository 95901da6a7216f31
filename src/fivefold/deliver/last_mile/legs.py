"""Distances in metres and times in seconds between places, for each kind of vehicle.

Place 0 is the station. A matrix is made for the places asked for, never for all at once, so
that a day of a million stops needs the memory of one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fivefold.deliver.zones import great_circle_miles

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
METRES_PER_MILE = 1609.344
#: A leg's part beyond this length goes at the stem speed.
STREET_METRES = 3000.0


class Legs(Protocol):
    """Distances and times between places."""

    def between(self, places: IntArray) -> tuple[list[IntArray], list[IntArray]]:
        """Return metres and seconds among places, one matrix for each profile of a vehicle."""
        ...

    def part(self, places: IntArray) -> Legs:
        """Return the legs among these places only, numbered anew in their order."""
        ...

    def along(self, places: IntArray, profile: int) -> tuple[IntArray, IntArray]:
        """Return metres and seconds from each place to the next one."""
        ...

    def points(self) -> FloatArray | None:
        """Return the places on a plane, in metres, shape (n_places, 2); None where unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Street speed and stem speed of a profile, in metres a second; `straight` where it flies."""

    street: float
    stem: float
    straight: bool = False

    def seconds(self, metres: FloatArray) -> FloatArray:
        """Return travel times; a leg leaves the streets after `STREET_METRES`."""
        near = np.minimum(metres, STREET_METRES)
        return near / self.street + (metres - near) / self.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class StraightLegs:
    """Great-circle distances times a circuity factor.

    Parameters
    ----------
    latitude, longitude : ndarray, shape (n_places,)
        Degrees.
    circuity : float
        Road distance over great-circle distance.
    speeds : sequence of Speed
        One a profile.
    """

    latitude: FloatArray
    longitude: FloatArray
    circuity: float
    speeds: Sequence[Speed]

    def between(self, places: IntArray) -> tuple[list[IntArray], list[IntArray]]:
        """Return metres and seconds among places, one matrix for each profile."""
        phi, lam = self.latitude[places], self.longitude[places]
        miles = great_circle_miles(phi[:, None], lam[:, None], phi[None, :], lam[None, :])
        flown = miles * METRES_PER_MILE
        driven = flown * self.circuity
        whole = np.rint(driven).astype(np.int64)
        return (
            [np.rint(flown).astype(np.int64) if s.straight else whole for s in self.speeds],
            [
                np.rint(s.seconds(flown if s.straight else driven)).astype(np.int64)
                for s in self.speeds
            ],
        )

    def part(self, places: IntArray) -> StraightLegs:
        """Return the legs among these places only."""
        return StraightLegs(
            latitude=self.latitude[places],
            longitude=self.longitude[places],
            circuity=self.circuity,
            speeds=self.speeds,
        )

    def along(self, places: IntArray, profile: int) -> tuple[IntArray, IntArray]:
        """Return metres and seconds from each place to the next one."""
        phi, lam = self.latitude[places], self.longitude[places]
        miles = great_circle_miles(phi[:-1], lam[:-1], phi[1:], lam[1:])
        speed = self.speeds[profile]
        metres = miles * METRES_PER_MILE * (1.0 if speed.straight else self.circuity)
        seconds = speed.seconds(metres)
        return np.rint(metres).astype(np.int64), np.rint(seconds).astype(np.int64)

    def points(self) -> FloatArray:
        """Return an equirectangular projection around the station, in metres."""
        metres = np.pi / 180.0 * 6_371_000.0
        across = np.cos(np.radians(self.latitude[0])) * metres
        return np.column_stack(
            [
                (self.longitude - self.longitude[0]) * across,
                (self.latitude - self.latitude[0]) * metres,
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixLegs:
    """Distances and times as given, such as a road matrix or a benchmark instance.

    Parameters
    ----------
    metres, seconds : sequence of ndarray, shape (n_places, n_places)
        One matrix a profile.
    places_xy : ndarray, shape (n_places, 2), optional
        Where the places lie; needed only to split a large problem.
    """

    metres: Sequence[IntArray]
    seconds: Sequence[IntArray]
    places_xy: FloatArray | None = None

    def between(self, places: IntArray) -> tuple[list[IntArray], list[IntArray]]:
        """Return metres and seconds among places, one matrix for each profile."""
        grid = np.ix_(places, places)
        return [m[grid] for m in self.metres], [s[grid] for s in self.seconds]

    def part(self, places: IntArray) -> MatrixLegs:
        """Return the legs among these places only."""
        metres, seconds = self.between(places)
        xy = None if self.places_xy is None else self.places_xy[places]
        return MatrixLegs(metres=metres, seconds=seconds, places_xy=xy)

    def along(self, places: IntArray, profile: int) -> tuple[IntArray, IntArray]:
        """Return metres and seconds from each place to the next one."""
        return (
            self.metres[profile][places[:-1], places[1:]],
            self.seconds[profile][places[:-1], places[1:]],
        )

    def points(self) -> FloatArray | None:
        """Return where the places lie, if that is known."""
        return self.places_xy
