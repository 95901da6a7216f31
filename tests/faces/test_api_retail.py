"""A retailer's order over the interface: held against its guide, shipped anyway, charged."""

from __future__ import annotations

from typing import Any


def guided(serve: Any) -> Any:
    """Return the tiny company with its own channel turned into a retailer."""
    served = serve()
    files = {
        "channels.csv": "channel,kind,location,referral_applies\nSHOPS,retail,WH1,false\n",
        "routing_guides.csv": "channel,window,order_multiple,asn_hours,label,days_early\n"
        "SHOPS,must_arrive_by,unit,4,none,90\n",
        "chargeback_rates.csv": "channel,kind,effective_from,basis,amount\n"
        "SHOPS,no_asn,2026-01-01,order,150\nSHOPS,late,2026-01-01,share_of_value,0.05\n",
    }
    for name, text in files.items():
        answer = served.ask(
            "POST", "/imports", files=[("files", (name, text.encode(), "text/csv"))]
        )
        assert answer.status_code in (200, 201, 202), answer.text
        if answer.status_code == 202:
            served.wait(answer)
    return served


def test_a_retailers_order_is_checked_shipped_anyway_and_charged(serve: Any) -> None:
    served = guided(serve)
    line = {"item": "LAMP-01", "quantity": 10, "unit_price": 8.0, "requested_by": "2026-12-20"}
    body = {"order": "PO-9", "channel": "SHOPS", "lines": [line]}
    assert served.ask("POST", "/orders", json=body).status_code == 200
    told = served.ask("GET", "/orders/PO-9/routing", role="viewer").json()
    broken = {row["kind"]: row["chargeback"] for row in told["findings"] if not row["passes"]}
    assert broken == {"no_asn": 150.0}
    refused = served.ask("POST", "/orders/PO-9/shipment", json={})
    assert refused.status_code == 409
    assert "breaks the routing guide" in refused.json()["detail"]
    assert served.ask("POST", "/orders/PO-9/ship-notice", role="viewer").status_code == 403
    done = served.ask("POST", "/orders/PO-9/shipment", json={"anyway": True}).json()
    assert (done["status"], done["chargebacks"]) == ("ok", ["no_asn"])
    taken = {"kind": "no_asn", "amount": 90.0}
    assert served.ask("POST", "/orders/PO-9/chargebacks", json=taken).json()["difference"] == -60.0
    (row,) = served.ask("GET", "/retailers", role="viewer").json()["chargebacks"]
    assert (row["expected"], row["charged"], row["state"]) == (150.0, 90.0, "charged")
    assert served.ask("GET", "/orders/NONE/routing").status_code == 404
