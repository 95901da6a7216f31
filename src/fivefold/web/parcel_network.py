"""A parcel network as a map and as one page: buildings, departures, costs, the next best.

Drawn from the tables of a network plan; no figure is worked out here but sums and shares.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from fivefold.cycle.metro import metro_record
from fivefold.cycle.network import network_record
from fivefold.cycle.plans import Plan
from fivefold.model import Dataset
from fivefold.web.drawing import Canvas, Figure, colour, nothing
from fivefold.web.land import albers, dots, is_drawn
from fivefold.web.markup import Column, chart, section, table
from fivefold.web.report import page_style
from fivefold.web.routes_drawing import routes_bars, routes_map
from fivefold.web.scales import Scale

#: Colour, size in pixels and words of each type of building, the largest crowd first.
_TYPES = {
    "delivery_station": ("muted", 1.3, "delivery stations"),
    "fulfilment": ("accent", 3.2, "fulfilment centres"),
    "sort_centre": ("warn", 3.2, "sort centres"),
    "airport": ("violet", 4.2, "airports"),
}
_MOST_LANES = 260
#: Chapters of the page with their words in the contents.
CHAPTERS = (
    ("map", "Map"),
    ("costs", "Cost by leg"),
    ("departures", "Departures"),
    ("why", "Why this way"),
)


def day_map(plan: Plan, dataset: Dataset, *, width: int = 760) -> Figure:
    """Return buildings and the busiest lanes of a day over the United States."""
    sites = _drawn_sites(dataset)
    title = f"The network on a day from {plan.as_of:%d %b %Y}"
    if sites.height == 0:
        return nothing(title, "No building has coordinates.", width=width)
    lanes = _busiest(plan)
    said = f"{sites.height} buildings and the {lanes.height} busiest lanes between them."
    canvas, at = _land(sites, title, said, width)
    most = max(1.0, float(lanes["parcels"].max() or 1.0))  # type: ignore[arg-type]
    for row in lanes.iter_rows(named=True):
        if row["origin"] in at and row["destination"] in at:
            _lane(canvas, at[row["origin"]], at[row["destination"]], row, most)
    for kind, (token, size, _) in _TYPES.items():
        _dots(canvas, sites, kind, at, token, size)
    _key(canvas, sites)
    return canvas.figure()


def sites_map(plan: Plan, dataset: Dataset, *, width: int = 760) -> Figure:
    """Return where the next buildings go, numbered in order, among those that stand."""
    opened = (
        plan["site_choices"]
        .filter(pl.col("action") == "open")
        .sort("rank")
        .with_columns(rank=pl.int_range(1, pl.len() + 1))
    )
    title = "Where the next buildings go"
    standing = _drawn_sites(dataset).filter(pl.col("building_type").str.starts_with("fulfilment"))
    coming = (
        dataset["locations"]
        .select("location", "name", "latitude", "longitude")
        .join(
            opened.select("rank", "period_start", "marginal_gain_per_day", location="site"),
            on="location",
        )
        .drop_nulls(["latitude", "longitude"])
        .sort("rank", descending=True)
    )
    if coming.height == 0:
        return nothing(title, "No building is to be opened.", width=width)
    places = pl.concat([standing, coming], how="diagonal")
    said = f"{coming.height} buildings to open among {standing.height} that stand."
    canvas, at = _land(places, title, said, width)
    _dots(canvas, standing, "fulfilment", at, "muted", 2.6)
    for row in coming.iter_rows(named=True):
        x, y = at[row["location"]]
        gain = row["marginal_gain_per_day"]
        saves = "" if gain is None else f", saves {gain:,.0f} a day"
        when = f"from {row['period_start']:%b %Y}"
        tip = f"{row['rank']}. {row['location']} {row['name'] or ''} {when}{saves}"
        canvas.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{colour("accent")}" '
            f'stroke="{colour("surface")}" stroke-width="1.2"><title>{escape(tip)}</title></circle>'
        )
        canvas.text(x, y + 3.2, str(row["rank"]), size=9, anchor="middle", token="surface")
    return canvas.figure()


def _land(
    sites: pl.DataFrame, title: str, said: str, width: int
) -> tuple[Canvas, dict[str, tuple[float, float]]]:
    """Return a map of the land, and where each site stands on it."""
    per_km = (width - 24) / 4680
    height = 2930 * per_km + 54
    across = Scale(-2380, 2300, 12, width - 12)
    up = Scale(1600, -1330, 14, 2930 * per_km + 14)
    canvas = Canvas(width, round(height), title, said)
    steps = "".join(f"M{across(x):.0f} {up(y):.0f}h0" for x, y in dots())
    canvas.parts.append(
        f'<path d="{steps}" fill="none" stroke="{colour("land")}" stroke-linecap="round" '
        f'stroke-width="{38 * per_km:.1f}"/>'
    )
    at = {}
    for name, latitude, longitude in sites.select("location", "latitude", "longitude").iter_rows():
        x, y = albers(latitude, longitude)
        at[name] = across(x), up(y)
    return canvas, at


def _drawn_sites(dataset: Dataset) -> pl.DataFrame:
    sites = (
        dataset["buildings"]
        .filter(pl.col("state_of_use") == "open")
        .join(
            dataset["locations"].select("location", "name", "latitude", "longitude"), on="location"
        )
    )
    kept = [
        latitude is not None and longitude is not None and is_drawn(latitude, longitude)
        for latitude, longitude in sites.select("latitude", "longitude").iter_rows()
    ]
    return sites.filter(pl.Series(kept, dtype=pl.Boolean)).sort("location")


def _busiest(plan: Plan) -> pl.DataFrame:
    trips = plan["linehaul_trips"].filter(pl.col("mode") != "air_carrier")
    by_lane = trips.group_by("origin", "destination", "mode").agg(
        pl.col("parcels").sum(), pl.col("vehicles").sum(), pl.col("distance_km").first()
    )
    # Far lanes first told: near ones would cover everything.
    far = by_lane.filter(pl.col("distance_km") > 250)
    return far.sort("parcels", "origin", "destination", descending=[True, False, False]).head(
        _MOST_LANES
    )


def _lane(
    canvas: Canvas,
    start: tuple[float, float],
    end: tuple[float, float],
    row: dict[str, object],
    most: float,
) -> None:
    (x1, y1), (x2, y2) = start, end
    flies = row["mode"] == "air"
    parcels = float(row["parcels"])  # type: ignore[arg-type]
    thick = 0.4 + 2.6 * (parcels / most) ** 0.5
    lift = 0.16 if flies else 0.06
    cx, cy = (x1 + x2) / 2 + (y2 - y1) * lift, (y1 + y2) / 2 - abs(x2 - x1) * lift
    tip = (
        f"{row['origin']} to {row['destination']}: {parcels:,.0f} parcels, "
        f"{row['vehicles']} {row['mode']}"
    )
    canvas.parts.append(
        f'<path d="M{x1:.1f} {y1:.1f}Q{cx:.1f} {cy:.1f} {x2:.1f} {y2:.1f}" fill="none" '
        f'stroke="{colour("violet" if flies else "accent")}" stroke-width="{thick:.1f}" '
        f'stroke-opacity="0.4"><title>{escape(tip)}</title></path>'
    )


def _dots(
    canvas: Canvas,
    sites: pl.DataFrame,
    kind: str,
    at: dict[str, tuple[float, float]],
    token: str,
    size: float,
) -> None:
    for row in sites.filter(pl.col("building_type").str.starts_with(kind)).iter_rows(named=True):
        x, y = at[row["location"]]
        canvas.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour(token)}">'
            f"<title>{escape(row['location'])} {escape(row['name'] or '')}</title></circle>"
        )


def _key(canvas: Canvas, sites: pl.DataFrame) -> None:
    x, height = 14.0, canvas.height
    for kind, (token, size, words) in _TYPES.items():
        many = sites.filter(pl.col("building_type").str.starts_with(kind)).height
        if not many:
            continue
        told = f"{many} {words}"
        canvas.parts.append(
            f'<circle cx="{x:.1f}" cy="{height - 14:.1f}" r="{max(2.5, size)}" '
            f'fill="{colour(token)}"/>'
        )
        canvas.text(x + 8, height - 10, told, size=11)
        x += 26 + 6.2 * len(told)


def write_network_report(
    plan: Plan, dataset: Dataset, folder: Path, *, streets: Plan | None = None
) -> Path:
    """Write the network plan as one page and return its path; `streets` is a day of routes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "network.html"
    path.write_text(network_page(plan, dataset, streets=streets), encoding="utf-8")
    return path


def network_page(plan: Plan, dataset: Dataset, *, streets: Plan | None = None) -> str:
    """Return the network plan as one page that stands alone."""
    body = network_chapters(plan, dataset)
    chapters = list(CHAPTERS)
    if streets is not None:
        body += street_chapter(streets)
        chapters.append(("streets", "The last mile"))
    links = Markup("").join(
        Markup('<li><a href="#{}">{}</a></li>').format(name, words) for name, words in chapters
    )
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Network, {}</title>'
        '<style>{}</style></head><body><div class="page"><nav aria-label="Contents">'
        '<ol>{}</ol></nav><main id="main">'
        "<h1>The network on a day from {}</h1>{}</main></div>"
        "<footer>Made by Fivefold from plan {}. Buildings marked synthetic are invented; every "
        "figure stands with source and grade in network_figures.</footer></body></html>\n"
    )
    day = f"{plan.as_of:%d %b %Y}"
    return str(page.format(day, Markup(page_style()), links, day, body, plan.plan))


def network_chapters(plan: Plan, dataset: Dataset) -> Markup:
    """Return the chapters of a network plan: shares, map, costs, departures, next best."""
    record = network_record(plan)
    lead = (
        f"{record['parcels_per_day']:,.0f} parcels a day, {record['one_day_share']:.1%} within one "
        f"day and {record['two_day_share']:.1%} within two, for {record['cost_per_parcel']:.2f} "
        f"each; {record['trucks']:,} trucks where straight shipping took "
        f"{record['trucks_direct']:,}, {record['flights']} flights; "
        f"{record['violations']} rules broken."
    )
    return Markup("").join(
        [
            section("map", "Map", lead, chart(lambda wide: day_map(plan, dataset, width=wide))),
            section("costs", "Cost and emissions by leg", "", _costs(plan)),
            section("departures", "Fullest and emptiest long departures", "", _departures(plan)),
            section("why", "Why this way, and the next best", "", _next_best(plan)),
        ]
    )


def street_chapter(plan: Plan) -> Markup:
    """Return the chapter of one area's last mile: its map, its vehicles, the next best."""
    record = metro_record(plan)
    each = record["cost_per_parcel"]
    lead = (
        f"{record['parcels']:,} parcels at {record['stops']:,} stops of {record['stations']} "
        f"stations on {plan.as_of:%d %b %Y}"
        + ("" if each is None else f", {each:.2f} a parcel to the door")
        + f"; {record['late']} of {record['with_window']:,} visits with a window are late, "
        f"{record['unrouted']} are on no route; {record['violations']} rules broken. "
        + ("Doors are made up from the people of each ZIP code." if record["is_drawn"] else "")
    )
    drawn = chart(lambda wide: routes_map(plan["routes"], plan["route_stops"], width=wide))
    bars = chart(lambda wide: routes_bars(plan["routes"], plan["route_stops"], width=wide, most=24))
    return section(
        "streets",
        f"The last mile of {record['city']}",
        lead,
        Markup("").join([drawn, _fleet(record), _other_vehicles(record), bars]),
    )


def _fleet(record: dict[str, Any]) -> Markup:
    rows = [
        (
            row["vehicle_type"].lower(),
            f"{row['vehicles']:,}",
            f"{row['trips']:,}",
            f"{row['stops']:,}",
            f"{row['parcels']:,}",
            f"{row['distance_km']:,.0f}",
            f"{row['hours']:.1f}",
            f"{row['cost']:,.0f}",
            f"{row['cost_per_parcel']:.2f}",
        )
        for row in record["by_vehicle"]
    ]
    names = ("vehicle", "used", "trips", "stops", "parcels", "km", "hours each", "cost", "a parcel")
    columns = [Column(name, numeric=k > 0) for k, name in enumerate(names)]
    return table(columns, rows, caption="Vehicles of the day")


def _other_vehicles(record: dict[str, Any]) -> Markup:
    rows = [
        (row["route"], f"{row['stops']:,}", f"{row['cost']:,.0f}", row["text"])
        for row in record["next_best"]
    ]
    rows += [(row["station"], "", "", row["text"]) for row in record["unused"]]
    columns = [
        Column("route or station"),
        Column("stops", numeric=True),
        Column("cost", numeric=True),
        Column("next best"),
    ]
    return table(columns, rows, caption="The costliest routes with the vehicle not taken")


def _costs(plan: Plan) -> Markup:
    rows = [
        (
            row["leg"][2:],
            f"{row['parcels']:,.0f}",
            f"{row['cost']:,.0f}",
            "–" if row["cost_per_parcel"] is None else f"{row['cost_per_parcel']:.2f}",
            "–"
            if row["cost_per_delivered_parcel"] is None
            else f"{row['cost_per_delivered_parcel']:.2f}",
            f"{row['co2e_kg'] / 1000:,.1f}",
        )
        for row in plan["network_costs"].sort("leg").iter_rows(named=True)
    ]
    names = ("leg", "parcels", "cost a day", "a parcel", "a delivered parcel", "CO2e t")
    columns = [Column(name, numeric=k > 0) for k, name in enumerate(names)]
    return table(columns, rows, caption="Cost and emissions of a day by leg")


def _departures(plan: Plan) -> Markup:
    trips = (
        plan["linehaul_trips"]
        .filter((pl.col("mode") != "air_carrier") & (pl.col("distance_km") > 250))
        .with_columns(fill=pl.col("parcels") / (pl.col("vehicles") * pl.col("capacity_parcels")))
        .sort("fill", "decision", descending=[True, False])
    )
    shown = pl.concat([trips.head(6), trips.tail(6)]).unique("decision", maintain_order=True)
    rows = [
        (
            row["decision"],
            f"{row['vehicles']:,}",
            f"{row['parcels']:,.0f}",
            f"{row['fill']:.0%}",
            f"{row['distance_km']:,.0f}",
            f"{row['cost']:,.0f}",
        )
        for row in shown.iter_rows(named=True)
    ]
    names = ("departure", "vehicles", "parcels", "full", "km", "cost")
    columns = [Column(name, numeric=k > 0) for k, name in enumerate(names)]
    return table(columns, rows, caption="Departures by how full they are")


def _next_best(plan: Plan) -> Markup:
    flows = plan["network_flows"].filter(pl.col("next_best_path").is_not_null())
    rows = [
        (
            row["decision"],
            f"{row['parcels']:,.0f}",
            row["path"],
            f"{row['cost']:,.0f}",
            row["next_best_path"],
            f"{row['next_best_extra_cost']:,.0f}",
        )
        for row in flows.sort("cost", "decision", descending=[True, False])
        .head(12)
        .iter_rows(named=True)
    ]
    columns = [
        Column("flow"),
        Column("parcels", numeric=True),
        Column("path"),
        Column("cost", numeric=True),
        Column("next best"),
        Column("costs more", numeric=True),
    ]
    return table(columns, rows, caption="The costliest flows with the way not taken")
