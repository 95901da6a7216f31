"""Returns on live books: authorised once, received once, stock and refund posted together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.cycle.ordering import take_order
from fivefold.cycle.returning import (
    authorise_return,
    plan_returns,
    receive_return,
    returns_record,
    taken_record,
)
from fivefold.cycle.shipping import ship
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.money import balances
from fivefold.ledger.verify import verify
from fivefold.returns.rules import ReturnRules

AS_OF = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=5)


def sold(store: Any, order: str = "G1", units: int = 1) -> None:
    take_order(store, [{"item": "GIFT", "quantity": units}], actor="t", at=NOON, order=order)
    ship(store, order, actor="t", at=NOON)


def refunds(store: Any) -> int:
    rows = balances(store.journal).filter(pl.col("account") == "refunds")
    return int(rows["amount_minor"].sum())


def units(store: Any) -> int:
    rows = on_hand(store.journal).filter((pl.col("item") == "GIFT") & (pl.col("location") == "WH1"))
    return int(rows["on_hand"].sum())


def asked(store: Any, **more: Any) -> Any:
    given = {"order": "G1", "item": "GIFT", "reason": "UNWANTED_ITEM", **more}
    return authorise_return(store, actor="t", at=LATER, **given)


def test_the_same_parcel_scanned_twice_counts_once(store: Any) -> None:
    sold(store)
    before = units(store)
    rma = asked(store, reason="DEFECTIVE").rma
    assert refunds(store) == 0, "nothing is refunded before it is back"
    done = receive_return(store, rma, actor="t", at=LATER, condition="SELLABLE")
    assert (done.status, done.chosen, done.refund) == ("ok", "restock", 60.0)
    assert taken_record(done)["duplicate"] is False
    assert (refunds(store), units(store)) == (6000, before + 1)
    seq = store.journal.seq
    again = receive_return(
        store, rma, actor="t", at=LATER + timedelta(days=3), condition="DEFECTIVE"
    )
    assert taken_record(again) | {"options": [], "reasons": []} == {
        **taken_record(done), "status": "duplicate", "duplicate": True, "options": [],
        "reasons": [],
    }  # fmt: skip
    assert store.journal.seq == seq
    assert (refunds(store), units(store)) == (6000, before + 1)
    assert verify(store.journal).ok


def test_a_request_made_twice_has_one_number_and_more_than_was_bought_is_refused(
    store: Any,
) -> None:
    sold(store, units=2)
    first = asked(store)
    seq = store.journal.seq
    again = asked(store)
    assert (again.rma, again.status, again.verdict) == (first.rma, "duplicate", first.verdict)
    assert store.journal.seq == seq
    more = asked(store, quantity=2)
    assert more.verdict == "refused", "one of two is promised back already"
    with pytest.raises(ConflictError, match="refused"):
        receive_return(store, more.rma, actor="t", at=LATER, condition="SELLABLE")


def test_a_customer_who_keeps_the_goods_is_refunded_once_and_nothing_is_received(
    store: Any,
) -> None:
    sold(store)
    before = units(store)
    rules = ReturnRules(drop_off_cost=99.0, label_cost=99.0, returnless_most=1000.0)
    found = asked(store, rules=rules)
    assert (found.verdict, found.refund) == ("returnless", 60.0)
    assert (refunds(store), units(store)) == (6000, before)
    asked(store, rules=rules)
    assert refunds(store) == 6000
    with pytest.raises(ConflictError, match="keeps the goods"):
        receive_return(store, found.rma, actor="t", at=LATER, condition="SELLABLE")
    assert verify(store.journal).ok


def test_another_serial_number_is_not_refunded(store: Any) -> None:
    sold(store)
    rma = asked(store, serial="S-1").rma
    with pytest.raises(ConflictError, match="not the one authorised"):
        receive_return(store, rma, actor="t", at=LATER, condition="SELLABLE", serial="S-2")
    assert refunds(store) == 0
    done = receive_return(store, rma, actor="t", at=LATER, condition="SELLABLE", serial="S-1")
    assert done.status == "ok"


def test_what_nobody_authorised_is_not_found(store: Any) -> None:
    with pytest.raises(NotFoundError, match="authorise"):
        receive_return(store, "RMA-NONE", actor="t", at=LATER, condition="SELLABLE")


def test_many_returns_of_one_customer_are_looked_at(store: Any) -> None:
    sold(store, units=5)
    rules = ReturnRules(most_returns=2)
    verdicts = [
        authorise_return(
            store, actor="t", at=LATER + timedelta(days=n), order="G1", item="GIFT",
            reason="UNWANTED_ITEM", customer="C-1", rules=rules,
        ).verdict
        for n in range(3)
    ]  # fmt: skip
    assert verdicts == ["authorised", "authorised", "review"]


def test_the_plan_values_what_is_announced_until_it_is_back(store: Any) -> None:
    sold(store)
    rma = asked(store).rma
    found = plan_returns(store, AS_OF + timedelta(days=5), otherwise=AS_OF)
    told = returns_record(found)
    assert [row["rma"] for row in told["open_rmas"]] == [rma]
    assert {row["return_id"] for row in told["dispositions"]} == {rma}
    assert told["units"] == pytest.approx(sum(row["units_mean"] for row in told["weeks"]))
    assert sum(r["units_mean"] for r in told["reasons"]) == pytest.approx(told["units"])
    receive_return(store, rma, actor="t", at=LATER, condition="SELLABLE")
    after = plan_returns(store, AS_OF + timedelta(days=5), otherwise=AS_OF)
    assert after.open_rmas.height == 0
