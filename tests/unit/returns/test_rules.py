"""Authorising a return: what is refused, what a person looks at, what the customer keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fivefold.returns.rules import ReturnRequest, ReturnRules, authorise

ASKED = ReturnRequest(
    order="O",
    item="A",
    quantity=1,
    reason="UNWANTED_ITEM",
    fault="customer",
    asked_on=date(2026, 6, 20),
    bought_on=date(2026, 6, 1),
    delivered_on=date(2026, 6, 4),
    units_sold=2,
    units_back=0,
    unit_price=30.0,
)


def test_a_plain_return_is_authorised_by_the_cheapest_way_and_the_customer_pays() -> None:
    found = authorise(ASKED, worth_back=12.0)
    assert (found.verdict, found.way_back, found.carriage_cost) == ("authorised", "drop_off", 4.5)
    assert found.customer_pays
    assert found.send_by == date(2026, 7, 4)
    fetched = authorise(replace(ASKED, can_be_fetched=True, fault="seller"), worth_back=12.0)
    assert (fetched.way_back, fetched.customer_pays) == ("pick_up", False)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"units_sold": 0}, "has no A"),
        ({"units_back": 2}, "too many"),
        ({"asked_on": date(2026, 7, 5)}, "window ended on 2026-07-04"),
        ({"serial": "X1", "serial_sold": "X2"}, "not the one sold"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_says_which(change: dict[str, object], text: str) -> None:
    found = authorise(replace(ASKED, **change), worth_back=12.0)  # type: ignore[arg-type]
    assert found.verdict == "refused"
    assert text in found.reasons[0].text
    assert found.send_by is None


@pytest.mark.parametrize(
    "change",
    [
        {"earlier": [date(2026, 5, 1), date(2026, 6, 1), date(2026, 6, 2)]},
        {"unit_price": 250.0},
        {"reason": "NEVER_ARRIVED"},
        {"asked_on": date(2026, 7, 5), "fault": "seller"},
    ],
)
def test_a_sign_of_fraud_sends_it_to_a_person(change: dict[str, object]) -> None:
    found = authorise(replace(ASKED, **change), worth_back=-9.0)  # type: ignore[arg-type]
    assert found.verdict == "review"
    assert len(found.signs) == 1


def test_old_returns_of_a_customer_are_no_sign() -> None:
    old = [date(2026, 1, day) for day in (1, 2, 3, 4)]
    assert authorise(replace(ASKED, earlier=old), worth_back=12.0).verdict == "authorised"


def test_the_customer_keeps_what_is_worth_less_than_its_way_back() -> None:
    assert authorise(ASKED, worth_back=4.0).verdict == "returnless"
    assert authorise(ASKED, worth_back=5.0).verdict == "authorised"
    dear = replace(ASKED, unit_price=41.0)
    assert authorise(dear, worth_back=4.0).verdict == "authorised", "too dear to give away"
    assert authorise(ASKED, worth_back=None).verdict == "authorised", "its worth is not known"


def test_holiday_purchases_may_come_back_until_the_end_of_january() -> None:
    bought = replace(
        ASKED,
        bought_on=date(2026, 11, 2),
        delivered_on=date(2026, 11, 5),
        asked_on=date(2027, 1, 31),
    )
    assert authorise(bought, worth_back=12.0).verdict == "authorised"
    late = replace(bought, asked_on=date(2027, 2, 1))
    assert authorise(late, worth_back=12.0).verdict == "refused"
    december = replace(bought, delivered_on=date(2027, 1, 10), asked_on=date(2027, 2, 5))
    assert authorise(december, worth_back=12.0).verdict == "authorised"
    assert ReturnRules().window_days == 30


def test_no_unit_is_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        authorise(replace(ASKED, quantity=0), worth_back=1.0)
