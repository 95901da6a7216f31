"""Promises asked for and orders taken and taken back over the interface."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import date
from typing import Any

import pytest
import uvicorn

STOCK = 500

_CLIENT = """
import json, sys, urllib.request
port, token, name, at = sys.argv[1:]
while __import__("time").time() < float(at):
    pass
request = urllib.request.Request(
    f"http://127.0.0.1:{port}/api/v1/orders",
    data=json.dumps({"order": name, "lines": [{"item": "LAMP-01", "quantity": 1}]}).encode(),
    headers={"Authorization": "Bearer " + token, "Content-Type": "application/json",
             "Idempotency-Key": name},
)
print(urllib.request.urlopen(request).read().decode())
"""


def _order(served: Any, name: str, units: int, item: str = "LAMP-01") -> Any:
    body = {"order": name, "lines": [{"item": item, "quantity": units}]}
    return served.ask("POST", "/orders", json=body)


def _held(served: Any, order: str) -> int:
    rows = served.ask("GET", f"/ledger/reservations?where=ref:eq:{order}").json()["rows"]
    return sum(row["units"] for row in rows)


def test_a_promise_is_answered_with_place_and_day_and_reserves_nothing(serve: Any) -> None:
    served = serve()
    before = served.ask("GET", "/ledger/reservations").json()["rows"]
    body = {"lines": [{"item": "LAMP-01", "quantity": 3}], "postal_code": "60601"}
    answer = served.ask("POST", "/promises", json=body, role="viewer")
    assert answer.status_code == 200, answer.text
    (leg,) = answer.json()["legs"]
    assert (leg["quantity"], leg["location"], leg["basis"]) == (3, "WH1", "on_hand")
    assert leg["ship_on"] < leg["deliver_on"]
    assert leg["on_time_share"] >= leg["confidence_share"]
    assert answer.json()["reasons"]
    assert served.ask("GET", "/ledger/reservations").json()["rows"] == before
    assert served.ask("POST", "/promises", json=body).json() == answer.json()


def test_three_units_where_two_are_there_are_one_answer_with_a_day_for_the_third(
    serve: Any,
) -> None:
    served = serve()
    _order(served, "SO-MOST", STOCK - 2)
    asked = served.ask("POST", "/promises", json={"lines": [{"item": "LAMP-01", "quantity": 3}]})
    taken = _order(served, "SO-3", 3).json()
    legs = [(leg["quantity"], leg["basis"]) for leg in taken["legs"]]
    assert legs == [(2, "on_hand"), (1, "in_transit")]
    assert [leg["deliver_on"] for leg in taken["legs"]] == [
        leg["deliver_on"] for leg in asked.json()["legs"]
    ]
    # Purchase order 1 is expected on 1 December.
    assert date.fromisoformat(taken["legs"][1]["deliver_on"]) >= date(2026, 12, 1)
    assert _held(served, "SO-3") == 2
    again = _order(served, "SO-3", 3).json()
    assert again["status"] == "duplicate"
    assert _held(served, "SO-3") == 2
    # The third of the hundred that come is spoken for: 99 more can stand on them.
    rest = _order(served, "SO-REST", 99).json()["legs"]
    assert [(leg["quantity"], leg["basis"]) for leg in rest] == [(99, "in_transit")]
    last = _order(served, "SO-LAST", 1).json()["legs"]
    assert [leg["basis"] for leg in last] == ["capable"]


def test_of_two_callers_who_ask_at_once_for_the_last_unit_one_gets_it(serve: Any) -> None:
    served = serve()
    for turn in range(5):
        kept = f"SO-KEEP-{turn}"
        _order(served, kept, STOCK - 1)
        gate = threading.Barrier(2)
        answers: dict[str, Any] = {}

        def ask(
            name: str, gate: threading.Barrier = gate, answers: dict[str, Any] = answers
        ) -> None:
            gate.wait()
            answers[name] = _order(served, name, 1).json()

        names = [f"SO-{turn}-{caller}" for caller in "AB"]
        callers = [threading.Thread(target=ask, args=(name,)) for name in names]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        stands = sorted(answers[name]["legs"][0]["basis"] for name in names)
        assert stands == ["in_transit", "on_hand"]
        assert sorted(_held(served, name) for name in names) == [0, 1]
        for name in (*names, kept):
            assert served.ask("POST", f"/orders/{name}/cancellation").status_code == 200


def test_of_two_processes_that_ask_at_once_for_the_last_unit_one_gets_it(serve: Any) -> None:
    served = serve()
    _order(served, "SO-KEEP", STOCK - 1)
    server = uvicorn.Server(
        uvicorn.Config(served.app, port=0, log_level="error", lifespan="off", access_log=False)
    )
    running = threading.Thread(target=server.run)
    running.start()
    try:
        while not server.started:
            running.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        token = served.tokens["default", "operator"]
        at = str(time.time() + 0.5)
        callers = [
            subprocess.Popen(
                [sys.executable, "-c", _CLIENT, str(port), token, name, at],
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in ("SO-A", "SO-B")
        ]
        said = [json.loads(caller.communicate(timeout=30)[0]) for caller in callers]
    finally:
        server.should_exit = True
        running.join()
    assert sorted(one["legs"][0]["basis"] for one in said) == ["in_transit", "on_hand"]
    assert sorted(_held(served, name) for name in ("SO-A", "SO-B")) == [0, 1]


def test_a_cancelled_order_gives_its_units_to_who_waits(serve: Any) -> None:
    served = serve()
    _order(served, "SO-ALL", STOCK)
    _order(served, "SO-WAITS", 4)
    assert _held(served, "SO-WAITS") == 0
    assert served.ask("POST", "/orders/SO-ALL/cancellation", role="viewer").status_code == 403
    done = served.ask("POST", "/orders/SO-ALL/cancellation", role="operator")
    assert (done.status_code, done.json()["status"]) == (200, "ok")
    assert (_held(served, "SO-ALL"), _held(served, "SO-WAITS")) == (0, 4)
    unknown = served.ask("POST", "/orders/SO-NOBODY/cancellation")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_more_units_than_a_small_number_holds_are_counted_whole(serve: Any) -> None:
    served = serve()
    body = {"lines": [{"item": "LAMP-01", "quantity": 10**9}] * 3}
    for path in ("/promises", "/orders"):
        legs = served.ask("POST", path, json=body, headers={"Idempotency-Key": "k"}).json()["legs"]
        assert sum(leg["quantity"] for leg in legs) == 3 * 10**9
        assert min(leg["quantity"] for leg in legs) > 0


@pytest.mark.parametrize("path", ["/promises", "/orders"])
def test_a_company_that_sells_nowhere_says_so(serve: Any, path: str) -> None:
    served = serve()
    for file in served.ask("GET", "/files").json():
        served.ask("DELETE", f"/files/{file['sha256']}")
    body = {"lines": [{"item": "LAMP-01", "quantity": 1}]}
    answer = served.ask("POST", path, json=body, headers={"Idempotency-Key": "nowhere"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "channels" in answer.json()["detail"]


def test_the_desk_shows_an_order_whole_and_what_could_be_done(serve: Any) -> None:
    served = serve()
    _order(served, "SO-1", 3)
    rows = served.ask("GET", "/orders/open", role="viewer").json()["lines"]
    (row,) = [row for row in rows if row["order"] == "SO-1"]
    assert (row["state"], row["waiting"], row["location"]) == ("ready", 0, "WH1")
    whole = served.ask("GET", "/orders/SO-1", role="viewer").json()
    assert whole["state"] == "ready"
    assert [option["location"] for option in whole["options"]] == ["WH1"]
    assert whole["may"] == {"reserve": False, "ship": True, "cancel": True, "move": True}
    move = served.ask("POST", "/orders/SO-1/lines/1/place", json={"location": "SUP"})
    assert move.status_code == 409
    assert "SUP has none" in move.json()["detail"]
    assert served.ask("GET", "/orders/NOBODY").status_code == 404


def test_what_is_short_is_compared_by_rule_and_shared_by_one(serve: Any) -> None:
    served = serve()
    _order(served, "SO-ALL", STOCK)
    _order(served, "SO-A", 60)
    _order(served, "SO-B", 60)
    told = served.ask("GET", "/orders/shortage?days=30", role="viewer").json()
    given = {(row["rule"], row["order"]): row["given"] for row in told["choices"]}
    assert (given["priority", "SO-A"], given["priority", "SO-B"]) == (60, 40)
    assert (given["fair_share", "SO-A"], given["fair_share", "SO-B"]) == (50, 50)
    assert {row["rule"]: row["customers_late"] for row in told["rules"]} == {
        "priority": 1,
        "fair_share": 2,
        "margin": 1,
    }
    done = served.ask("POST", "/orders/shortage/reservations", json={"rule": "fair_share"}).json()
    assert done["status"] == "nothing_free"


def test_two_who_ask_for_the_last_unit_at_once_are_told_two_days(serve: Any) -> None:
    """One gets it from stock, the other a later day; never both the same unit."""
    served = serve()
    _order(served, "SO-MOST", STOCK - 1)
    answers: list[dict[str, Any]] = []

    def ask(name: str) -> None:
        answers.append(_order(served, name, 1).json())

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("SO-X", "SO-Y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bases = sorted(leg["basis"] for answer in answers for leg in answer["legs"])
    assert bases == ["in_transit", "on_hand"]
    assert sum(_held(served, name) for name in ("SO-X", "SO-Y")) == 1
