"""Times of a table of series: what they mean, their steps, which are missing, what follows.

Knows period numbers, dates, months and clock times in the forms in which tables have them.
"""

from __future__ import annotations

from datetime import date

import polars as pl

#: Season and horizon where the table has calendar dates, by days between two of them.
STEPS: tuple[tuple[float, str, int, int], ...] = (
    (1.5, "DAILY", 7, 28),
    (10.0, "WEEKLY", 52, 13),
    (45.0, "MONTHLY", 12, 12),
    (120.0, "QUARTERLY", 4, 8),
    (1e9, "YEARLY", 1, 6),
)
MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "YEARLY": 12}
MINUTES_PER_DAY = 1440
#: Gaps of a series from which its own step is believed, and by how much they may differ.
OWN_GAPS, REGULAR = 7, 1.2


def parsed(frame: pl.DataFrame, time: str, keys: tuple[str, ...]) -> pl.Series:
    """Return the times as dates, as clock times where a day has several, or as whole numbers.

    Zones of clock times are left out: what counts is the day where the sale was. What cannot be
    read is empty.
    """
    given = frame[time]
    if given.dtype == pl.String:
        text = given.str.strip_chars()
        long = text.str.len_chars() >= 16
        if long.any():
            clock = text.str.slice(0, 16).str.replace(" ", "T", literal=True)
            clock = clock.str.to_datetime("%Y-%m-%dT%H:%M", strict=False)
            short = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
            given = clock.zip_with(long.fill_null(value=False), short)
        else:
            month = text.str.len_chars() == 7
            text = (text + "-01").zip_with(month.fill_null(value=False), text)
            return text.str.to_date("%Y-%m-%d", strict=False)
    if isinstance(given.dtype, pl.Datetime):
        wall = given.dt.replace_time_zone(None)
        days = wall.dt.date()
        several = frame.select(*keys).with_columns(days.alias("_day")).is_duplicated().any()
        return wall if several and wall.dt.time().n_unique() > 1 else days
    if given.dtype.is_integer():
        return _written_dates(given)
    if given.dtype.is_float():
        whole = given.is_finite() & (given == given.round())
        return given.cast(pl.Int64, strict=False).set(~whole.fill_null(value=False), None)
    return given if given.dtype == pl.Date else given.cast(pl.Int64, strict=False)


def _written_dates(given: pl.Series) -> pl.Series:
    """Return dates where whole numbers are all written as YYYYMM or YYYYMMDD, else the numbers."""
    known = given.drop_nulls()
    for low, high, form in ((190001, 210012, "%Y%m%d"), (19000101, 21001231, "%Y%m%d")):
        if known.len() == 0 or not known.is_between(low, high).all():
            continue
        text = given.cast(pl.String) + ("01" if high < 1e6 else "")
        found = text.str.to_date(form, strict=False)
        if found.null_count() == given.null_count():
            return found
    return given


def steps_of(tidy: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the calendar step of each series, its season and its horizon.

    One step for the table, as a series with few sales must not look monthly; but a series whose
    own times are regular, or closer than the table's, keeps its own.
    """
    gap = pl.col("_time").diff().drop_nulls().dt.total_minutes() / MINUTES_PER_DAY
    found = tidy.group_by(keys).agg(
        gap.median().alias("_gap"),
        gap.min().alias("_least"),
        gap.max().alias("_most"),
        gap.len().alias("_gaps"),
    )
    whole = found["_gap"].drop_nulls().median()
    table = float(whole) if isinstance(whole, int | float) else 1.0
    rows = []
    for row in found.iter_rows(named=True):
        own = row["_gap"]
        regular = row["_gaps"] >= OWN_GAPS and row["_most"] <= REGULAR * row["_least"]
        closer = row["_gaps"] >= OWN_GAPS and _step(own)[0] < _step(table)[0]
        step = _step(own if regular or closer else table)
        rows.append({key: row[key] for key in keys} | dict(zip(_STEP, step[1:], strict=True)))
    types = {key: tidy.schema[key] for key in keys}
    return pl.DataFrame(
        rows, schema=types | {"_step": pl.String, **dict.fromkeys(_STEP[1:], pl.Int64)}
    )


_STEP = ("_step", "_own_season", "_own_horizon")


def _step(days: float) -> tuple[float, str, int, int]:
    minutes = round(days * MINUTES_PER_DAY)
    if 0 < minutes < 0.9 * MINUTES_PER_DAY:
        season = max(1, round(MINUTES_PER_DAY / minutes))
        return days, f"{minutes}m", season, 2 * season
    return next(step for step in STEPS if days < step[0])


def step_minutes(step: str) -> int:
    """Return the minutes of a step of clock times, 0 of any other.

    >>> step_minutes("60m"), step_minutes("DAILY")
    (60, 0)
    """
    return int(step[:-1]) if step[:1].isdigit() else 0


def filled(known: pl.DataFrame, keys: list[str], step: str) -> pl.DataFrame:
    """Add periods that are missing between the first and last of a series, with zero.

    Series whose times do not fall into periods one by one stay as they are.
    """
    place = _place(known, keys, step)
    if place is None:
        return known
    placed = known.with_columns(place.alias("_place"))
    if (placed.select(pl.col("_place").diff().over(keys))["_place"] == 0).any():
        return known
    spans = placed.group_by(keys, maintain_order=True).agg(
        pl.col("_place").min().alias("_from"), pl.col("_place").max().alias("_to"), pl.len()
    )
    if (spans["_to"] - spans["_from"] + 1 == spans["len"]).all():
        return known
    grid = spans.select(*keys, pl.int_ranges("_from", pl.col("_to") + 1).alias("_place"))
    present = placed.select(*keys, "_place", "_time", "_y", pl.lit(True).alias("_present"))
    return (
        grid.explode("_place")
        .join(present, on=[*keys, "_place"], how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("_present").is_null()).then(0.0).otherwise(pl.col("_y")).alias("_y")
        )
    )


def _place(known: pl.DataFrame, keys: list[str], step: str) -> pl.Expr | None:
    """Return the number of the period of each row."""
    time = pl.col("_time")
    if known["_time"].dtype.is_integer():
        gap = number_gap(known, keys)
        return (time - time.min().over(keys)) // gap if gap else None
    if minutes := step_minutes(step):
        return (time - time.min().over(keys)).dt.total_minutes() // minutes
    if step in MONTHS:
        month = time.dt.year().cast(pl.Int64) * 12 + time.dt.month().cast(pl.Int64) - 1
        return month // MONTHS[step]
    days = (time - time.min().over(keys)).dt.total_days()
    return days if step == "DAILY" else (days / 7).round().cast(pl.Int64)


def number_gap(known: pl.DataFrame, keys: list[str]) -> int:
    """Return by how much period numbers rise from one period to the next, 0 if in no even steps."""
    gaps = known.select(pl.col("_time").diff().over(keys))["_time"].drop_nulls()
    least = gaps.min()
    if not isinstance(least, int) or least < 1:
        return 1
    return least if (gaps % least == 0).all() else 0


def ahead(part: pl.DataFrame, time: str, step: str, keys: list[str]) -> pl.Expr:
    """Return the time `step` periods after the last one, in the form in which the table has it."""
    given, count = part[time], pl.col("step")
    if part["_time"].dtype.is_integer():
        found = pl.col("_last") + count * (number_gap(part, keys) or 1)
        return found.cast(given.dtype) if given.dtype.is_numeric() else found
    if minutes := step_minutes(step):
        return _clock(pl.col("_last") + pl.duration(minutes=count * minutes), given)
    if step in MONTHS:
        found = pl.col("_last").dt.offset_by(pl.format("{}mo", count * MONTHS[step]))
    else:
        found = pl.col("_last") + pl.duration(days=count * (1 if step == "DAILY" else 7))
    if given.dtype.is_integer():
        month = (given.max() or 0) < 1_000_000  # type: ignore[operator]
        return found.dt.strftime("%Y%m" if month else "%Y%m%d").cast(given.dtype)
    if given.dtype == pl.String:
        length = int(given.str.strip_chars().str.len_chars().max() or 10)  # type: ignore[arg-type]
        return found.dt.strftime("%Y-%m" if length == 7 else "%Y-%m-%d")
    if isinstance(given.dtype, pl.Datetime):
        first = given.drop_nulls()[0]
        assert isinstance(first, date)
        return _clock(found.dt.combine(first.time()), given)  # type: ignore[attr-defined]
    return found.cast(given.dtype)


def _clock(found: pl.Expr, given: pl.Series) -> pl.Expr:
    if given.dtype == pl.String:
        return found.dt.strftime("%Y-%m-%dT%H:%M")
    assert isinstance(given.dtype, pl.Datetime)
    found = found.cast(pl.Datetime(given.dtype.time_unit))
    if given.dtype.time_zone is None:
        return found
    # An hour that the change of clocks leaves out is empty; one that comes twice is the first.
    return found.dt.replace_time_zone(
        given.dtype.time_zone, ambiguous="earliest", non_existent="null"
    )
