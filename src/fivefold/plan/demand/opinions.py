"""What sales, marketing or customers expect, weighed against the statistics by past errors.

Knows how an opinion of a week, a month or any other span becomes a figure of each period, and
how it is judged by what came. The weights themselves are made in `judgement`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from fivefold.calendars import Periods
from fivefold.model import Reason, schema
from fivefold.plan.demand import judgement
from fivefold.plan.demand.cleaning import Cleaned
from fivefold.plan.demand.combination import Floats
from fivefold.plan.demand.panel import PanelForecast
from fivefold.plan.demand.results import State

#: The forecast of the methods, as a source beside the others.
STATISTICS = "statistics"
_STREAM = ["item", "location"]
_RECORD = {
    "source": pl.String,
    "item": pl.String,
    "location": pl.String,
    "scale": pl.Float64,
    "said": pl.Float64,
    "came": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Agreed:
    """The forecast agreed on, and how far each source was to be trusted."""

    state: State
    sources: pl.DataFrame = field(default_factory=lambda: schema("forecast_sources").empty())


def agreed(
    state: State,
    opinions: pl.DataFrame,
    periods: Periods,
    *,
    cleaned: Cleaned,
    made: PanelForecast,
    tested: pl.DataFrame,
    as_of: date,
) -> Agreed:
    """Return the forecast with what other sources expect, each weighed by its past errors.

    Parameters
    ----------
    state : State
        The statistics: forecasts by period.
    opinions : polars.DataFrame
        As forecast_opinions.
    periods : Periods
    cleaned : Cleaned
        Demand as it was wanted: what opinions are judged by.
    made : PanelForecast
        What the methods said at past origins: what the statistics are judged by.
    tested : polars.DataFrame
        item, location of the rows of `made`.
    as_of : date
    """
    told = opinions.filter(pl.col("made_on") <= as_of).with_columns(
        pl.col("source").replace({STATISTICS: f"{STATISTICS} (told)"})
    )
    standing = _standing(told, state, periods, as_of=as_of)
    if standing.height == 0:
        return Agreed(state)
    record = _record(told, standing, cleaned, made, tested, periods.days, as_of=as_of)
    streams = pl.concat(
        [
            standing.select("source", *_STREAM),
            standing.select(pl.lit(STATISTICS).alias("source"), *_STREAM),
        ]
    ).unique()
    weights = judgement.consensus_weights(streams, record)
    sources = _sources(weights, record)
    moved, heard = _moved(state, standing, weights, periods)
    factors = np.ones(state.mean.shape)
    added = np.zeros(state.mean.shape)
    some = state.mean > 0
    factors[some] = (moved / np.maximum(state.mean, 1e-300))[some]
    added[~some] = moved[~some]
    notes = _reasons(state, moved, heard, sources, periods)
    return Agreed(state.scaled(factors, notes).from_nothing(added), sources)


def _standing(told: pl.DataFrame, state: State, periods: Periods, *, as_of: date) -> pl.DataFrame:
    """Opinions that still count and reach into the horizon, the latest said of each span."""
    places = state.keys.with_columns(pl.lit(True).alias("known"))
    anywhere = places.select("item", pl.lit("").alias("location"), "known").unique()
    return (
        told.filter(
            (pl.col("expires_on").is_null() | (pl.col("expires_on") >= as_of))
            & (pl.col("ends_on") >= periods.start)
            & (pl.col("starts_on") < periods.end)
            & (pl.col("ends_on") >= pl.col("starts_on"))
        )
        .join(pl.concat([places, anywhere]), on=_STREAM, how="semi")
        .sort("made_on")
        .unique(["source", *_STREAM, "starts_on", "ends_on"], keep="last", maintain_order=True)
        # Of two spans that overlap the one said last counts, and of those the shorter one.
        .sort("made_on", pl.col("starts_on") - pl.col("ends_on"), "source", "item")
    )


def _record(
    told: pl.DataFrame,
    standing: pl.DataFrame,
    cleaned: Cleaned,
    made: PanelForecast,
    tested: pl.DataFrame,
    days: int,
    *,
    as_of: date,
) -> pl.DataFrame:
    """What each source said before and what came, of the items spoken of now.

    Statistics are judged at the origins of the back-test, over spans as long and as far ahead
    as the others' were, so that all are judged by alike tasks.
    """
    past = told.filter(
        (pl.col("ends_on") < as_of)
        & (pl.col("made_on") < pl.col("starts_on"))
        & (pl.col("ends_on") >= pl.col("starts_on"))
    ).join(standing.select("item").unique(), on="item", how="semi")
    rows = _rows_of(cleaned.keys)
    found: list[dict[str, object]] = []
    for one in past.iter_rows(named=True):
        at = rows.get((one["item"], one["location"]), ())
        first = (one["starts_on"] - cleaned.first).days
        last = (one["ends_on"] - cleaned.first).days + 1
        if not at or first < 0:
            continue
        came = cleaned.wanted[list(at), first:last]
        if not np.isfinite(came).any(axis=0).all():
            continue
        found.append(
            {
                **{name: one[name] for name in ("source", *_STREAM)},
                "scale": _usual(cleaned, at) * (last - first),
                "said": float(one["units"]),
                "came": float(np.nansum(came)),
            }
        )
    spans = (past["ends_on"] - past["starts_on"]).dt.total_days() + 1
    ahead = (past["ends_on"] - past["made_on"]).dt.total_days()
    length = max(1, round(float(spans.median() or days) / days))  # type: ignore[arg-type]
    reach = int(np.ceil(float(ahead.max() or days * length) / days))  # type: ignore[arg-type]
    panel = _rows_of(tested)
    for item, location in standing.select(_STREAM).unique().sort(_STREAM).iter_rows():
        at, own = panel.get((item, location), ()), rows.get((item, location), ())
        if not at:
            continue
        scale = _usual(cleaned, own) * days * length
        said, came = (part[list(at)].sum(axis=0) for part in (made.tested, made.actual))
        steps = min(max(length, reach), said.shape[1]) // length * length
        for origin in range(said.shape[0]):
            for step in range(0, steps, length):
                pair = [float(p[origin, step : step + length].sum()) for p in (said, came)]
                if np.isfinite(pair).all():
                    found.append(
                        {"source": STATISTICS, "item": item, "location": location, "scale": scale}
                        | {"said": pair[0], "came": pair[1]}
                    )
    return pl.DataFrame(found, schema=_RECORD)


def _rows_of(keys: pl.DataFrame) -> dict[tuple[str, str], tuple[int, ...]]:
    """Rows of each item and place, and of each item in all places."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for i, (item, location) in enumerate(keys.select(_STREAM).iter_rows()):
        found[item, location] = (i,)
        found[item, ""] = (*found.get((item, ""), ()), i)
    return found


def _usual(cleaned: Cleaned, rows: tuple[int, ...]) -> float:
    """Usual demand of a day, of all these rows together; never less than one unit a quarter."""
    mean = sum(float(np.nanmean(cleaned.wanted[row])) for row in rows)
    return max(mean, 1.0 / 91.0)


def _sources(weights: pl.DataFrame, record: pl.DataFrame) -> pl.DataFrame:
    keys = ["source", *_STREAM]
    each = judgement.track_records(record).drop_nulls("item")
    return (
        weights.join(each, on=keys, how="left")
        .with_columns(pl.col("spans").fill_null(0))
        .select(schema("forecast_sources").names)
        .sort(*_STREAM, "source")
    )


def _moved(
    state: State, standing: pl.DataFrame, weights: pl.DataFrame, periods: Periods
) -> tuple[Floats, dict[int, list[tuple[dict[str, object], float]]]]:
    """Return the consensus of each row and period, and what was heard of each row."""
    rows = _rows_of(state.keys)
    weight = {(s, i, p): w for s, i, p, w in weights.iter_rows()}
    begins = np.array([(day - periods.start).days for day in periods.starts()])
    said: dict[tuple[str, str], dict[str, Floats]] = {}
    heard: dict[int, list[tuple[dict[str, object], float]]] = {}
    for one in standing.iter_rows(named=True):
        at = list(rows[one["item"], one["location"]])
        first = (one["starts_on"] - periods.start).days
        last = (one["ends_on"] - periods.start).days + 1
        overlap = np.clip(
            np.minimum(begins + periods.days, last) - np.maximum(begins, first), 0, None
        )
        shares = overlap / periods.days
        mean = state.mean[at]
        within = float((mean * shares).sum())
        # Days of the span outside the horizon count as the ones within do.
        whole = within * (last - first) / float(overlap.sum())
        own = said.setdefault((one["item"], one["location"]), {})
        paths = own.setdefault(one["source"], np.full(mean.shape, np.nan))
        if whole > 0:
            told = mean * (1.0 + (one["units"] / whole - 1.0) * shares)
        else:
            told = np.tile(one["units"] / len(at) * overlap / (last - first), (len(at), 1))
        hit = shares > 0
        paths[:, hit] = told[:, hit]
        for row in at:
            heard.setdefault(row, []).append((one, weight[one["source"], *_key(one)]))
    moved = state.mean.copy()
    # What is said of a place comes after what is said of all places, and takes its part of it.
    for stream in sorted(said):
        at = list(rows[stream])
        total = np.full(state.mean[at].shape, weight[STATISTICS, *stream])
        summed = state.mean[at] * total
        for source, paths in sorted(said[stream].items()):
            known = np.isfinite(paths)
            total += np.where(known, weight[source, *stream], 0.0)
            summed += np.where(known, paths * weight[source, *stream], 0.0)
        spoken = np.isfinite(np.stack(list(said[stream].values()))).any(axis=0)
        moved[at] = np.where(spoken, summed / total, moved[at])
    return moved, heard


def _key(one: dict[str, object]) -> tuple[str, str]:
    return str(one["item"]), str(one["location"])


def _reasons(
    state: State,
    moved: Floats,
    heard: dict[int, list[tuple[dict[str, object], float]]],
    sources: pl.DataFrame,
    periods: Periods,
) -> list[Reason]:
    """Why each forecast was moved: who said what, who weighs what, and what came of it."""
    records = {
        (source, item, location): (spans, wape, weight)
        for source, item, location, spans, wape, _, weight in sources.iter_rows()
    }
    found = []
    for row, opinions in sorted(heard.items()):
        item, location = state.keys.row(row)
        subject = f"forecast:{item}@{location}"
        change = float((moved[row] - state.mean[row]).sum())
        spoken = sorted({(str(one["source"]), _key(one)) for one, _ in opinions})
        keys = sorted({key for _, key in spoken})
        parts = []
        for key in keys:
            for name in [STATISTICS, *[s for s, k in spoken if k == key]]:
                spans, wape, weight = records[name, *key]
                past = f"off by {wape:.0%} in {spans}" if wape is not None else "no record yet"
                parts.append(f"{name} {weight:.0%} ({past})")
        found.append(
            Reason(
                subject=subject,
                reason_code="change",
                reference="consensus",
                quantity=change,
                text=f"Consensus of {', '.join(dict.fromkeys(parts))} moves it by {change:+,.0f} "
                "units.",
            )
        )
        for one, _ in opinions[-3:]:
            where = "" if one["location"] else " in all places"
            found.append(
                Reason(
                    subject=subject,
                    reason_code="change",
                    reference=str(one["source"]),
                    quantity=float(str(one["units"])),
                    text=f"{one['source']} ({one['author']}, {one['made_on']}) expects "
                    f"{one['units']:,.0f} units{where} from {one['starts_on']} to "
                    f"{one['ends_on']}: {one['reason']}",
                )
            )
    return found


def unheard(opinions: pl.DataFrame, keys: pl.DataFrame, *, as_of: date) -> list[Reason]:
    """Return opinions still standing about what has no forecast, as reasons."""
    anywhere = keys.select("item", pl.lit("").alias("location")).unique()
    lost = opinions.filter((pl.col("ends_on") >= as_of) & (pl.col("made_on") <= as_of)).join(
        pl.concat([keys.select(_STREAM), anywhere]), on=_STREAM, how="anti"
    )
    return [
        Reason(
            subject="forecast",
            reason_code="unknown_figure",
            reference=f"{item}@{location}",
            text=f"{source} speaks of {item} at {location or 'all places'}, which has no forecast: "
            "no offer, no sale or no such place; the opinion is left out.",
        )
        for source, item, location in lost.select("source", *_STREAM)
        .unique()
        .sort("source", *_STREAM)
        .iter_rows()
    ]
