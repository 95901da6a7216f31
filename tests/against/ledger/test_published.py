"""The books against a textbook and against a settlement whose total is printed on it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fivefold.ledger import balances, events, money
from fivefold.ledger.journal import Journal
from fivefold.units import to_minor

REPORTS = (
    Path(__file__).parents[3] / ".." / "shared" / "facts" / "amazon" / "reports"
) / "synthetic_examples"


def test_moving_average_of_the_textbook_company() -> None:
    """Weygandt, Kimmel, Kieso, *Accounting Principles*, appendix 6A, Houston Electronics.

    100 units at $10, bought 200 at $11 and 300 at $12, sold 550, bought 400 at $13: cost
    of goods sold $6,233, 450 units left worth $5,767 (both rounded to the dollar there).
    """
    journal = Journal.in_memory()

    def buy(key: str, day: tuple[int, int], units: int, dollars: int) -> events.Command:
        line = events.Line(item="Z202", quantity=units, value_minor=units * dollars * 100)
        return events.receive_purchase(
            key=key,
            actor="t",
            effective_at=datetime(2020, *day, tzinfo=UTC),
            order=key,
            supplier="S",
            location="W",
            lines=[line],
            from_transit=False,
        )

    sale = events.ship_order(
        key="sale",
        actor="t",
        effective_at=datetime(2020, 9, 10, tzinfo=UTC),
        order="sale",
        location="W",
        channel="X",
        lines=[events.SaleLine(item="Z202", quantity=550)],
        from_kind="available",
    )
    journal.submit([buy("b1", (1, 1), 100, 10), buy("b2", (4, 15), 200, 11)])
    unit_cost = balances.inventory_value(journal)["unit_cost_minor"]
    assert unit_cost.item() == pytest.approx(1066.7, abs=0.05)
    journal.submit(buy("b3", (8, 24), 300, 12))
    assert balances.inventory_value(journal)["unit_cost_minor"].item() == pytest.approx(
        1133.3, abs=0.05
    )
    journal.submit([sale, buy("b4", (11, 27), 400, 13)])
    assert round(money.account_balance(journal, "cost_of_goods_sold") / 100) == 6233
    left = balances.inventory_value(journal).row(0, named=True)
    assert (left["units"], round(left["value_minor"] / 100)) == (450, 5767)
    # The book divides its rounded dollars: $5,767 / 450 = $12.816.
    assert left["unit_cost_minor"] == pytest.approx(1281.6, abs=50 / 450 + 0.05)


def test_lines_of_a_settlement_come_to_its_printed_total() -> None:
    path = REPORTS / "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2.txt"
    if not path.exists():
        pytest.skip(f"needs {path.name} beside the project")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.DictReader(file, delimiter="\t")
    journal = Journal.in_memory()
    when = datetime(2026, 9, 17, tzinfo=UTC)
    for number, row in enumerate(rows, start=1):
        command = events.settlement_line(
            {
                "settlement": row["settlement-id"],
                "line": number,
                "transaction_type": row["transaction-type"],
                "order": row["order-id"],
                "item": row["sku"],
                "amount_type": row["amount-type"],
                "amount_description": row["amount-description"],
                "amount": row["amount"],
            },
            actor="t",
            effective_at=when,
            channel="FBA",
            currency=header["currency"],
        )
        assert command is not None
        assert journal.submit(command)[0].status == "ok"
    total = to_minor(header["total-amount"], header["currency"])
    assert money.account_balance(journal, "marketplace", header["currency"]) == total
    by_order = money.contribution(journal, "order")
    assert by_order["contribution_minor"].sum() == total
