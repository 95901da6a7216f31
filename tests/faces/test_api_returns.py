"""Returns and care over the API: authorised once, received once, followed to the cause."""

from __future__ import annotations

from typing import Any

from fivefold.api.door import Limits


def test_a_parcel_scanned_twice_over_the_api_counts_once(serve: Any) -> None:
    served = serve(limits=Limits(failures_per_second=1e9, failure_burst=1e9))
    order = {"order": "S-1", "lines": [{"item": "LAMP-01", "quantity": 1}]}
    assert served.ask("POST", "/orders", json=order).status_code == 200
    shipped = served.ask("POST", "/orders/S-1/shipment", json={})
    assert shipped.status_code == 200, shipped.text
    asked = {"order": "S-1", "item": "LAMP-01", "reason": "UNWANTED_ITEM"}
    rma = served.ask("POST", "/returns", json=asked).json()
    assert (rma["verdict"], rma["duplicate"]) in [("authorised", False), ("review", False)]
    assert served.ask("POST", "/returns", json=asked).json()["duplicate"] is True
    place = f"/returns/{rma['rma']}/receipt"
    first = served.ask("POST", place, json={"condition": "SELLABLE"})
    assert first.status_code == 200, first.text
    again = served.ask("POST", place, json={"condition": "SELLABLE"}).json()
    assert (first.json()["duplicate"], again["duplicate"]) == (False, True)
    assert again["refund"] == first.json()["refund"]
    wrong = served.ask("POST", "/returns/RMA-NONE/receipt", json={"condition": "SELLABLE"})
    assert wrong.status_code == 404
    case = first.json()["case"]
    told = served.ask("GET", f"/cases/{case}/trail").json()
    assert [step["step"] for step in told["trail"]][:3] == ["complaint", "order", "return"], told
    assert served.ask("GET", "/cases").json()["open"] == 1
    done = served.ask("POST", f"/cases/{case}/closing", json={"stars": 5})
    assert done.json()["satisfaction"] == 5
    assert served.ask("POST", f"/cases/{case}/closing", json={}).status_code == 409
    opened = served.ask("POST", "/cases", json={"kind": "question", "item": "LAMP-01"})
    assert opened.json()["status"] == "ok"
    plan = served.ask("GET", "/returns/plan").json()
    assert plan["open_rmas"] == []
    assert served.ask("GET", "/care/staff").json()["agent_hours_per_day"] > 0
    assert served.ask("GET", "/care/causes").json()["actions"] == []
