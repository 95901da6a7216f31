"""A purchase order's life: every step follows another one, is written once and adds up in money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.cycle import purchasing
from fivefold.cycle.fulfilment import Operations, SupplyLine, SupplyOrder
from fivefold.cycle.inspecting import inspect, lot_to_inspect, send_back
from fivefold.cycle.planning import plan as made_plan
from fivefold.cycle.purchase_orders import proposal, purchase_order, states, steps
from fivefold.cycle.purchasing import AboveLimitError, NotNextError
from fivefold.cycle.receiving import OverReceiptError, receive
from fivefold.cycle.review import accept
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.money import balances
from fivefold.ledger.verify import verify
from fivefold.source.invoice_match import InvoiceLine

DAY = date(2026, 11, 22)
ORDER = SupplyOrder(
    order="PO-1",
    kind="buy",
    source="SUP1",
    destination="WH1",
    ordered_on=DAY,
    expected_on=date(2026, 12, 20),
    mode="lcl",
    deposit=120.0,
    lines=(SupplyLine(line=1, item="MUG", quantity=100, unit_price=4.0, freight=0.5, duty=0.2),),
)
WHO: Mapping[str, Any] = {"actor": "t", "on": DAY}


def proposed(store: Workspace, order: SupplyOrder = ORDER) -> Workspace:
    Operations(store.journal, actor="t").write(proposal(order, actor="t", on=DAY))
    return store


def sent(store: Workspace, order: SupplyOrder = ORDER) -> Workspace:
    proposed(store, order)
    purchasing.approve(store, order.order, role="admin", **WHO)
    purchasing.send(store, order.order, **WHO)
    return store


def cents(store: Workspace, account: str) -> int:
    rows = balances(store.journal).filter(pl.col("account") == account)
    return int(rows["amount_minor"].sum())


def units(store: Workspace, kind: str) -> int:
    here = (pl.col("item") == "MUG") & (pl.col("location") == "WH1")
    return int(on_hand(store.journal).filter(here)[kind].sum())


def test_an_order_lives_from_proposal_to_its_end_and_the_books_agree(store: Workspace) -> None:
    owed, paid = cents(store, "payable"), cents(store, "cash")
    proposed(store)
    assert purchase_order(store, "PO-1").state == "proposed"
    assert cents(store, "cash") == paid, "a proposal costs nothing"
    assert purchasing.approve(store, "PO-1", role="admin", **WHO).next_step == "send"
    step, files = purchasing.send(store, "PO-1", **WHO)
    assert step.state == "sent"
    assert sorted(files) == ["PO-1.850.txt", "PO-1.csv", "PO-1.html"]
    assert cents(store, "cash") == paid - 12_000, "the deposit is paid when it is sent"
    later = date(2026, 12, 23)
    step = purchasing.acknowledge(store, "PO-1", reference="A-7", expected_on=later, **WHO)
    assert (step.state, len(step.told["differences"])) == ("confirmed", 1)
    assert purchasing.announce(store, "PO-1", "ASN-1", **WHO).state == "in_transit"
    receive(store, "PO-1", {"MUG": 60}, actor="t", on=DAY, receipt="DN-1")
    assert purchase_order(store, "PO-1").state == "part_received"
    receive(store, "PO-1", {"MUG": 40}, actor="t", on=DAY, receipt="DN-2")
    assert purchase_order(store, "PO-1").state == "received"
    step = purchasing.invoice(store, "PO-1", "INV-9", **WHO)
    assert (step.told["match"], step.state) == ("matched", "invoiced")
    assert purchasing.pay(store, "PO-1", **WHO).told["amount"] == pytest.approx(280.0)
    assert purchasing.close(store, "PO-1", **WHO).state == "closed"
    # Freight and duty are owed to others: 100 × 0.70.
    assert cents(store, "payable") - owed == -7_000
    assert cents(store, "cash") == paid - 40_000
    assert cents(store, "prepaid") == 0
    kinds = steps(store, "PO-1")["kind"].to_list()
    assert kinds[:4] == ["proposed", "approved", "placed", "sent"]
    assert kinds[-1] == "closed"
    assert verify(store.journal).ok


def test_each_step_is_written_once(store: Workspace) -> None:
    sent(store)
    before = store.journal.seq
    assert purchasing.approve(store, "PO-1", role="admin", **WHO).status == "duplicate"
    assert purchasing.send(store, "PO-1", **WHO)[0].status == "duplicate"
    assert store.journal.seq == before
    purchasing.announce(store, "PO-1", "ASN-1", **WHO)
    before = store.journal.seq
    assert purchasing.announce(store, "PO-1", "ASN-1", **WHO).status == "duplicate"
    assert store.journal.seq == before


def test_a_step_that_does_not_follow_is_refused_and_says_what_does(store: Workspace) -> None:
    proposed(store)
    with pytest.raises(NotNextError, match="proposed, so it cannot be sent; next: approve"):
        purchasing.send(store, "PO-1", **WHO)
    with pytest.raises(NotNextError, match="cannot be invoiced"):
        purchasing.invoice(store, "PO-1", "I", **WHO)
    with pytest.raises(NotFoundError, match="near to it: PO-1"):
        purchasing.send(store, "PO-2", **WHO)


def test_a_role_approves_up_to_its_limit(company: Any, tmp_path: Path) -> None:
    tables = company.tables(approval_limit_buyer="399.99", approval_limit_planner="400")
    with company.make(tmp_path / "w", tables) as store:
        proposed(store)
        with pytest.raises(AboveLimitError, match="planner or admin may approve") as refused:
            purchasing.approve(store, "PO-1", role="buyer", **WHO)
        assert refused.value.details["value"] == 400.0
        with pytest.raises(AboveLimitError):
            purchasing.approve(store, "PO-1", role="viewer", **WHO)
        assert purchasing.approve(store, "PO-1", role="planner", **WHO).state == "approved"


def test_the_plan_counts_on_what_is_approved_and_not_on_what_is_proposed(store: Workspace) -> None:
    def known() -> list[str]:
        rows = store.dataset(as_of=DAY)["supply_orders"].filter(pl.col("order") == "PO-1")
        return rows["status"].to_list()

    proposed(store)
    assert known() == []
    purchasing.approve(store, "PO-1", role="admin", **WHO)
    assert known() == ["approved"]
    purchasing.send(store, "PO-1", **WHO)
    assert known() == ["sent"]
    purchasing.cancel(store, "PO-1", reason="no room", **WHO)
    assert known() == ["cancelled"]


def test_110_against_100_with_5_percent_is_refused_with_a_reason(store: Workspace) -> None:
    sent(store)
    before = store.journal.seq
    with pytest.raises(OverReceiptError, match=r"110 arrived, 100 were ordered.*at most 105") as no:
        receive(store, "PO-1", {"MUG": 110}, actor="t", on=DAY)
    assert no.value.details["accepted_at_most"] == 105
    assert no.value.details["code"] == "over_receipt"
    assert store.journal.seq == before
    receive(store, "PO-1", {"MUG": 105}, actor="t", on=DAY)
    assert purchase_order(store, "PO-1").state == "received"


def test_damaged_units_lie_in_quarantine_until_they_are_sent_back(store: Workspace) -> None:
    sent(store)
    free, held = units(store, "available"), units(store, "quarantine")
    receive(store, "PO-1", {"MUG": 100}, actor="t", on=DAY, damaged={"MUG": 7})
    assert units(store, "available") == free + 93
    assert units(store, "quarantine") == held + 7
    assert purchase_order(store, "PO-1").state == "in_quarantine"
    owed = cents(store, "payable")
    send_back(store, "PO-1", "MUG", actor="t", on=DAY)
    assert units(store, "quarantine") == held
    assert cents(store, "payable") == owed + 2_800, "7 at 4.00 are claimed back"
    assert purchase_order(store, "PO-1").state == "received"
    step = purchasing.invoice(store, "PO-1", "I1", [_line(100)], **WHO)
    assert step.told["differences"] == ["MUG: 100 invoiced, 93 may be (100 received, 7 rejected)"]
    assert verify(store.journal).ok


def _line(quantity: int, price: float = 4.0) -> InvoiceLine:
    return InvoiceLine(item="MUG", quantity=quantity, unit_price=price)


def test_an_invoice_that_does_not_agree_blocks_until_a_person_accepts_it(store: Workspace) -> None:
    sent(store)
    receive(store, "PO-1", {"MUG": 90}, actor="t", on=DAY, closes=True)
    owed = cents(store, "payable")
    step = purchasing.invoice(store, "PO-1", "I1", [_line(90, 4.4)], **WHO)
    assert (step.status, step.state) == ("blocked", "blocked")
    assert cents(store, "payable") == owed, "a blocked invoice books nothing"
    with pytest.raises(NotNextError, match="blocked"):
        purchasing.pay(store, "PO-1", **WHO)
    step = purchasing.invoice(store, "PO-1", "I1", accept_differences=True, **WHO)
    assert (step.told["match"], step.state) == ("accepted", "invoiced")
    assert cents(store, "payable") == owed - 3_600, "90 × 0.40 more are owed"
    assert cents(store, "other_cost") == 3_600


def test_a_lot_that_fails_lies_in_quarantine_and_the_plan_orders_again(store: Workspace) -> None:
    big = replace(ORDER, lines=(replace(ORDER.lines[0], quantity=2000),))
    sent(store, big)
    receive(store, "PO-1", None, actor="t", on=DAY)

    def bought() -> int:
        rows = made_plan(store.dataset(as_of=DAY), as_of=DAY)["supply_plan"]
        wanted = (pl.col("kind") == "buy") & (pl.col("item") == "MUG")
        return int(rows.filter(wanted)["quantity"].sum())

    before = bought()
    lot = lot_to_inspect(store, "PO-1", on=DAY)
    assert (lot.lot_size, lot.plan.sample_size, lot.plan.accept_number) == (2000, 125, 5)
    done = inspect(store, "PO-1", 6, actor="t", on=DAY)
    assert (done.verdict, done.into_quarantine, done.state) == ("rejected", 2000, "in_quarantine")
    assert units(store, "quarantine") == 2000
    row = store.dataset(as_of=DAY)["inspections"].row(0, named=True)
    assert (row["verdict"], row["defects_found"], row["aql_percent"]) == ("rejected", 6, 1.5)
    assert bought() > before, "the plan does not count on what lies in quarantine"
    assert inspect(store, "PO-1", 0, actor="t", on=DAY).status == "duplicate"


def test_a_lot_held_for_inspection_that_passes_can_be_sold(store: Workspace) -> None:
    sent(store)
    free = units(store, "available")
    receive(store, "PO-1", None, actor="t", on=DAY, quarantine=True)
    assert units(store, "available") == free
    done = inspect(store, "PO-1", 0, actor="t", on=DAY, cost=35.0)
    assert (done.verdict, done.out_of_quarantine) == ("accepted", 100)
    assert units(store, "available") == free + 100
    assert cents(store, "inspection") == 3_500
    assert purchase_order(store, "PO-1").state == "received"


def test_receipts_stand_in_a_table_with_what_was_promised(store: Workspace) -> None:
    sent(store)
    receive(store, "PO-1", {"MUG": 50}, actor="t", on=DAY + timedelta(30), receipt="DN-1")
    row = store.dataset(as_of=DAY)["goods_receipts"].row(0, named=True)
    assert row["receipt"] == "DN-1"
    assert (row["ordered_on"], row["promised_on"]) == (DAY, date(2026, 12, 20))
    assert (row["quantity_ordered"], row["quantity_received"], row["mode"]) == (100, 50, "lcl")


def test_an_order_that_came_short_closes_with_a_reason_only(store: Workspace) -> None:
    sent(store)
    receive(store, "PO-1", {"MUG": 50}, actor="t", on=DAY)
    with pytest.raises(NotNextError, match="without a reason"):
        purchasing.close(store, "PO-1", **WHO)
    assert purchasing.close(store, "PO-1", reason="supplier ended", **WHO).state == "closed"
    table = states([purchase_order(store, "PO-1")]).row(0, named=True)
    assert (table["units_ordered"], table["units_received"], table["state"]) == (100, 50, "closed")


def test_the_documents_say_the_same_and_hold_no_formula(store: Workspace) -> None:
    odd = replace(ORDER, order="PO*~1", lines=(replace(ORDER.lines[0], quantity=7),))
    proposed(store, odd)
    purchasing.approve(store, "PO*~1", role="admin", **WHO)
    _, files = purchasing.send(store, "PO*~1", **WHO)
    texts = {name: content.decode() for name, content in files.items()}
    edi = next(text for name, text in texts.items() if name.endswith("850.txt"))
    segments = [line.rstrip("~").split("*") for line in edi.splitlines()]
    assert segments[0][:2] == ["ST", "850"]
    assert segments[-1][1] == str(len(segments)), "SE counts the segments"
    assert segments[-1][2] == segments[0][2]
    assert next(s for s in segments if s[0] == "PO1")[1:5] == ["1", "7", "EA", "4"]
    assert next(s for s in segments if s[0] == "CTT")[1:] == ["1", "7"]
    assert "28.00" in next(text for name, text in texts.items() if name.endswith("html"))
    assert "28.00" in next(text for name, text in texts.items() if name.endswith("csv"))


def test_where_approval_is_required_an_accepted_plan_only_proposes_its_buys(
    company: Any, tmp_path: Path
) -> None:
    tables = company.tables(purchase_approval="required")
    with company.make(tmp_path / "w", tables) as store:
        plan = made_plan(store.dataset(as_of=DAY), as_of=DAY)
        store.plans.save(plan)
        paid = cents(store, "cash")
        done = accept(store, plan, actor="t", release_days=60)
        assert done.proposed
        assert not set(done.placed) & set(done.proposed)
        assert cents(store, "cash") == paid
        assert {purchase_order(store, name).state for name in done.proposed} == {"proposed"}
