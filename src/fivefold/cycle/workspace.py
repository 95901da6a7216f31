"""One company on one disk: its books, what was imported, its plans.

The folder holds `books.db` (facts, the only truth), `imports/` (tables of each imported file,
named by the file's hash; one without its fact in the books does not exist) and `plans/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence, Set
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from types import TracebackType

import polars as pl

from fivefold.connect.extending import Extended, extend, extends
from fivefold.connect.loaded import Loaded
from fivefold.connect.merge import check_tables, merge
from fivefold.cycle import documents, parcel_records
from fivefold.cycle.documents import Recorded
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.errors import DataError, NotFoundError, Problem
from fivefold.ledger.balances import inventory_table
from fivefold.ledger.journal import Journal
from fivefold.ledger.sqlite_store import LockedError
from fivefold.model import Dataset

#: Merged tables kept, the newest ones, and how many files further one may lead.
_MERGED_KEPT, _MOST_FURTHER = 3, 500
#: Says which process serves the workspace, and where.
SERVED = "served-at"


class Workspace:
    """The books, the imported tables and the plans of one company.

    Use it as a context: the books are open for writing inside.

    Parameters
    ----------
    folder : Path
        Made where it does not exist and `create` is true.
    exclusive : bool
        Refuse at once where another process writes the books. Otherwise they are read as they
        stand, and only a write is refused.

    Raises
    ------
    NotFoundError
        If there is no such workspace and `create` is false.
    LockedError
        If another process writes the books and `exclusive` is true.
    """

    def __init__(self, folder: Path, *, create: bool = True, exclusive: bool = False) -> None:
        self.folder = folder
        if not create and not (folder / "books.db").is_file():
            raise NotFoundError(
                f"there is no workspace at {folder}; `fivefold import FILE…` or `fivefold demo` "
                "makes one, --workspace names another folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.plans = PlanStore(folder / "plans")
        self._last_kept: Path | None = None
        self.journal = self._opened(exclusive=exclusive)

    def _opened(self, *, exclusive: bool) -> Journal:
        path = self.folder / "books.db"
        try:
            return Journal.open(path)
        except LockedError as error:
            told = self._held(error)
            if exclusive or not path.is_file():
                raise LockedError(told, holder=error.holder) from error
            return Journal.look(path, refusal=told)

    def _held(self, error: LockedError) -> str:
        """Return who writes these books, and what to do."""
        try:
            holder, _, url = (self.folder / SERVED).read_text(encoding="utf-8").partition(" ")
        except OSError:
            return str(error)
        if holder != error.holder:
            return str(error)
        return (
            f"a server at {url} (process {holder}) keeps these books; do this there, in the "
            "tower or by its API, or end the server (Ctrl+C where it runs) and try again. "
            "Reading works meanwhile."
        )

    def say_served(self, url: str) -> None:
        """Say where these books are served, for whoever finds them held."""
        (self.folder / SERVED).write_text(f"{os.getpid()} {url}", encoding="utf-8")

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.journal.close()

    @property
    def imports_folder(self) -> Path:
        """Where the tables of imported files are kept."""
        return self.folder / "imports"

    def denominate(self, currency: str) -> None:
        """Keep the books in a currency; only empty books can still change theirs.

        Raises
        ------
        DataError
            If something was booked in another currency.
        """
        if self.journal.currency == currency:
            return
        if self.journal.seq:
            message = (
                f"found {currency}, but these books are kept in {self.journal.currency}; "
                "correct the setting or begin another workspace"
            )
            raise DataError([Problem(table="settings", key="currency", message=message)])
        self.journal.close()
        for path in self.folder.glob("books.db*"):
            path.unlink()
        self.journal = Journal.open(self.folder / "books.db", currency=currency)

    def recorded(self, *kinds: str) -> list[Recorded]:
        """Return the facts of these kinds in the order they were written."""
        with self.journal.reading() as books:
            rows = self.journal.log.fact_rows(1, books.fact_seq)
        return [
            Recorded(seq=seq, kind=kind, subject=subject, body=json.loads(body))
            for _, seq, kind, subject, body in rows
            if kind in kinds
        ]

    def imports(self) -> list[Recorded]:
        """Return the imported files in the order of their import, undone ones left out."""
        standing: dict[str, Recorded] = {}
        for fact in self.recorded(documents.FILE_LOADED, documents.FILE_UNDONE):
            if fact.kind == documents.FILE_LOADED:
                standing[fact.subject] = fact
            else:
                standing.pop(fact.subject, None)
        return list(standing.values())

    def loads(self) -> list[Loaded]:
        """Return the imported files as they were read, with their tables."""
        return self._loads(self.imports())

    def _loads(self, standing: Sequence[Recorded], only: Set[str] | None = None) -> list[Loaded]:
        return [
            Loaded(
                name=fact.body["name"],
                kind=fact.body["kind"],
                tables=self.read_import(fact.subject, only=only),
                sha256=fact.subject,
                strength=fact.body["strength"],
            )
            for fact in standing
        ]

    def imported(self) -> Dataset:
        """Return the tables of all imported files as one dataset, before anything done here."""
        names = [fact.subject for fact in self.imports()]
        merged = self._merged_folder(names)
        self._last_kept = merged
        if not merged.is_dir():
            extended = self._from_fewer(names)
            if extended is None:
                dataset, _ = check_tables(merge(self.loads())[0])
                self._keep_merged(names, dataset)
            else:
                self._keep_merged(names, extended)
        return _read_tables(merged)

    def keep_imported(
        self, names: Sequence[str], dataset: Dataset, *, changed: Set[str] | None = None
    ) -> None:
        """Keep the merged tables of these imported files.

        Parameters
        ----------
        names : sequence of str
            Their hashes, in the order of their import.
        dataset : Dataset
        changed : set of str, optional
            The only tables that differ from those last kept.
        """
        self._keep_merged(names, dataset, changed=changed)

    def extended(self, fresh: Sequence[Loaded]) -> Extended | None:
        """Return the imported tables with more files in them; None where all must be merged."""
        facts_now = self.imports()
        if not facts_now or not all(extends(load) for load in fresh):
            return None
        return extend(self.imported(), partial(self._loads, facts_now), fresh, place=len(facts_now))

    def _from_fewer(self, names: Sequence[str]) -> Dataset | None:
        """Return the tables of imported files, worked out from kept ones of the first of them."""
        facts_now = self.imports()
        for number in range(len(names) - 1, max(0, len(names) - _MOST_FURTHER) - 1, -1):
            merged = self._merged_folder(names[:number])
            if number and merged.is_dir():
                further = self._loads(facts_now[number:])
                if not all(extends(load) for load in further):
                    return None
                earlier = partial(self._loads, facts_now[:number])
                found = extend(_read_tables(merged), earlier, further, place=number)
                return found.dataset if found else None
        return None

    def _merged_folder(self, names: Sequence[str]) -> Path:
        digest = hashlib.sha256("".join(names).encode()).hexdigest()
        return self.folder / "merged" / digest

    def _keep_merged(
        self, names: Sequence[str], dataset: Dataset, *, changed: Set[str] | None = None
    ) -> None:
        """Write the merged tables whole or not at all, beside others who do the same."""
        target = self._merged_folder(names)
        if target.is_dir():
            return
        target.parent.mkdir(exist_ok=True)
        before = [path for path in target.parent.iterdir() if not path.name.startswith(".")]
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
        standing = self._last_kept if changed is not None else None
        for name, frame in dataset.tables.items():
            path = draft / f"{name}.parquet"
            if standing is not None and name not in (changed or ()):
                with suppress(OSError):
                    os.link(standing / path.name, path)
            if not path.exists():
                frame.write_parquet(path)
        self._last_kept = target
        try:
            draft.rename(target)
        except OSError:
            # Another thread was first with the same tables.
            shutil.rmtree(draft)
        # Earlier ones may still be read by another thread, and taking a file back leads to them.
        for path in sorted(before, key=lambda path: path.stat().st_mtime_ns)[: -_MERGED_KEPT + 1]:
            shutil.rmtree(path, ignore_errors=True)

    def dataset(self, *, as_of: date) -> Dataset:
        """Return all that is known: imported tables, brought up to date by what the books say."""
        imported = self.imported()
        told = self.recorded(
            *documents.SUPPLY_FACTS,
            documents.PURCHASE_INSPECTED,
            documents.ORDER_TAKEN,
            documents.ORDER_SUBSTITUTED,
            documents.ORDER_SHIPPED,
            documents.ORDER_CUT,
            documents.ORDER_CANCELLED,
            documents.CHARGEBACK_TOLD,
            documents.RETURN_RECEIVED,
            documents.CASE_OPENED,
            documents.CASE_CLOSED,
            documents.WORK_REPORTED,
            documents.WORK_REWORKED,
            *parcel_records.PARCEL_FACTS,
        )
        orders = documents.supply_orders(imported["supply_orders"], told)
        sent, inside = parcel_records.parcels(told), parcel_records.parcel_lines(told)
        customers = documents.customer_orders(imported["orders"], told)
        tables = {
            "supply_orders": orders,
            "goods_receipts": documents.goods_receipts(imported["goods_receipts"], orders, told),
            "inspections": documents.inspections(imported["inspections"], told),
            "orders": parcel_records.with_deliveries(customers, sent, inside),
            "parcels": sent,
            "parcel_lines": inside,
            "returns": documents.returns(imported["returns"], told),
            "cases": documents.cases(told),
            "chargebacks": documents.chargebacks(told),
            "work_reports": documents.work_reports(told),
        }
        if self.journal.seq:
            tables["inventory"] = _stock(self.journal, imported, as_of)
        return imported.with_tables(**{n: f for n, f in tables.items() if f.height})

    def save_import(self, sha256: str, tables: dict[str, pl.DataFrame]) -> None:
        """Write the tables of one file, whole or not at all."""
        target = self.imports_folder / sha256
        draft = self.imports_folder / f".draft-{sha256}"
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(parents=True)
        for name, frame in tables.items():
            frame.write_parquet(draft / f"{name}.parquet")
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)

    def read_import(self, sha256: str, *, only: Set[str] | None = None) -> dict[str, pl.DataFrame]:
        """Return the tables of one imported file, or some of them."""
        folder = self.imports_folder / sha256
        return {
            path.stem: pl.read_parquet(path)
            for path in sorted(folder.glob("*.parquet"))
            if only is None or path.stem in only
        }

    def current_plan(self) -> Plan | None:
        """Return the plan accepted last, or None."""
        accepted = self.recorded(documents.PLAN_ACCEPTED)
        return self.plans.load(accepted[-1].subject) if accepted else None

    def latest_plan(self) -> Plan | None:
        """Return the plan made last, what-ifs left out, or None."""
        name = self.plans.latest()
        return self.plans.load(name) if name else None

    def plan_named(self, name: str | None) -> Plan:
        """Return a plan by name, the one made last where no name is given.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        if name is not None:
            return self.plans.load(name)
        latest = self.latest_plan()
        if latest is None:
            raise NotFoundError("there is no plan yet; `fivefold plan` makes one")
        return latest


def _read_tables(folder: Path) -> Dataset:
    return Dataset({path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))})


def _stock(journal: Journal, imported: Dataset, as_of: date) -> pl.DataFrame:
    """Return the inventory table: counted items and places as the books have them now."""
    books = inventory_table(journal, as_of)
    counted = imported["inventory"]
    # What was counted as unsellable stands in the books as quarantined; a place the books
    # have never seen keeps its count.
    unseen = counted.join(books.select("item", "location"), on=["item", "location"], how="anti")
    return pl.concat([books, unseen.select(books.columns)])
