"""Bodies of requests: what is taken, strictly; anything else is refused with its place."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from fivefold.api.roles import Role
from fivefold.ledger.entries import LARGEST


def _writable(text: str) -> str:
    """Return text that the books can hold: whole characters, none that control a terminal."""
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise ValueError("holds a control character or half a character")
    return text


def _day(value: object) -> object:
    """Refuse a number for a day, which would be taken for seconds."""
    if not isinstance(value, str | date):
        raise ValueError("is not a day; write it as YYYY-MM-DD")
    return value


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_writable)]
Text = Annotated[str, Field(max_length=500), AfterValidator(_writable)]
Units = Annotated[StrictInt, Field(ge=1, le=10**9)]
Day = Annotated[date, BeforeValidator(_day), Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]


class Body(BaseModel):
    """A body that takes only the members it names."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NewPlan(Body):
    """What to plan."""

    as_of: Day | None = Field(None, description="Day of the plan; default the plan date.")
    periods: Annotated[StrictInt, Field(ge=4, le=104)] = 26
    demand_factor: Annotated[float, Field(gt=0, le=100)] = 1.0
    budget: Annotated[float, Field(ge=0, le=1e12)] | None = Field(
        None, description="Cash for purchases a week, in place of the data's."
    )
    seed: Annotated[StrictInt, Field(ge=0, le=2**31)] = 1
    scenario: Name = "baseline"
    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"periods": 26, "demand_factor": 1.0}]},
    )


def _parted(value: object) -> object:
    """Take changes as a list, or as one text with commas between them."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Changes = Annotated[
    list[Name],
    BeforeValidator(_parted),
    Field(
        min_length=1,
        max_length=40,
        description="Such as demand=+60%, supplier:SUP-CN=lost 6w, cash=-30%, price:ITEM=-5%, "
        "limit:NAME=+25%, lead_time:SUP-CN=+14d; a list, or one text with commas between.",
    ),
]


class Question(Body):
    """What would become of a plan."""

    changes: Changes
    plan: Name | None = Field(None, description="Default the plan made last.")
    keep: StrictBool | Literal["yes"] = Field(
        False, description="Keep the answer as a plan of its own; `yes` from a form."
    )


class NewScenario(Body):
    """A name for what is different from a plan, or from another scenario."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    changes: Changes
    on: Name | None = Field(None, description="Plan or scenario; default the plan made last.")
    reason: Text = ""


class Reason(Body):
    """Why."""

    reason: Text = ""


class NewComparison(Body):
    """Which scenarios are played beside one another."""

    names: Annotated[list[Name], BeforeValidator(_parted), Field(min_length=1, max_length=5)]
    days: Annotated[StrictInt, Field(ge=14, le=364)] = 91
    replications: Annotated[StrictInt, Field(ge=2, le=200)] = 4
    seed: Annotated[StrictInt, Field(ge=0, le=2**31)] = 7


class NewReview(Body):
    """How a plan is reviewed."""

    scenarios: dict[Name, Changes] | None = Field(
        None,
        max_length=4,
        description="Changes by the scenario's name; default demand +60 %, the main supplier "
        "lost for six weeks, cash -30 %.",
    )
    days: Annotated[StrictInt, Field(ge=14, le=364)] = 91
    replications: Annotated[StrictInt, Field(ge=0, le=200)] = 4
    seed: Annotated[StrictInt, Field(ge=0, le=2**31)] = 7


class SopDecision(Body):
    """What a meeting decided, and why."""

    topic: Name
    outcome: Name
    why: Name
    who: Text = Field("", description="Who decides; default whose token it is.")


class SopClosing(Body):
    """The end of a step."""

    who: Text = ""


class SopAssumption(Body):
    """What a plan takes for granted."""

    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_writable)]
    text: Text = Field("", description="Empty drops it.")
    who: Text = ""


class FamilyVolume(Body):
    """What a family is to sell in a month."""

    units: Annotated[float, Field(gt=0, le=1e9)]
    why: Name
    who: Text = ""


class NewProof(Body):
    """How to play a plan in the twin."""

    against: Name | None = Field(
        None, description="Plan to compare with; default the accepted one, else days of cover."
    )
    days: Annotated[StrictInt, Field(ge=7, le=364)] = 91
    replications: Annotated[StrictInt, Field(ge=2, le=1000)] = 10
    seed: Annotated[StrictInt, Field(ge=0, le=2**31)] = 7


class Acceptance(Body):
    """How much of a plan to release."""

    release_days: Annotated[StrictInt, Field(ge=0, le=366)] = 7
    changes: StrictBool = Field(True, description="Carry out changes to existing orders too.")


class Received(Body):
    """What arrived of a supply order; without quantities all that is open."""

    quantities: dict[Name, Units] | None = Field(None, max_length=1000)
    on: Day | None = None
    note: Text = Field("", description="Number of the delivery note; the same one counts once.")
    quarantine: StrictBool = False
    closes: StrictBool = False
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "DN-1041"}]})


class OrderLine(Body):
    """One line of a customer order."""

    item: Name
    quantity: Units
    unit_price: Annotated[float, Field(ge=0, le=1e9)] | None = None
    substitutes: Literal["offer", "accept", "no"] = Field(
        "offer", description="What may take the place of what is short: told, taken, or neither."
    )
    requested_from: Day | None = None
    requested_by: Day | None = Field(None, description="Last day the customer takes it.")


class PlaceOfLine(Body):
    """Another place to serve a line from."""

    location: Name


class Instead(Body):
    """An item that takes the place of another, as the customer agreed."""

    item: Name


class TakenOff(Body):
    """A chargeback as a retailer took it; 0 waives it."""

    kind: Literal[
        "late", "early", "short", "no_asn", "late_asn", "wrong_label", "wrong_multiple", "pallet"
    ]
    amount: Annotated[float, Field(ge=0, le=1e9)]


class ShareRule(Body):
    """How what is free is shared by those who wait."""

    rule: Literal["priority", "fair_share", "margin"] | None = Field(
        None, description="Default is the rule of the company."
    )


class NewOrder(Body):
    """A customer order."""

    lines: Annotated[list[OrderLine], Field(min_length=1, max_length=200)]
    order: Name | None = Field(None, description="Number; made from the key where none is given.")
    channel: Text = ""
    postal_code: Annotated[str, Field(max_length=12, pattern=r"^[A-Za-z0-9 -]*$")] = ""
    on: Day | None = None
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"order": "SO-1", "lines": [{"item": "LAMP-01", "quantity": 2}]}]
        },
    )


class Shipment(Body):
    """The shipping of a customer order."""

    on: Day | None = None
    service: Text = Field("", description="Service of its parcels; default the cheapest in time.")
    anyway: StrictBool | Literal["yes"] = Field(
        False, description="Ship an order of a retailer though it breaks the routing guide."
    )


class ParcelQuestion(Body):
    """What would be sent, and where to."""

    quantities: dict[Name, Units] = Field(min_length=1, max_length=200)
    postal_code: Annotated[str, Field(max_length=12, pattern=r"^[A-Za-z0-9 -]*$")] = ""
    location: Text = Field("", description="Place it leaves from; default the own channel's.")
    promised_on: Day | None = None
    on: Day | None = None
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"quantities": {"LAMP-01": 2}, "postal_code": "60601"}]},
    )


class ParcelEvent(Body):
    """What happened to a parcel."""

    kind: Name = Field(description="delivered, delayed, attempted, lost, damaged and others.")
    occurred_at: AwareDatetime
    note: Text = ""
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "delivered", "occurred_at": "2026-11-27T15:04:00Z"}]
        },
    )


class ParcelNumber(Body):
    """The carrier's number of a parcel."""

    tracking: Annotated[str, Field(min_length=4, max_length=40, pattern=r"^[A-Za-z0-9-]+$")]


class ParcelAddress(Body):
    """Who a label names; nothing of it is kept."""

    recipient: Text = ""
    street: Text = ""


class GrantedClaim(Body):
    """What a carrier grants for a claim."""

    amount: Annotated[float, Field(ge=0, le=1e9)]
    on: Day | None = None


class NewReturn(Body):
    """Units that came back."""

    item: Name
    quantity: Annotated[StrictInt, Field(ge=1, le=10_000)] = 1
    order: Text = ""
    channel: Text = ""
    location: Text = ""
    reason: Text = ""
    condition: Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")] = "SELLABLE"
    on: Day | None = None


class LineChange(Body):
    """What changes on a line of a supply order."""

    line: Annotated[StrictInt, Field(ge=0, le=10**9)]
    quantity: Annotated[StrictInt, Field(ge=0, le=10**9)] | None = None
    expected_on: Day | None = None


class SupplyChange(Body):
    """A change of a supply order."""

    lines: Annotated[list[LineChange], Field(min_length=1, max_length=1000)]
    reason: Text = ""


class RowChange(Body):
    """Rows to write into a table; each names its key and the columns that change."""

    rows: Annotated[list[dict[Name, Any]], Field(min_length=1, max_length=10_000)]
    reason: Text = ""
    dry_run: StrictBool = False


Heading = Annotated[list[Name], Field(min_length=1, max_length=500)]


class StrangeHeader(Body):
    """The header of a file of no known kind."""

    header: Heading
    table: Name | None = Field(None, description="Table it is; default the likeliest.")
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"header": ["SKU", "Warehouse", "Qty"]}]}
    )


class NewMapping(Body):
    """What a header means: a table, and the column each of its names stands for."""

    header: Heading
    table: Name
    columns: dict[Name, Annotated[str, Field(max_length=200)]] = Field(
        default_factory=dict, max_length=500, description="Name in the file → column; empty drops."
    )
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "header": ["SKU", "Warehouse", "Qty"],
                    "table": "inventory",
                    "columns": {"SKU": "item", "Warehouse": "location", "Qty": "on_hand"},
                }
            ]
        },
    )


class SeriesPoint(Body):
    """One value of a series."""

    series: Name
    date: Day
    value: Annotated[float, Field(ge=-1e12, le=1e12)]


class NewForecast(Body):
    """Series to forecast; the method of each is chosen by back-test."""

    points: Annotated[list[SeriesPoint], Field(min_length=1, max_length=20_000)]
    horizon: Annotated[StrictInt, Field(ge=1, le=366)] | None = None
    season: Annotated[StrictInt, Field(ge=1, le=366)] | None = None


class NewNetworkPlan(Body):
    """A day of the parcel network to plan."""

    as_of: date | None = None


class NewWorkforce(Body):
    """People to plan, with a surge of third parties where one is expected."""

    surge: Annotated[float, Field(ge=0, le=10)] = 0.0
    months: Annotated[StrictInt, Field(ge=1, le=36)] = 10
    weeks: Annotated[StrictInt, Field(ge=2, le=104)] | None = None
    as_of: date | None = None


class NewSites(Body):
    """How many buildings to open next, for what growth; or when, over so many quarters."""

    open: Annotated[StrictInt, Field(ge=1, le=500)] = 50
    growth: Annotated[float, Field(gt=0, le=100)] | None = None
    quarters: Annotated[StrictInt, Field(ge=1, le=40)] | None = None
    as_of: date | None = None


class NewLastMile(Body):
    """Which metropolitan area's routes to plan, and how long to look for them."""

    city: Annotated[str, Field(min_length=1, max_length=80)] = "Omaha"
    state: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")] = "NE"
    radius_km: Annotated[float, Field(gt=0, le=200)] = 40.0
    seconds: Annotated[float, Field(ge=1, le=600)] = 60.0
    as_of: date | None = None


class GoodsLine(Body):
    """Units of an item."""

    item: Name
    quantity: Annotated[StrictInt, Field(ge=1, le=LARGEST)]
    lot: Text = ""


class Reserve(Body):
    """Set units aside for an order, all lines or none."""

    kind: Literal["reserve"]
    order: Name
    location: Name
    lines: Annotated[list[GoodsLine], Field(min_length=1, max_length=1000)]
    channel: Text = ""


class Release(Body):
    """Give reserved units back."""

    kind: Literal["release"]
    order: Name
    location: Name
    lines: Annotated[list[GoodsLine], Field(min_length=1, max_length=1000)]


class Count(Body):
    """A difference a count found: units found (positive) or lost (negative)."""

    kind: Literal["count"]
    location: Name
    item: Name
    quantity: Annotated[StrictInt, Field(ge=-(10**9), le=10**9)]
    lot: Text = ""
    reason: Text = "count"


LedgerCommand = Annotated[Reserve | Release | Count, Field(discriminator="kind")]


class KeyedCommand(Body):
    """A command of a batch with its own idempotency key."""

    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    command: LedgerCommand


class CommandBatch(Body):
    """Commands that are written in order; each on its own is whole or not at all."""

    commands: Annotated[list[KeyedCommand], Field(min_length=1, max_length=1024)]


class NewToken(Body):
    """A token to make."""

    role: Role
    label: Text = ""
    scopes: list[str] | None = Field(None, max_length=50)
    days: Annotated[float, Field(gt=0, le=3660)] | None = 365


class NewWebhook(Body):
    """A webhook to add."""

    url: Annotated[str, Field(min_length=8, max_length=1000, pattern=r"^https?://[\x21-\x7e]+$")]
    events: Annotated[list[str], Field(min_length=1, max_length=50)]


class NewSchedule(Body):
    """How the makes of a plan are scheduled anew."""

    trials: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 20_000
    seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        0.0, description="Let the constraint solver improve it for so long."
    )


class NewLots(Body):
    """How makes are drawn into lots."""

    seconds: Annotated[float, Field(gt=0, le=600)] = Field(10.0, description="CPU-seconds.")
    carry_over: StrictBool = True
    keep: StrictBool = Field(False, description="Schedule by these lots and keep it as a plan.")


class MovedStep(Body):
    """Where a step is to be put."""

    order: Name
    operation: Annotated[StrictInt, Field(ge=0, le=10**6)]
    to: AwareDatetime = Field(description="When it is to start, with its offset from UTC.")
    resource: Name | None = None
    frozen: Annotated[list[Name], Field(max_length=1000)] = []


class WhatIf(Body):
    """What happens: a machine stops for hours, or an order jumps the queue."""

    machine: Name | None = None
    down_hours: Annotated[float, Field(gt=0, le=24 * 366)] | None = None
    first: Day | None = Field(None, description="Day from which it stops; default the plan's.")
    order: Name | None = None
    keep: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.machine is None) == (self.order is None):
            raise ValueError("name a machine with down_hours, or an order")
        if (self.machine is None) != (self.down_hours is None):
            raise ValueError("a machine stops for down_hours; an order has none")
        return self


class WorkStep(Body):
    """A step of a work order that has only its day."""

    on: Day | None = None


class Issue(Body):
    """Components taken to the floor; without them all that is due."""

    components: dict[Name, Units] | None = Field(None, max_length=1000)
    on: Day | None = None


FromZero = Annotated[StrictInt, Field(ge=0, le=10**9)]


class WorkReport(Body):
    """Units a work order made."""

    good: FromZero
    scrap: FromZero = 0
    rework: FromZero = 0
    defects: FromZero | None = None
    hours: Annotated[float, Field(ge=0, le=10**6)] | None = None
    hold: StrictBool = Field(False, description="Put good units into quarantine.")
    on: Day | None = None


class Reworked(Body):
    """Units that waited for rework."""

    good: FromZero
    scrap: FromZero = 0
    on: Day | None = None


class Hold(Body):
    """Units put on a quality hold, or let go from one."""

    item: Name
    location: Name
    quantity: Units
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_writable)]
    lot: Text = ""
    scrap: StrictBool = Field(False, description="When freed: throw them away.")
    on: Day | None = None
