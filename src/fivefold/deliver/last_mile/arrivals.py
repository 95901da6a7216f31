"""When a visit is to be expected, how surely, and what to tell the customer.

Each leg and each service takes its planned time times a log-normal factor; what a route has
lost or gained so far carries over to the stops ahead, and errors add up along the way. The
spread of the factors is learnt from stops done (`learn_spread`), shrunk towards a prior where
there are few; quantiles follow by a normal approximation of the sum, cut at windows that hold a
vehicle back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import polars as pl

from fivefold.model import Outcome, Reason, explanations_frame, schema

DONE = {"delivered": "delivered", "collected": "delivered", "attempted": "failed",
        "lost": "lost", "damaged": "damaged"}  # fmt: skip
NORMAL = NormalDist()
Q95 = NORMAL.inv_cdf(0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalParams:
    """How uncertain arrivals are.

    Parameters
    ----------
    spread : float
        Deviation of the time of one step (drive and service) over its planned time.
    route_spread : float
        Deviation of a whole route's pace: weather, traffic, the driver.
    kept_share : float
        Chance with which a time told to a customer is kept.
    late_share_told : float
        Chance of lateness from which the customer is told a new time.
    """

    spread: float = 0.6
    route_spread: float = 0.08
    kept_share: float = 0.95
    late_share_told: float = 0.5

    def __post_init__(self) -> None:
        if self.spread < 0 or self.route_spread < 0:
            raise ValueError("spread and route_spread must not be negative")
        for name in ("kept_share", "late_share_told"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in (0, 1), found {getattr(self, name)}")


def expect_arrivals(
    stops: pl.DataFrame,
    events: pl.DataFrame,
    params: ArrivalParams | None = None,
    *,
    now_minute: float | None = None,
) -> Outcome:
    """Return when each visit is expected, given what has happened so far.

    Parameters
    ----------
    stops : polars.DataFrame
        Table route_stops.
    events : polars.DataFrame
        Table tracking_events of the day; times are local to the station.
    params : ArrivalParams, optional
    now_minute : float, optional
        Minutes after midnight; visits still open cannot come before it.

    Returns
    -------
    Outcome
        Table arrivals. Reasons name the visits that will probably be late, with what to tell.
    """
    params = params or ArrivalParams()
    told = _told(events)
    rows: list[dict[str, object]] = []
    for _route, steps in stops.sort("route", "sequence").group_by("route", maintain_order=True):
        rows += _route_arrivals(steps.to_dicts(), told, params, now_minute)
    return Outcome(
        tables={"arrivals": schema("arrivals").frame(rows).sort("delivery")},
        status="feasible",
        explanations=explanations_frame(_reasons(rows, params)),
    )


def _told(events: pl.DataFrame) -> dict[str, tuple[str, float]]:
    """Return the last telling event of each visit: its kind and minute."""
    found: dict[str, tuple[str, float]] = {}
    for row in events.sort("occurred_at").iter_rows(named=True):
        if row["kind"] in DONE or row["kind"] == "out_for_delivery":
            at = row["occurred_at"]
            found[row["delivery"]] = (row["kind"], at.hour * 60.0 + at.minute + at.second / 60.0)
    return found


def _route_arrivals(
    steps: list[dict[str, object]],
    told: dict[str, tuple[str, float]],
    params: ArrivalParams,
    now_minute: float | None,
) -> list[dict[str, object]]:
    """Return the rows of one route: what is done, then what is ahead of the last thing done."""
    done = [
        n
        for n, step in enumerate(steps)
        if step["delivery"] is not None and told.get(str(step["delivery"]), ("",))[0] in DONE
    ]
    last = done[-1] if done else -1
    if done:
        clock = told[str(steps[last]["delivery"])][1]
        before = _minute(steps[last], "leaves_minute")
    else:
        clock = before = _minute(steps[0], "starts_minute")
    if now_minute is not None:
        clock = max(clock, now_minute if done or now_minute > before else clock)
    rows, variance, since = [], 0.0, 0.0
    is_next = True
    for n, step in enumerate(steps):
        name = step["delivery"]
        if n <= last:
            if name is not None:
                rows.append(_done_row(step, told.get(str(name))))
            continue
        arrives, starts = _minute(step, "arrives_minute"), _minute(step, "starts_minute")
        travel = max(0.0, arrives - before)
        clock += travel
        since += travel
        variance += (params.spread * travel) ** 2
        opens = step["window_start_minute"]
        if opens is not None and float(str(opens)) > clock:
            # A closed window takes up what was early or late before it.
            clock = float(str(opens))
        deviation = math.sqrt(variance + (params.route_spread * since) ** 2)
        if name is not None:
            state = "next" if is_next and done else "planned"
            if state == "planned" and told.get(str(name), ("",))[0] == "out_for_delivery":
                state = "out_for_delivery"
            rows.append(_open_row(step, clock, deviation, state, params))
            is_next = False
        service = max(0.0, _minute(step, "leaves_minute") - starts)
        clock += service
        since += service
        variance += (params.spread * service) ** 2
        before = _minute(step, "leaves_minute")
    return rows


def _minute(step: dict[str, object], column: str) -> float:
    return float(str(step[column]))


def _done_row(step: dict[str, object], told: tuple[str, float] | None) -> dict[str, object]:
    """Return a visit that is past; one without an event was passed by and failed."""
    kind, minute = told if told is not None else ("attempted", None)
    return {
        "delivery": step["delivery"],
        "route": step["route"],
        "state": DONE.get(kind, "failed"),
        "planned_minute": step["starts_minute"],
        "expected_minute": minute,
        "window_end_minute": step["window_end_minute"],
    }


def _open_row(
    step: dict[str, object], clock: float, deviation: float, state: str, params: ArrivalParams
) -> dict[str, object]:
    end = step["window_end_minute"]
    opens = step["window_start_minute"]
    late = 0.0
    if end is not None:
        gap = float(str(end)) - clock
        late = float(gap < 0) if deviation <= 0 else 1.0 - NORMAL.cdf(gap / deviation)
    early = clock - Q95 * deviation
    return {
        "delivery": step["delivery"],
        "route": step["route"],
        "state": "late" if late >= params.late_share_told else state,
        "planned_minute": step["starts_minute"],
        "expected_minute": clock,
        "earliest_minute": early if opens is None else max(early, float(str(opens))),
        "latest_minute": clock + Q95 * deviation,
        "window_end_minute": end,
        "late_share": late,
        "promise_minute": clock + NORMAL.inv_cdf(params.kept_share) * deviation,
    }


def learn_spread(
    stops: pl.DataFrame, events: pl.DataFrame, params: ArrivalParams | None = None
) -> ArrivalParams:
    """Return the spread that days driven teach.

    Parameters
    ----------
    stops, events : polars.DataFrame
        Route stops and what happened at them, of past days.
    params : ArrivalParams, optional
        The prior; it weighs as much as 50 steps.

    Notes
    -----
    A step is the time from one event to the next on a route, against its planned time. The
    deviation of their ratio, weighted by planned minutes squared as the sum of variances wants.
    """
    params = params or ArrivalParams()
    told = _told(events)
    squares, weight = 50.0 * params.spread**2, 50.0
    for _route, steps in stops.sort("route", "sequence").group_by("route", maintain_order=True):
        before: tuple[float, float] | None = None
        for step in steps.iter_rows(named=True):
            if step["kind"] in ("break", "reload"):
                before = None
            name = step["delivery"]
            if name is None or told.get(name, ("",))[0] not in DONE:
                continue
            planned, happened = float(step["starts_minute"]), told[name][1]
            if before is not None and planned - before[0] > 0.5:
                gap = planned - before[0]
                squares += ((happened - before[1] - gap) / gap) ** 2
                weight += 1.0
            before = (planned, happened)
    return ArrivalParams(
        spread=math.sqrt(squares / weight),
        route_spread=params.route_spread,
        kept_share=params.kept_share,
        late_share_told=params.late_share_told,
    )


def clock_text(minute: float) -> str:
    """Return minutes after midnight as HH:MM.

    >>> clock_text(1025.0)
    '17:05'
    """
    whole = round(minute)
    return f"{whole // 60 % 24:02d}:{whole % 60:02d}"


def _reasons(rows: list[dict[str, object]], params: ArrivalParams) -> list[Reason]:
    found = []
    for row in rows:
        if row["state"] != "late":
            continue
        told = float(str(row["promise_minute"]))
        found.append(
            Reason(
                subject=str(row["delivery"]),
                reason_code="promise",
                reference=str(row["route"]),
                quantity=float(str(row["late_share"])),
                text=(
                    f"Late with {float(str(row['late_share'])):.0%}: its window ends at "
                    f"{clock_text(float(str(row['window_end_minute'])))}; tell the customer by "
                    f"{clock_text(told)}, kept with {params.kept_share:.0%}."
                ),
            )
        )
    return found
