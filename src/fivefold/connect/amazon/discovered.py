"""Items, offers, channels and places that a report names in passing."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from fivefold.connect.settings import ImportSettings

#: Working days assumed of places met in reports: every day, and Monday to Friday.
NETWORK_CALENDAR = "AMAZON"
OWN_CALENDAR = "WORKDAYS"


def items(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """Return one row an item, each column the last value the report states for it.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of the report with `_row`, in the order in which later rows are newer.
    columns : polars.Expr
        Columns of items by name; `item` is one of them.
    """
    named = frame.select(**columns, _row=pl.col("_row"))
    others = [name for name in named.columns if name not in ("item", "_row")]
    return (
        named.drop_nulls("item")
        .group_by("item", maintain_order=True)
        .agg(*(pl.col(name).drop_nulls().last() for name in others), pl.col("_row").first())
        .sort("item")
    )


def offers(frame: pl.DataFrame, *, item: pl.Expr, channel: pl.Expr, price: pl.Expr) -> pl.DataFrame:
    """Return one row an item and channel, with the last price the report states."""
    return (
        frame.select(item=item, channel=channel, price=price, _row=pl.col("_row"))
        .drop_nulls(["item", "channel"])
        .group_by("item", "channel", maintain_order=True)
        .agg(pl.col("price").drop_nulls().last(), pl.col("_row").first())
        .sort("item", "channel")
    )


def channels(settings: ImportSettings, codes: Iterable[str | None]) -> pl.DataFrame:
    """Return the channels among `codes`, as they are usually set up."""
    known = {
        settings.fba_channel: ("Fulfilled by Amazon", "fba", settings.network_location),
        settings.fbm_channel: ("Fulfilled by the seller", "fbm", settings.own_location),
        settings.mcf_channel: ("Multi-channel fulfilment", "mcf", settings.network_location),
    }
    met = sorted({code for code in codes if code in known})
    return pl.DataFrame(
        [
            {
                "channel": code,
                "name": known[code][0],
                "kind": known[code][1],
                "location": known[code][2],
                "referral_applies": known[code][1] != "mcf",
                "_row": 1,
            }
            for code in met
            if code is not None
        ],
        schema={
            "channel": pl.String,
            "name": pl.String,
            "kind": pl.String,
            "location": pl.String,
            "referral_applies": pl.Boolean,
            "_row": pl.Int64,
        },
    )


def locations(
    settings: ImportSettings, codes: Iterable[str | None], *, country: str = ""
) -> pl.DataFrame:
    """Return the places among `codes`: the network, the seller's own, and single centres."""
    rows: list[dict[str, object]] = []
    for code in sorted({code for code in codes if code}):
        own = code == settings.own_location
        network = code == settings.network_location
        kind = "warehouse" if own else "fulfilment_network" if network else "fulfilment_centre"
        rows.append(
            {
                "location": code,
                "name": "Own warehouse" if own else "Amazon fulfilment" if network else code,
                "kind": kind,
                "parent_location": None if own or network else settings.network_location,
                "operated_by": "own" if own else "amazon",
                "country": country or settings.country,
                "calendar": OWN_CALENDAR if own else NETWORK_CALENDAR,
                "_row": 1,
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            "location": pl.String,
            "name": pl.String,
            "kind": pl.String,
            "parent_location": pl.String,
            "operated_by": pl.String,
            "country": pl.String,
            "calendar": pl.String,
            "_row": pl.Int64,
        },
    )


def calendars(places: pl.DataFrame) -> pl.DataFrame:
    """Return the calendars that `places` name."""
    used = places["calendar"].unique().to_list()
    rows = [
        {
            "calendar": name,
            "saturday": name == NETWORK_CALENDAR,
            "sunday": name == NETWORK_CALENDAR,
            "_row": 1,
        }
        for name in (NETWORK_CALENDAR, OWN_CALENDAR)
        if name in used
    ]
    return pl.DataFrame(rows)
