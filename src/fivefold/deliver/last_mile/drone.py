"""A truck that launches a drone or robot underway: the travelling salesman with a drone.

Operations follow Agatz, Bouman, Schmidt (2018), Transportation Science 52(4), 965-981: a truck
drives from one meeting point to the next while the drone, launched at the first, serves one
stop and lands at the second; the slower of the two sets the time. Given an order of stops, the
best split into such operations is found exactly by dynamic programming (their Section 4.2,
"exact partitioning"); the order is improved by moves that are judged after that split (their
TSP-ep-all), from several starting tours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fivefold.deliver.last_mile.legs import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DroneInstance:
    """Times between places for truck and drone; place 0 is the depot.

    Parameters
    ----------
    truck, drone : ndarray, shape (n, n)
        Travel times of each.
    may_fly : ndarray of bool, shape (n,), optional
        Stops the drone can serve: its payload and its landing ground. Default all.
    longest_flight : float
        Longest time from launch to landing, both ways.
    """

    truck: FloatArray
    drone: FloatArray
    may_fly: npt.NDArray[np.bool_] | None = None
    longest_flight: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """From one meeting point to the next: stops of the truck between, and the drone's stop."""

    start: int
    end: int
    drives: tuple[int, ...]
    flies: int | None
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DroneTour:
    """A tour of truck and drone: its operations, its time, and that of the truck alone."""

    operations: tuple[Operation, ...]
    cost: float
    truck_only_cost: float


def read_instance(text: str) -> DroneInstance:
    """Return an instance of Bouman's TSP-D format; speeds are times for a unit of distance."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("/*")]
    truck, drone, count = float(lines[0]), float(lines[1]), int(lines[2])
    xy = np.array([[float(word) for word in line.split()[:2]] for line in lines[3 : 3 + count]])
    apart = np.sqrt(((xy[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2))
    return DroneInstance(truck=apart * truck, drone=apart * drone)


def best_split(
    instance: DroneInstance, order: list[int]
) -> tuple[float, list[tuple[int, int, int]]]:
    """Return the least time of an order and its operations as (start, flies, end) positions.

    `flies` is -1 where the truck drives alone. O(n^3) with prefix sums of the truck's way.

    Examples
    --------
    >>> line = np.abs(np.subtract.outer([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]))
    >>> best_split(DroneInstance(truck=line, drone=line), [0, 1, 2])[0]
    4.0
    """
    tour = [*order, 0]
    last = len(tour) - 1
    truck, drone = instance.truck, instance.drone
    way = [0.0]
    for a, b in pairwise(tour):
        way.append(way[-1] + float(truck[a, b]))
    can = instance.may_fly
    value = [0.0] + [math.inf] * last
    choice: list[tuple[int, int]] = [(0, -1)] * (last + 1)
    for j in range(1, last + 1):
        value[j] = value[j - 1] + float(truck[tour[j - 1], tour[j]])
        choice[j] = (j - 1, -1)
        for i in range(j - 2, -1, -1):
            if value[i] >= value[j]:
                continue
            drive_all = way[j] - way[i]
            for k in range(i + 1, j):
                if can is not None and not can[tour[k]]:
                    continue
                fly = float(drone[tour[i], tour[k]] + drone[tour[k], tour[j]])
                if fly > instance.longest_flight:
                    continue
                past = float(truck[tour[k - 1], tour[k + 1]])
                drive = drive_all - (way[k + 1] - way[k - 1]) + past
                if drive > instance.longest_flight and math.isfinite(instance.longest_flight):
                    continue
                total = value[i] + max(drive, fly)
                if total < value[j]:
                    value[j], choice[j] = total, (i, k)
    operations = []
    j = last
    while j > 0:
        i, k = choice[j]
        operations.append((i, k, j))
        j = i
    return value[last], operations[::-1]


def truck_and_drone(instance: DroneInstance, *, starts: int = 16, seed: int = 1) -> DroneTour:
    """Return a tour of truck and drone.

    Parameters
    ----------
    instance : DroneInstance
    starts : int
        Tours to begin from: the truck's shortest found, then drawn ones.
    seed : int

    Notes
    -----
    A heuristic: not proved optimal. Every order tried is split optimally.
    """
    count = len(instance.truck)
    rng = np.random.default_rng(seed)
    alone = _two_opt(instance.truck, list(range(count)))
    best_cost, best_order = best_split(instance, alone)[0], alone
    for turn in range(max(1, starts)):
        order = alone if turn == 0 else [0, *(rng.permutation(count - 1) + 1).tolist()]
        cost, found = _improved(instance, order)
        if cost < best_cost - 1e-12:
            best_cost, best_order = cost, found
    _cost, split = best_split(instance, best_order)
    return DroneTour(
        operations=tuple(_operation(instance, best_order, *part) for part in split),
        cost=best_cost,
        truck_only_cost=_length(instance.truck, alone),
    )


def _operation(instance: DroneInstance, order: list[int], i: int, k: int, j: int) -> Operation:
    tour = [*order, 0]
    drives = tuple(tour[p] for p in range(i + 1, j) if p != k)
    path = [tour[i], *drives, tour[j]]
    drive = float(sum(instance.truck[a, b] for a, b in pairwise(path)))
    flies = None if k < 0 else tour[k]
    if flies is None:
        return Operation(start=tour[i], end=tour[j], drives=drives, flies=None, cost=drive)
    fly = float(instance.drone[tour[i], flies] + instance.drone[flies, tour[j]])
    return Operation(start=tour[i], end=tour[j], drives=drives, flies=flies, cost=max(drive, fly))


def _length(times: FloatArray, order: list[int]) -> float:
    return float(times[order, [*order[1:], order[0]]].sum())


def _two_opt(times: FloatArray, order: list[int]) -> list[int]:
    """Return a tour that no reversal of a part and no moved stop shortens."""
    found, cost = order, _length(times, order)
    improved = True
    while improved:
        improved = False
        for near in _neighbours(found):
            length = _length(times, near)
            if length < cost - 1e-9:
                found, cost, improved = near, length, True
                break
    return found


def _improved(instance: DroneInstance, order: list[int]) -> tuple[float, list[int]]:
    """Return the order no neighbour of which splits into less time; best neighbour first."""
    cost = best_split(instance, order)[0]
    while True:
        best, found = cost, order
        for near in _neighbours(order):
            value = best_split(instance, near)[0]
            if value < best - 1e-12:
                best, found = value, near
        if found is order:
            return cost, order
        cost, order = best, found


def _neighbours(order: list[int]) -> list[list[int]]:
    """Return tours one reversal, one moved stop or one exchange away; the depot stays first."""
    count = len(order)
    found = []
    for i in range(1, count):
        for j in range(i + 1, count):
            found.append([*order[:i], *order[i : j + 1][::-1], *order[j + 1 :]])
            if j > i + 1:
                swapped = list(order)
                swapped[i], swapped[j] = swapped[j], swapped[i]
                found.append(swapped)
                found.append([*order[:i], *order[i + 1 : j + 1], order[i], *order[j + 1 :]])
                found.append([*order[:i], order[j], *order[i:j], *order[j + 1 :]])
    return found
