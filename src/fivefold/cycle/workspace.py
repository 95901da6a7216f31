"""One company on one disk: its books, what was imported, its plans.

The folder holds `books.db` (facts, the only truth), `imports/` (tables of each imported file,
named by the file's hash; one without its fact in the books does not exist) and `plans/`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType

import polars as pl

from fivefold.cycle.plans import Plan, PlanStore
from fivefold.errors import NotFoundError
from fivefold.ledger.balances import facts, inventory_table
from fivefold.ledger.journal import Journal
from fivefold.model import Dataset, schema, table_names


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file that was imported and not taken back."""

    sha256: str
    name: str
    kind: str
    sequence: int


class Workspace:
    """The books, the imported tables and the plans of one company.

    Use it as a context: the books are open for writing inside.

    Parameters
    ----------
    folder : Path
        Made where it does not exist and `create` is true.

    Raises
    ------
    NotFoundError
        If there is no such workspace and `create` is false.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self.folder = folder
        if not create and not (folder / "books.db").is_file():
            raise NotFoundError(
                f"there is no workspace at {folder}; `fivefold import FILE…` or `fivefold demo` "
                "makes one, --workspace names another folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.plans = PlanStore(folder / "plans")
        self.journal = Journal.open(folder / "books.db")

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

    def loaded_files(self) -> list[Loaded]:
        """Return the imported files in the order of their import, undone ones left out."""
        undone = set(facts(self.journal, kind="import.undone")["subject"].to_list())
        rows = facts(self.journal, kind="import.loaded")
        return [
            Loaded(row["subject"], row["body"]["name"], row["body"]["kind"], row["seq"])
            for row in rows.to_dicts()
            if row["subject"] not in undone
        ]

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

    def read_import(self, sha256: str) -> dict[str, pl.DataFrame]:
        """Return the tables of one imported file."""
        folder = self.imports_folder / sha256
        return {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}

    def current_plan(self) -> Plan | None:
        """Return the plan accepted last, or None."""
        accepted = facts(self.journal, kind="plan.accepted")
        return self.plans.load(accepted["subject"][-1]) if accepted.height else None

    def latest_plan(self) -> Plan | None:
        """Return the plan made last, or None."""
        names = self.plans.names()
        return self.plans.load(names[-1]) if names else None

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


def stock_from_books(journal: Journal, *, as_of: date) -> pl.DataFrame:
    """Return what the books say is where, as the inventory table."""
    return inventory_table(journal, as_of)


def only_schema_tables(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables the schema knows, without the columns that tell the file of a row."""
    kept = {}
    for name in table_names(role="input"):
        if name in tables:
            known = [c for c in tables[name].columns if not c.startswith("_")]
            kept[name] = tables[name].select(known)
    return kept


def as_dataset(tables: dict[str, pl.DataFrame]) -> Dataset:
    """Return a dataset of these tables."""
    return Dataset({name: frame for name, frame in tables.items() if schema(name)})
