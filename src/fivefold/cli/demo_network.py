"""The example network from files to map: import, forecast volume, plan a day, check, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fivefold.cli.app import told_errors
from fivefold.cli.data import ACTOR
from fivefold.cli.output import BAD_DATA, INFEASIBLE

if TYPE_CHECKING:
    from rich.console import Console


def run_network(workspace: Path, out: Path, *, as_json: bool) -> None:
    """Plan the example network once and print what it does."""
    from fivefold.cli.network import show_metro, show_network
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.workforce import show_workforce
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.last_mile import kept_routes
    from fivefold.cycle.metro import metro_record, plan_metro
    from fivefold.cycle.network import network_plans, network_record, plan_network
    from fivefold.cycle.workforce import staff_network, workforce_plans, workforce_record
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin.companies.operator import AS_OF, write_company
    from fivefold.web.parcel_network import write_network_report

    with (
        told_errors(as_json=as_json),
        Workspace(workspace) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        (workspace / "made-by-demo").touch()
        progress("build the example", 0.02)
        files = [(path.name, path.read_bytes()) for path in write_company(workspace / "files")]
        report = import_files(store, files, actor=ACTOR, as_of=AS_OF)
        dataset = store.dataset(as_of=AS_OF)
        made = plan_network(
            dataset,
            as_of=AS_OF,
            progress=lambda step, share: progress(step, 0.1 + 0.4 * share),
        )
        network_plans(store).save(made)
        progress("people", 0.5)
        people = staff_network(dataset, made, as_of=AS_OF)
        workforce_plans(store).save(people)
        streets = plan_metro(
            dataset.with_tables(forecast_means=made["forecast_means"]),
            as_of=AS_OF,
            progress=lambda step, share: progress(f"last mile, {step}", 0.55 + 0.4 * share),
        )
        kept_routes(store).save(streets)
        progress("write the report", 0.97)
        written = write_network_report(made, dataset, out, streets=streets)

    workforce = workforce_record(people)

    def show(console: Console) -> None:
        show_network(console, made)
        show_metro(console, streets)
        show_workforce(console, workforce)
        console.print(f"Wrote {written}.")
        console.print(
            "Next: `fivefold network why FC-TX01 DS-001`, `fivefold network sort`, "
            "`fivefold routes show`, `fivefold network lastmile --city Lincoln`, "
            "`fivefold workforce plan --surge 0.6`, `fivefold network site --open 50`."
        )

    emit(
        {
            **network_record(made),
            "last_mile": metro_record(streets),
            "workforce": workforce,
            "imported_files": len(report.files),
            "files": [str(written)],
        },
        as_json=as_json,
        show=show,
    )
    if report.has_errors:
        raise typer.Exit(BAD_DATA)
    if made.status == "infeasible" or not (made.is_legal and people.is_legal and streets.is_legal):
        raise typer.Exit(INFEASIBLE)
