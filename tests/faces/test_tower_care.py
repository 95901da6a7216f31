"""The room of returns: the way from request to shelf, and a case followed to its cause."""

from __future__ import annotations

from typing import Any

from fivefold.api.access import OWN


def test_the_room_shows_the_funnel_and_the_trail_of_a_case(serve: Any) -> None:
    served = serve(with_pages=True)
    made = served.wait(served.ask("POST", "/plans", json={"periods": 4}))
    assert made["state"] == "done", made
    back = {"item": "LAMP-01", "condition": "SELLABLE", "reason": "DEFECTIVE"}
    case = served.ask("PUT", "/returns/R-1", json=back).json()["case"]
    headers = {"Authorization": f"Bearer {served.tokens[OWN, 'admin']}", "Accept": "text/html"}
    page = served.client.get("/returns", params={"case": case}, headers=headers)
    assert page.status_code == 200
    assert "From request to way" in page.text
    trail = page.text.split('id="trail"')[1]
    assert "complaint" in trail.lower()
    assert "inspection" in trail
    wrong = served.client.get("/returns", params={"case": "CASE-NONE"}, headers=headers)
    assert "there is no case" in wrong.text


def test_the_room_tells_what_customers_say_and_what_a_case_costs(serve: Any) -> None:
    served = serve(with_pages=True)
    made = served.wait(served.ask("POST", "/plans", json={"periods": 4}))
    assert made["state"] == "done", made
    back = {"item": "LAMP-01", "condition": "SELLABLE", "reason": "DEFECTIVE"}
    case = served.ask("PUT", "/returns/R-1", json=back).json()["case"]
    closing = {"stars": 2, "minutes": 12.0}
    closed = served.ask("POST", f"/cases/{case}/closing", json=closing)
    assert closed.json()["minutes"] == 12.0
    told = served.ask("GET", "/care/figures").json()
    assert told["all"]["answers"] == 1
    assert told["all"]["csat_share"] == 0.0
    # Nobody told what an hour costs, so the cost of the case is not known.
    assert told["all"]["cost_per_case"] is None
    assert any("care_cost_per_hour" in text for text in told["unknown"])
    assert served.ask("GET", "/care/figures", params={"item": "NOPE"}).status_code == 404
    again = served.ask("POST", "/cases/gathering", json={"days": 30})
    assert again.json()["opened"] == 0
    headers = {"Authorization": f"Bearer {served.tokens[OWN, 'admin']}", "Accept": "text/html"}
    page = served.client.get("/returns", headers=headers)
    assert "What customers say" in page.text
    assert "inspection" in page.text.lower()
