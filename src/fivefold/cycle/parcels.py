"""Parcels of a company: made when an order ships, rated before, told of, claimed for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl

from fivefold.check.carriage import check_carriage
from fivefold.check.findings import none
from fivefold.cycle import documents
from fivefold.cycle.customer_commands import SoldLine
from fivefold.cycle.fulfilment import is_written, operations_of
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.fee_cards import cards_with
from fivefold.deliver.parcels.choice import ServiceParams, choose_services
from fivefold.deliver.parcels.claims import carrier_claims
from fivefold.deliver.parcels.forming import form_parcels
from fivefold.deliver.parcels.services import services_in_use
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import Fact
from fivefold.model import Dataset, Outcome, schema
from fivefold.units import split_minor

#: Kinds of channel whose parcels we send ourselves.
PARCEL_KINDS = ("fbm", "web")
#: Under this name a parcel is rated that is not sent.
QUESTION = "QUESTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Parcels of a shipment: their rows, what is in each, and the reasons."""

    parcels: pl.DataFrame
    lines: pl.DataFrame
    options: pl.DataFrame
    explanations: pl.DataFrame

    def at(self, location: str) -> pl.DataFrame:
        """Return the parcels that leave one place."""
        return self.parcels.filter(pl.col("location") == location)

    def cost_at(self, location: str) -> float | None:
        """Return what carriers take for the parcels of a place, None where one is not known."""
        here = self.at(location)
        if here.height == 0 or here["cost"].null_count():
            return None
        return float(here["cost"].sum())

    def facts(self, location: str) -> list[Fact]:
        """Return the facts that say what left a place in parcels."""
        found = []
        for row in self.at(location).iter_rows(named=True):
            inside = self.lines.filter(pl.col("parcel") == row["parcel"])
            told = {
                name: value.isoformat() if isinstance(value, date) else value
                for name, value in row.items()
                if value is not None and name not in ("parcel", "state")
            }
            body = {"row": told, "lines": inside.drop("parcel").to_dicts()}
            found.append(Fact(documents.PARCEL_MADE, row["parcel"], body))
        return found


def send(
    dataset: Dataset,
    order: str,
    sold: Sequence[SoldLine],
    *,
    on: date,
    service: str = "",
    promised: Mapping[int, date | None] | None = None,
    postal_code: str | None = None,
) -> Sent:
    """Return the parcels in which these units leave, each with its service; nothing is written.

    Raises
    ------
    NotFoundError
        If no service of that name is in use.
    ConflictError
        If the parcels break a rule; nothing may leave in them.
    """
    known = with_carriers(dataset)
    if service and service not in known["carriage_services"]["service"].to_list():
        names = ", ".join(known["carriage_services"]["service"].to_list())
        raise NotFoundError(f"no service {service!r} is in use; in use are {names}")
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    by_place: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for line in sold:
        by_place[line.location].append((line.line, line.item, line.quantity))
    number = dataset["parcels"].filter(pl.col("order") == order).height
    rows: list[dict[str, object]] = []
    inside: list[dict[str, object]] = []
    for place, lines in sorted(by_place.items()):
        for parcel in form_parcels(lines, items):
            number += 1
            name = f"{order}-P{number}"
            days = [(promised or {}).get(line) for line, _ in parcel.contents]
            sides = parcel.sides_cm or (None, None, None)
            rows.append(
                {
                    "parcel": name,
                    "order": order,
                    "location": place,
                    "shipped_on": on,
                    "promised_on": min((day for day in days if day is not None), default=None),
                    "ship_postal_code": postal_code,
                    **dict(zip(("length_cm", "width_cm", "height_cm"), sides, strict=True)),
                    "weight_kg": parcel.weight_kg,
                }
            )
            inside += [
                {"parcel": name, "line": line, "item": item, "quantity": units}
                for (line, item), units in sorted(parcel.contents.items())
            ]
    outcome = choose_services(
        known, schema("parcels").frame(rows), ServiceParams(service=service), as_of=on
    )
    contents = schema("parcel_lines").frame(inside)
    broken = pl.concat(
        [
            none(),
            *check_carriage(known.with_tables(**outcome.tables, parcel_lines=contents)),
        ]
    )
    if broken.height:
        raise ConflictError(f"the parcels of {order!r} break a rule: {broken['text'][0]}")
    assert outcome.explanations is not None
    return Sent(
        parcels=outcome["parcels"],
        lines=contents,
        options=outcome["parcel_options"],
        explanations=outcome.explanations,
    )


def with_carriers(dataset: Dataset) -> Dataset:
    """Return the dataset with the services and cards in force, its own before the package's."""
    return dataset.with_tables(
        carriage_services=services_in_use(dataset["carriage_services"]),
        fee_cards=cards_with(dataset["fee_cards"]),
    )


def rate(
    workspace: Workspace,
    quantities: Mapping[str, int],
    *,
    at: datetime,
    postal_code: str,
    location: str = "",
    promised_on: date | None = None,
) -> Outcome:
    """Return what every service would take for these units, and when they would be there.

    Raises
    ------
    NotFoundError
        If an item or the place is not known, or no own place sends parcels.
    """
    dataset = workspace.dataset(as_of=at.date())
    known = set(dataset["items"]["item"].to_list())
    for item in quantities:
        if item not in known:
            raise NotFoundError(f"there is no item {item!r}")
    place = location or _sending_place(dataset)
    if place not in dataset["locations"]["location"].to_list():
        raise NotFoundError(f"there is no place {place!r}")
    sold = [
        SoldLine(line=number, item=item, quantity=units, location=place, unit_price=0.0)
        for number, (item, units) in enumerate(sorted(quantities.items()), start=1)
    ]
    sent = send(
        dataset,
        QUESTION,
        sold,
        on=at.date(),
        promised=dict.fromkeys((line.line for line in sold), promised_on),
        postal_code=postal_code or None,
    )
    lacking = sent.parcels["service"].null_count()
    return Outcome(
        tables={
            "parcels": sent.parcels,
            "parcel_lines": sent.lines,
            "parcel_options": sent.options,
        },
        status="infeasible" if lacking else "optimal",
        objective=float(sent.parcels["cost"].sum()),
        explanations=sent.explanations,
    )


def _sending_place(dataset: Dataset) -> str:
    own = dataset["channels"].filter(pl.col("kind").is_in(PARCEL_KINDS)).sort("channel")
    if own.height == 0:
        raise NotFoundError("no own channel sends parcels; name the place they leave from")
    return str(own["location"][0])


def parcels_of(workspace: Workspace, name: str, *, as_of: date) -> pl.DataFrame:
    """Return a parcel, or all parcels of an order.

    Raises
    ------
    NotFoundError
        If there is neither.
    """
    parcels = workspace.dataset(as_of=as_of)["parcels"]
    found = parcels.filter((pl.col("parcel") == name) | (pl.col("order") == name))
    if found.height == 0:
        raise NotFoundError(
            f"there is no parcel and no shipped order {name!r}; `fivefold parcels list` has them"
        )
    return found


def number_parcel(workspace: Workspace, parcel: str, tracking: str, *, actor: str, on: date) -> str:
    """Keep the carrier's number of a parcel; return ok or duplicate."""
    parcels_of(workspace, parcel, as_of=on)
    key = f"parcel-number:{parcel}:{tracking}"
    if is_written(workspace.journal, key):
        return "duplicate"
    workspace.journal.submit(
        events.record(
            key=key,
            actor=actor,
            effective_at=_noon(on),
            kind=documents.PARCEL_NUMBERED,
            subject=parcel,
            body={"tracking": tracking},
        )
    )
    return "ok"


def claims(workspace: Workspace, *, as_of: date) -> pl.DataFrame:
    """Return every parcel a carrier answers for, with what can be claimed until when."""
    return carrier_claims(workspace.dataset(as_of=as_of), as_of=as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A claim raised or granted; `amount` in the main unit of the currency."""

    parcel: str
    status: str
    amount: float


def claim(workspace: Workspace, parcel: str, *, actor: str, on: date) -> Claimed:
    """Raise the claim for a parcel lost, damaged or silent; once.

    The claim is a fact; money is booked when the carrier grants it.

    Raises
    ------
    NotFoundError
        If there is no such parcel.
    ConflictError
        If nothing can be claimed for it on that day; the reason is told.
    """
    row = parcels_of(workspace, parcel, as_of=on).row(0, named=True)
    found = claims(workspace, as_of=on).filter(pl.col("parcel") == parcel)
    state = found["state"][0] if found.height else ""
    if state in ("claimed", "granted"):
        return Claimed(parcel=parcel, status="duplicate", amount=found["claimed"][0])
    if state != "claimable":
        raise ConflictError(f"nothing can be claimed for {parcel}: {_why_not(row, state)}")
    amount = found["amount"][0]
    if amount is None:
        raise ConflictError(
            f"what can be claimed for {parcel} is not known: a unit cost of its items, or the "
            f"liability of {row['service']}, is missing"
        )
    body = {"on": on.isoformat(), "amount": amount, "reason": found["reason"][0]}
    operations_of(workspace, workspace.dataset(as_of=on), actor=actor).write(
        events.record(
            key=f"parcel-claim:{parcel}",
            actor=actor,
            effective_at=_noon(on),
            kind=documents.PARCEL_CLAIMED,
            subject=parcel,
            body=body,
        )
    )
    return Claimed(parcel=parcel, status="ok", amount=amount)


def _why_not(row: Mapping[str, Any], state: str) -> str:
    if state == "lapsed":
        return "the time in which the carrier takes claims has passed"
    if row["state"] == "delivered":
        return f"it was delivered on {row['delivered_on']}"
    return f"it is on its way and expected by {row['expected_on']}"


def grant(workspace: Workspace, parcel: str, amount: float, *, actor: str, on: date) -> Claimed:
    """Book what the carrier grants for a claim, owed by it, by item; once.

    Raises
    ------
    ConflictError
        If nothing was claimed, or more is granted than was.
    """
    row = parcels_of(workspace, parcel, as_of=on).row(0, named=True)
    if row["claimed"] is None:
        raise ConflictError(f"nothing was claimed for {parcel}; `fivefold parcels claim` does")
    if row["granted"] is not None:
        return Claimed(parcel=parcel, status="duplicate", amount=row["granted"])
    if not 0.0 <= amount <= row["claimed"] + 1e-9:
        raise ConflictError(
            f"{amount:.2f} granted for {parcel} is not within the {row['claimed']:.2f} claimed"
        )
    dataset = workspace.dataset(as_of=on)
    operations = operations_of(workspace, dataset, actor=actor)
    inside = (
        dataset["parcel_lines"]
        .filter(pl.col("parcel") == parcel)
        .join(dataset["items"].select("item", "unit_cost"), on="item", how="left")
        .group_by("item")
        .agg(worth=(pl.col("quantity") * pl.col("unit_cost").fill_null(0.0)).sum())
        .sort("item")
    )
    minor = operations.cents(amount)
    shares = split_minor(minor, [operations.cents(worth) + 1 for worth in inside["worth"]])
    channel = dataset["orders"].filter(pl.col("order") == row["order"])["channel"]
    command = events.carrier_claim(
        key=f"parcel-grant:{parcel}",
        actor=actor,
        effective_at=_noon(on),
        order=row["order"],
        channel=str(channel[0]) if channel.len() else "",
        amounts_minor=dict(zip(inside["item"], shares, strict=True)),
        currency=operations.currency,
    )
    fact = Fact(documents.PARCEL_GRANTED, parcel, {"on": on.isoformat(), "amount": amount})
    receipt = operations.write(command, fact)
    return Claimed(parcel=parcel, status=receipt.status, amount=amount)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)
