"""The companies a server keeps: one workspace folder each, opened when first asked for.

A workspace that is shared by many requests remembers what it read until the books move on.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from fivefold.api.access import OWN, TENANT
from fivefold.connect.merge import COMPLETED, SNAPSHOTS
from fivefold.cycle import documents
from fivefold.cycle.documents import Recorded
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset

T = TypeVar("T")
#: Tables joined cell by cell over all files: few rows, and read at each edit of one of them.
_LOOKED_AT = frozenset({*COMPLETED, *SNAPSHOTS} - {"marketplace_advice", "storage_charges"})
#: Answers kept in memory a company.
REMEMBERED = 64


#: Tables that are what files gave and facts add up to, and the facts that move them.
_FOLDED: dict[str, tuple[Callable[[pl.DataFrame, list[Recorded]], pl.DataFrame], tuple[str, ...]]]
_FOLDED = {
    "supply_orders": (
        documents.supply_orders,
        (
            documents.SUPPLY_PLACED,
            documents.SUPPLY_SHIPPED,
            documents.SUPPLY_RECEIVED,
            documents.SUPPLY_CHANGED,
            documents.SUPPLY_CANCELLED,
        ),
    ),
    "orders": (
        documents.customer_orders,
        (
            documents.ORDER_TAKEN,
            documents.ORDER_SUBSTITUTED,
            documents.ORDER_SHIPPED,
            documents.ORDER_CUT,
            documents.ORDER_CANCELLED,
        ),
    ),
    "returns": (documents.returns, (documents.RETURN_RECEIVED,)),
    "cases": (
        lambda imported, told: documents.cases(told),
        (documents.CASE_OPENED, documents.CASE_CLOSED),
    ),
}


class Company(Workspace):
    """A workspace that many threads share.

    Attributes
    ----------
    writing : threading.RLock
        Held while a use case reads what stands and then writes, so that two do not act on
        the same state.
    """

    def __init__(self, folder: Path, tenant: str) -> None:
        super().__init__(folder, exclusive=True)
        self.tenant = tenant
        self.writing = threading.RLock()
        self._facts: dict[str, list[Recorded]] = {}
        self._read_facts = 0
        self._memory: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._remembering = threading.RLock()
        self._looked_at: dict[tuple[str, frozenset[str]], dict[str, pl.DataFrame]] = {}
        self._imported: tuple[tuple[str, ...], Dataset] | None = None

    def remembered(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what was made under this key before, or make it now."""
        with self._remembering:
            if key in self._memory:
                self._memory.move_to_end(key)
                return self._memory[key]  # type: ignore[return-value]
            made = make()
            self._memory[key] = made
            while len(self._memory) > REMEMBERED:
                self._memory.popitem(last=False)
            return made

    def recorded(self, *kinds: str) -> list[Recorded]:
        """Return the facts of these kinds in order; each is read from the log once."""
        with self._remembering:
            with self.journal.reading() as books:
                last = books.fact_seq
            if last > self._read_facts:
                for _, seq, kind, subject, body in self.journal.log.fact_rows(
                    self._read_facts + 1, last
                ):
                    fact = Recorded(seq=seq, kind=kind, subject=subject, body=json.loads(body))
                    self._facts.setdefault(kind, []).append(fact)
                self._read_facts = last
            found = [self._facts[kind] for kind in dict.fromkeys(kinds) if kind in self._facts]
            if len(found) == 1:
                return list(found[0])
            # Facts of one command keep the order they were written in only within a kind.
            return sorted((fact for facts in found for fact in facts), key=lambda fact: fact.seq)

    def imported(self) -> Dataset:
        """Return the imported tables, read from disk once."""
        names = tuple(fact.subject for fact in self.imports())
        with self._remembering:
            if self._imported is None or self._imported[0] != names:
                self._imported = (names, super().imported())
            return self._imported[1]

    def keep_imported(
        self, names: Sequence[str], dataset: Dataset, *, changed: Set[str] | None = None
    ) -> None:
        """Remember merged tables; on disk they are needed only once nobody remembers them."""
        with self._remembering:
            self._imported = (tuple(names), dataset)

    def read_import(self, sha256: str, *, only: Set[str] | None = None) -> dict[str, pl.DataFrame]:
        """Return tables of one imported file; what edits look at again and again is remembered."""
        if only is None or not only <= _LOOKED_AT:
            return super().read_import(sha256, only=only)
        key = (sha256, frozenset(only))
        with self._remembering:
            if key not in self._looked_at:
                self._looked_at[key] = super().read_import(sha256, only=only)
            return dict(self._looked_at[key])

    def close(self) -> None:
        """Keep what a start would otherwise merge again, then close the books."""
        if self._imported is not None:
            super().keep_imported(*self._imported)
        self.journal.close()

    def dataset(self, *, as_of: date) -> Dataset:
        """Return all that is known, worked out once as long as the books stand still."""
        key = ("dataset", self.journal.seq, as_of)
        return self.remembered(key, lambda: super(Company, self).dataset(as_of=as_of))

    def today(self) -> date:
        """Return the plan date of the data, else today in UTC."""
        return self.imported().plan_date() or datetime.now(UTC).date()

    def table(self, name: str) -> tuple[pl.DataFrame, str]:
        """Return a table as it stands, and a word that changes when it may have changed."""
        files = len(self.recorded(documents.FILE_LOADED, documents.FILE_UNDONE))
        if name == "inventory":
            seq = self.journal.seq
            return self.dataset(as_of=self.today())[name], f"{name}:{files}:{seq}"
        if name not in _FOLDED:
            return self.imported()[name], f"{name}:{files}"
        fold, kinds = _FOLDED[name]
        told = self.recorded(*kinds)
        version = f"{name}:{files}:{len(told)}"
        frame = self.remembered(("folded", version), lambda: fold(self.imported()[name], told))
        return frame, version

    def plan_named(self, name: str | None) -> Plan:
        """Return a plan by name; `latest` and `accepted` are names too.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        if name == "accepted":
            current = self.current_plan()
            if current is None:
                raise NotFoundError("no plan has been accepted yet")
            return current
        if name in (None, "latest"):
            # A what-if is looked at by its name; only where there is nothing else by none.
            latest = self.plans.latest() or next(reversed(self.plans.names()), None)
            if latest is None:
                raise NotFoundError("there is no plan yet; POST /api/v1/plans makes one")
            name = latest
        head = self.plans.folder / name / "plan.json"
        if not name.isascii() or "/" in name or "\0" in name or not head.is_file():
            raise NotFoundError(f"there is no plan {name!r}")
        chosen, made_at = name, head.stat().st_mtime_ns
        return self.remembered(("plan", chosen, made_at), lambda: self.plans.load(chosen))

    def current_plan(self) -> Plan | None:
        """Return the plan accepted last, or None."""
        accepted = self.recorded(documents.PLAN_ACCEPTED)
        return self.plan_named(accepted[-1].subject) if accepted else None

    def latest_plan(self) -> Plan | None:
        """Return the plan made last, or None."""
        return self.plan_named(None) if self.plans.names() else None


class Companies:
    """All companies under one folder: the server's own in it, others below `tenants/`."""

    def __init__(self, folder: Path, *, on_open: Callable[[Company], None] | None = None) -> None:
        self.folder = folder
        self._on_open = on_open
        self._open: dict[str, Company] = {}
        self._lock = threading.Lock()

    def company(self, tenant: str) -> Company:
        """Return a company's workspace, opened where it is not yet.

        Raises
        ------
        LockedError
            If another process writes its books.
        """
        with self._lock:
            found = self._open.get(tenant)
            if found is None:
                if not TENANT.fullmatch(tenant):
                    raise NotFoundError(f"there is no company {tenant!r}")
                folder = self.folder if tenant == OWN else self.folder / "tenants" / tenant
                found = self._open[tenant] = Company(folder, tenant)
                if self._on_open is not None:
                    self._on_open(found)
            return found

    def close(self) -> None:
        """Close all books."""
        with self._lock:
            for company in self._open.values():
                company.close()
            self._open.clear()
