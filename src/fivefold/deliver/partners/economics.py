"""A delivery partner's business as ranges: revenue, cost, profit, break-even, payback.

The published figures are ranges (`facts.csv`, each with its grade). The payment of a route is
not published: it is derived from revenue and routes, and can be given. How costs split into
fixed ones and those that go with routes is not published either: it is an assumption, said so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fivefold.model import Outcome, Reason, explanations_frame, schema

#: Weeks of the ramp in which routes are added.
RAMP_WEEKS = (5, 9, 11)
WEEKS_PER_YEAR = 52
DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerParams:
    """What is known or assumed of a partner beyond the published ranges.

    Parameters
    ----------
    vans : int or None
        Vans of the partner; None takes the published range.
    payment_per_route : float or None
        What a route is paid; None derives it from published revenue.
    days_per_year : int
        Days on which routes are driven. [assumption]
    routes_per_van_day : float
        Routes a van drives on such a day; vans in repair and spare ones bring it below 1.
        [assumption]
    fixed_cost_share_low, fixed_cost_share_high : float
        Share of a full partner's costs that does not go with routes. [assumption]
    monthly_pay : float or None
        Pay of an employee who starts a partner; None is unknown and left out.
    own_cost_per_route : float or None
        What a route of the own fleet costs, for example the mean of `routes`; None is unknown.
    programme_cost_per_partner_year : float
        What the programme costs the network for a partner a year, beside start-up support.
        [assumption]
    years : float
        Years over which start-up support is spread. [assumption]
    """

    vans: int | None = None
    payment_per_route: float | None = None
    days_per_year: int = 360
    routes_per_van_day: float = 0.9
    fixed_cost_share_low: float = 0.15
    fixed_cost_share_high: float = 0.35
    monthly_pay: float | None = None
    own_cost_per_route: float | None = None
    programme_cost_per_partner_year: float = 0.0
    years: float = 3.0

    def __post_init__(self) -> None:
        for name in ("fixed_cost_share_low", "fixed_cost_share_high"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), found {getattr(self, name)}")
        if not 1 <= self.days_per_year <= 366:
            raise ValueError(f"days_per_year must lie in 1 to 366, found {self.days_per_year}")
        if self.vans is not None and self.vans < 1:
            raise ValueError(f"vans must be at least 1, found {self.vans}")
        if self.years <= 0 or self.routes_per_van_day <= 0:
            raise ValueError("years and routes_per_van_day must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A published figure as a range."""

    low: float
    high: float
    unit: str
    grade: str
    source: str


@cache
def partner_facts() -> dict[str, Fact]:
    """Return the published figures by name.

    >>> partner_facts()["vans"].low, partner_facts()["vans"].grade
    (20.0, '2')
    """
    text = (files("fivefold.deliver.partners") / "facts.csv").read_text(encoding="utf-8")
    return {
        row["figure"]: Fact(
            low=float(row["low"]),
            high=float(row["high"]),
            unit=row["unit"],
            grade=row["grade"],
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """A partner's year at full size, at one end of the published range.

    Parameters
    ----------
    vans, routes_per_day : float
    payment_per_route, cost_per_route : float
        Currency; the cost is all costs over all routes.
    revenue, profit : float
        A year, at full size.
    """

    vans: float
    routes_per_day: float
    payment_per_route: float
    cost_per_route: float
    revenue: float
    profit: float

    def break_even_routes(self, fixed_share: float) -> float:
        """Return routes a day at which revenue covers costs; infinite where it never does.

        Fixed cost of the full partner over what a route leaves after its own cost.
        """
        fixed = fixed_share * self.cost_per_route * self.routes_per_day
        margin = self.payment_per_route - (1.0 - fixed_share) * self.cost_per_route
        return fixed / margin if margin > 0 else float("inf")


def businesses(params: PartnerParams) -> tuple[Business, Business]:
    """Return a partner at the low and at the high end of the published range."""
    facts = partner_facts()
    found = []
    for end in ("low", "high"):
        published = float(getattr(facts["vans"], end))
        vans = float(params.vans or published)
        routes = vans * params.routes_per_van_day
        per_year = routes * params.days_per_year
        revenue_published = float(getattr(facts["revenue_per_year"], end))
        profit_published = float(getattr(facts["profit_per_year"], end))
        revenue = revenue_published * vans / published
        cost = (revenue_published - profit_published) * vans / published / per_year
        payment = params.payment_per_route or revenue / per_year
        found.append(
            Business(
                vans=vans,
                routes_per_day=routes,
                payment_per_route=payment,
                cost_per_route=cost,
                revenue=payment * per_year,
                profit=(payment - cost) * per_year,
            )
        )
    return found[0], found[1]


def ramp(business: Business, weeks: int = WEEKS_PER_YEAR) -> list[float]:
    """Return routes a day in each week from the start: 5, and 5 more in weeks 5, 9 and 11.

    Twenty routes is where the published ramp ends; a larger partner adds five every fourth week
    after it. [the latter is an assumption]
    """
    facts = partner_facts()
    routes = facts["routes_per_day_at_start"].low
    step = facts["routes_per_day_added_in_weeks_5_9_11"].low
    found = []
    for week in range(1, weeks + 1):
        if week in RAMP_WEEKS or (week > RAMP_WEEKS[-1] and (week - RAMP_WEEKS[-1]) % 4 == 0):
            routes += step
        found.append(min(routes, business.routes_per_day))
    return found


def cash_path(business: Business, fixed_share: float, params: PartnerParams) -> list[float]:
    """Return the owner's cash at the end of each week of the first two years.

    Starts at minus the start-up cost. Fixed costs grow with the routes planned for, so a partner
    with a quarter of the routes pays at least a quarter of them, and never less than half.
    """
    cash = -partner_facts()["start_up_cost"].low
    days = DAYS_PER_WEEK * params.days_per_year / 365.0
    path = []
    for routes in ramp(business, 2 * WEEKS_PER_YEAR):
        size = max(0.5, routes / business.routes_per_day)
        fixed = fixed_share * business.cost_per_route * business.routes_per_day * size
        own = (1.0 - fixed_share) * business.cost_per_route * routes
        cash += days * (business.payment_per_route * routes - own - fixed)
        path.append(cash)
    return path


def partner_economics(params: PartnerParams | None = None) -> Outcome:
    """Return a partner's figures as ranges, each with grade and source.

    Returns
    -------
    Outcome
        Table partner_economics: published facts first, then what follows from them. Reasons say
        what is unknown and what an assumption moves.

    Examples
    --------
    >>> rows = partner_economics()["partner_economics"]
    >>> [round(rows.filter(figure="margin")[end][0], 3) for end in ("low", "high")]
    [0.067, 0.075]
    """
    params = params or PartnerParams()
    rows = [
        {
            "figure": name,
            **{k: getattr(fact, k) for k in ("low", "high", "unit", "grade", "source")},
        }
        for name, fact in partner_facts().items()
    ]
    rows += list(_derived(params))
    return Outcome(
        tables={"partner_economics": schema("partner_economics").frame(rows)},
        status="feasible",
        explanations=explanations_frame(_reasons(params, rows)),
    )


def _derived(params: PartnerParams) -> Iterator[dict[str, object]]:
    """Yield the rows that follow from the published ranges."""
    small, large = businesses(params)
    facts = partner_facts()

    def row(
        name: str, values: list[float | None], unit: str, grade: str, source: str
    ) -> dict[str, object]:
        known = [value for value in values if value is not None and value < float("inf")]
        never = any(value == float("inf") for value in values if value is not None)
        return {
            "figure": name,
            "low": min(known) if known else None,
            "high": None if never or not known else max(known),
            "unit": unit,
            "grade": grade,
            "source": source,
        }

    both = (small, large)
    shares = (params.fixed_cost_share_low, params.fixed_cost_share_high)
    given = params.payment_per_route is not None
    yield row("routes_per_day", [b.routes_per_day for b in both], "routes/day", "A",
              f"vans times {params.routes_per_van_day:g} routes a van and day")  # fmt: skip
    yield row("payment_per_route", [b.payment_per_route for b in both], "currency/route",
              "given" if given else "D",
              "given" if given else "revenue over routes; the true payment is not published",
              )  # fmt: skip
    yield row("cost_per_route", [b.cost_per_route for b in both], "currency/route", "D",
              "revenue less profit, over routes")  # fmt: skip
    yield row("margin", [b.profit / b.revenue for b in both], "share", "D",
              "profit over revenue")  # fmt: skip
    yield row("profit_of_this_partner", [b.profit for b in both], "currency/year", "D",
              "payment less cost, times routes")  # fmt: skip
    even = [b.break_even_routes(share) for b in both for share in shares]
    source = (
        f"fixed costs over margin a route; fixed share {shares[0]:.0%} to {shares[1]:.0%} assumed"
    )
    yield row("break_even_routes_per_day", list(even), "routes/day", "A", source)
    stops = facts["stops_per_route"].low
    yield row("break_even_stops_per_day", [value * stops for value in even], "stops/day", "A",
              f"those routes times {stops:g} stops")  # fmt: skip
    paths = [cash_path(b, share, params) for b in both for share in shares]
    yield row("deepest_cash", [min([*path, -facts["start_up_cost"].low]) for path in paths],
              "currency", "A", "least cash of the owner in two years, start-up cost paid first",
              )  # fmt: skip
    yield row("payback_weeks", [_payback(path) for path in paths], "weeks", "A",
              "weeks until cash stays above zero; an open end never does in two years",
              )  # fmt: skip
    yield from _programme(params, both, row)


def _payback(path: list[float]) -> float:
    below = [week for week, cash in enumerate(path, start=1) if cash < 0]
    if not below:
        return 1.0
    return float("inf") if below[-1] == len(path) else float(below[-1] + 1)


def _programme(
    params: PartnerParams, both: tuple[Business, Business], row: object
) -> Iterator[dict[str, object]]:
    """Yield what the programme costs the network and where it beats own vans."""
    assert callable(row)
    start = partner_facts()["start_up_cost"].low
    months = partner_facts()["months_of_pay_for_employees_who_start"].low
    support = start + (0.0 if params.monthly_pay is None else months * params.monthly_pay)
    yearly = support / params.years + params.programme_cost_per_partner_year
    paid = (
        "start-up cost"
        if params.monthly_pay is None
        else f"start-up cost and {months:g} months' pay"
    )
    yield row("programme_cost_per_partner_year", [yearly], "currency/year", "A",
              f"{paid} over {params.years:g} years, for an employee who starts one")  # fmt: skip
    if params.own_cost_per_route is None:
        yield row("saving_per_route_against_own_vans", [], "currency/route", "D",
                  "unknown: no own routes to compare with")  # fmt: skip
        return
    saving = [params.own_cost_per_route - b.payment_per_route for b in both]
    yield row("saving_per_route_against_own_vans", list(saving), "currency/route", "D",
              "own cost of a route less payment")  # fmt: skip
    level = [
        yearly / params.days_per_year / value if value > 0 else float("inf") for value in saving
    ]
    yield row("break_even_routes_per_day_against_own_vans", level, "routes/day", "D",
              "programme cost over saving a route; an open end never pays")  # fmt: skip
    yield row("return_per_partner_year_against_own_vans",
              [value * b.routes_per_day * params.days_per_year - yearly
               for value, b in zip(saving, both, strict=True)],
              "currency/year", "D", "saving times routes, less programme cost")  # fmt: skip


def _reasons(params: PartnerParams, rows: list[dict[str, object]]) -> list[Reason]:
    found = {str(row["figure"]): row for row in rows}
    even = found["break_even_routes_per_day"]
    high = even["high"]
    reasons = [
        Reason(
            subject="break_even",
            reason_code="unit_cost",
            reference="break_even_routes_per_day",
            quantity=float(str(even["low"])) if even["low"] is not None else None,
            text=(
                f"A partner breaks even between {float(str(even['low'] or 0)):,.1f} and "
                + ("never" if high is None else f"{float(str(high)):,.1f}")
                + " routes a day; the range comes from the published ranges and the fixed share."
            ),
        ),
        Reason(
            subject="break_even",
            reason_code="rule",
            reference="fixed_cost_share",
            text="How costs split into fixed and by route is not published; it is assumed.",
        ),
    ]
    if params.payment_per_route is None:
        reasons.append(
            Reason(
                subject="payment_per_route",
                reason_code="unknown_figure",
                reference="payment_per_route",
                text="What a route is paid is not published; it follows here from revenue.",
            )
        )
    if params.monthly_pay is None:
        reasons.append(
            Reason(
                subject="programme_cost_per_partner_year",
                reason_code="unknown_figure",
                reference="monthly_pay",
                text="Three months' pay of an employee who starts one is unknown and left out.",
            )
        )
    if params.own_cost_per_route is None:
        reasons.append(
            Reason(
                subject="saving_per_route_against_own_vans",
                reason_code="unknown_figure",
                reference="own_cost_per_route",
                text="There are no own routes to compare with; make routes or give their cost.",
            )
        )
    return reasons
