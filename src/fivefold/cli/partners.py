"""Commands for delivery partners: economics with ranges, territories, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.routes import given_day

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    day: DateOption = None,
    vans: Annotated[int | None, typer.Option(help="Vans of the partner.", min=1)] = None,
    payment: Annotated[
        float | None, typer.Option(help="Payment for a route; not published, so derived.", min=0.01)
    ] = None,
    monthly_pay: Annotated[
        float | None, typer.Option(help="Pay of an employee who starts a partner.", min=0)
    ] = None,
    own_cost: Annotated[
        float | None, typer.Option(help="Cost of an own route. [default: mean of routes]", min=0)
    ] = None,
    territories: Annotated[
        int | None, typer.Option(help="Territories a station. [default: by work]", min=1)
    ] = None,
    names: Annotated[
        str, typer.Option("--partners", help="Partners to give them to, by commas.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show a partner's economics as ranges, break-even volume, territories and scores."""
    from fivefold.cli.output import emit
    from fivefold.cycle.last_mile import partners
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.partners.economics import PartnerParams
    from fivefold.deliver.partners.territories import TerritoryParams

    params = PartnerParams(
        vans=vans,
        payment_per_route=payment,
        monthly_pay=monthly_pay,
        own_cost_per_route=own_cost,
    )
    drawing = TerritoryParams(
        territories=territories,
        partners=tuple(name.strip() for name in names.split(",") if name.strip()),
    )
    with told_errors(as_json=as_json):
        if (workspace / "books.db").is_file():
            with Workspace(workspace, create=False) as store:
                found = partners(store, params, drawing, on=given_day(day))
        else:
            found = partners(None, params, drawing)
    economics: Any = found["economics"]
    drawn: Any = found["territories"]
    scores: Any = found["scores"]
    rows = economics["partner_economics"]
    record = {
        "economics": rows.to_dicts(),
        "break_even": rows.filter(rows["figure"].str.starts_with("break_even")).to_dicts(),
        "because": economics.explanations.to_dicts(),
        "territories": drawn["territories"].to_dicts(),
        "largest_work_share": drawn.objective,
        "scores": scores.to_dicts(),
    }
    emit(record, as_json=as_json, show=lambda out: _show(out, record, drawn["territories"]))


def _show(out: Console, record: dict[str, Any], territories: pl.DataFrame) -> None:
    import polars as pl

    from fivefold.cli.output import table

    table(
        out,
        "A partner's figures, low to high",
        record["economics"],
        columns=("figure", "low", "high", "unit", "grade", "source"),
        most=60,
    )
    for row in record["because"]:
        out.print(f"  {row['text']}")
    if territories.height:
        by_territory = (
            territories.group_by("station", "territory", "partner")
            .agg(
                postal_codes=pl.len(),
                stops=pl.col("stops").sum(),
                work_hours=pl.col("work_hours").sum(),
                work_share=pl.col("work_share").first(),
            )
            .sort("territory")
        )
        table(out, "Territories", by_territory.to_dicts(), most=40)
    else:
        out.print("No territories: there are no deliveries with postal codes in this workspace.")
    if record["scores"]:
        table(out, "Scores", record["scores"], most=40)


GROUP = (
    "partners",
    "Delivery partners: economics, territories, scores.",
    (("show", show_command),),
)
