"""What ships leaves in parcels: once, checked, booked, told of, and claimed for when lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.check.carriage import check_carriage
from fivefold.cycle.customer_commands import SoldLine
from fivefold.cycle.last_mile import track
from fivefold.cycle.ordering import take_order
from fivefold.cycle.parcels import (
    claim,
    claims,
    grant,
    number_parcel,
    parcels_of,
    rate,
    send,
    with_carriers,
)
from fivefold.cycle.shipping import ship
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.money import balances
from fivefold.ledger.verify import verify

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def store(company: Any, tmp_path: Path) -> Iterator[Any]:
    with company.make(tmp_path / "w") as opened:
        yield opened


def order(store: Any, units: int = 3, *, name: str = "O1", channel: str = "FBM") -> None:
    wanted = [{"item": "MUG", "quantity": units}]
    take_order(store, wanted, actor="t", at=NOON, order=name, channel=channel, postal_code="10001")


def amount(store: Any, account: str) -> int:
    return int(balances(store.journal).filter(pl.col("account") == account)["amount_minor"].sum())


def tell(store: Any, parcel: str, kind: str, day: date) -> None:
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    track(store, [{"delivery": parcel, "kind": kind, "occurred_at": at}], actor="t")


def test_what_ships_is_in_parcels_and_the_carrier_s_cost_is_in_the_books(store: Any) -> None:
    order(store)
    before = amount(store, "payable")
    done = ship(store, "O1", actor="t", at=NOON)
    (sent,) = done.parcels
    inside = store.dataset(as_of=DAY)["parcel_lines"].to_dicts()
    assert inside == [{"parcel": "O1-P1", "line": 1, "item": "MUG", "quantity": 3}]
    assert sent["service"] == "ground"
    assert sent["cost"] > 0
    assert amount(store, "payable") - before == -round(sent["cost"] * 100)
    assert ship(store, "O1", actor="t", at=NOON).status == "duplicate"
    assert parcels_of(store, "O1", as_of=DAY).height == 1
    assert verify(store.journal).ok


def test_a_parcel_delivered_makes_its_lines_delivered_once_all_are(store: Any) -> None:
    order(store, 130)  # 52 kg: more than two parcels of 50 lb
    names = [parcel["parcel"] for parcel in ship(store, "O1", actor="t", at=NOON).parcels]
    assert len(names) > 2

    def row() -> dict[str, Any]:
        orders = store.dataset(as_of=DAY)["orders"].filter(pl.col("order") == "O1")
        return dict(orders.row(0, named=True))

    for number, name in enumerate(names):
        assert row()["status"] == "shipped"
        tell(store, name, "delivered", DAY + timedelta(days=3 + number))
    assert row()["status"] == "delivered"
    assert row()["delivered_on"] == DAY + timedelta(days=2 + len(names))


def test_an_order_of_the_marketplace_s_own_network_has_no_parcel_of_ours(store: Any) -> None:
    order(store, channel="FBA")
    assert ship(store, "O1", actor="t", at=NOON).parcels == ()


def test_the_service_named_is_taken_and_one_that_is_not_in_use_refused(store: Any) -> None:
    order(store)
    with pytest.raises(NotFoundError, match="no service 'rocket' is in use; in use are ground"):
        ship(store, "O1", actor="t", at=NOON, service="rocket")
    (sent,) = ship(store, "O1", actor="t", at=NOON, service="next_day").parcels
    assert (sent["service"], sent["expected_on"]) == ("next_day", DAY + timedelta(days=2))


def test_a_parcel_lost_is_claimed_once_and_what_is_granted_is_money(store: Any) -> None:
    order(store)
    ship(store, "O1", actor="t", at=NOON)
    with pytest.raises(ConflictError, match="it is on its way"):
        claim(store, "O1-P1", actor="t", on=DAY)
    with pytest.raises(ConflictError, match="nothing was claimed"):
        grant(store, "O1-P1", 1.0, actor="t", on=DAY)
    tell(store, "O1-P1", "lost", DAY + timedelta(days=4))
    later = DAY + timedelta(days=5)
    assert claims(store, as_of=later)["amount"].to_list() == [15.0], "three at a cost of 5"
    assert claim(store, "O1-P1", actor="t", on=later).amount == 15.0
    assert claim(store, "O1-P1", actor="t", on=later).status == "duplicate"
    assert amount(store, "reimbursements") == 0, "a claim is no money yet"
    with pytest.raises(ConflictError, match=r"not within the 15\.00 claimed"):
        grant(store, "O1-P1", 16.0, actor="t", on=later)
    assert grant(store, "O1-P1", 10.0, actor="t", on=later).status == "ok"
    assert grant(store, "O1-P1", 10.0, actor="t", on=later).status == "duplicate"
    assert abs(amount(store, "reimbursements")) == 1000
    assert claims(store, as_of=later)["state"].to_list() == ["granted"]
    assert verify(store.journal).ok


def test_a_claim_too_late_is_refused_and_a_parcel_not_known_too(store: Any) -> None:
    order(store)
    ship(store, "O1", actor="t", at=NOON)
    with pytest.raises(ConflictError, match="takes claims has passed"):
        claim(store, "O1-P1", actor="t", on=DAY + timedelta(days=90))
    with pytest.raises(NotFoundError, match="no parcel and no shipped order 'NO'"):
        claim(store, "NO", actor="t", on=DAY)


def test_the_carrier_s_number_is_kept_and_events_come_in_any_order(store: Any) -> None:
    order(store)
    ship(store, "O1", actor="t", at=NOON)
    assert number_parcel(store, "O1-P1", "1Z999", actor="t", on=DAY) == "ok"
    assert number_parcel(store, "O1-P1", "1Z999", actor="t", on=DAY) == "duplicate"
    tell(store, "O1-P1", "delivered", DAY + timedelta(days=5))
    tell(store, "O1-P1", "delayed", DAY + timedelta(days=3))
    row = parcels_of(store, "O1-P1", as_of=DAY).row(0, named=True)
    assert (row["tracking"], row["state"]) == ("1Z999", "delivered")


def test_rating_writes_nothing_and_names_every_service(store: Any) -> None:
    before = store.journal.seq
    found = rate(store, {"MUG": 2}, at=NOON, postal_code="10001", promised_on=DAY)
    assert found["parcel_options"]["service"].to_list() == ["ground", "next_day", "two_day"]
    assert found["parcel_options"]["chosen"].sum() == 1
    assert store.journal.seq == before
    with pytest.raises(NotFoundError, match="no item 'CUP'"):
        rate(store, {"CUP": 2}, at=NOON, postal_code="10001")


FAULTS = {
    "cost_is_of_its_card": pl.col("cost") + 1.0,
    "billable_weight": pl.col("billable_lb") * 2,
    "weight_is_of_its_contents": pl.col("weight_kg") + 1.0,
    "parcel_side": pl.col("length_cm") + 400.0,
    "expected_after_shipped": pl.col("shipped_on") - pl.duration(days=1),
    "service_is_known": pl.lit("rocket"),
}
COLUMN = {
    "cost_is_of_its_card": "cost", "billable_weight": "billable_lb",
    "weight_is_of_its_contents": "weight_kg", "parcel_side": "length_cm",
    "expected_after_shipped": "expected_on", "service_is_known": "service",
}  # fmt: skip


@pytest.mark.parametrize("rule", FAULTS)
def test_the_checker_names_what_is_wrong_with_a_parcel_and_nothing_of_a_right_one(
    store: Any, rule: str
) -> None:
    order(store)
    dataset = store.dataset(as_of=DAY)
    sold = [SoldLine(line=1, item="MUG", quantity=3, location="WH1", unit_price=1.0)]
    sent = send(dataset, "O1", sold, on=DAY, postal_code="10001")

    def broken(parcels: pl.DataFrame) -> list[str]:
        made = with_carriers(dataset).with_tables(
            parcels=parcels, parcel_lines=sent.lines, parcel_options=sent.options
        )
        return pl.concat(list(check_carriage(made)))["rule"].to_list()

    assert broken(sent.parcels) == []
    assert rule in broken(sent.parcels.with_columns(FAULTS[rule].alias(COLUMN[rule])))


def test_the_checker_names_a_dearer_service_and_units_that_nobody_ordered(store: Any) -> None:
    order(store)
    dataset = store.dataset(as_of=DAY)
    sold = [SoldLine(line=1, item="MUG", quantity=3, location="WH1", unit_price=1.0)]
    sent = send(dataset, "O1", sold, on=DAY, postal_code="10001")
    turned = sent.options.with_columns(chosen=pl.col("service") == "next_day")
    more = sent.lines.with_columns(quantity=pl.lit(4, dtype=pl.Int64))
    made = with_carriers(dataset).with_tables(
        parcels=sent.parcels, parcel_lines=more, parcel_options=turned
    )
    found = pl.concat(list(check_carriage(made)))["rule"].to_list()
    assert {"best_is_best", "no_more_than_ordered"} <= set(found)
