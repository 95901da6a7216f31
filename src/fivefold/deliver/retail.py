"""Orders of retailers against their routing guide, before they ship: what breaks, what it costs.

Knows windows, fill, case packs, ship notices, labels and pallets, and the company's own rates of
chargebacks. A rate nobody gave has no amount. It books nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.deliver.cartons import Carton, CartonLimits, pack
from fivefold.deliver.pallets import PalletLimits, stack
from fivefold.model import Dataset, Outcome, schema

#: Kind of channel that is a retailer.
RETAIL = "retail"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetailParams:
    """An order as it is about to ship.

    Parameters
    ----------
    order : str
    units : tuple of (line, units)
        What would ship of each line.
    ship_on, arrive_on : date
    asn_at, shipped_at : datetime or None
        When the ship notice went, and when the goods left, where they have.
    labelled : bool
        Every carton carries its label.
    """

    order: str
    units: tuple[tuple[int, int], ...]
    ship_on: date
    arrive_on: date
    asn_at: datetime | None = None
    shipped_at: datetime | None = None
    labelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the rules look at: the guide, the lines, what ships, in which cartons."""

    guide: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    params: RetailParams
    cartons: pl.DataFrame
    cases: Mapping[str, int | None]

    @property
    def ordered(self) -> int:
        return sum(row["quantity"] for row in self.lines)

    @property
    def shipping(self) -> int:
        return sum(units for _, units in self.params.units)

    @property
    def value(self) -> float:
        """Money of what was ordered."""
        return float(sum((row["unit_price"] or 0.0) * row["quantity"] for row in self.lines))


def check_order(dataset: Dataset, params: RetailParams, *, as_of: date) -> Outcome:
    """Return every rule of the routing guide for an order: kept or broken, and the chargeback.

    Parameters
    ----------
    dataset : Dataset
        orders, channels, routing_guides, chargeback_rates, items.
    params : RetailParams
    as_of : date

    Returns
    -------
    Outcome
        `routing_findings` and `retail_cartons`. Infeasible where a rule is broken; the objective
        is what breaking costs as far as rates are known, `notes` how many are not.

    Raises
    ------
    ValueError
        If the order is not there, or its channel has no routing guide.
    """
    lines = dataset["orders"].filter(pl.col("order") == params.order).sort("line").to_dicts()
    if not lines:
        raise ValueError(f"order {params.order!r} is not in the table orders")
    channel = lines[0]["channel"]
    guides = dataset["routing_guides"].filter(pl.col("channel") == channel)
    if guides.height == 0:
        raise ValueError(f"channel {channel!r} has no routing guide")
    guide = guides.row(0, named=True)
    cartons = cartons_of(dataset, params, guide)
    cases = dict(dataset["items"].select("item", "case_quantity").iter_rows())
    seen = _Seen(guide=guide, lines=lines, params=params, cartons=cartons, cases=cases)
    rates = rates_of(dataset, channel, as_of=params.ship_on)
    rows = [
        _finding(seen, rates, kind, passes, found, expected, to_do, share)
        for kind, passes, found, expected, to_do, share in _rules(seen)
    ]
    findings = schema("routing_findings").frame(rows)
    broken = findings.filter(~pl.col("passes"))
    return Outcome(
        tables={"routing_findings": findings, "retail_cartons": cartons},
        status="infeasible" if broken.height else "feasible",
        objective=float(broken["chargeback"].sum()),
        explanations=_reasons(findings),
        notes={"broken": broken.height, "unknown": broken["chargeback"].null_count()},
    )


def rates_of(dataset: Dataset, channel: str, *, as_of: date) -> dict[str, dict[str, Any]]:
    """Return the rates of chargebacks of a retailer in force on a day, by kind."""
    rates = dataset["chargeback_rates"].filter(
        (pl.col("channel") == channel)
        & (pl.col("effective_from") <= as_of)
        & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= as_of))
    )
    return {row["kind"]: row for row in rates.sort("effective_from").iter_rows(named=True)}


def chargeback(
    rate: Mapping[str, Any], *, value: float, units: int, cartons: int, pallets: int
) -> float | None:
    """Return what a retailer takes off, None where the rate is not known.

    Parameters
    ----------
    rate : mapping
        basis, amount, minimum_amount.
    value : float
        Money of what the rate is a share of.
    units, cartons, pallets : int
        What it is a rate of.

    Examples
    --------
    3 % of 2,000, at least 100:

    >>> rate = {"basis": "share_of_value", "amount": 0.03, "minimum_amount": 100.0}
    >>> chargeback(rate, value=2_000.0, units=80, cartons=8, pallets=1)
    100.0
    """
    amount = rate["amount"]
    if amount is None:
        return None
    of = {
        "share_of_value": value,
        "unit": units,
        "carton": cartons,
        "pallet": pallets,
        "order": 1,
    }[rate["basis"]]
    return round(max(float(amount) * of, float(rate["minimum_amount"] or 0.0)), 2)


def order_window(
    guide: Mapping[str, Any], row: Mapping[str, Any]
) -> tuple[date | None, date | None]:
    """Return the first and the last day on which goods are taken, or may ship, None where open."""
    last = row["requested_by"]
    first = row["requested_from"]
    if first is None and last is not None:
        first = last - timedelta(days=guide["days_early"] or 0)
    return first, last


def _rules(seen: _Seen) -> Iterator[tuple[str, bool, str, str, str, float]]:
    """Yield kind, whether it is kept, found, expected, what mends it, and the share it touches."""
    yield from _window(seen)
    yield from _fill(seen)
    yield from _multiples(seen)
    yield from _notice(seen)
    if seen.guide["label"] != "none":
        done = seen.params.labelled
        count = seen.cartons["carton"].n_unique()
        yield (
            "wrong_label",
            done,
            f"{count} cartons {'with' if done else 'without'} labels",
            "GS1-128 with SSCC on every carton",
            "" if done else f"`fivefold retail labels {seen.params.order}` makes them",
            1.0,
        )
    yield from _pallets(seen)


def _window(seen: _Seen) -> Iterator[tuple[str, bool, str, str, str, float]]:
    arrives = seen.guide["window"] == "must_arrive_by"
    day = seen.params.arrive_on if arrives else seen.params.ship_on
    verb = "arrives" if arrives else "ships"
    windows = [order_window(seen.guide, row) for row in seen.lines]
    lasts = [last for _, last in windows if last is not None]
    firsts = [first for first, _ in windows if first is not None]
    if lasts:
        last = min(lasts)
        late = (day - last).days
        yield (
            "late",
            day <= last,
            f"{verb} {day}",
            f"by {last}",
            "" if late <= 0 else f"ship {late} days sooner, or ask for another day",
            1.0,
        )
    if firsts:
        first = max(firsts)
        yield (
            "early",
            day >= first,
            f"{verb} {day}",
            f"from {first} on",
            "" if day >= first else f"ship {(first - day).days} days later",
            1.0,
        )


def _fill(seen: _Seen) -> Iterator[tuple[str, bool, str, str, str, float]]:
    least = seen.guide["least_fill_share"] if seen.guide["least_fill_share"] is not None else 1.0
    share = seen.shipping / seen.ordered if seen.ordered else 1.0
    kept = share >= least - 1e-9
    then = "what is short is cancelled" if seen.guide["cancel_short"] else "the rest may follow"
    yield (
        "short",
        kept,
        f"{seen.shipping} of {seen.ordered} units",
        f"at least {least:.0%}; {then}",
        "" if kept else f"wait for {seen.ordered - seen.shipping} units, or serve from elsewhere",
        1.0 - share,
    )


def _multiples(seen: _Seen) -> Iterator[tuple[str, bool, str, str, str, float]]:
    if seen.guide["order_multiple"] == "unit":
        return
    items = {row["line"]: row["item"] for row in seen.lines}
    broken = []
    for line, units in seen.params.units:
        case = seen.cases.get(items.get(line, ""))
        if units and (not case or units % case):
            broken.append(f"{units} of {items.get(line)} (case of {case or 'unknown'})")
    yield (
        "wrong_multiple",
        not broken,
        "; ".join(broken) or "full cases",
        f"full {seen.guide['order_multiple']}s",
        "" if not broken else "ship full cases only",
        len(broken) / max(1, len(seen.params.units)),
    )


def _notice(seen: _Seen) -> Iterator[tuple[str, bool, str, str, str, float]]:
    hours = seen.guide["asn_hours"]
    if hours is None:
        return
    sent, left = seen.params.asn_at, seen.params.shipped_at
    yield (
        "no_asn",
        sent is not None,
        f"sent {sent:%Y-%m-%d %H:%M}" if sent else "not sent",
        f"a ship notice within {hours} hours of shipping",
        "" if sent else f"`fivefold retail notice {seen.params.order}` sends it",
        1.0,
    )
    if sent is not None and left is not None:
        in_time = sent <= left + timedelta(hours=hours)
        yield (
            "late_asn",
            in_time,
            f"sent {sent:%Y-%m-%d %H:%M}, shipped {left:%Y-%m-%d %H:%M}",
            f"within {hours} hours",
            "" if in_time else "send it with the goods",
            1.0,
        )


def _pallets(seen: _Seen) -> Iterator[tuple[str, bool, str, str, str, float]]:
    high, heavy = seen.guide["most_pallet_height_cm"], seen.guide["most_pallet_weight_kg"]
    if seen.cartons.height == 0 or (high is None and heavy is None):
        return
    pallets = seen.cartons.unique("pallet").drop_nulls("pallet")
    over = pallets.filter(
        (pl.col("pallet_height_cm") > (high or float("inf")))
        | (pl.col("pallet_weight_kg") > (heavy or float("inf")))
    )
    yield (
        "pallet",
        over.height == 0,
        f"{pallets.height} on the floor, {over.height} too high or heavy",
        f"at most {high or 'any'} cm and {heavy or 'any'} kg",
        "" if over.height == 0 else "a carton alone is above the limit; ship it apart",
        over.height / max(1, pallets.height),
    )


def _finding(
    seen: _Seen,
    rates: Mapping[str, Mapping[str, Any]],
    kind: str,
    passes: bool,
    found: str,
    expected: str,
    to_do: str,
    share: float,
) -> dict[str, Any]:
    rate = rates.get(kind)
    money = None
    if not passes and rate is not None:
        missing = seen.ordered - seen.shipping if kind == "short" else seen.shipping
        money = chargeback(
            rate,
            value=seen.value * (share if kind == "short" else 1.0),
            units=missing,
            cartons=seen.cartons["carton"].n_unique(),
            pallets=seen.cartons["pallet"].drop_nulls().n_unique(),
        )
    return {
        "order": seen.params.order,
        "kind": kind,
        "channel": seen.lines[0]["channel"],
        "passes": passes,
        "found": found,
        "expected": expected,
        "chargeback": money,
        "grade": None if passes else rate["grade"] if rate else "unknown",
        "to_do": to_do,
    }


def cartons_of(dataset: Dataset, params: RetailParams, guide: Mapping[str, Any]) -> pl.DataFrame:
    """Return the cartons of an order, full cases as they are, and the pallets they stand on."""
    items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
    rows = dataset["orders"].filter(pl.col("order") == params.order)
    of_line = dict(rows.select("line", "item").iter_rows())
    lines = [(str(line), of_line[line], units) for line, units in params.units if units > 0]
    if not lines:
        return schema("retail_cartons").empty()
    made = pack(lines, items, CartonLimits())
    pallets = stack(made, _limits(guide)) if all(_sides(carton) for carton in made) else []
    stands = {
        number: (place, pallet.height_cm, pallet.weight_kg)
        for place, pallet in enumerate(pallets, start=1)
        for number, _ in pallet.cartons
    }
    prefix = dataset.setting("gs1_company_prefix") or ""
    serial = int(dataset.setting_number("gs1_first_serial", 0.0))
    found = []
    for number, carton in enumerate(made, start=1):
        pallet, high, heavy = stands.get(number, (None, None, None))
        code = sscc(prefix, _serial(params.order, number, serial, len(prefix))) if prefix else None
        for line, item, units in carton.contents:
            found.append(
                {
                    "order": params.order,
                    "carton": number,
                    "line": int(line),
                    "item": item,
                    "quantity": units,
                    "is_case": carton.is_case,
                    "pallet": pallet,
                    "pallet_height_cm": high,
                    "pallet_weight_kg": heavy,
                    "weight_kg": carton.weight_kg,
                    "sscc": code,
                }
            )
    return schema("retail_cartons").frame(found)


def _sides(carton: Carton) -> bool:
    return min(carton.length_cm, carton.width_cm, carton.height_cm) > 0


def _limits(guide: Mapping[str, Any]) -> PalletLimits:
    usual = PalletLimits()
    return PalletLimits(
        height_cm=guide["most_pallet_height_cm"] or usual.height_cm,
        weight_kg=guide["most_pallet_weight_kg"] or usual.weight_kg,
    )


def _serial(order: str, number: int, first: int, prefix_digits: int) -> int:
    """Return a serial number that is the same whenever the same carton is numbered."""
    room = int(10 ** (16 - prefix_digits))
    place = 0
    for letter in order:
        place = (place * 131 + ord(letter)) % (room // 1000)
    return (first + place * 1000 + number) % room


def sscc(prefix: str, serial: int, *, extension: int = 0) -> str:
    """Return a serial shipping container code: 18 digits with the check digit of GS1.

    Parameters
    ----------
    prefix : str
        The company's GS1 prefix, 7 to 12 digits.
    serial : int
        Number of the carton, unique for a year.
    extension : int
        First digit, 0 to 9.

    Raises
    ------
    ValueError
        If the prefix is none, or the serial does not fit beside it.

    References
    ----------
    .. [1] GS1 General Specifications, 7.9: weights 3 and 1 from the right, to the next ten.

    Examples
    --------
    The example of GS1's check digit calculator, 37610425002123456:

    >>> sscc("7610425", 2123456, extension=3)
    '376104250021234569'
    """
    if not prefix.isdigit() or not 7 <= len(prefix) <= 12:
        raise ValueError(f"a GS1 company prefix has 7 to 12 digits, found {prefix!r}")
    room = 16 - len(prefix)
    if not 0 <= serial < 10**room:
        raise ValueError(f"serial {serial} does not fit in {room} digits")
    body = f"{extension}{prefix}{serial:0{room}d}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def _reasons(findings: pl.DataFrame) -> pl.DataFrame:
    broken = findings.filter(~pl.col("passes"))
    text = pl.format(
        "{} where the guide asks {}; {}.",
        "found",
        "expected",
        pl.when(pl.col("chargeback").is_null())
        .then(pl.lit("what it costs is not known"))
        .otherwise(pl.format("costs {}", "chargeback")),
    )
    return broken.select(
        pl.format("retail:{}", "order").alias("subject"),
        pl.int_range(1, pl.len() + 1).alias("sequence"),
        pl.lit("rule").alias("reason_code"),
        pl.col("kind").alias("reference"),
        pl.lit(1.0).alias("quantity"),
        pl.col("chargeback").alias("price"),
        text.alias("text"),
    ).select(schema("explanations").names)


def score_retailers(dataset: Dataset, *, as_of: date, days: int = 365) -> Outcome:
    """Return how orders of each retailer went over the last year, and what breaking rules cost.

    Parameters
    ----------
    dataset : Dataset
        orders, channels, routing_guides, chargebacks.
    as_of : date
    days : int

    Notes
    -----
    An order counts once all it will get has shipped, was cancelled, or its last day has passed.
    """
    rows = []
    retailers = dataset["channels"].filter(pl.col("kind") == RETAIL).sort("channel")
    for channel in retailers["channel"]:
        lines = dataset["orders"].filter(
            (pl.col("channel") == channel)
            & (pl.col("ordered_at").dt.date() > as_of - timedelta(days=days))
        )
        rows.append(_score(channel, lines, dataset, as_of))
    scores = schema("retail_scores").frame(rows)
    return Outcome(
        tables={"retail_scores": scores},
        status="feasible",
        objective=float(scores["chargebacks"].sum()),
        explanations=schema("explanations").empty(),
    )


def _score(channel: str, lines: pl.DataFrame, dataset: Dataset, as_of: date) -> dict[str, Any]:
    guides = dataset["routing_guides"].filter(pl.col("channel") == channel)
    guide = guides.row(0, named=True) if guides.height else None
    gone = pl.col("shipped_on").is_not_null()
    overdue = pl.col("requested_by").is_not_null() & (pl.col("requested_by") < as_of)
    due = lines.filter(gone | overdue | (pl.col("status") == "cancelled"))
    shipped = due.filter(gone)
    arrives = guide is None or guide["window"] == "must_arrive_by"
    day = pl.coalesce("delivered_on", "shipped_on") if arrives else pl.col("shipped_on")
    late = shipped.filter(pl.col("requested_by").is_not_null() & (day > pl.col("requested_by")))
    orders = shipped["order"].n_unique()
    sold = float((shipped["unit_price"].fill_null(0.0) * shipped["quantity"]).sum())
    taken = dataset["chargebacks"].filter(pl.col("channel") == channel)
    by_kind = taken.group_by("kind").agg(pl.col("booked").sum()).sort("booked", descending=True)
    noticed = taken.filter(pl.col("kind").is_in(["no_asn", "late_asn"]))["order"].n_unique()
    money = float(taken["booked"].sum())
    most = str(by_kind["kind"][0]) if by_kind.height and money else None
    units = int(due["quantity"].sum())
    still_open = lines.filter(pl.col("status").is_in(["pending", "open"]))
    return {
        "channel": channel,
        "orders": due["order"].n_unique(),
        "open_orders": still_open["order"].n_unique(),
        "units_ordered": units,
        "units_shipped": int(shipped["quantity"].sum()),
        "fill_share": int(shipped["quantity"].sum()) / units if units else None,
        "on_time_share": 1.0 - late["order"].n_unique() / orders if orders else None,
        "asn_share": 1.0 - noticed / orders
        if orders and guide is not None and guide["asn_hours"] is not None
        else None,
        "revenue": sold,
        "chargebacks": money,
        "chargeback_share": money / sold if sold else None,
        "most_kind": most,
        "next_step": NEXT_STEP.get(most or "", ""),
    }


#: What would help most against each kind of chargeback.
NEXT_STEP = {
    "late": "ship sooner, or hold more stock for it",
    "early": "hold orders until their first day",
    "short": "raise the stock it is served from, or its priority in shortage",
    "no_asn": "send the ship notice with the goods",
    "late_asn": "send the ship notice with the goods",
    "wrong_label": "print the labels before the goods leave",
    "wrong_multiple": "take orders in full cases only",
    "pallet": "build lower pallets",
}
