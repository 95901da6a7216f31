"""The tower shows where each purchase order stands and what comes next."""

from __future__ import annotations

from datetime import date
from typing import Any

from fivefold.cycle import purchasing
from fivefold.cycle.fulfilment import Operations, SupplyLine, SupplyOrder
from fivefold.cycle.purchase_orders import proposal
from fivefold.cycle.receiving import receive
from fivefold.web.tower.rooms.suppliers import order_states, supplier_scores
from fivefold.web.tower.state import state_of

DAY = date(2026, 11, 22)


def test_an_order_is_shown_with_its_next_step_and_its_supplier_with_scores(store: Any) -> None:
    order = SupplyOrder(
        order="PO-1",
        kind="buy",
        source="SUP1",
        destination="WH1",
        ordered_on=DAY,
        expected_on=DAY,
        lines=(SupplyLine(line=1, item="MUG", quantity=10, unit_price=4.0),),
    )
    write = Operations(store.journal, actor="t").write
    write(proposal(order, actor="t", on=DAY))
    grid = order_states(state_of(store, None, today=DAY), {})
    assert grid.frame.select("order", "state", "next_step").rows() == [
        ("PO-1", "proposed", "approve")
    ]
    purchasing.approve(store, "PO-1", actor="t", role="admin", on=DAY)
    purchasing.send(store, "PO-1", actor="t", on=DAY)
    receive(store, "PO-1", None, actor="t", on=DAY)
    state = state_of(store, None, today=DAY)
    assert order_states(state, {}).frame["next_step"].to_list() == ["match the invoice"]
    assert supplier_scores(state, {}).frame.select("supplier", "otif_share").rows() == [
        ("SUP1", 1.0)
    ]
