from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fivefold.ledger.entries import LARGEST, Command, Fact, Move, Place, Posting, fingerprint

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
HERE, THERE = Place("available", "WH1"), Place("reserved", "WH1")


def _posting(**changes: object) -> Posting:
    of: dict[str, object] = {
        "debit": "cash",
        "credit": "revenue",
        "amount_minor": 5,
        "currency": "USD",
    }
    return Posting(**{**of, **changes})  # type: ignore[arg-type]


def test_a_place_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind of place 'shelf'"):
        Place("shelf", "WH1")


@pytest.mark.parametrize("quantity", [0, -1, LARGEST + 1])
def test_a_move_takes_a_positive_quantity_within_bounds(quantity: int) -> None:
    with pytest.raises(ValueError, match="quantity must be from 1"):
        Move("A", "", HERE, THERE, quantity)


@pytest.mark.parametrize("quantity", [1.0, True, "1", None])
def test_a_move_takes_whole_numbers_only(quantity: object) -> None:
    with pytest.raises(TypeError, match="quantity must be a whole number"):
        Move("A", "", HERE, THERE, quantity)  # type: ignore[arg-type]


def test_a_move_to_its_own_place_is_refused() -> None:
    with pytest.raises(ValueError, match="two places"):
        Move("A", "", HERE, Place("available", "WH1"), 1)


@pytest.mark.parametrize("text", ["", "a\0b", "\ud800", "x" * 501])
def test_text_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="item"):
        Move(text, "", HERE, THERE, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"debit": "petty_cash"}, "not in the chart"),
        ({"debit": "revenue"}, "two accounts"),
        ({"amount_minor": 0}, "amount_minor must be from 1"),
        ({"currency": "usd"}, "three capital letters"),
        ({"debit": "inventory"}, "names item and location"),
    ],
)
def test_a_wrong_posting_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _posting(**changes)


def test_a_fact_that_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Fact("plan", "P1", {"cost": float("nan")})
    with pytest.raises(TypeError, match="mapping"):
        Fact("plan", "P1", ["a"])  # type: ignore[arg-type]


def test_a_command_without_a_zone_or_without_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Command(
            key="k", kind="x", actor="a", effective_at=datetime(2026, 1, 1), postings=(_posting(),)
        )
    with pytest.raises(ValueError, match="does nothing"):
        Command(key="k", kind="x", actor="a", effective_at=WHEN)


def test_the_fingerprint_follows_the_content_and_not_the_actor() -> None:
    command = Command(
        key="k",
        kind="x",
        actor="a",
        effective_at=WHEN,
        moves=(Move("Ä", "", HERE, THERE, 1),),
        postings=(_posting(),),
        facts=(Fact("plan", "P1", {"b": 1, "a": 2}),),
    )
    same = replace(command, actor="b", facts=(Fact("plan", "P1", {"a": 2, "b": 1}),))
    assert fingerprint(same) == fingerprint(command)
    others = [
        replace(command, kind="y"),
        replace(command, ref="O1"),
        replace(command, channel="FBA"),
        replace(command, reverses="z"),
        replace(command, effective_at=datetime(2026, 11, 2, tzinfo=UTC)),
        replace(command, moves=(Move("Ä", "", HERE, THERE, 2),)),
        replace(command, moves=(Move("Ä", "L", HERE, THERE, 1),)),
        replace(command, postings=(_posting(amount_minor=6),)),
        replace(command, postings=(_posting(fee_type="Commission"),)),
        replace(command, facts=(Fact("plan", "P1", {"b": 1}),)),
    ]
    marks = {fingerprint(other) for other in [command, *others]}
    assert len(marks) == len(others) + 1
