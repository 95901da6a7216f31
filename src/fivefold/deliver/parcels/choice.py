"""Which service carries a parcel: the cheapest that is there by the day promised, surely enough.

Knows rates by zone and billable weight, working days of the carrier, and the spread of its days:
learnt from parcels delivered where there are enough, else assumed around the card's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from fivefold.calendars import WorkCalendar
from fivefold.deliver.evidence import location_point
from fivefold.deliver.fee_cards import FeeBook, cards_with
from fivefold.deliver.parcels.services import billable_pounds, refused_because, services_in_use
from fivefold.deliver.promise import work_calendar
from fivefold.deliver.promise_days import (
    ENOUGH,
    FloatArray,
    card_transit,
    learnt_transit,
    openings,
    working_days_taken,
)
from fivefold.deliver.zones import (
    ASSUMED_ZONE,
    carriage,
    great_circle_miles,
    service_days,
    zip_coordinates,
    zones_of,
)
from fivefold.model import Dataset, Outcome, schema
from fivefold.model.outcome import Reason, explanations_frame

#: Working days told apart.
_LONGEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParams:
    """How a service is chosen.

    Parameters
    ----------
    confidence_share : float
        Chance with which a parcel is to be there by the day promised.
    transit_sd_days : float
        Standard deviation of carriage where fewer than 30 parcels of a service and zone
        tell. [assumed]
    service : str
        Only this one; any where empty.
    """

    confidence_share: float = 0.95
    transit_sd_days: float = 0.5
    service: str = ""

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence_share < 1.0:
            raise ValueError(
                f"confidence_share must lie in 0.5 to below 1, found {self.confidence_share}"
            )
        if self.transit_sd_days < 0:
            raise ValueError(f"transit_sd_days must not be negative, found {self.transit_sd_days}")


def choose_services(
    dataset: Dataset, parcels: pl.DataFrame, params: ServiceParams | None = None, *, as_of: date
) -> Outcome:
    """Return each parcel with the service that carries it, and what every service would take.

    Parameters
    ----------
    dataset : Dataset
        locations, calendars, carriage_services and fee_cards; parcels delivered before teach
        days of carriage.
    parcels : polars.DataFrame
        Of the table parcels: parcel, order, location, shipped_on, sides, weight and, where
        known, promised_on and ship_postal_code. Service, cost and days are filled in.
    params : ServiceParams, optional
    as_of : date

    Returns
    -------
    Outcome
        parcels and parcel_options; the objective is what the services chosen take.

    Notes
    -----
    Of the services whose chance to be there by the day promised is at least
    `confidence_share` the cheapest is taken, the sooner one where two cost the same. Where
    none is sure enough the surest is, then the cheapest. Without a day promised the cheapest is.
    """
    desk = _Desk(dataset, params or ServiceParams(), as_of)
    made, options, reasons = [], [], []
    for parcel in parcels.iter_rows(named=True):
        found = [desk.option(parcel, service) for service in desk.services]
        chosen = _best(found, parcel["promised_on"], desk.params.confidence_share)
        parcel |= {"because": _why(parcel, chosen, found, desk)}
        if chosen is not None:
            chosen["chosen"] = True
            parcel |= {
                "service": chosen["service"],
                "carrier": chosen["carrier"],
                "expected_on": chosen["deliver_on"],
                **{name: chosen[name] for name in _TOLD},
            }
        made.append(parcel)
        options += found
        reasons += _reasons(parcel, chosen, found)
    names = schema("parcel_options").names
    table = schema("parcel_options").frame([{n: o[n] for n in names} for o in options])
    done = schema("parcels").frame(made)
    return Outcome(
        tables={"parcels": done, "parcel_options": table},
        status="infeasible" if done["service"].null_count() else "optimal",
        objective=float(done["cost"].sum()),
        explanations=explanations_frame(reasons),
        notes={"parcels": done.height, "not_carried": done["service"].null_count()},
    )


#: What a parcel takes over from the option chosen.
_TOLD = ("zone", "billable_lb", "cost", "card", "effective_from", "grade", "on_time_share")


class _Desk:
    """Rates, days and services as of a day, looked up once."""

    def __init__(self, dataset: Dataset, params: ServiceParams, as_of: date) -> None:
        self.params = params
        self.dataset = dataset
        self.as_of = as_of
        self.book = FeeBook(cards_with(dataset["fee_cards"]), day=as_of)
        self.services = services_in_use(dataset["carriage_services"]).sort("service").to_dicts()
        if params.service:
            self.services = [s for s in self.services if s["service"] == params.service]
        self.places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
        self.done = dataset["parcels"].filter(pl.col("delivered_on").is_not_null())
        self._transits: dict[tuple[str, int], FloatArray | None] = {}
        self._calendars: dict[str | None, WorkCalendar] = {}

    def calendar(self, name: str | None) -> WorkCalendar:
        """Return the days a carrier works."""
        if name not in self._calendars:
            self._calendars[name] = work_calendar(self.dataset, name, as_of=self.as_of)[0]
        return self._calendars[name]

    def zone(self, parcel: Mapping[str, Any]) -> int | None:
        """Return the carrier zone from the place to the customer, None where it is not known."""
        here = location_point(self.places[parcel["location"]])
        there = zip_coordinates(parcel["ship_postal_code"])
        if here is None or there is None:
            return None
        return int(zones_of(great_circle_miles(*here, *there)))

    def transit(self, service: Mapping[str, Any], zone: int) -> FloatArray | None:
        """Return the chance of each number of working days, None where nothing tells them."""
        key = (service["service"], zone)
        if key not in self._transits:
            self._transits[key] = self._learnt(service, zone)
        return self._transits[key]

    def _learnt(self, service: Mapping[str, Any], zone: int) -> FloatArray | None:
        own = self.done.filter((pl.col("service") == service["service"]) & (pl.col("zone") == zone))
        if own.height >= ENOUGH:
            shipped, there = own["shipped_on"].to_list(), own["delivered_on"].to_list()
            start = min(shipped)
            opening = openings(
                self.calendar(service["calendar"]), start, (max(there) - start).days + 1
            )
            return learnt_transit(working_days_taken(opening, start, shipped, there), _LONGEST)
        days = service_days(self.book, service["service"], zone)
        if days is None:
            return None
        return card_transit(min(days, _LONGEST - 2), self.params.transit_sd_days, _LONGEST)

    def option(self, parcel: Mapping[str, Any], service: Mapping[str, Any]) -> dict[str, Any]:
        """Return what one service would take for a parcel, and when it would be there."""
        found: dict[str, Any] = {
            "parcel": parcel["parcel"],
            "service": service["service"],
            "carrier": service["carrier"],
            "name": service["name"] or service["service"],
            **dict.fromkeys((*_TOLD, "deliver_on")),
            "chosen": False,
            "because": "",
        }
        zone = self.zone(parcel)
        found["zone"] = zone or ASSUMED_ZONE
        if parcel["weight_kg"] is None:
            return found | {"because": "The weight of an item in it is not known."}
        sides = [parcel[name] for name in ("length_cm", "width_cm", "height_cm")]
        refused = refused_because(dict(service), sides, parcel["weight_kg"])
        if refused:
            return found | {"because": f"Not taken: {refused}."}
        found["billable_lb"] = billable_pounds(
            sides, parcel["weight_kg"], dim_divisor=service["dim_divisor"]
        )
        line = carriage(
            self.book,
            zone=found["zone"],
            weight_lb=found["billable_lb"],
            service=service["service"],
        )
        if line.amount is None:
            return found | {"because": f"No rate is known. {line.note}"}
        found |= {
            "cost": round(line.amount, 4),
            "card": line.card,
            "effective_from": line.effective_from,
            "grade": line.grade,
        }
        transit = self.transit(service, found["zone"])
        if transit is None:
            return found | {"because": "No card and no parcel tells how many days it takes."}
        return found | self._days(parcel, service, transit)

    def _days(
        self, parcel: Mapping[str, Any], service: Mapping[str, Any], transit: FloatArray
    ) -> dict[str, Any]:
        """Return the day it is there with the confidence asked for, and the chance in time."""
        calendar = self.calendar(service["calendar"])
        day, until = calendar.next_open(parcel["shipped_on"]), 0.0
        told: dict[str, Any] = {"on_time_share": 0.0 if parcel["promised_on"] else None}
        for number, chance in enumerate(transit):
            if number:
                day = calendar.next_open(day + timedelta(days=1))
            until += float(chance)
            if parcel["promised_on"] and day <= parcel["promised_on"]:
                told["on_time_share"] = min(1.0, until)
            if "deliver_on" not in told and until >= self.params.confidence_share - 1e-12:
                told["deliver_on"] = day
        return told


def _best(
    options: list[dict[str, Any]], promised_on: date | None, confidence_share: float
) -> dict[str, Any] | None:
    """Return the option to take, None where no service can."""
    able = [o for o in options if o["cost"] is not None and o["deliver_on"] is not None]
    if not able:
        priced = [o for o in options if o["cost"] is not None]
        return min(priced, key=lambda o: (o["cost"], o["service"])) if priced else None
    sure = [
        o for o in able if promised_on is None or o["on_time_share"] >= confidence_share - 1e-12
    ]
    if sure:
        return min(sure, key=lambda o: (o["cost"], o["deliver_on"], o["service"]))
    return max(able, key=lambda o: (round(o["on_time_share"], 6), -o["cost"]))


def _why(
    parcel: Mapping[str, Any],
    chosen: Mapping[str, Any] | None,
    options: list[dict[str, Any]],
    desk: _Desk,
) -> str:
    """Return in a sentence why this service."""
    if chosen is None:
        if not options:
            return "No service of that name is in use."
        return "No service can: " + "; ".join(
            f"{o['name']}: {o['because'].rstrip('.')}" for o in options
        )
    promised, wanted = parcel["promised_on"], desk.params.confidence_share
    others = [o for o in options if o["cost"] is not None and o is not chosen]
    if promised is None or chosen["on_time_share"] is None:
        told = f"{chosen['name']} is the cheapest"
    elif chosen["on_time_share"] >= wanted - 1e-12:
        cheaper = sorted(
            (o for o in others if o["cost"] < chosen["cost"] and o["on_time_share"] is not None),
            key=lambda o: o["cost"],
        )
        told = f"{chosen['name']} is the cheapest that is there by {promised} ({_sure(chosen)})"
        if cheaper:
            less = chosen["cost"] - cheaper[0]["cost"]
            told += f"; {cheaper[0]['name']} would save {less:.2f} and is {_sure(cheaper[0])}"
    else:
        told = (
            f"{chosen['name']} is the surest for {promised}, {_sure(chosen)}; "
            f"none is {wanted:.0%} sure"
        )
    if desk.zone(parcel) is None:
        told += f"; the ZIP code is not known, zone {ASSUMED_ZONE} is assumed"
    return told + "."


def _sure(option: Mapping[str, Any]) -> str:
    return f"{np.floor(option['on_time_share'] * 100):.0f}% sure"


def _reasons(
    parcel: Mapping[str, Any], chosen: Mapping[str, Any] | None, options: list[dict[str, Any]]
) -> list[Reason]:
    subject = f"parcel:{parcel['parcel']}"
    if chosen is None:
        return [Reason(subject=subject, reason_code="infeasible", text=parcel["because"])]
    found = [
        Reason(
            subject=subject,
            reason_code="promise",
            text=parcel["because"],
            reference=chosen["service"],
            price=chosen["cost"],
        ),
        Reason(
            subject=subject,
            reason_code="fee_card",
            text=f"{chosen['billable_lb']:.2f} lb to zone {chosen['zone']}: {chosen['cost']:.2f}, "
            f"card {chosen['card']} since {chosen['effective_from']}, {chosen['grade']}.",
            reference=chosen["card"],
            quantity=chosen["billable_lb"],
            price=chosen["cost"],
        ),
    ]
    for other in sorted(
        (o for o in options if o["cost"] is not None and o is not chosen), key=lambda o: o["cost"]
    )[:1]:
        day = "" if other["deliver_on"] is None else f", there by {other['deliver_on']}"
        found.append(
            Reason(
                subject=subject,
                reason_code="next_best",
                text=f"{other['name']} would take {other['cost']:.2f}{day}.",
                reference=other["service"],
                price=other["cost"] - chosen["cost"],
            )
        )
    return found
