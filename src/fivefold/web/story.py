"""What a report is told from: a plan, its data, the proof and the measures, with their names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset
from fivefold.twin.experiment import Proof
from fivefold.web import words


@dataclass(frozen=True, kw_only=True)
class Story:
    """A plan with everything a report says about it; looks names up."""

    plan: Plan
    dataset: Dataset
    proof: Proof | None = None
    measures: pl.DataFrame | None = None
    changes: pl.DataFrame | None = None

    @cached_property
    def currency(self) -> str:
        """Sign of the company's currency."""
        return words.symbol(self.dataset.setting("currency", "USD") or "USD")

    @cached_property
    def company(self) -> str:
        """Name of the company, empty where it is not known."""
        return self.dataset.setting("company_name", "") or ""

    def money(self, value: float | None, *, cents: bool | None = None) -> str:
        """Return an amount in the company's currency."""
        return words.money(value, self.currency, cents=cents)

    def total(self, table: pl.DataFrame, column: str) -> str:
        """Return the money of a column; "at least" where some of its values are not known."""
        known = table[column].drop_nulls()
        if table.height and len(known) == 0:
            return words.DASH
        told = self.money(float(known.sum()))
        return told if len(known) == table.height else f"at least {told}"

    @cached_property
    def _titles(self) -> dict[str, str]:
        return dict(self.dataset["items"].select("item", "title").drop_nulls().iter_rows())

    @cached_property
    def _places(self) -> dict[str, str]:
        return dict(self.dataset["locations"].select("location", "name").drop_nulls().iter_rows())

    @cached_property
    def _channels(self) -> dict[str, str]:
        return dict(self.dataset["channels"].select("channel", "name").drop_nulls().iter_rows())

    @cached_property
    def _resources(self) -> dict[str, str]:
        return dict(self.dataset["resources"].select("resource", "name").drop_nulls().iter_rows())

    def title(self, item: str) -> str:
        """Return what an item is called, nothing where it has no title."""
        return self._titles.get(item, "")

    def place(self, location: str | None) -> str:
        """Return what a place is called, its code where it has no name."""
        return self._places.get(location or "", location or words.DASH)

    def channel(self, channel: str) -> str:
        """Return what a channel is called."""
        return self._channels.get(channel, channel)

    def resource(self, resource: str) -> str:
        """Return what a resource is called."""
        return self._resources.get(resource, resource)

    @cached_property
    def _reasons(self) -> dict[tuple[object, ...], pl.DataFrame]:
        return (
            self.plan["explanations"]
            .sort("subject", "sequence")
            .partition_by("subject", as_dict=True)
        )

    def reasons(self, subject: str) -> list[tuple[str, str]]:
        """Return the reasons for a decision as (code, sentence), in reading order."""
        found = self._reasons.get((subject,))
        return [] if found is None else list(found.select("reason_code", "text").iter_rows())
