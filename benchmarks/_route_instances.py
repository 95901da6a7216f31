"""Published routing instances as problems of our last mile; distances as each family asks."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks._form import DataMissingError
from fivefold.deliver.last_mile.legs import MatrixLegs
from fivefold.deliver.last_mile.problem import NEVER, RoutingProblem, Vehicle

#: Whole units of one unit of distance or time in Solomon's and Li and Lim's double precision.
FINE = 1000
#: Price of a vehicle where fewer vehicles come first, in units of distance.
VEHICLE_PRICE = 2000


def texts(folder: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each instance under a folder, from files and from archives."""
    if not folder.exists():
        raise DataMissingError(f"routes: data folder {folder} is missing; give --data")
    for path in sorted([folder] if folder.is_file() else folder.rglob("*")):
        if path.name.endswith(".tar.zst"):
            raw = pa.input_stream(str(path), compression="zstd").read()
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                for member in sorted(archive.getmembers(), key=lambda m: m.name):
                    inner = archive.extractfile(member) if member.isfile() else None
                    if inner is not None and member.name.endswith(suffix):
                        yield member.name, inner.read().decode("utf-8", "replace")
        elif path.is_file() and path.name.endswith(suffix):
            yield str(path), path.read_text(encoding="utf-8", errors="replace")


def _matrix_problem(
    metres: np.ndarray,
    *,
    demand: np.ndarray,
    capacity: int,
    vehicles: int,
    service: np.ndarray | None = None,
    windows: np.ndarray | None = None,
    fixed: int = 0,
    xy: np.ndarray | None = None,
) -> RoutingProblem:
    """Return a problem of one kind of vehicle over a matrix; row 0 of each array is the depot."""
    count = len(metres) - 1
    zeros = np.zeros(count, dtype=np.int64)
    timed = windows is not None
    return RoutingProblem(
        legs=MatrixLegs(
            metres=[metres], seconds=[metres if timed else np.zeros_like(metres)], places_xy=xy
        ),
        delivery=demand[1:, None].astype(np.int64),
        pickup=zeros[:, None],
        service=zeros if service is None else service[1:].astype(np.int64),
        early=zeros if windows is None else windows[1:, 0].astype(np.int64),
        late=zeros + NEVER if windows is None else windows[1:, 1].astype(np.int64),
        release=zeros,
        miss_cost=zeros - 1,
        vehicles=[
            Vehicle(
                available=vehicles,
                capacity=(capacity,),
                fixed_cost=fixed,
                early=0 if windows is None else int(windows[0, 0]),
                late=NEVER if windows is None else int(windows[0, 1]),
            )
        ],
    )


def _apart(xy: np.ndarray) -> np.ndarray:
    return np.sqrt(((xy[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2))


def read_x(text: str) -> RoutingProblem:
    """Return a CVRP of CVRPLIB: distances rounded to whole numbers."""
    fields, sections = _vrplib(text)
    xy = np.array([row[1:3] for row in sections["NODE_COORD_SECTION"]], dtype=np.float64)
    demand = np.array([row[1] for row in sections["DEMAND_SECTION"]])
    metres = np.floor(_apart(xy) + 0.5).astype(np.int64)
    return _matrix_problem(metres, demand=demand, capacity=int(fields["CAPACITY"]),
                           vehicles=len(xy) - 1, xy=xy)  # fmt: skip


def read_ortec(text: str) -> RoutingProblem:
    """Return a real grocery day: explicit asymmetric times, windows, distance counted."""
    fields, sections = _vrplib(text)
    size = int(fields["DIMENSION"])
    flat = [value for row in sections["EDGE_WEIGHT_SECTION"] for value in row]
    metres = np.array(flat, dtype=np.int64).reshape(size, size)

    def column(name: str, first: int = 1) -> np.ndarray:
        return np.array([row[first:] for row in sections[name]])

    return _matrix_problem(
        metres,
        demand=column("DEMAND_SECTION")[:, 0],
        capacity=int(fields["CAPACITY"]),
        vehicles=size - 1,
        service=column("SERVICE_TIME_SECTION")[:, 0],
        windows=column("TIME_WINDOW_SECTION"),
        xy=column("NODE_COORD_SECTION")[:, :2].astype(np.float64),
    )


def read_solomon(text: str) -> RoutingProblem:
    """Return Solomon's VRPTW: fewer vehicles first, then distance in double precision."""
    rows = [
        [float(word) for word in line.split()]
        for line in text.splitlines()
        if line.split() and all(word.replace(".", "", 1).isdigit() for word in line.split())
    ]
    vehicles, capacity = int(rows[0][0]), int(rows[0][1])
    table = np.array(rows[1:])
    metres = np.rint(_apart(table[:, 1:3]) * FINE).astype(np.int64)
    return _matrix_problem(
        metres,
        demand=table[:, 3],
        capacity=capacity,
        vehicles=vehicles,
        service=table[:, 6] * FINE,
        windows=table[:, 4:6] * FINE,
        fixed=VEHICLE_PRICE * FINE,
        xy=table[:, 1:3],
    )


def read_lilim(text: str) -> RoutingProblem:
    """Return Li and Lim's PDPTW: fewer vehicles first, then distance in double precision."""
    rows = [[float(word) for word in line.split()] for line in text.splitlines() if line.split()]
    vehicles, capacity = int(rows[0][0]), int(rows[0][1])
    table = np.array(rows[1:])
    metres = np.rint(_apart(table[:, 1:3]) * FINE).astype(np.int64)
    problem = _matrix_problem(
        metres,
        demand=np.maximum(0, -table[:, 3]),
        capacity=capacity,
        vehicles=vehicles,
        service=table[:, 6] * FINE,
        windows=table[:, 4:6] * FINE,
        fixed=VEHICLE_PRICE * FINE,
        xy=table[:, 1:3],
    )
    taken = np.maximum(0, table[1:, 3])[:, None].astype(np.int64)
    pairs = tuple((i - 1, int(table[i, 8]) - 1) for i in range(1, len(table)) if table[i, 8] > 0)
    return RoutingProblem(
        legs=problem.legs,
        delivery=problem.delivery,
        pickup=taken,
        service=problem.service,
        early=problem.early,
        late=problem.late,
        release=problem.release,
        miss_cost=problem.miss_cost,
        vehicles=problem.vehicles,
        pairs=pairs,
    )


def _vrplib(text: str) -> tuple[dict[str, str], dict[str, list[list[int]]]]:
    """Return fields and the numbers of each section of a VRPLIB file."""
    fields: dict[str, str] = {}
    sections: dict[str, list[list[int]]] = {}
    name = ""
    for line in text.splitlines():
        words = line.replace(":", " : ").split()
        if not words or words[0] == "EOF":
            continue
        if words[0].endswith("_SECTION"):
            name = words[0]
            sections[name] = []
        elif name and words[0].lstrip("-").replace(".", "", 1).isdigit():
            sections[name].append([int(float(word)) for word in words])
        elif ":" in words:
            fields[words[0]] = " ".join(words[words.index(":") + 1 :])
    return fields, sections
