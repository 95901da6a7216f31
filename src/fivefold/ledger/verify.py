"""Says whether the books agree with themselves, and if not, where.

Reads the log, checks it, folds it from nothing and compares every balance. Writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from fivefold.errors import NotFoundError, Problem
from fivefold.ledger.file_check import FileCheck
from fivefold.ledger.fold import SHOWN, Fold, VerifyReport
from fivefold.ledger.journal import Journal

__all__ = ["VerifyReport", "verify"]


def verify(books: str | Path | Journal, *, head: str | None = None) -> VerifyReport:
    """Return whether a journal's log, chain and balances agree.

    Parameters
    ----------
    books : path or Journal
        An open journal that is kept in a file is read from its file, as of its last commit.
    head : str, optional
        Hash of a batch that must be part of the chain, as an earlier report told it.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    if isinstance(books, Journal):
        if books.path is None:
            return _verify_memory(books)
        books = books.path
    path = Path(books)
    if not path.exists():
        raise NotFoundError(f"{path} does not exist")
    return FileCheck(path, head).report()


def _verify_memory(journal: Journal) -> VerifyReport:
    """Fold the log of a journal in memory and compare its balances; it has no chain."""
    with journal.reading() as books:
        log = journal.log
        fold = Fold(
            dict(enumerate(books.place_keys)), dict(enumerate(books.money_keys)), books.currency
        )
        commands = log.command_rows()
        events = log.event_rows(1, books.event_seq)
        postings = log.posting_rows(1, books.posting_seq)
        problems: list[Problem] = []
        event_from = posting_from = 0
        for row in commands:
            event_to, posting_to = int(row[9]), int(row[10])  # type: ignore[call-overload]
            mine = [(e[0], *e[2:]) for e in events[event_from:event_to]]
            paid = [(p[0], p[2], p[3], p[4], p[6]) for p in postings[posting_from:posting_to]]
            reversing = row[8] is not None
            problems += fold.take(int(row[0]), str(row[6]), mine, paid, reversing=reversing)  # type: ignore[call-overload]
            event_from, posting_from = event_to, posting_to
        pairs = (("place", books.units, fold.units), ("money", books.money, fold.money))
        for table, kept, folded in pairs:
            for number, held in enumerate(kept):
                if folded[number] != held:
                    message = f"holds {held}, the log gives {folded[number]}"
                    problems.append(
                        Problem(table=table, row=number, code="balance", message=message)
                    )
        by_lot: defaultdict[tuple[str, ...], int] = defaultdict(int)
        for key, units in zip(books.place_keys, books.units, strict=True):
            by_lot[key[:2]] += units
        by_currency: defaultdict[str, int] = defaultdict(int)
        for account, amount in zip(books.money_keys, books.money, strict=True):
            by_currency[account[1]] += amount
        return VerifyReport(
            ok=not problems,
            batches=0,
            commands=len(commands),
            events=len(events),
            postings=len(postings),
            facts=books.fact_seq,
            goods_sum=sum(abs(total) for total in by_lot.values()),
            money_sum=sum(abs(total) for total in by_currency.values()),
            chain_ok=True,
            head="",
            problems=tuple(problems[:SHOWN]),
        )
