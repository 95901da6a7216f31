"""What drivers know: the order in which they take stops, learnt from routes they drove.

Drivers do not drive the shortest route; they finish a zone before the next and take
neighbouring zones in turn. A conditional logit (McFadden 1974, eq. 12) over "which of the stops
still open comes next" learns what a change of zone is worth beside travel time; the sequence
proposed for a new day then minimises the sum of those prices, an asymmetric travelling salesman
problem solved by the routing solver. Zones are read as in the last-mile challenge: `F-9.2C` is
area F-9, row 2, column C.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.deliver.last_mile.legs import FloatArray, MatrixLegs
from fivefold.deliver.last_mile.problem import RoutingProblem, Vehicle
from fivefold.deliver.last_mile.solver import solve

ZONE = re.compile(r"^([A-Z]+)-(\d+)\.(\d+)([A-Z]+)$")
#: What a step from one stop to another is described by; times are in units of the route's mean
#: time to the nearest stop.
FEATURES = (
    "time",
    "root_time",
    "leaves_zone",
    "leaves_area",
    "row_step",
    "column_step",
    "diagonal",
)
#: Solver's whole units of one unit of utility.
PRICE_UNITS = 10_000.0
#: Weight of the square of each coefficient, against routes too few to tell.
RIDGE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenRoute:
    """A route and, where known, the order a driver took.

    Parameters
    ----------
    seconds : ndarray, shape (n, n)
        Travel times; place 0 is the station.
    zones : sequence of str or None
        Zone of each place; None at the station and where unknown.
    order : tuple of int
        Places in the order driven, beginning with 0; empty where it is to be proposed.
    """

    seconds: FloatArray
    zones: Sequence[str | None]
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverKnowledge:
    """Learnt weights of `FEATURES`, and how well they tell the next stop.

    Parameters
    ----------
    weights : ndarray, shape (n_features,)
    choices : int
        Steps learnt from.
    likelihood_per_choice : float
        Mean log likelihood of the steps learnt from; higher is better, 0 is certain.
    """

    weights: FloatArray
    choices: int
    likelihood_per_choice: float


def learn_sequences(routes: Sequence[DrivenRoute]) -> DriverKnowledge:
    """Return what driven routes teach about the next stop.

    Raises
    ------
    ValueError
        If no route has an order.
    """
    from scipy.optimize import minimize

    choices = [_choices(route) for route in routes if len(route.order) > 2]
    if not choices:
        raise ValueError("learn_sequences needs routes with the order driven, found none")
    count = sum(len(taken) for _features, taken, _open in choices)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        value, slope = 0.0, np.zeros(len(FEATURES))
        for features, taken, open_stops in choices:
            utility = np.where(open_stops, features @ weights, -np.inf)
            top = utility.max(axis=1, keepdims=True)
            share = np.exp(utility - top)
            total = share.sum(axis=1, keepdims=True)
            share /= total
            rows = np.arange(len(taken))
            value -= float((utility[rows, taken] - top[:, 0] - np.log(total[:, 0])).sum())
            slope -= (features[rows, taken] - np.einsum("ij,ijk->ik", share, features)).sum(axis=0)
        return value + RIDGE * float(weights @ weights), slope + 2.0 * RIDGE * weights

    found = minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B")
    weights: FloatArray = np.asarray(found.x, dtype=np.float64)
    fitted = -(float(found.fun) - RIDGE * float(weights @ weights)) / count
    return DriverKnowledge(weights=weights, choices=count, likelihood_per_choice=fitted)


def propose_sequence(
    route: DrivenRoute,
    knowledge: DriverKnowledge | None,
    *,
    seconds: float | None = 2.0,
    iterations: int | None = None,
    seed: int = 1,
) -> tuple[int, ...]:
    """Return the places of a route in the order a driver would take, beginning with 0.

    Parameters
    ----------
    route : DrivenRoute
        Its own order is not looked at.
    knowledge : DriverKnowledge or None
        None proposes the quickest sequence.
    seconds, iterations : float, int
        As in `solve`.
    seed : int
    """
    count = len(route.zones)
    if count < 2:
        return tuple(range(count))
    price = route.seconds if knowledge is None else -(step_features(route) @ knowledge.weights)
    price = price - price.min()
    whole = np.rint(price * (10.0 if knowledge is None else PRICE_UNITS)).astype(np.int64)
    np.fill_diagonal(whole, 0)
    zeros = np.zeros(count - 1, dtype=np.int64)
    problem = RoutingProblem(
        legs=MatrixLegs(metres=[whole], seconds=[np.zeros_like(whole)]),
        delivery=zeros[:, None],
        pickup=zeros[:, None],
        service=zeros,
        early=zeros,
        late=zeros + 1,
        release=zeros,
        miss_cost=zeros - 1,
        vehicles=[Vehicle(available=1, capacity=(1,))],
    )
    answer = solve(problem, seconds=None if iterations else seconds, iterations=iterations,
                   seed=seed)  # fmt: skip
    return (0, *(visit + 1 for visit in answer.routes[0].visits))


def step_features(route: DrivenRoute) -> FloatArray:
    """Return what describes each step from a place to another, shape (n, n, n_features)."""
    count = len(route.zones)
    away = route.seconds + np.diag(np.full(count, np.inf))
    inner = away[1:, 1:] if count > 2 else away
    scale = max(1.0, float(np.mean(inner.min(axis=1))))
    time = route.seconds / scale
    zone, area, row, column = _zone_codes(route)
    apart = zone[:, None] != zone[None, :]
    far = area[:, None] != area[None, :]
    rows = np.minimum(3, np.abs(row[:, None] - row[None, :])) * ~far
    columns = np.minimum(3, np.abs(column[:, None] - column[None, :])) * ~far
    features = np.stack(
        [time, np.sqrt(time), apart, far, rows, columns, (rows > 0) & (columns > 0)], axis=-1
    ).astype(np.float64)
    # The station has no zone: all that tells its steps apart is time.
    features[0, :, 2:] = 0.0
    features[:, 0, 2:] = 0.0
    return features


def _zone_codes(
    route: DrivenRoute,
) -> tuple[npt.NDArray[np.int64], ...]:
    """Return zone, area, row and column of each place; unknown zones are those of the nearest."""
    zones = list(route.zones)
    known = [i for i, zone in enumerate(zones) if zone and ZONE.match(zone)]
    for i in range(1, len(zones)):
        if i not in known and known:
            zones[i] = zones[min(known, key=lambda j, i=i: float(route.seconds[i, j]))]  # type: ignore[misc]
    names: dict[str, int] = {}
    areas: dict[str, int] = {}
    codes = np.zeros((4, len(zones)), dtype=np.int64)
    for i, zone in enumerate(zones):
        found = ZONE.match(zone) if zone else None
        if found is None:
            continue
        area = f"{found[1]}-{found[2]}"
        codes[0, i] = names.setdefault(found[0], len(names) + 1)
        codes[1, i] = areas.setdefault(area, len(areas) + 1)
        codes[2, i] = int(found[3])
        codes[3, i] = sum((ord(letter) - 64) * 26**k for k, letter in enumerate(found[4][::-1]))
    return tuple(codes)


def _choices(
    route: DrivenRoute,
) -> tuple[FloatArray, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return, for each step driven between stops: features, stop taken, stops still open."""
    features = step_features(route)
    steps = len(route.order) - 2
    stops = np.array(route.order)
    open_stops = np.zeros((steps, len(route.zones)), dtype=bool)
    for step in range(steps):
        open_stops[step, stops[step + 2 :]] = True
    # The station's leg is left out: one a route, and stem driving is another matter.
    return features[stops[1:-1]], stops[2:], open_stops
