"""Forecast any long table of series: find out what its columns mean, then the same engine.

Knows names of columns and lengths of seasons; the forecasting itself is `panel`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl

from fivefold.errors import DataError, Problem
from fivefold.plan.demand import series_times, temporal
from fivefold.plan.demand.boosting import Boosting
from fivefold.plan.demand.combination import Floats, Loss
from fivefold.plan.demand.drivers import Drivers, calendar_features, named_holidays
from fivefold.plan.demand.panel import PanelForecast, forecast_panel

#: Season and horizon of each frequency, as the M3 and M4 competitions have them.
FREQUENCIES: dict[str, tuple[int, int]] = {
    "YEARLY": (1, 6),
    "QUARTERLY": (4, 8),
    "MONTHLY": (12, 18),
    "WEEKLY": (52, 13),
    "DAILY": (7, 14),
    "HOURLY": (24, 48),
    "OTHER": (1, 8),
}
#: Values beyond are not quantities but faults, and their squares have no number.
LARGEST = 1e100
VALUE_COLUMNS = ("y", "value", "units", "sales", "demand", "quantity")
TIME_COLUMNS = ("date", "month", "week", "ds", "period_start", "t", "time", "period")
SERIES_COLUMNS = ("series", "unique_id", "series_id", "id")
KEY_COLUMNS = ("item", "location", "item_id", "store_id", "dept_id", "store", "dept", "channel")
SERIES_LEVELS = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesParams:
    """How to forecast a long table.

    Parameters
    ----------
    horizon, season : int, optional
        Periods ahead and periods in a season; found from the table by default: columns of
        these names, a column with frequencies, the step of its dates, the letter that
        begins M4's series names.
    levels : tuple of float
        Quantile levels, rising.
    loss : {'absolute', 'squared'}
        What the combination is to make small: absolute suits measures of the median such as
        smape and mase, squared the mean, as rmsse and stock do.
    origins : int
        Past origins of the back-test.
    drivers : bool
        Use further columns known ahead (calendar, price, promotion): rows beyond the last
        value of a series, with the value empty, say what they will be.
    country : str, optional
        Whose public holidays move demand, such as US or GB; none by default. [ISO 3166]
    boosting : {'auto', 'always', 'never'}
        Whether boosted trees over all series are among the methods.
    workers : int, optional
        Processes for more than 10,000 series; one a processor by default.
    also : tuple of int
        Sums over so many periods are forecast too, and all are made to agree: (7, 28) for days
        that add up to weeks and to four weeks. Each is a multiple of the one before.
    """

    horizon: int | None = None
    season: int | None = None
    levels: tuple[float, ...] = SERIES_LEVELS
    loss: Loss = "absolute"
    origins: int = 3
    drivers: bool = True
    country: str | None = None
    boosting: Boosting = "auto"
    workers: int | None = None
    also: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("horizon", "season"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}")
        if self.origins < 1:
            raise ValueError(f"origins must be at least 1, found {self.origins}")
        for before, periods in zip((1, *self.also), self.also, strict=False):
            if periods <= before or periods % before:
                raise ValueError(
                    f"also must be periods, each a multiple of the one before, found {self.also}"
                )
        rising = all(a < b for a, b in zip(self.levels, self.levels[1:], strict=False))
        if not self.levels or not rising or self.levels[0] <= 0 or self.levels[-1] >= 1:
            raise ValueError(f"levels must rise between 0 and 1, found {self.levels}")


SERIES_DEFAULT = SeriesParams()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the columns of a table were taken to mean."""

    series: tuple[str, ...]
    time: str
    value: str
    frequency: str | None


def read_columns(frame: pl.DataFrame) -> Reading:
    """Return which columns name the series, the time and the value.

    Raises
    ------
    DataError
        If the value or the time cannot be found.
    """
    lower = {name.lower(): name for name in frame.columns}
    value = next((lower[name] for name in VALUE_COLUMNS if name in lower), None)
    frequency = next(
        (
            lower[name]
            for name in ("frequency", "freq", "period")
            if name in lower
            and frame[lower[name]].dtype == pl.String
            and set(frame[lower[name]].drop_nulls().unique().str.to_uppercase()) <= set(FREQUENCIES)
        ),
        None,
    )
    time = next(
        (lower[name] for name in TIME_COLUMNS if name in lower and lower[name] != frequency), None
    )
    series = tuple(lower[name] for name in SERIES_COLUMNS if name in lower)[:1]
    series = series or tuple(lower[name] for name in KEY_COLUMNS if name in lower)
    problems = [
        Problem(
            table="series",
            code="missing_column",
            message=f"no {what} column; expected one of {', '.join(names)}",
        )
        for what, found, names in (
            ("value", value, VALUE_COLUMNS),
            ("time", time, TIME_COLUMNS),
            ("series", series, SERIES_COLUMNS),
        )
        if not found
    ]
    if problems:
        raise DataError(problems)
    assert value is not None
    assert time is not None
    return Reading(series, time, value, frequency)


def forecast_series(frame: pl.DataFrame, params: SeriesParams = SERIES_DEFAULT) -> pl.DataFrame:
    """Return quantile forecasts of every series of a long table.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per series and time: a series column (`series`, or several such as item and
        location), a time column (`t`, or calendar dates as `date` or `month`), a value column
        (`y`, `value`, `units`, …). Values empty at the ends are cut off, empty ones between
        are filled by a line; periods that are missing altogether between others count as zero.
    params : SeriesParams

    Returns
    -------
    polars.DataFrame
        Sorted by series and step: the series columns, step (1 is the next period), the time
        column, mean, method and one column per level, q0.01 to q0.99. With `also` a column
        periods tells how many a row is the sum of; its time is that of the first of them.

    Raises
    ------
    DataError
        If columns are missing, a value is not a finite number or there is none, a time cannot be
        read or stands twice in a series.

    Examples
    --------
    >>> table = pl.DataFrame({"series": ["A"] * 8, "t": range(8), "y": [5.0, 6] * 4})
    >>> forecast_series(table, SeriesParams(horizon=2, season=2))["step"].to_list()
    [1, 2]
    """
    reading = read_columns(frame)
    tidy = _tidy(frame, reading)
    parts = []
    for (season, horizon, kind), part in _by_frequency(tidy, reading, params):
        parts.append(_forecast_part(part, reading, params, season, horizon, kind))
    if not parts:
        return pl.DataFrame()
    order = [*reading.series, *(["periods"] if params.also else []), "step"]
    return pl.concat(parts, how="vertical_relaxed").sort(order)


def _tidy(frame: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Times parsed, values checked, sorted; every fault of the table in one error."""
    value = pl.col(reading.value).cast(pl.Float64, strict=False)
    typed = frame.with_columns(
        series_times.parsed(frame, reading.time, reading.series).alias("_time"), value.alias("_y")
    )
    if (
        typed["_y"].null_count() == typed.height
        and frame[reading.value].null_count() == typed.height
    ):
        message = "there is no value at all to forecast from"
        raise DataError(
            [Problem(table="series", column=reading.value, code="empty", message=message)]
        )
    faults = (
        (
            pl.col(reading.value).is_not_null() & pl.col("_y").is_null(),
            reading.value,
            "not_a_number",
            "expected a number; correct it or leave it empty",
        ),
        (
            pl.col("_y").is_infinite() | pl.col("_y").is_nan() | (pl.col("_y").abs() > LARGEST),
            reading.value,
            "not_finite",
            f"expected a finite number up to {LARGEST:.0e} in size; correct it or leave it empty",
        ),
        (
            pl.col("_time").is_null(),
            reading.time,
            "no_time",
            "expected a period number, or a date as YYYY-MM-DD or YYYY-MM; rewrite it",
        ),
        *(
            (pl.col(name).is_null(), name, "no_series", "expected the name of a series; fill it in")
            for name in reading.series
        ),
        *(
            (
                pl.col(name).is_not_null()
                & (pl.col(name).cast(pl.Int64, strict=False).fill_null(0) < 1),
                name,
                "not_positive",
                "expected a whole number from 1 on; correct it or leave the column out",
            )
            for name in ("season", "horizon")
            if name in frame.columns
        ),
    )
    problems = [
        _problem(found, reading, column, code, what)
        for condition, column, code, what in faults
        if (found := typed.filter(condition)).height
    ]
    if problems:
        raise DataError(problems)
    tidy = typed.sort([*reading.series, "_time"])
    # Sorted, what stands twice stands side by side.
    again = pl.all_horizontal(
        pl.col(name) == pl.col(name).shift() for name in (*reading.series, "_time")
    )
    twice = tidy.filter(again)
    if twice.height:
        what = "expected one row a series and time; add them up or keep one"
        raise DataError([_problem(twice, reading, reading.time, "duplicate", what)])
    return tidy


def _problem(rows: pl.DataFrame, reading: Reading, column: str, code: str, what: str) -> Problem:
    first = rows.row(0, named=True)
    found = first[column]
    shown = repr(found) if isinstance(found, str | float) else str(found)
    return Problem(
        table="series",
        key=" ".join(str(first[name]) for name in reading.series),
        column=column,
        code=code,
        message=f"found {shown} in {rows.height} row(s), {what}",
    )


def _by_frequency(
    tidy: pl.DataFrame, reading: Reading, params: SeriesParams
) -> list[tuple[tuple[int, int, str], pl.DataFrame]]:
    """Split by season and horizon, smallest first."""
    keys = list(reading.series)
    first = pl.col(keys[0]).cast(pl.String)
    found = tidy.group_by(keys).agg(
        (
            pl.col(reading.frequency).first().str.to_uppercase()
            if reading.frequency
            else pl.lit(None, pl.String)
        ).alias("_frequency"),
        *[
            (
                pl.col(name).cast(pl.Int64).first()
                if name in tidy.columns
                else pl.lit(None, pl.Int64)
            ).alias(f"_{name}")
            for name in ("season", "horizon")
        ],
    )
    if tidy["_time"].dtype.is_temporal():
        steps = series_times.steps_of(tidy, keys)
        found = found.join(steps, on=keys, how="left", nulls_equal=True)
        frequency, season, horizon = pl.col("_step"), pl.col("_own_season"), pl.col("_own_horizon")
    else:
        letters = {name[0]: name for name in FREQUENCIES if name != "OTHER"}
        lettered = first.str.extract(r"^([YQMWDH])\d+$").replace_strict(
            letters, default=None, return_dtype=pl.String
        )
        frequency = pl.coalesce("_frequency", lettered, pl.lit("OTHER"))
        season = frequency.replace_strict({k: v[0] for k, v in FREQUENCIES.items()})
        horizon = frequency.replace_strict({k: v[1] for k, v in FREQUENCIES.items()})
    settled = found.with_columns(
        pl.coalesce(pl.lit(params.season, pl.Int64), "_season", season)
        .cast(pl.Int64)
        .alias("_season"),
        pl.coalesce(pl.lit(params.horizon, pl.Int64), "_horizon", horizon)
        .cast(pl.Int64)
        .alias("_horizon"),
        frequency.alias("_frequency"),
    ).select(*keys, "_season", "_horizon", "_frequency")
    joined = tidy.drop("_season", "_horizon", strict=False).join(settled, on=keys, how="left")
    parts = joined.partition_by(["_season", "_horizon", "_frequency"], as_dict=True)
    return [
        ((int(key[0]), int(key[1]), str(key[2])), part.sort([*keys, "_time"]))
        for key, part in sorted(parts.items(), key=lambda pair: pair[0])
    ]


def _forecast_part(
    part: pl.DataFrame,
    reading: Reading,
    params: SeriesParams,
    season: int,
    horizon: int,
    frequency: str,
) -> pl.DataFrame:
    keys = list(reading.series)
    # Blocks are whole: what the last one reaches beyond the horizon is forecast and left out.
    longest = params.also[-1] if params.also else 1
    wanted, horizon = horizon, -(-horizon // longest) * longest
    known, last = _observed(part, keys, frequency)
    if known.height == 0:
        return pl.DataFrame()
    counted = known.group_by(keys, maintain_order=True).agg(pl.len().alias("count"))
    starts = np.concatenate([[0], np.cumsum(counted["count"].to_numpy())]).astype(np.int64)
    levels = np.array(params.levels)
    drivers = (
        _drivers(part, known, counted, reading, horizon, frequency, params.country)
        if params.drivers
        else None
    )
    run = partial(
        forecast_panel,
        levels=levels,
        loss=params.loss,
        origins=params.origins,
        boosting=params.boosting,
        workers=params.workers,
    )
    values = known["_y"].to_numpy().astype(float)
    ends = counted.select(keys).join(last, on=keys, how="left", maintain_order="left")
    if not params.also:
        made = run(values, starts, season=season, horizon=horizon, drivers=drivers)
        return _rows(ends, made, part, reading, frequency)
    told = temporal.forecast_levels(
        run, values, starts, season=season, horizon=horizon, also=params.also, drivers=drivers
    )
    return pl.concat(
        [
            _rows(ends[rows], made, part, reading, frequency, periods=periods)
            for periods, rows, made in told
        ]
    ).filter(pl.col("step") * pl.col("periods") <= wanted)


def _rows(
    ends: pl.DataFrame,
    made: PanelForecast,
    part: pl.DataFrame,
    reading: Reading,
    frequency: str,
    *,
    periods: int | None = None,
) -> pl.DataFrame:
    """Forecasts as rows: series, step, time, mean, method, quantiles; `periods` summed in each."""
    keys = list(reading.series)
    horizon = made.mean.shape[1]
    blocks = pl.DataFrame({"step": np.arange(1, horizon + 1)})
    length = periods or 1
    return (
        ends.join(blocks.with_columns(_block=pl.col("step")), how="cross")
        # A block has the time of its first period.
        .with_columns(step=(pl.col("_block") - 1) * length + 1)
        .with_columns(series_times.ahead(part, reading.time, frequency, keys).alias(reading.time))
        .with_columns(step=pl.col("_block"))
        .select(
            *keys,
            *([] if periods is None else [pl.lit(periods, pl.Int64).alias("periods")]),
            "step",
            reading.time,
        )
        .with_columns(
            pl.Series("mean", made.mean.ravel()),
            pl.Series("method", np.repeat(made.method_names(), horizon)),
            *[
                pl.Series(f"q{level:g}", made.quantiles[:, :, j].ravel())
                for j, level in enumerate(made.levels)
            ],
        )
    )


def _observed(
    part: pl.DataFrame, keys: list[str], frequency: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values without gaps, and the last time of each series."""
    filled = (pl.col("_y").cum_count().over(keys) > 0) & (
        pl.col("_y").cum_count(reverse=True).over(keys) > 0
    )
    known = part.filter(filled)
    last = known.group_by(keys, maintain_order=True).agg(pl.col("_time").max().alias("_last"))
    known = series_times.filled(known, keys, frequency)
    known = known.with_columns(pl.col("_y").interpolate().over(keys))
    return known, last


def _drivers(
    part: pl.DataFrame,
    known: pl.DataFrame,
    counted: pl.DataFrame,
    reading: Reading,
    horizon: int,
    frequency: str,
    country: str | None,
) -> Drivers | None:
    """Calendar and further columns of every period, where all series end at the same date."""
    keys = list(reading.series)
    if part["_time"].dtype != pl.Date or frequency not in ("DAILY", "WEEKLY"):
        return None
    ends = known.group_by(keys, maintain_order=True).agg(pl.col("_time").max())["_time"]
    end = ends.to_list()[int(ends.arg_max() or 0)]
    current = (ends == end).to_numpy()
    if current.mean() < 0.5:
        return None
    days = 1 if frequency == "DAILY" else 7
    past = int(counted["count"].to_numpy()[current].max())
    first = end - timedelta(days=days * (past - 1))
    dates = [first + timedelta(days=days * i) for i in range(past + horizon)]
    years = range(first.year, dates[-1].year + 2)
    holidays = named_holidays(country, years) if country else {}
    shared, yearly = calendar_features(dates, days, holidays)
    own = _own_features(part, counted.select(keys), reading, dates, end)
    groups = np.zeros(counted.height, dtype=np.int64)
    for name in keys if len(keys) > 1 else []:
        codes = counted[name].rank("dense").to_numpy().astype(np.int64)
        if counted.height / codes.max() >= 5:
            groups = codes
    return Drivers(shared, own, yearly, groups, current, 29 if days == 1 else 13)


def _own_features(
    part: pl.DataFrame,
    series: pl.DataFrame,
    reading: Reading,
    dates: list[date],
    end: date,
) -> Floats:
    """Further columns as features: numbers as they are, text one column a value.

    Only columns known for the periods ahead; a number enters centred, in its own spread.
    """
    keys = list(reading.series)
    taken = {*keys, reading.time, reading.value, reading.frequency, "season", "horizon"}
    names = [name for name in part.columns if name not in taken and not name.startswith("_")]
    future = part.filter(pl.col("_time") > end)
    names = [name for name in names if future.height and future[name].null_count() == 0]
    grid = series.join(pl.DataFrame({"_time": dates}), how="cross")
    ahead = len(dates) - dates.index(end) - 1
    told = future.group_by(keys).len()["len"].to_numpy()
    if not names or told.min(initial=ahead) < ahead:
        return np.zeros((series.height, len(dates), 0))
    table = grid.join(part.select(*keys, "_time", *names), on=[*keys, "_time"], how="left")
    table = table.sort([*keys, "_time"])
    columns: list[Floats] = []
    for name in names:
        values = table[name]
        if values.dtype in (pl.String, pl.Categorical, pl.Boolean):
            text = values.cast(pl.String)
            kinds = text.drop_nulls().unique().sort().to_list()
            columns += [
                (text == kind).fill_null(value=False).to_numpy().astype(float)
                for kind in kinds[:60]
                if kind not in ("none", "false")
            ]
        else:
            number = values.cast(pl.Float64)
            numbers = number.to_numpy().astype(float)
            spread = float(np.nanstd(numbers))
            if spread > 0:
                columns.append(np.nan_to_num((numbers - np.nanmean(numbers)) / spread))
    found = np.array(columns).reshape(len(columns), series.height, len(dates))
    return np.ascontiguousarray(np.moveaxis(found, 0, 2))
