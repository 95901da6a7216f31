from __future__ import annotations

from types import ModuleType

import polars as pl
import pytest

from fivefold.ledger import balances, events, money
from fivefold.ledger.journal import Journal


@pytest.fixture
def journal(company: ModuleType) -> Journal:
    made = Journal.in_memory()
    made.submit([company.opening(units=10, value=1000), company.reserve("r", 4)])
    return made


def _sale(company: ModuleType, **more: object) -> events.Command:
    line = events.SaleLine(
        item="A",
        quantity=4,
        revenue_minor=4000,
        promotion_minor=200,
        fees_minor={"Commission": 600, "FBAPerUnitFulfillmentFee": 1200},
    )
    of: dict[str, object] = {
        "key": "s",
        "actor": "t",
        "effective_at": company.WHEN,
        "order": "O1",
        "location": "WH1",
        "channel": "FBM",
        "lines": [line],
        "shipping_minor": 500,
        "tax_minor": 90,
        "carriage_minor": 333,
    }
    return events.ship_order(**{**of, **more})  # type: ignore[arg-type]


def test_contribution_is_the_same_by_item_channel_and_order(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit(_sale(company))
    wanted = 4000 - 200 - 1800 - 333 - 400
    by_item = money.contribution(journal, "item")
    assert by_item.filter(pl.col("item") == "A")["contribution_minor"].item() == wanted
    for by, key in (("channel", "FBM"), ("order", "O1")):
        row = money.contribution(journal, by).filter(pl.col(by) == key)
        assert row["contribution_minor"].item() == wanted + 500, "with the shipping paid"
        assert row["cost_of_goods_sold"].item() == -400
        assert row["revenue"].item() == 4000
        assert sum(row.select(money.FLOWS).row(0)) == row["contribution_minor"].item()
    fees = money.fees(journal, ["order", "item"])
    assert fees.select("fee_type", "amount_minor").rows() == [
        ("Commission", 600),
        ("FBAPerUnitFulfillmentFee", 1200),
    ]
    with pytest.raises(ValueError, match="by must name"):
        money.contribution(journal, "colour")
    with pytest.raises(ValueError, match="by must name"):
        money.fees(journal, "colour")


def test_carriage_is_shared_by_units_to_the_cent(company: ModuleType) -> None:
    lines = [events.SaleLine(item=item, quantity=1) for item in "ABC"]
    sale = _sale(company, lines=lines, carriage_minor=100, shipping_minor=0, tax_minor=0)
    assert [posting.amount_minor for posting in sale.postings] == [33, 33, 34]


def test_a_settlement_replaces_what_was_accrued(journal: Journal, company: ModuleType) -> None:
    journal.submit(_sale(company))
    assert money.account_balance(journal, "marketplace_accrued") == 4000 - 200 - 1800 + 500 + 90
    accrued = {
        (row["account"], row["fee_type"]): row["amount_minor"]
        for row in money.accrued(journal, "O1").iter_rows(named=True)
    }
    assert sum(accrued.values()) == money.account_balance(journal, "marketplace_accrued")
    told = [
        ("ItemPrice", "Principal", 40.00, ("revenue", "")),
        ("ItemPrice", "Shipping", 5.00, ("shipping_revenue", "")),
        ("ItemPrice", "Tax", 0.90, ("tax", "")),
        ("Promotion", "Principal", -2.00, ("promotions", "")),
        ("ItemFees", "Commission", -6.10, ("marketplace_fees", "Commission")),
        (
            "ItemFees",
            "FBAPerUnitFulfillmentFee",
            -12.00,
            ("marketplace_fees", "FBAPerUnitFulfillmentFee"),
        ),
    ]
    for number, (kind, name, amount, key) in enumerate(told):
        row = {
            "settlement": "S",
            "line": number,
            "transaction_type": "Order",
            "order": "O1",
            "item": "" if name in ("Shipping", "Tax") else "A",
            "amount_type": kind,
            "amount_description": name,
            "amount": amount,
        }
        command = events.settlement_line(
            row,
            actor="t",
            effective_at=company.WHEN,
            channel="FBM",
            accrued_minor=accrued.pop(key),
        )
        assert command is not None
        assert journal.submit(command)[0].status == "ok"
    assert accrued == {}
    assert money.accrued(journal).height == 0
    assert money.account_balance(journal, "marketplace_accrued") == 0
    assert money.account_balance(journal, "marketplace") == 2580
    fees = money.fees(journal).filter(pl.col("fee_type") == "Commission")
    assert fees["amount_minor"].item() == 610, "the ten cents more are told once"


@pytest.mark.parametrize(
    ("option", "kind", "account", "amount"),
    [
        ("restock", "available", "refurbishment", 25),
        ("refurbish", "available", "refurbishment", 25),
        ("liquidate", "customer", "liquidation_revenue", -70),
        ("scrap", "scrap", "scrap_loss", 100),
        ("return_to_vendor", "supplier", "purchase_returns", 100 - 70),
    ],
)
def test_every_disposition_books_goods_and_money(
    journal: Journal, company: ModuleType, option: str, kind: str, account: str, amount: int
) -> None:
    of = {"actor": "t", "effective_at": company.WHEN, "lines": [company.line("A", 1)]}
    journal.submit(_sale(company, to_kind="customer"))
    journal.submit(events.return_receive(key="b", **of, order="O1", location="WH1", channel="FBM"))
    before = balances.goods_frame(journal)
    brings = 70 if option in ("liquidate", "return_to_vendor") else 0
    receipt = journal.submit(
        events.dispose(
            key="d",
            **of,
            location="WH1",
            option=option,  # type: ignore[arg-type]
            revenue_minor=brings,
            cost_minor=25,
        )
    )[0]
    assert receipt.status == "ok"
    after = balances.goods_frame(journal)

    def units(frame: pl.DataFrame) -> int:
        return int(frame.filter(pl.col("kind") == kind)["units"].sum())

    assert units(after) - units(before) == 1
    assert money.account_balance(journal, account) == amount
    assert after.filter(pl.col("kind") == "quarantine")["units"].sum() == 0


def test_a_disposition_that_cannot_be_is_refused(company: ModuleType) -> None:
    of = {"key": "d", "actor": "t", "effective_at": company.WHEN, "location": "WH1"}
    lines = [company.line("A", 1)]
    with pytest.raises(ValueError, match="'burn' is not known"):
        events.dispose(**of, lines=lines, option="burn")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="brings no money"):
        events.dispose(**of, lines=lines, option="scrap", revenue_minor=1)


def test_a_refund_gives_back_money_and_fees(journal: Journal, company: ModuleType) -> None:
    journal.submit(_sale(company))
    line = events.SaleLine(
        item="A",
        quantity=1,
        revenue_minor=1000,
        promotion_minor=50,
        fees_minor={"Commission": -150, "RefundCommission": 30},
    )
    journal.submit(
        events.refund(
            key="f", actor="t", effective_at=company.WHEN, order="O1", channel="FBM", lines=[line]
        )
    )
    row = money.contribution(journal, "order").filter(pl.col("order") == "O1")
    assert row["refunds"].item() == -1000
    assert row["promotions"].item() == -150
    assert row["marketplace_fees"].item() == -(1800 - 150 + 30)


def test_reservations_tell_whose_they_are_and_until_when(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit(
        events.reserve(
            key="r2",
            actor="t",
            effective_at=company.WHEN,
            order="O2",
            location="WH1",
            lines=[company.line("A", 2)],
            expires_at=company.WHEN,
        )
    )
    table = balances.reservations(journal)
    assert table.select("ref", "units", "expires_at").rows() == [
        ("O1", 4, None),
        ("O2", 2, company.WHEN),
    ]
    journal.submit(company.release("x", 2, order="O2"))
    assert balances.reservations(journal)["ref"].to_list() == ["O1"]


def test_a_cent_and_a_unit_can_be_followed(journal: Journal, company: ModuleType) -> None:
    journal.submit(_sale(company))
    legs = money.trace(journal, account="cost_of_goods_sold")
    assert legs["amount_minor"].sum() == money.account_balance(journal, "cost_of_goods_sold") == 400
    assert legs["against"].to_list() == ["inventory"]
    assert legs["key"].to_list() == ["s"]
    path = balances.trace(journal, item="A")
    assert path.select("src_kind", "dst_kind", "quantity").rows() == [
        ("opening", "available", 10),
        ("available", "reserved", 4),
        ("reserved", "delivering", 4),
    ]
    assert balances.trace(journal, order="O1").height == 2
    with pytest.raises(ValueError, match="trace needs"):
        balances.trace(journal)
    with pytest.raises(ValueError, match="trace needs"):
        money.trace(journal)
    with pytest.raises(ValueError, match="not in the chart"):
        money.account_balance(journal, "petty_cash")
