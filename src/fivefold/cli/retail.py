"""Commands on retailers: `fivefold retail …` checks, labels, announces, charges back, scores."""

from __future__ import annotations

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
from fivefold.cli.order_desk import ORDER, at_of

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.retailing import Prepared

KINDS = ("late", "early", "short", "no_asn", "late_asn", "wrong_label", "wrong_multiple", "pallet")


def check_command(
    order: ORDER,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check an order against its retailer's routing guide, with what breaking it would cost."""
    from fivefold.cli.output import INFEASIBLE, emit, rows, table
    from fivefold.cycle.retailing import check
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = check(store, order, at=at_of(store, as_of))
    findings = rows(found["routing_findings"])

    def show(out: Console) -> None:
        columns = ("kind", "passes", "found", "expected", "chargeback")
        table(out, f"{order} against the routing guide", findings, columns=columns)
        for row in findings:
            if row["to_do"]:
                out.print(f"{row['kind'].replace('_', ' ')}: {row['to_do']}.", markup=False)
        if found.status == "feasible":
            out.print("Nothing stands against shipping it.")
        else:
            more = f", {found.notes['unknown']} not known" if found.notes["unknown"] else ""
            out.print(f"Shipped so it would cost {found.objective:,.2f}{more}.")

    emit(
        {
            "order": order,
            "status": found.status,
            "chargeback": found.objective,
            "unknown": found.notes["unknown"],
            "findings": findings,
            "cartons": rows(found["retail_cartons"]),
        },
        as_json=as_json,
        show=show,
    )
    if found.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def _say(done: Prepared, words: str, *, as_json: bool) -> None:
    from fivefold.cli.output import emit, rows, table

    cartons = rows(done.cartons)

    def show(out: Console) -> None:
        again = " (before; nothing was added)" if done.status == "duplicate" else ""
        out.print(f"{done.order} {words}{again}.")
        columns = ("carton", "item", "quantity", "is_case", "pallet", "weight_kg", "sscc")
        table(out, "Cartons", cartons, columns=columns, most=40)

    record: dict[str, Any] = {"order": done.order, "status": done.status, "cartons": cartons}
    emit(record, as_json=as_json, show=show)


def labels_command(
    order: ORDER,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give every carton of an order its serial code (SSCC), as the guide asks."""
    from fivefold.cycle.retailing import label
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = label(store, order, actor=ACTOR, at=at_of(store, as_of))
    _say(done, "has its labels", as_json=as_json)


def notice_command(
    order: ORDER,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the ship notice of an order: what is in which carton on which pallet."""
    from fivefold.cycle.retailing import announce
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = announce(store, order, actor=ACTOR, at=at_of(store, as_of))
    _say(done, "is announced", as_json=as_json)


def charge_command(
    order: ORDER,
    kind: Annotated[str, typer.Argument(help=f"What for: {', '.join(KINDS)}.")],
    amount: Annotated[float, typer.Option(help="What the retailer took off; 0 waives it.", min=0)],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Book a chargeback as the retailer took it, in place of what was expected."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.cycle.retailing import charge
    from fivefold.cycle.workspace import Workspace

    if kind not in KINDS:
        raise usage_error(f"KIND must be one of {', '.join(KINDS)}, found {kind!r}")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = charge(store, order, kind, amount, actor=ACTOR, at=at_of(store, as_of))

    def show(out: Console) -> None:
        again = " (booked before; nothing was added)" if done.status == "duplicate" else ""
        was = "nothing" if done.expected is None else f"{done.expected:,.2f}"
        out.print(f"{order} {kind}: {done.charged:,.2f} where {was} was expected{again}.")

    emit(asdict(done), as_json=as_json, show=show)


def scorecard_command(
    workspace: WorkspaceOption = WORKSPACE, as_of: DateOption = None, as_json: JsonOption = False
) -> None:
    """Show how each retailer was served over a year, and what breaking its guide cost."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cycle.retailing import scores
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = at_of(store, as_of).date()
        found = rows(scores(store, as_of=day)["retail_scores"])
        booked = rows(store.dataset(as_of=day)["chargebacks"])

    def show(out: Console) -> None:
        if not found:
            out.print("No channel is a retailer; a row of kind retail in channels makes one.")
            return
        columns = ("channel", "orders", "fill_share", "on_time_share", "asn_share", "chargebacks",
                   "next_step")  # fmt: skip
        table(out, "Retailers over a year", found, columns=columns)
        if booked:
            taken = ("order", "kind", "on", "expected", "charged", "state")
            table(out, "Chargebacks", booked, columns=taken, most=20)

    emit({"retailers": found, "chargebacks": booked}, as_json=as_json, show=show)


GROUP = (
    "retail",
    "Retailers: orders against the routing guide, labels, ship notices, chargebacks, scorecard.",
    (
        ("check", check_command),
        ("labels", labels_command),
        ("notice", notice_command),
        ("charge", charge_command),
        ("scorecard", scorecard_command),
    ),
)
