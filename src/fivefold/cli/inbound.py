"""Commands on shipments to fulfilment networks: plan and pack, reconcile, claim."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.channels import planned
from fivefold.cli.data import ACTOR
from fivefold.cli.output import INFEASIBLE

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from fivefold.model import Outcome

_TABLES = ("inbound_shipments", "inbound_options", "inbound_cartons", "inbound_pallets")


def plan_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    weeks: Annotated[int, typer.Option(help="Ship what leaves within so many weeks.", min=1)] = 2,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Write a packing list a shipment, and pallets.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make shipments of the plan's moves: cartons, pallets, and three placements compared."""
    from fivefold.check import check_plan
    from fivefold.cli.output import emit
    from fivefold.deliver.inbound import InboundParams, plan_shipments

    with planned(workspace, as_of, as_json=as_json) as (dataset, day):
        outcome = plan_shipments(dataset, InboundParams(weeks=weeks), as_of=day)
    assert outcome.explanations is not None
    explained = dataset.with_tables(**outcome.tables, explanations=outcome.explanations)
    checked = check_plan(explained, as_of=day)
    broken = checked.filter(checked["table"].is_in(_TABLES))
    if out_folder is not None:
        _write(outcome, out_folder)
    emit(
        {
            "as_of": day,
            "total_value": outcome.objective,
            "legal": broken.height == 0,
            "violations": broken.to_dicts(),
            "shipments": [
                {
                    **shipment,
                    "options": _of(outcome["inbound_options"], shipment["shipment"]),
                    "carton_rows": _of(outcome["inbound_cartons"], shipment["shipment"]),
                    "pallet_rows": _of(outcome["inbound_pallets"], shipment["shipment"]),
                }
                for shipment in outcome["inbound_shipments"].to_dicts()
            ],
            "reasons": outcome.explanations.to_dicts(),
        },
        as_json=as_json,
        show=lambda out: _show_plan(out, outcome, broken),
    )
    if broken.height:
        raise typer.Exit(INFEASIBLE)


def _of(frame: pl.DataFrame, shipment: str) -> list[dict[str, Any]]:
    return frame.filter(frame["shipment"] == shipment).drop("shipment").to_dicts()


def _show_plan(out: Console, outcome: Outcome, broken: pl.DataFrame) -> None:
    from fivefold.cli.output import table

    shipments = outcome["inbound_shipments"]
    pallets = dict(
        outcome["inbound_pallets"].group_by("shipment").agg(n=_pallet_count()).iter_rows()
    )
    rows = [
        {**row, "pallets": pallets.get(row["shipment"], 0)}
        for row in shipments.iter_rows(named=True)
    ]
    table(
        out,
        "Shipments",
        rows,
        columns=(
            "shipment",
            "ship_on",
            "expected_on",
            "mode",
            "cartons",
            "pallets",
            "units",
            "weight_kg",
        ),
    )
    for row in rows:
        table(
            out,
            f"Placements of {row['shipment']}",
            _of(outcome["inbound_options"], row["shipment"]),
            columns=(
                "placement",
                "places",
                "mode",
                "freight_value",
                "placement_fee",
                "fee_low",
                "fee_high",
                "days",
                "total_value",
                "allowed",
                "chosen",
            ),
        )
    if broken.height:
        table(out, "Rules broken", broken.to_dicts(), columns=("rule", "text"))
    else:
        out.print("[green]Every shipment passes the checker.[/green]")


def _pallet_count() -> pl.Expr:
    import polars as pl

    return pl.col("pallet").n_unique()


def _write(outcome: Outcome, folder: Path) -> None:
    """Write the packing list of each shipment, a line a carton and item, and its pallets."""
    from fivefold.connect.tables import write_csv

    folder.mkdir(parents=True, exist_ok=True)
    for name, stem in (("inbound_cartons", "packing-list"), ("inbound_pallets", "pallets")):
        for (shipment,), rows in outcome[name].partition_by("shipment", as_dict=True).items():
            (folder / f"{shipment}-{stem}.csv").write_bytes(write_csv(rows))


def reconcile_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    short: Annotated[bool, typer.Option("--short", help="Only lines with units missing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what was shipped to fulfilment networks with what they received."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.inbound import reconcile
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        lines = reconcile(store, as_of=plan_day(store, as_of))
    shown = lines.filter(lines["missing"] > 0) if short else lines
    columns = (
        "shipment",
        "item",
        "expected_on",
        "shipped",
        "received",
        "missing",
        "value",
        "state",
        "claim_until",
    )

    def show(out: Console) -> None:
        table(out, "Shipped and received", shown.to_dicts(), columns=columns)
        out.print(
            f"{int(lines['missing'].sum()):,} units missing of {int(lines['shipped'].sum()):,}."
        )

    emit({"lines": shown.to_dicts()}, as_json=as_json, show=show)


def claim_command(
    shipment: Annotated[str, typer.Argument(help="Number of the shipment.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Raise the claim for units of a shipment that never arrived."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.inbound import claim
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        lines = claim(store, shipment, actor=ACTOR, on=plan_day(store, as_of))
    emit(
        {"shipment": shipment, "lines": lines.to_dicts()},
        as_json=as_json,
        show=lambda out: table(
            out, "Claimed", lines.to_dicts(), columns=("shipment", "item", "missing", "value")
        ),
    )


GROUP = (
    "inbound",
    "Shipments to fulfilment networks: cartons, pallets, placement, receipts, claims.",
    (("plan", plan_command), ("reconcile", reconcile_command), ("claim", claim_command)),
)
