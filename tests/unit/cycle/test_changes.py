from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.cycle.changes import Change, applied, demand_factors, parsed
from fivefold.errors import NotFoundError

AS_OF = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("demand=+60%", Change(lever="demand", factor=1.6)),
        ("demand:LAMP=-20%", Change(lever="demand", subject="LAMP", factor=0.8)),
        ("cash=0.7", Change(lever="cash", factor=0.7)),
        ("supplier:CN=lost 6w", Change(lever="supplier", subject="CN", days=42)),
        ("lead_time:CN=+14d", Change(lever="lead_time", subject="CN", days=14)),
        ("limit:KIT=+25%", Change(lever="limit", subject="KIT", factor=1.25)),
    ],
)
def test_a_change_is_read_as_it_is_written_and_written_as_it_is_read(
    text: str, change: Change
) -> None:
    assert parsed([text]) == (change,)
    assert parsed([str(change)]) == (change,)


@pytest.mark.parametrize(
    "text",
    ["demand", "demand=lots", "demand=+5", "demand=-100%", "weather=+5%", "supplier=lost 6w",
     "supplier:CN=6", "limit=+5%", "supplier:CN=lost 0d"],
)  # fmt: skip
def test_what_is_not_understood_is_told_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"demand=\+60%|must be above 0|such as"):
        parsed([text])


def test_each_change_edits_what_it_names_and_nothing_else(store: Any) -> None:
    dataset = store.dataset(as_of=AS_OF)
    supplier = dataset["suppliers"]["supplier"][0]
    lost = applied(dataset, parsed([f"supplier:{supplier}=lost 6w"]), as_of=AS_OF)
    closed = lost["limits"].filter(pl.col("subject") == supplier)
    assert set(closed["amount"]) == {0.0}
    covered = timedelta(days=7 * closed.height)
    assert closed["period_start"].min() + covered >= AS_OF + timedelta(days=42)  # type: ignore[operator]
    before, after = dataset["supply_orders"], lost["supply_orders"]
    moved = before["expected_on"] != after["expected_on"]
    assert set(before.filter(moved)["source"]) <= {supplier}
    assert before.filter(moved)["shipped_on"].null_count() == before.filter(moved).height
    for name in dataset.tables:
        if name not in ("limits", "supply_orders"):
            assert lost[name].equals(dataset[name]), name


def test_cash_and_demand_scale_and_combine(store: Any) -> None:
    dataset = store.dataset(as_of=AS_OF)
    item = dataset["items"].filter(pl.col("item_kind") == "finished")["item"][0]
    changes = parsed(["demand=+60%", f"demand:{item}=-50%"])
    factors = demand_factors(changes, dataset["items"]["item"])
    assert factors[item] == pytest.approx(0.8)
    overrides = applied(dataset, changes, as_of=AS_OF)["forecast_overrides"]
    mine = overrides.filter((pl.col("item") == item) & (pl.col("author") == "scenario"))
    assert mine["value"].product() == pytest.approx(0.8)
    assert overrides["override"].n_unique() == overrides.height
    cash = dataset["limits_rules"].filter(pl.col("kind") == "cash")["amount_per_week"].sum()
    if cash:
        less = applied(dataset, parsed(["cash=-30%"]), as_of=AS_OF)["limits_rules"]
        assert less.filter(pl.col("kind") == "cash")["amount_per_week"].sum() == pytest.approx(
            0.7 * cash
        )


def test_a_name_that_is_not_there_is_told_with_those_that_are(store: Any) -> None:
    dataset = store.dataset(as_of=AS_OF)
    for text in ("supplier:GONE=lost 1w", "demand:GONE=+5%", "limit:GONE=+5%", "price:GONE=+1%"):
        with pytest.raises(NotFoundError, match="GONE"):
            applied(dataset, parsed([text]), as_of=AS_OF)
