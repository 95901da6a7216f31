"""Lot sizes: gap to the best known or exact cost, family by family.

    python -m benchmarks.lots [--suite FAMILY|all] [--data PATH] [--seconds N] [--quick] [--json]

A module has one or more `Family(name=…, measure=…)`; `measure(options)` returns
`Measured` whose rows carry `family`, `case` and the gaps it has (`gap`, or `gap_10s` and
`gap_60s` where the method is limited by time). A family without its data is left out of `all`
and named in `summary["missing"]`; asked for by name it ends with exit code 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from statistics import fmean
from typing import Any

from benchmarks._form import DataMissingError, Measured, Options, run
from benchmarks._lot_family import Family

#: Modules of the families, in the order in which they are measured.
MODULES: tuple[str, ...] = (
    "benchmarks._lots_uncapacitated",
    "benchmarks._lots_capacitated",
)


def families() -> dict[str, Family]:
    """Return the families by name."""
    modules = [import_module(name) for name in MODULES]
    found = [one for module in modules for one in vars(module).values() if isinstance(one, Family)]
    return {family.name: family for family in found}


def measure(options: Options) -> Measured:
    """Measure one family or all of them."""
    known = families()
    chosen = list(known) if options.suite == "all" else [options.suite]
    rows: list[Mapping[str, Any]] = []
    summary: dict[str, Any] = {}
    peers: list[Mapping[str, Any]] = []
    missing: list[str] = []
    for name in chosen:
        try:
            found = known[name].measure(options)
        except DataMissingError:
            if options.suite != "all":
                raise
            missing.append(name)
            continue
        rows += found.rows
        summary |= {f"{name}_{key}": value for key, value in found.summary.items()}
        if found.peer is not None:
            peers.append(found.peer)
    for gap in ("gap_10s", "gap_60s"):
        summary[f"mean_{gap}"] = mean_of(rows, gap)
    if missing:
        summary["missing"] = missing
    return Measured(rows=rows, summary=summary, peer=_together(peers))


def mean_of(rows: Sequence[Mapping[str, Any]], column: str) -> float | None:
    """Return the mean of a column over the rows that have it; None where none has."""
    values = [float(row[column]) for row in rows if row.get(column) is not None]
    return fmean(values) if values else None


def _together(peers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return several peers as one entry of the form."""
    if len(peers) < 2:
        return peers[0] if peers else None
    return {
        "name": " + ".join(str(peer["name"]) for peer in peers),
        "version": " + ".join(str(peer["version"]) for peer in peers),
        "summary": {
            f"{peer['name']}_{key}": value
            for peer in peers
            for key, value in peer["summary"].items()
        },
    }


if __name__ == "__main__":
    run("lots", measure, suites=("all", *families()), seconds=60.0)
