"""Commands on parcels: what services take, labels, what happened, claims on carriers."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    told_errors,
    usage_error,
)
from fivefold.cli.data import ACTOR
from fivefold.cli.execution import quantities_of
from fivefold.cli.output import INFEASIBLE

if TYPE_CHECKING:
    from rich.console import Console


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise usage_error(f"{text!r} is not a day; write it as YYYY-MM-DD") from None


def rate_command(
    lines: Annotated[list[str], typer.Argument(help="What is sent: ITEM=UNITS …")],
    workspace: WorkspaceOption = WORKSPACE,
    zip_code: Annotated[str, typer.Option("--zip", help="ZIP it goes to.")] = "",
    place: Annotated[
        str, typer.Option("--from", help="Place it leaves from. [default: the own channel's]")
    ] = "",
    by: Annotated[str | None, typer.Option(help="Day promised, YYYY-MM-DD.")] = None,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what each service would take, when it is there, and which is best. Nothing is sent."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.bookkeeping import at_noon
    from fivefold.cycle.parcels import rate
    from fivefold.cycle.workspace import Workspace

    promised = _day(by)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = rate(
            store,
            quantities_of(lines),
            at=at_noon(plan_day(store, as_of)),
            postal_code=zip_code,
            location=place,
            promised_on=promised,
        )
    parcels, options = rows(found["parcels"]), rows(found["parcel_options"])

    def show(out: Console) -> None:
        last = ("deliver_on", "on_time_share") if promised else ("deliver_on",)
        columns = ("chosen", "service", "zone", "billable_lb", "cost", *last, "grade")
        for number, parcel in enumerate(parcels, start=1):
            title = f"Parcel {number}, leaves {parcel['location']}"
            if parcel["weight_kg"] is not None:
                title += f", {parcel['weight_kg']:.2f} kg"
            own = [option for option in options if option["parcel"] == parcel["parcel"]]
            table(out, title, own, columns=columns)
            out.print(parcel["because"], markup=False)
            for option in own:
                if option["because"]:
                    out.print(f"  {option['service']}: {option['because']}", markup=False)
        for card, since in sorted({(o["card"], o["effective_from"]) for o in options if o["card"]}):
            out.print(f"[dim]card {card}, since {since}[/dim]")

    record = {
        "status": found.status,
        "cost": found.objective,
        "parcels": parcels,
        "options": options,
        "reasons": [] if found.explanations is None else rows(found.explanations),
    }
    emit(record, as_json=as_json, show=show)
    if found.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def list_command(
    name: Annotated[str | None, typer.Argument(help="Parcel or order. [default: all]")] = None,
    workspace: WorkspaceOption = WORKSPACE,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 20,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List parcels sent, the newest first: service, day promised and expected, where it stands."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.parcels import parcels_of
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        found = (
            store.dataset(as_of=day)["parcels"]
            if name is None
            else parcels_of(store, name, as_of=day)
        )
    told = rows(found.sort("shipped_on", "parcel", descending=True))
    columns = ("parcel", "service", "shipped_on", "promised_on", "expected_on", "cost", "state")
    emit(
        {"parcels": told},
        as_json=as_json,
        show=lambda out: table(out, "Parcels", told, columns=columns, most=most),
    )


def label_command(
    name: Annotated[str, typer.Argument(help="Parcel, or order for all its parcels.")],
    workspace: WorkspaceOption = WORKSPACE,
    recipient: Annotated[
        str, typer.Option("--name", help="Who it goes to. [default: a line to write on]")
    ] = "",
    street: Annotated[str, typer.Option(help="Street. [default: a line to write on]")] = "",
    out_file: Annotated[
        Path | None, typer.Option("--out", help="File. [default: label-NAME.html]")
    ] = None,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write labels of four by six inches to print. Name and street are printed and not kept."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.parcels import parcels_of
    from fivefold.cycle.workspace import Workspace
    from fivefold.web.labels import labels_of, labels_page

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        found = parcels_of(store, name, as_of=day)
        drawn = labels_of(store.dataset(as_of=day), found, recipient=recipient, street=street)
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
    target = out_file or Path(f"label-{safe}.html")
    target.write_text(labels_page(drawn, title=f"Labels of {name}"), encoding="utf-8")
    emit(
        {"file": str(target), "labels": found["parcel"].to_list()},
        as_json=as_json,
        show=lambda out: out.print(f"{len(drawn)} label(s) in {target}; print it at 4 × 6 in."),
    )


def tell_command(
    parcel: Annotated[str, typer.Argument(help="Parcel.")],
    what: Annotated[
        str, typer.Argument(help="delivered, delayed, attempted, lost, damaged … or a number.")
    ],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what happened to a parcel, or the carrier's number as `tracking=1Z…`."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.bookkeeping import at_noon
    from fivefold.cycle.last_mile import track
    from fivefold.cycle.parcels import number_parcel, parcels_of
    from fivefold.cycle.workspace import Workspace

    kind, _, number = what.partition("=")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        parcels_of(store, parcel, as_of=day)
        if kind == "tracking" and number:
            status = number_parcel(store, parcel, number, actor=ACTOR, on=day)
        else:
            row = {"delivery": parcel, "kind": what, "occurred_at": at_noon(day)}
            status = "ok" if track(store, [row], actor=ACTOR) else "duplicate"
    again = "; it was told before" if status == "duplicate" else ""
    emit(
        {"parcel": parcel, "told": what, "status": status},
        as_json=as_json,
        show=lambda out: out.print(f"{parcel}: {what}{again}.", markup=False),
    )


def claims_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List parcels a carrier answers for: lost, damaged, silent; how much and until when."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.parcels import claims
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        told = rows(claims(store, as_of=plan_day(store, as_of)))
    columns = ("parcel", "service", "reason", "goods_cost", "amount", "claim_until", "state")
    emit(
        {"claims": told},
        as_json=as_json,
        show=lambda out: table(out, "Claims on carriers", told, columns=columns, most=40),
    )


def claim_command(
    parcel: Annotated[str, typer.Argument(help="Parcel.")],
    granted: Annotated[
        float | None, typer.Option(help="What the carrier grants; booked as owed by it.", min=0)
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Raise the claim for a parcel; with --granted, book what the carrier pays for it."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.parcels import claim, grant
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        done = (
            claim(store, parcel, actor=ACTOR, on=day)
            if granted is None
            else grant(store, parcel, granted, actor=ACTOR, on=day)
        )
    word = "claimed" if granted is None else "granted"
    again = " before; nothing was added" if done.status == "duplicate" else ""
    record: dict[str, Any] = asdict(done)
    emit(
        record,
        as_json=as_json,
        show=lambda out: out.print(f"{parcel}: {done.amount:,.2f} {word}{again}."),
    )


GROUP = (
    "parcels",
    "Parcels to customers: services and their cost, labels, events, claims.",
    (
        ("rate", rate_command),
        ("list", list_command),
        ("label", label_command),
        ("tell", tell_command),
        ("claims", claims_command),
        ("claim", claim_command),
    ),
)
