"""Eight writers want more than there is: nobody is promised what is not there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fivefold.ledger import balances, events
from fivefold.ledger.events import Command, Line, SaleLine
from fivefold.ledger.journal import Journal, Receipt
from fivefold.ledger.verify import verify

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
ITEMS = ("A", "B", "C")
STOCK = 40
WRITERS = 8


def _open(path: Path) -> Journal:
    journal = Journal.open(path)
    lines = [Line(item=item, quantity=STOCK, value_minor=100) for item in ITEMS]
    journal.submit(
        events.opening_stock(key="open", actor="t", effective_at=WHEN, location="W", lines=lines)
    )
    return journal


def _reserve(key: str, lines: list[Line]) -> Command:
    return events.reserve(
        key=key, actor="t", effective_at=WHEN, order=key, location="W", lines=lines
    )


def _lines(kind: str, rng: random.Random) -> list[Line]:
    if kind == "single":
        return [Line(item="A", quantity=rng.randint(1, 3))]
    items = ITEMS if kind == "bundle" else rng.sample(ITEMS, 2)
    return [Line(item=item, quantity=rng.randint(1, 3)) for item in items]


def compete(journal: Journal, kind: str, seed: int, rounds: int) -> tuple[int, int]:
    """Let eight threads reserve, cancel, expire and ship; return promised and refused."""
    promised, refused = [], []
    start = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        rng = random.Random(seed * 100 + writer)
        start.wait()
        for number in range(rounds):
            key = f"{kind}-{seed}-{writer}-{number}"
            lines = _lines(kind, rng)
            if journal.submit(_reserve(key, lines))[0].status != "ok":
                refused.append(key)
                continue
            promised.append(key)
            _settle(journal, key, lines, kind, rng)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(promised), len(refused)


def _settle(
    journal: Journal, key: str, lines: list[Line], kind: str, rng: random.Random
) -> list[Receipt]:
    """Ship an order, or let it expire or be cancelled; where both are tried only one may hold."""
    of = {"actor": "t", "effective_at": WHEN, "order": key, "location": "W"}
    ship = events.ship_order(
        key=key + "-ship",
        channel="X",
        lines=[SaleLine(item=line.item, quantity=line.quantity) for line in lines],
        **of,  # type: ignore[arg-type]
    )
    expire = events.release(key=key + "-expire", lines=lines, expired=True, **of)  # type: ignore[arg-type]
    if kind not in ("expiry", "cancel"):
        return journal.submit(ship) if rng.random() < 0.3 else []
    both = [ship, expire] if rng.random() < 0.5 else [expire, ship]
    receipts = journal.submit(both)
    assert sorted(receipt.status for receipt in receipts) == ["ok", "short"]
    return receipts


@pytest.mark.parametrize("kind", ["single", "multi-line", "bundle", "expiry", "cancel"])
def test_eight_writers_never_oversell(tmp_path: Path, kind: str) -> None:
    with _open(tmp_path / "books.db") as journal:
        promised, refused = compete(journal, kind, seed=1, rounds=25)
        assert promised, "somebody was served"
        assert refused, "and somebody came too late"
        _check(journal)
    assert verify(tmp_path / "books.db").ok


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["single", "multi-line", "bundle", "expiry", "cancel"])
def test_eight_writers_never_oversell_in_a_hundred_rounds(tmp_path: Path, kind: str) -> None:
    for seed in range(100):
        path = tmp_path / f"books{seed}.db"
        with _open(path) as journal:
            compete(journal, kind, seed=seed, rounds=20)
            _check(journal)
        assert verify(path).ok


def _check(journal: Journal) -> None:
    goods = balances.goods_frame(journal)
    inside = goods.filter(goods["kind"].is_in(["available", "reserved", "delivering"]))
    for item in ITEMS:
        units = inside.filter(inside["item"] == item)["units"]
        assert units.sum() == STOCK
        assert min(units) >= 0


def test_the_naive_way_oversells(tmp_path: Path) -> None:
    # The negative control: look first, then write, as many shops do.
    left = {"A": STOCK}
    sold = []
    start = threading.Barrier(WRITERS)
    between: Callable[[], object] = threading.Barrier(WRITERS).wait

    def write() -> None:
        start.wait()
        for _ in range(STOCK):
            seen = left["A"]
            between()
            if seen > 0:
                left["A"] = seen - 1
                sold.append(1)
            between()

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sold) > STOCK
