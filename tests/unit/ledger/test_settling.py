from __future__ import annotations

from types import ModuleType

import pytest

from fivefold.ledger import events, money
from fivefold.ledger.journal import Journal
from fivefold.ledger.settling import settlement_account


@pytest.mark.parametrize(
    ("transaction", "kind", "name", "positive", "account"),
    [
        ("Order", "ItemPrice", "Principal", True, "revenue"),
        ("Order", "ItemPrice", "Shipping", True, "shipping_revenue"),
        ("Order", "ItemPrice", "GiftWrap", True, "shipping_revenue"),
        ("Order", "ItemPrice", "ShippingTax", True, "tax"),
        ("Order", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", False, "tax"),
        ("Order", "ItemFees", "Commission", False, "marketplace_fees"),
        ("Order", "Promotion", "Shipping", False, "promotions"),
        ("Refund", "ItemPrice", "Principal", False, "refunds"),
        ("Refund", "ItemPrice", "Tax", False, "tax"),
        ("Refund", "ItemFees", "RefundCommission", False, "marketplace_fees"),
        ("Chargeback Refund", "ItemPrice", "Principal", False, "refunds"),
        ("Refund", "ItemPrice", "Goodwill", False, "refunds"),
        ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount", False, "advertising"),
        ("other-transaction", "other-transaction", "Storage Fee", False, "storage_fees"),
        ("other-transaction", "other-transaction", "StorageRenewalBilling", False, "storage_fees"),
        (
            "other-transaction",
            "other-transaction",
            "Current Reserve Amount",
            False,
            "marketplace_reserve",
        ),
        (
            "other-transaction",
            "other-transaction",
            "Previous Reserve Amount Balance",
            True,
            "marketplace_reserve",
        ),
        ("other-transaction", "other-transaction", "Payable to Amazon", True, "cash"),
        (
            "other-transaction",
            "FBA Inventory Reimbursement",
            "WAREHOUSE_LOST",
            True,
            "reimbursements",
        ),
        ("other-transaction", "other-transaction", "COMPENSATED_CLAWBACK", False, "reimbursements"),
        (
            "other-transaction",
            "other-transaction",
            "FBAInboundTransportationFee",
            False,
            "carriage",
        ),
        ("other-transaction", "other-transaction", "Subscription Fee", False, "marketplace_fees"),
        ("Liquidations", "Liquidations", "Principal", True, "liquidation_revenue"),
        ("Liquidations", "Liquidations", "LiquidationsBrokerageFee", False, "marketplace_fees"),
        ("other-transaction", "other-transaction", "SomethingNew", False, "marketplace_fees"),
        ("other-transaction", "other-transaction", "SomethingNew", True, "other_income"),
    ],
)
def test_each_amount_of_a_settlement_has_its_account(
    transaction: str, kind: str, name: str, positive: bool, account: str
) -> None:
    found = settlement_account(
        transaction_type=transaction, amount_type=kind, amount_description=name, positive=positive
    )
    assert found == account


def test_a_settlement_read_twice_counts_once(company: ModuleType) -> None:
    journal = Journal.in_memory()
    row = {"settlement": "S", "line": 1, "amount_type": "ItemFees", "amount": -1.23}
    command = events.settlement_line(row, actor="t", effective_at=company.WHEN)
    assert command is not None
    assert command.key == "settlement:S:1"
    assert [receipt.status for receipt in journal.submit([command, command])] == ["ok", "duplicate"]
    assert money.account_balance(journal, "marketplace") == -123


def test_a_line_of_nothing_is_no_command(company: ModuleType) -> None:
    row = {"settlement": "S", "line": 1, "amount": 0.0}
    assert events.settlement_line(row, actor="t", effective_at=company.WHEN) is None


def test_a_settlement_in_another_currency_is_kept_in_it(company: ModuleType) -> None:
    journal = Journal.in_memory()
    row = {
        "settlement": "S",
        "line": 1,
        "transaction_type": "Order",
        "amount_type": "ItemPrice",
        "amount_description": "Principal",
        "amount": 1000,
        "currency": "JPY",
    }
    command = events.settlement_line(row, actor="t", effective_at=company.WHEN)
    assert command is not None
    journal.submit(command)
    assert money.account_balance(journal, "marketplace", "JPY") == 1000
    assert money.account_balance(journal, "marketplace") == 0


def test_a_payout_leaves_nothing_with_the_marketplace(company: ModuleType) -> None:
    journal = Journal.in_memory()
    journal.submit(company.year())
    assert money.account_balance(journal, "marketplace") == 0
