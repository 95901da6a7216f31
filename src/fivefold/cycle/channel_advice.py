"""Channels compared: those there are and, on request, those there could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from fivefold.deliver.channel_costs import ChannelParams
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
