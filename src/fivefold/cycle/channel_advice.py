"""Channels compared: those there are and, on request, those there could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

import polars as pl

from fivefold.cycle.workspace import Workspace
from fivefold.deliver.channel_terms import ChannelParams
from fivefold.deliver.channels import choose_channels
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, Outcome

#: Kinds of channel that can be thought of beside those of the data, with what they are.
THINKABLE = {
    "awd": "FBA fed from Amazon Warehousing & Distribution",
    "mcf": "orders of other shops through the fulfilment network",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What the comparison says in all.

    Parameters
    ----------
    choices, fees, reasons : polars.DataFrame
        Tables `channel_choices`, `channel_fees`, `explanations`.
    changes : polars.DataFrame
        Items better off elsewhere: item, channel of today, best channel, both contributions,
        ends of the best, gain a year; the largest gain first.
    gain_per_year, sure_gain_per_year : float
        Total of all gains, and of those that hold with every unknown at its worst.
    """

    choices: pl.DataFrame
    fees: pl.DataFrame
    reasons: pl.DataFrame
    changes: pl.DataFrame
    gain_per_year: float
    sure_gain_per_year: float


def advise(
    dataset: Dataset,
    params: ChannelParams | None = None,
    *,
    as_of: date,
    also: Sequence[str] = (),
) -> Advice:
    """Return which channel serves each item best, with thinkable channels where asked.

    Parameters
    ----------
    dataset : Dataset
        Input tables and, where there, result tables of a plan.
    params : ChannelParams, optional
    as_of : date
    also : sequence of {'awd', 'mcf'}
        Channels to compare although the data has none of the kind.

    Raises
    ------
    NotFoundError
        If a kind is not thinkable, or the data has no fulfilment network to think it in.
    """
    return summed(choose_channels(with_thinkable(dataset, also), params, as_of=as_of))


def summed(outcome: Outcome) -> Advice:
    """Return the comparison with its changes and gains."""
    choices = outcome["channel_choices"]
    today = choices.filter("is_today").select(
        "item", today="channel", contribution_today="contribution", high_today="contribution_high"
    )
    changes = (
        choices.filter(pl.col("is_best") & ~pl.col("is_today"))
        .join(today, on="item", how="inner")
        .filter(pl.col("gain_per_year") > 0)
        .with_columns(
            holds_at_worst=(pl.col("contribution_low") > pl.col("high_today")).fill_null(False)
        )
        .select(
            "item",
            "today",
            best="channel",
            contribution_today="contribution_today",
            contribution="contribution",
            contribution_low="contribution_low",
            contribution_high="contribution_high",
            gain_per_year="gain_per_year",
            holds_at_worst="holds_at_worst",
        )
        .sort("gain_per_year", "item", descending=[True, False])
    )
    assert outcome.explanations is not None
    return Advice(
        choices=choices,
        fees=outcome["channel_fees"],
        reasons=outcome.explanations,
        changes=changes,
        gain_per_year=float(changes["gain_per_year"].sum()),
        sure_gain_per_year=float(changes.filter("holds_at_worst")["gain_per_year"].sum()),
    )


def item_records(advice: Advice) -> list[dict[str, Any]]:
    """Return a record an item: best channel, today's, and every channel with its lines."""
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in advice.fees.iter_rows(named=True):
        line = {key: value for key, value in row.items() if key not in ("item", "channel")}
        lines.setdefault((row["item"], row["channel"]), []).append(line)
    items: dict[str, dict[str, Any]] = {}
    for row in advice.choices.iter_rows(named=True):
        record = items.setdefault(
            row["item"], {"item": row["item"], "best": None, "today": None, "channels": []}
        )
        told = {key: value for key, value in row.items() if key not in ("item", "decision")}
        told["lines"] = lines.get((row["item"], row["channel"]), [])
        record["channels"].append(told)
        for mark in ("best", "today"):
            if row[f"is_{mark}"]:
                record[mark] = row["channel"]
    return list(items.values())


def planned_dataset(
    workspace: Workspace, day: date | None, *, otherwise: date
) -> tuple[Dataset, date]:
    """Return the data with the tables of the plan made last, where there is one, and its day.

    A day given goes before the plan's; where there is neither, `otherwise` is the day.
    """
    latest = workspace.latest_plan()
    chosen = day or (otherwise if latest is None else latest.as_of)
    dataset = workspace.dataset(as_of=chosen)
    return (dataset if latest is None else latest.over(dataset)), chosen


def only(dataset: Dataset, item: str) -> Dataset:
    """Return the dataset with one item to be judged.

    Raises
    ------
    NotFoundError
        If there is no such item; near ones are named.
    """
    rows = dataset["items"].filter(pl.col("item") == item)
    if rows.height == 0:
        near = get_close_matches(item, dataset["items"]["item"].to_list(), n=3)
        raise NotFoundError(f"no item {item!r}" + (f"; near: {', '.join(near)}" if near else ""))
    return dataset.with_tables(items=rows)


def with_thinkable(dataset: Dataset, kinds: Sequence[str]) -> Dataset:
    """Return the dataset with channels of these kinds where it has none, at the network of FBA."""
    channels = dataset["channels"]
    network = channels.filter(pl.col("kind") == "fba").sort("channel")
    rows = []
    for kind in dict.fromkeys(kinds):
        if kind not in THINKABLE:
            known = ", ".join(THINKABLE)
            raise NotFoundError(f"no channel of kind {kind!r} can be thought of; known: {known}")
        if (channels["kind"] == kind).any():
            continue
        if network.height == 0:
            raise NotFoundError(f"{kind!r} needs a channel of kind fba in the data")
        rows.append(
            {
                **network.row(0, named=True),
                "channel": kind.upper(),
                "name": THINKABLE[kind],
                "kind": kind,
                "referral_applies": kind != "mcf",
            }
        )
    if not rows:
        return dataset
    more = pl.DataFrame(rows, schema=channels.schema)
    return dataset.with_tables(channels=pl.concat([channels, more]))
