"""What the tables say of places, ways and days, in the form the rules need.

Knows locations, lanes, calendars, bills of material and operations. Judges nothing.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fivefold.calendars import public_holidays
from fivefold.model import Dataset

#: Statuses of orders that will bring nothing more.
DONE = ("received", "closed", "cancelled")
#: Columns that name a place, by table, where single centres count as their network.
_PLACES = {
    "inventory": ("location",),
    "orders": ("location",),
    "channels": ("location",),
    "forecast_means": ("location",),
    "returns_forecast": ("location",),
    "lanes": ("origin", "destination"),
    "sourcing_options": ("destination",),
    "supply_orders": ("source", "destination"),
    "supply_plan": ("source", "destination"),
    "projected_stock": ("location",),
    "unmet_demand": ("location",),
    "promises": ("location",),
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Most lanes in a row that goods travel from a supplier.
MOST_LEGS = 4


def pooled(dataset: Dataset) -> Dataset:
    """Return the dataset with every centre of a fulfilment network named as the network."""
    places = dataset["locations"]
    networks = places.filter(pl.col("kind") == "fulfilment_network")["location"]
    parts = places.filter(pl.col("parent_location").is_in(networks.implode()))
    if parts.height == 0:
        return dataset
    network_of = dict(parts.select("location", "parent_location").iter_rows())
    return dataset.with_tables(
        **{
            table: dataset[table].with_columns(pl.col(c).replace(network_of) for c in columns)
            for table, columns in _PLACES.items()
            if table in dataset
        }
    )


def orders_as_changed(dataset: Dataset) -> pl.DataFrame:
    """Return orders that will still bring goods, with `left` units, on the day expected.

    Changes the plan proposes count as made: the plan is that they are.
    """
    left = (pl.col("quantity") - pl.col("quantity_received").fill_null(0)).clip(lower_bound=0)
    changes = (
        dataset["supply_changes"]
        .select("order", "line", "change", "to_date", "to_quantity")
        .unique(subset=["order", "line"], maintain_order=True)
    )
    return (
        dataset["supply_orders"]
        .filter(~pl.col("status").is_in(list(DONE)))
        .join(changes, on=["order", "line"], how="left")
        .with_columns(
            expected_on=pl.coalesce("to_date", "expected_on"),
            left=pl.when(pl.col("change") == "cancel")
            .then(pl.lit(0, dtype=pl.Int64))
            .otherwise(pl.coalesce("to_quantity", left)),
        )
        .filter(pl.col("left") > 0)
    )


def lane_days(dataset: Dataset) -> pl.DataFrame:
    """Return days from dispatch to available, cost and cube prices of every lane."""
    places = dataset["locations"].select(
        destination="location",
        processing=pl.col("processing_time_days").fill_null(0.0),
        receiving=pl.col("receiving_cost_per_unit").fill_null(0.0),
    )
    return (
        dataset["lanes"]
        .join(places, on="destination", how="left")
        .select(
            "destination",
            "mode",
            "active_from",
            "active_to",
            "calendar",
            pl.col("receiving").fill_null(0.0),
            source="origin",
            lane_days=pl.col("transit_time_days_mean") + pl.col("processing").fill_null(0.0),
            per_unit=pl.col("cost_per_unit").fill_null(0.0),
            per_kg=pl.col("cost_per_kg").fill_null(0.0),
            per_m3=pl.col("cost_per_m3").fill_null(0.0),
        )
        .unique(subset=["source", "destination", "mode"], maintain_order=True)
    )


def shortest_days(dataset: Dataset) -> pl.DataFrame:
    """Return the fewest days between any two places by at most `MOST_LEGS` lanes.

    Columns source, destination, path_days. Breadth first: one join a further leg.
    """
    legs = (
        lane_days(dataset)
        .group_by("source", "destination")
        .agg(path_days=pl.col("lane_days").min())
    )
    found = legs
    for _ in range(MOST_LEGS - 1):
        longer = found.join(legs, left_on="destination", right_on="source", suffix="_leg").select(
            "source",
            destination="destination_leg",
            path_days=pl.col("path_days") + pl.col("path_days_leg"),
        )
        found = (
            pl.concat([found, longer])
            .group_by("source", "destination")
            .agg(pl.col("path_days").min())
        )
    return found


def item_sizes(dataset: Dataset) -> pl.DataFrame:
    """Return cube, weight and standard cost of a unit of every item; unknown sizes are 0."""
    return dataset["items"].select(
        "item",
        m3=(pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm") / 1e6).fill_null(0.0),
        kg=pl.col("weight_kg").fill_null(0.0),
        standard_cost="unit_cost",
    )


def closed_days(dataset: Dataset, first: date, last: date) -> pl.DataFrame:
    """Return (calendar, day) of every day in [first, last] on which a calendar is closed."""
    calendars = dataset["calendars"]
    if calendars.height == 0:
        return pl.DataFrame(schema={"calendar": pl.String, "day": pl.Date})
    days = pl.DataFrame({"day": pl.date_range(first, last, eager=True)}).with_columns(
        weekday=pl.col("day").dt.weekday()
    )
    closed_on = pl.concat(
        calendars.filter(~pl.col(name).fill_null(False)).select(
            "calendar", weekday=pl.lit(number, dtype=pl.Int8)
        )
        for number, name in enumerate(_WEEKDAYS, start=1)
    )
    weekly = days.join(closed_on, on="weekday").select("calendar", "day")
    named = dataset["calendar_closures"].select("calendar", day="date")
    return pl.concat([weekly, named, _holidays(calendars, first, last)]).unique()


def _holidays(calendars: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Return the public holidays of every calendar that keeps those of a country."""
    keeping = calendars.filter(pl.col("holidays_country").fill_null("") != "")
    years = range(first.year, last.year + 1)
    rows = [
        (name, day)
        for name, country in keeping.select("calendar", "holidays_country").iter_rows()
        for day in sorted(public_holidays(country, years))
    ]
    return pl.DataFrame(rows, schema={"calendar": pl.String, "day": pl.Date}, orient="row")


def open_days_per_week(dataset: Dataset, weeks: pl.Series) -> pl.DataFrame:
    """Return (calendar, week, open_days) for every calendar and week."""
    calendars = dataset["calendars"].select("calendar")
    if len(weeks) == 0 or calendars.height == 0:
        return pl.DataFrame(schema={"calendar": pl.String, "week": pl.Date, "open_days": pl.Int64})
    first, last = weeks.min(), weeks.max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    shut = (
        closed_days(dataset, first, last + timedelta(days=6))
        .filter(pl.col("day").is_between(first, last + timedelta(days=6)))
        .group_by("calendar", week=pl.col("day").dt.truncate("1w"))
        .agg(shut=pl.len().cast(pl.Int64))
    )
    return (
        calendars.join(pl.DataFrame({"week": weeks.unique()}), how="cross")
        .join(shut, on=["calendar", "week"], how="left")
        .select("calendar", "week", open_days=7 - pl.col("shut").fill_null(0))
    )


def plan_weeks(dataset: Dataset) -> pl.DataFrame:
    """Return the periods of the plan as column period_start, ascending."""
    told = dataset["projected_stock"]
    table = told if told.height else dataset["limit_prices"]
    return table.select("period_start").unique().sort("period_start")


def make_yields(dataset: Dataset) -> pl.DataFrame:
    """Return the share of good units over all steps, by product and plant."""
    return (
        dataset["operations"]
        .group_by("product", "location")
        .agg(yield_share=pl.col("yield_share").fill_null(1.0).product())
    )


def make_hours(dataset: Dataset) -> pl.DataFrame:
    """Return run hours for one good unit and set-up hours, by product, plant and resource.

    A step runs for all units that reach it, so its hours are divided by the yield of itself
    and of all steps after it. What a step holds besides its resource is held as long.
    """
    steps = (
        dataset["operations"]
        .sort("product", "location", "operation", descending=[False, False, True])
        .with_columns(
            after=pl.col("yield_share").fill_null(1.0).cum_prod().over("product", "location")
        )
        .select(
            "product",
            "operation",
            "location",
            "resource",
            hours=pl.col("run_time_hours_per_unit") / pl.col("after"),
            setup=pl.col("setup_time_hours").fill_null(0.0),
        )
    )
    needs = dataset["operation_needs"].select(
        "product", "operation", "resource", count=pl.col("count").fill_null(1)
    )
    held = (
        steps.drop("resource")
        .join(needs, on=["product", "operation"], how="inner")
        .with_columns(pl.col("hours", "setup") * pl.col("count"))
        .select(steps.columns)
    )
    return (
        pl.concat([steps, held])
        .group_by("product", "location", "resource")
        .agg(pl.col("hours", "setup").sum())
    )


def bill_lines(makes: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Return the lines of the bill in force on the start day of each make.

    Parameters
    ----------
    makes : polars.DataFrame
        Columns item, destination, start_on, quantity besides any that name the make.

    Returns
    -------
    polars.DataFrame
        The makes' columns and component, `needed` units (yield and scrap allowed for) and
        `alternatives`, how many components may replace each other on that line.
    """
    bill = dataset["bills_of_material"].filter(
        ~pl.col("is_by_product").fill_null(False) & (pl.col("quantity_per") > 0)
    )
    return (
        makes.with_row_index("make")
        .join(bill, left_on="item", right_on="product", how="inner")
        .filter(
            (pl.col("effective_from").is_null() | (pl.col("effective_from") <= pl.col("start_on")))
            & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= pl.col("start_on")))
        )
        .join(
            make_yields(dataset),
            left_on=["item", "destination"],
            right_on=["product", "location"],
            how="left",
        )
        .with_columns(
            line=pl.coalesce("alternate_group", pl.concat_str([pl.lit("one "), "component"])),
            needed=pl.col("quantity")
            / pl.col("yield_share").fill_null(1.0)
            * pl.col("quantity_per")
            / (1.0 - pl.col("scrap_share").fill_null(0.0)),
        )
        .with_columns(alternatives=pl.len().over("make", "line"))
        .drop("make")
    )
