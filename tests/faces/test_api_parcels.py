"""Parcels over the interface: rated, shipped, labelled, told of, claimed for."""

from __future__ import annotations

from typing import Any


def test_a_parcel_from_the_question_to_the_money_of_its_claim(serve: Any) -> None:
    served = serve()
    question = {"quantities": {"LAMP-01": 1}, "postal_code": "60601", "promised_on": "2026-11-24"}
    rated = served.ask("POST", "/parcels/rates", json=question, role="viewer").json()
    assert [o["service"] for o in rated["options"]] == ["ground", "next_day", "two_day"]
    assert [o["service"] for o in rated["options"] if o["chosen"]] == [
        rated["parcels"][0]["service"]
    ]
    body = {"order": "P1", "lines": [{"item": "LAMP-01", "quantity": 1}], "postal_code": "60601"}
    served.ask("POST", "/orders", json=body)
    shipped = served.ask("POST", "/orders/P1/shipment", json={"service": "next_day"})
    assert shipped.status_code == 200, shipped.text
    assert [p["service"] for p in shipped.json()["parcels"]] == ["next_day"]

    blank = served.ask("GET", "/parcels/P1-P1/label", role="viewer")
    assert blank.headers["content-type"].startswith("text/html")
    assert "CHICAGO, IL 60601" in blank.text
    named = served.ask("POST", "/parcels/P1/label", json={"recipient": "Ada Example"})
    assert "Ada Example" in named.text
    assert "Ada Example" not in served.ask("GET", "/parcels/P1-P1/label").text, "nothing is kept"

    number = served.ask("PUT", "/parcels/P1-P1/tracking", json={"tracking": "1Z999"})
    assert number.json()["status"] == "ok"
    early = served.ask("POST", "/parcels/P1-P1/claim")
    assert early.status_code == 409
    assert "on its way" in early.text
    event = {"kind": "damaged", "occurred_at": "2026-11-25T10:00:00Z"}
    assert served.ask("POST", "/parcels/P1-P1/events", json=event).json()["status"] == "ok"
    assert served.ask("POST", "/parcels/P1-P1/events", json=event).json()["status"] == "duplicate"
    (owed,) = served.ask("GET", "/parcels/claims").json()["claims"]
    assert (owed["parcel"], owed["reason"], owed["state"]) == ("P1-P1", "damaged", "claimable")
    claimed = served.ask("POST", "/parcels/P1-P1/claim").json()
    assert claimed["amount"] == owed["amount"] > 0
    grant = {"amount": owed["amount"]}
    assert served.ask("POST", "/parcels/P1-P1/claim/grant", json=grant).status_code == 200
    (row,) = served.ask("GET", "/parcels/P1-P1").json()["parcels"]
    assert (row["tracking"], row["state"], row["granted"]) == ("1Z999", "damaged", owed["amount"])


def test_what_is_not_known_is_named(serve: Any) -> None:
    served = serve()
    lost = served.ask("GET", "/parcels/NOWHERE")
    assert lost.status_code == 404
    assert "NOWHERE" in lost.text
    event = {"kind": "vanished", "occurred_at": "2026-11-25T10:00:00Z"}
    assert served.ask("POST", "/parcels/NOWHERE/events", json=event).status_code == 404
    bad = served.ask("POST", "/parcels/rates", json={"quantities": {"LAMP-01": 0}})
    assert bad.status_code == 422
