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
