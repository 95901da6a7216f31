"""The retailers of the example: orders taken, checked, labelled, announced, shipped, charged."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fivefold.cli.app import told_errors
from fivefold.cli.data import ACTOR
from fivefold.cli.output import BAD_DATA

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.workspace import Workspace


def run_retailer(workspace: Path, *, as_json: bool) -> None:
    """Run the day of the example's retailers once and print what it did."""
    from fivefold.cli.output import emit
    from fivefold.cycle.importing import import_files
    from fivefold.cycle.workspace import Workspace
    from fivefold.ledger.verify import verify
    from fivefold.twin.companies.retailer import AS_OF, write_company

    with told_errors(as_json=as_json):
        files = [(path.name, path.read_bytes()) for path in write_company(workspace / "files")]
        with Workspace(workspace) as store:
            (workspace / "made-by-demo").touch()
            import_files(store, files, actor=ACTOR, as_of=AS_OF)
            record = _day(store)
            record["books_whole"] = verify(store.journal).ok
    emit(record, as_json=as_json, show=lambda console: _show(console, record))
    if not record["books_whole"]:
        raise typer.Exit(BAD_DATA)


def _day(store: Workspace) -> dict[str, Any]:
    """Return what became of the orders: as found, as mended, as shipped, as charged."""
    from fivefold.cli.output import rows
    from fivefold.cycle.bookkeeping import at_noon
    from fivefold.cycle.ordering import take_order
    from fivefold.cycle.retailing import announce, charge, check, label, scores
    from fivefold.cycle.shipping import ship
    from fivefold.twin.companies.retailer import AS_OF, ASKED

    at = at_noon(AS_OF)
    told: list[dict[str, Any]] = []
    for order, channel, days, lines in ASKED:
        wanted = [
            {"item": item, "quantity": units, "requested_by": AS_OF + timedelta(days=days)}
            for item, units in lines
        ]
        zip_code = {"BIGMART": "72712", "HOMELY": "28117"}[channel]
        take_order(
            store, wanted, actor=ACTOR, at=at, order=order, channel=channel, postal_code=zip_code
        )
        before = check(store, order, at=at)
        if channel == "BIGMART":
            label(store, order, actor=ACTOR, at=at)
        announce(store, order, actor=ACTOR, at=at)
        after = check(store, order, at=at)
        done = ship(store, order, actor=ACTOR, at=at, anyway=True)
        told.append(
            {
                "order": order,
                "channel": channel,
                "cartons": after["retail_cartons"]["carton"].n_unique(),
                "pallets": after["retail_cartons"]["pallet"].drop_nulls().n_unique(),
                "at_first": before.objective,
                "mended": after.objective,
                "revenue": done.revenue,
                "broken": list(done.chargebacks),
            }
        )
    late = next(row for row in told if "late" in row["broken"])
    charge(store, str(late["order"]), "late", 20.0, actor=ACTOR, at=at)
    return {
        "orders": told,
        "findings": rows(check(store, str(late["order"]), at=at)["routing_findings"]),
        "chargebacks": rows(store.dataset(as_of=AS_OF)["chargebacks"]),
        "retailers": rows(scores(store, as_of=AS_OF)["retail_scores"]),
    }


def _show(out: Console, record: dict[str, Any]) -> None:
    from fivefold.cli.output import table

    columns = ("order", "channel", "cartons", "pallets", "at_first", "mended", "revenue")
    table(out, "Orders: what their guide would cost at first, and once mended", record["orders"],
          columns=columns)  # fmt: skip
    booked = ("order", "kind", "expected", "charged", "booked", "state")
    table(out, "Chargebacks on the books", record["chargebacks"], columns=booked)
    scored = ("channel", "orders", "fill_share", "on_time_share", "chargebacks", "next_step")
    table(out, "Retailers over a year", record["retailers"], columns=scored)
    whole = "whole" if record["books_whole"] else "NOT WHOLE"
    out.print(f"The books are {whole}. `fivefold retail check ORDER` tells one order's rules;")
    out.print("`fivefold channels show` has the retailers beside the own shop.")
