"""Why a forecast heeds what is known ahead: heirs, planned promotions and prices, holidays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.calendars import Periods
from fivefold.model import Reason
from fivefold.plan.demand.cleaning import Cleaned
from fivefold.plan.demand.history import KEY
from fivefold.plan.demand.panel import PanelForecast

#: Weight of methods that know the calendar above which holidays are said to be heard.
_HEARD = 0.05


def inherited(before: pl.DataFrame, after: pl.DataFrame, items: pl.DataFrame) -> list[Reason]:
    """Return which items stand on the history of those they replace.

    Parameters
    ----------
    before, after : polars.DataFrame
        Daily demand before and after heirs were given what they inherit.
    items : polars.DataFrame
    """
    heirs = dict(items.drop_nulls("replaces_item").select("item", "replaces_item").iter_rows())
    if not heirs:
        return []
    own = pl.col("units").sum().alias("units"), pl.len().alias("days")
    mine = after.filter(pl.col("item").is_in(list(heirs)))
    had = before.group_by(KEY).agg(own).rename({"units": "had", "days": "had_days"})
    both = mine.group_by(KEY).agg(own).join(had, on=KEY, how="left").sort(KEY)
    found = []
    for item, location, units, days, had_units, had_days in both.iter_rows():
        more = days - (had_days or 0)
        gained = float(units - (had_units or 0))
        if gained <= 0 and more <= 0:
            continue
        found.append(
            Reason(
                subject=f"forecast:{item}@{location}",
                reason_code="rule",
                reference=heirs[item],
                quantity=gained,
                text=f"{item} replaces {heirs[item]}: {gained:,.0f} units of its history stand "
                "before its own.",
            )
        )
    return found


def planned(inputs: pl.DataFrame, cleaned: Cleaned, periods: Periods) -> list[Reason]:
    """Return which forecasts heed promotions and prices planned within the horizon."""
    coming = inputs.filter((pl.col("date") >= periods.start) & (pl.col("date") < periods.end))
    if coming.height == 0:
        return []
    rows = {key: i for i, key in enumerate(cleaned.keys.select(KEY).iter_rows())}
    found = []
    for key, part in sorted(coming.partition_by(KEY, as_dict=True).items()):
        item, location = str(key[0]), str(key[1])
        row = rows.get((item, location))
        if row is None:
            continue
        days = part.filter(pl.col("is_promotion")).sort("date")["date"].to_list()
        if days:
            past = int(cleaned.promotion[row].sum())
            like = f"{past} days of promotion in its past tell how much it lifts"
            if not past:
                like = "it had none before, so the lift is that of its category, if any"
            found.append(
                Reason(
                    subject=f"forecast:{item}@{location}",
                    reason_code="change",
                    reference="promotion",
                    quantity=float(len(days)),
                    text=f"Promotion on {len(days)} days from {days[0]} to {days[-1]}; {like}.",
                )
            )
        found += _priced(item, location, part, cleaned.price[row])
    return found


def _priced(
    item: str, location: str, part: pl.DataFrame, past: NDArray[np.floating]
) -> list[Reason]:
    """Return the reason for a price that is to be another than the last one paid."""
    prices = part.drop_nulls("price").sort("date")
    known = past[np.isfinite(past)]
    if prices.height == 0 or len(known) == 0:
        return []
    last = float(known[-1])
    other = prices.filter((pl.col("price").cast(pl.Float64) - last).abs() > 0.005 * last)
    if other.height == 0:
        return []
    asked = other["price"].cast(pl.Float64).to_list()
    return [
        Reason(
            subject=f"forecast:{item}@{location}",
            reason_code="change",
            reference="price",
            quantity=float(other.height),
            text=f"Price from {min(asked):,.2f} to {max(asked):,.2f} on {other.height} days "
            f"instead of {last:,.2f}.",
        )
    ]


def holidays_heard(
    keys: pl.DataFrame,
    made: PanelForecast,
    named: Mapping[date, str],
    periods: Periods,
) -> list[Reason]:
    """Return which forecasts are by methods that know the holidays ahead."""
    ahead = [
        (day, name) for day, name in sorted(named.items()) if periods.start <= day < periods.end
    ]
    if not ahead:
        return []
    calendar = [i for i, name in enumerate(made.methods) if name.startswith(("year_", "calendar_"))]
    weight = made.weights[:, calendar].sum(axis=1)
    told = ", ".join(f"{name} {day}" for day, name in ahead[:3])
    more = f" and {len(ahead) - 3} more" if len(ahead) > 3 else ""
    return [
        Reason(
            subject=f"forecast:{item}@{location}",
            reason_code="forecast_method",
            reference="holidays",
            quantity=float(weight[i]),
            text=f"Methods that take out the calendar and put it back weigh {weight[i]:.0%}; they "
            f"heed {told}{more}.",
        )
        for i, (item, location) in enumerate(keys.select(KEY).iter_rows())
        if weight[i] > _HEARD
    ]
