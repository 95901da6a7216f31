"""Routes, partners and tracking of a company: make, keep, mend, tell.

Routes are kept beside the plans, one day a folder, and replaced whole. What happens on the road
is written to the books as facts; arrivals are derived from both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import polars as pl

from fivefold.check import check_plan
from fivefold.cycle.documents import PARCEL_TRACKED
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.last_mile.arrivals import ArrivalParams, expect_arrivals
from fivefold.deliver.last_mile.dispatch import Upset, mend_day
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.routes import route_day
from fivefold.deliver.partners.economics import PartnerParams, partner_economics
from fivefold.deliver.partners.scorecard import partner_scores
from fivefold.deliver.partners.territories import TerritoryParams, draw_territories
from fivefold.errors import DataError, NotFoundError, Problem
from fivefold.ledger import events
from fivefold.model import Dataset, Outcome, schema


def kept_routes(workspace: Workspace) -> PlanStore:
    """Return the days of routes a workspace keeps."""
    return PlanStore(workspace.folder / "routes")


def day_name(day: date) -> str:
    """Return the name under which a day's routes are kept."""
    return f"P-routes-{day.isoformat()}"


def delivery_day(dataset: Dataset, wanted: date | None) -> date:
    """Return the day asked for, else the last one with deliveries.

    Raises
    ------
    NotFoundError
        If there are no deliveries.
    """
    days = dataset["deliveries"]["deliver_on"]
    if wanted is not None:
        return wanted
    last = days.max()
    if not isinstance(last, date):
        raise NotFoundError(
            "there are no deliveries; import a table deliveries, and vehicles of their stations"
        )
    return last


def make_routes(
    workspace: Workspace, params: Params, *, on: date | None = None, progress: Progress = silent
) -> Plan:
    """Make, check and keep the routes of a day; return them as they are kept.

    Raises
    ------
    NotFoundError
        If there are no deliveries.
    DataError
        If a station has no coordinates.
    """
    dataset = workspace.dataset(as_of=on or workspace_day(workspace))
    day = delivery_day(dataset, on)
    _placed(dataset, day)
    outcome = route_day(dataset, params, as_of=day, progress=progress)
    return _keep(workspace, dataset, outcome, day)


def workspace_day(workspace: Workspace) -> date:
    """Return the plan date of the imported data, else the first day of the calendar used."""
    return workspace.imported().plan_date() or date(2000, 1, 1)


def _placed(dataset: Dataset, day: date) -> None:
    """Refuse stations without coordinates, all at once."""
    stations = dataset["deliveries"].filter(pl.col("deliver_on") == day)["station"].unique()
    known = dataset["locations"].filter(
        pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null()
    )["location"]
    lacking = sorted(set(stations) - set(known))
    if lacking:
        raise DataError(
            [
                Problem(
                    table="locations",
                    key=name,
                    column="latitude",
                    code="required",
                    message=f"station {name} has no latitude and longitude; routes need both",
                )
                for name in lacking
            ]
        )


def _keep(workspace: Workspace, dataset: Dataset, outcome: Outcome, day: date) -> Plan:
    made = checked_day(dataset, outcome, day)
    kept_routes(workspace).save(made)
    return made


def checked_day(
    dataset: Dataset, outcome: Outcome, day: date, *, notes: Mapping[str, object] | None = None
) -> Plan:
    """Return a day of routes, checked, with the visits and vehicles it was made for.

    They stand beside the routes, so that a day can be mended and explained when the imported
    tables have moved on.
    """
    tables = {
        "deliveries": dataset["deliveries"].filter(pl.col("deliver_on") == day),
        "vehicles": dataset["vehicles"],
        **outcome.tables,
    }
    if outcome.explanations is not None:
        tables["explanations"] = outcome.explanations
    checked = check_plan(dataset.with_tables(**tables), as_of=day)
    tables["violations"] = checked.filter(
        pl.col("table").is_in(["routes", "route_stops", "unrouted"])
    )
    return Plan(
        plan=day_name(day),
        as_of=day,
        status=outcome.status,
        tables=tables,
        dataset_fingerprint=dataset.fingerprint(),
        params={},
        scenario="routes",
        notes={**(notes or {}), **outcome.notes, "cost": outcome.objective},
    )


def routes_of(workspace: Workspace, day: date | None = None) -> Plan:
    """Return the routes kept for a day, else those kept last.

    Raises
    ------
    NotFoundError
        If there are none.
    """
    store = kept_routes(workspace)
    names = store.names()
    if not names:
        raise NotFoundError("there are no routes yet; `fivefold routes make` makes them")
    return store.load(day_name(day) if day is not None else names[-1])


def mend_routes(
    workspace: Workspace, upset: Upset, params: Params, *, on: date | None = None
) -> tuple[Plan, Outcome]:
    """Mend the routes of a day after an upset, check and keep them.

    Raises
    ------
    NotFoundError
        If there are no routes, or no such route.
    """
    made = routes_of(workspace, on)
    if upset.failed_route is not None and upset.failed_route not in made["routes"]["route"]:
        raise NotFoundError(f"there is no route {upset.failed_route!r} on {made.as_of}")
    dataset = made.over(workspace.dataset(as_of=made.as_of))
    if upset.new is not None:
        dataset = dataset.with_tables(
            deliveries=pl.concat([dataset["deliveries"], upset.new], how="diagonal_relaxed")
        )
    outcome = mend_day(dataset, upset, params, as_of=made.as_of)
    left = pl.concat([made["unrouted"], outcome["unrouted"]]).unique("delivery", keep="last")
    reasons = outcome.explanations
    if reasons is not None:
        # What routes that stand were told stays told.
        untouched = ~pl.col("subject").is_in(reasons["subject"].implode())
        gone = pl.col("subject").is_in(
            made["routes"].join(outcome["routes"], on="route", how="anti")["route"].implode()
        )
        reasons = pl.concat([reasons, made["explanations"].filter(untouched & ~gone)])
    whole = Outcome(
        tables={**outcome.tables, "unrouted": left},
        status=outcome.status,
        objective=outcome.objective,
        explanations=reasons,
        notes=outcome.notes,
    )
    return _keep(workspace, dataset, whole, made.as_of), outcome


def track(workspace: Workspace, rows: Sequence[Mapping[str, object]], *, actor: str) -> int:
    """Write what happened to parcels as facts; return how many were new.

    Each row has delivery, kind and occurred_at, and may have route, station, note and
    promised_minute. The same event told again changes nothing.

    Raises
    ------
    DataError
        If a kind is not known or a time is missing; nothing is written then.
    """
    kinds = _event_kinds()
    problems = [
        Problem(
            table="tracking_events",
            key=str(row.get("delivery")),
            column="kind",
            code="choice",
            message=f"found {row.get('kind')!r}, expected one of {', '.join(kinds)}",
        )
        for row in rows
        if row.get("kind") not in kinds
    ]
    if problems:
        raise DataError(problems)
    before = len(workspace.recorded(PARCEL_TRACKED))
    for row in rows:
        at = row["occurred_at"]
        when = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        name = f"{row['delivery']}|{row['kind']}|{when.isoformat()}"
        body = {
            key: row[key]
            for key in ("route", "station", "note", "promised_minute")
            if row.get(key) is not None
        }
        workspace.journal.submit(
            events.record(
                key=f"{PARCEL_TRACKED}:{name}",
                actor=actor,
                effective_at=when,
                kind=PARCEL_TRACKED,
                subject=str(row["delivery"]),
                body={"event": name, "kind": row["kind"], "occurred_at": when.isoformat(), **body},
            )
        )
    return len(workspace.recorded(PARCEL_TRACKED)) - before


def _event_kinds() -> tuple[str, ...]:
    kind = schema("tracking_events").column("kind")
    return tuple(kind.choices)


def tracked(workspace: Workspace, dataset: Dataset) -> pl.DataFrame:
    """Return every tracking event: those imported and those in the books."""
    rows = [
        {
            **fact.body,
            "delivery": fact.subject,
            "occurred_at": datetime.fromisoformat(fact.body["occurred_at"]),
        }
        for fact in workspace.recorded(PARCEL_TRACKED)
    ]
    told = schema("tracking_events").frame(rows)
    return pl.concat([dataset["tracking_events"], told]).unique("event", maintain_order=True)


def arrivals(
    workspace: Workspace,
    *,
    on: date | None = None,
    now_minute: float | None = None,
    params: ArrivalParams | None = None,
) -> Outcome:
    """Return when each visit of a day is expected, given what the books tell so far."""
    made = routes_of(workspace, on)
    happened = tracked(workspace, workspace.dataset(as_of=made.as_of)).filter(
        pl.col("occurred_at").dt.date() == made.as_of
    )
    return expect_arrivals(made["route_stops"], happened, params, now_minute=now_minute)


def partners(
    workspace: Workspace | None,
    params: PartnerParams,
    drawing: TerritoryParams,
    *,
    on: date | None = None,
) -> dict[str, Outcome | pl.DataFrame]:
    """Return economics, territories and scores; what there is no data for is empty.

    The cost of an own route is that of the routes kept, unless `params` gives one.
    """
    if workspace is None:
        return {
            "economics": partner_economics(params),
            "territories": Outcome(tables={}),
            "scores": schema("partner_scores").empty(),
        }
    dataset = workspace.dataset(as_of=on or workspace_day(workspace))
    names = kept_routes(workspace).names()
    made = kept_routes(workspace).load(names[-1]) if names else None
    if made is not None:
        dataset = made.over(dataset)
    if made is not None and params.own_cost_per_route is None and made["routes"].height:
        own = made["routes"].filter(pl.col("partner").is_null())
        mean = own["cost"].mean() if own.height else None
        if mean is not None:
            params = PartnerParams(
                **{
                    **{name: getattr(params, name) for name in PartnerParams.__slots__},
                    "own_cost_per_route": float(str(mean)),
                }
            )
    scores = schema("partner_scores").empty()
    if made is not None:
        scores = partner_scores(made["routes"], made["route_stops"], tracked(workspace, dataset))
    drawn = Outcome(tables={})
    if dataset["deliveries"].height:
        drawn = draw_territories(dataset, drawing, as_of=delivery_day(dataset, on))
    return {"economics": partner_economics(params), "territories": drawn, "scores": scores}
