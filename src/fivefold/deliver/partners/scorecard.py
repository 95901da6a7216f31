"""Scorecards of partners from what happened to their parcels.

Shares are given with the low end of their 90 % interval (Wilson 1927, Journal of the American
Statistical Association 22, 209-212), and the score counts on that end only: a partner with few
stops is not good by luck.
"""

from __future__ import annotations

import math

import polars as pl

from fivefold.model import schema

#: Quantile of the normal distribution for a two-sided 90 % interval.
Z_90 = 1.6448536269514722
DONE = ("delivered", "collected")
FAILED = ("damaged", "lost")
#: A visit last heard of so was tried in vain.
TRIED = ("attempted", "returned_to_station")


def wilson_low(successes: float, trials: float) -> float:
    """Return the low end of a share's 90 % interval.

    >>> round(wilson_low(10, 10), 3), round(wilson_low(1000, 1000), 3)
    (0.787, 0.997)
    """
    if trials <= 0:
        return 0.0
    share, z2 = successes / trials, Z_90**2
    centre = share + z2 / (2.0 * trials)
    spread = Z_90 * math.sqrt(share * (1.0 - share) / trials + z2 / (4.0 * trials**2))
    return max(0.0, (centre - spread) / (1.0 + z2 / trials))


def partner_scores(routes: pl.DataFrame, stops: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Return how each partner's routes went, as the table partner_scores.

    Parameters
    ----------
    routes, stops, events : polars.DataFrame
        Tables routes, route_stops and tracking_events; the last event of each kind counts.

    Notes
    -----
    On time is within the window where there is one, and at all where there is none. Times of
    events are read as local to the station. A visit of which nothing final is told is open: it
    is no exception and counts for no share.
    """
    done = (
        events.filter(pl.col("kind").is_in(DONE))
        .group_by("delivery")
        .agg(done_at=pl.col("occurred_at").max())
    )
    failed = (
        events.sort("occurred_at")
        .filter(pl.col("kind").is_in([*DONE, *FAILED, *TRIED]))
        .group_by("delivery")
        .agg(
            last=pl.col("kind").last(),
            broken=pl.col("kind").is_in(FAILED).any(),
        )
        .filter(pl.col("broken") | pl.col("last").is_in(TRIED))
        .select("delivery", failed=pl.lit(1))
    )
    visits = (
        stops.filter(pl.col("delivery").is_not_null())
        .select("route", "delivery", "window_end_minute")
        .join(routes.select("route", "partner", "cost", "parcels"), on="route")
        .join(done, on="delivery", how="left")
        .join(failed, on="delivery", how="left")
        .with_columns(
            partner=pl.col("partner").fill_null("own"),
            minute=pl.col("done_at").dt.hour().cast(pl.Float64) * 60.0
            + pl.col("done_at").dt.minute().cast(pl.Float64),
        )
        .with_columns(
            made=pl.col("done_at").is_not_null() & pl.col("failed").is_null(),
            told=pl.col("done_at").is_not_null() | pl.col("failed").is_not_null(),
            on_time=pl.col("window_end_minute").is_null()
            | (pl.col("minute") <= pl.col("window_end_minute")),
        )
    )
    cost = (
        routes.with_columns(partner=pl.col("partner").fill_null("own"))
        .group_by("partner")
        .agg(routes=pl.len(), cost=pl.col("cost").sum(), parcels=pl.col("parcels").sum())
    )
    counted = visits.group_by("partner").agg(
        stops=pl.len(),
        told=pl.col("told").sum(),
        made=pl.col("made").sum(),
        kept=(pl.col("made") & pl.col("on_time")).sum(),
        troubles=(pl.col("told") & ~pl.col("made")).sum(),
    )
    rows = []
    for row in counted.join(cost, on="partner").sort("partner").iter_rows(named=True):
        made_low = wilson_low(row["made"], row["told"])
        kept_low = wilson_low(row["kept"], row["made"])
        rows.append(
            {
                "partner": row["partner"],
                "routes": row["routes"],
                "stops": row["stops"],
                "open_visits": row["stops"] - row["told"],
                "delivered_share": row["made"] / row["told"] if row["told"] else None,
                "delivered_share_low": made_low,
                "on_time_share": row["kept"] / row["made"] if row["made"] else None,
                "exceptions_per_thousand": 1000.0 * row["troubles"] / row["told"]
                if row["told"]
                else None,
                "cost_per_parcel": row["cost"] / row["parcels"] if row["parcels"] else None,
                "score": made_low * kept_low if row["told"] else None,
            }
        )
    return schema("partner_scores").frame(rows)
