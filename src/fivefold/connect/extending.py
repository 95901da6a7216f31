"""A few more rows into tables that were merged before: only the rows they meet are joined anew.

The answer is that of `merge` over all files; it costs what the new rows cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from fivefold.connect.loaded import OWN, Loaded
from fivefold.connect.merge import COMPLETED, SNAPSHOTS, joined, latest_snapshots, located, marked
from fivefold.connect.tables import plain
from fivefold.errors import Problem
from fivefold.model.dataset import Dataset
from fivefold.model.schema import schema

#: Rows up to which a file is worked in row by row.
MOST_ROWS = 2_000
#: Tables whose item names depend on other tables, so that they are merged whole.
_NAMED_ELSEWHERE = ("storage_charges", "reimbursements")
#: Tables joined whole: what a person ordered hides rows of reports under other keys.
_WHOLE = ("supply_orders",)
#: Pieces of a column above which it is copied into one.
_PIECES = 64

#: Gives the earlier files with at least the tables named, in the order of their import.
Earlier = Callable[[frozenset[str]], Sequence[Loaded]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """Merged tables with more rows in them.

    Attributes
    ----------
    dataset : Dataset
    changed : dict of str to polars.DataFrame
        By table, the rows that were joined anew, with `_file` and `_row`.
    problems : tuple of Problem
        What is wrong with those rows, and what was found while joining them.
    """

    dataset: Dataset
    changed: Mapping[str, pl.DataFrame]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def extends(load: Loaded) -> bool:
    """Whether a file is small and plain enough to be worked in row by row."""
    return (
        not load.kind.startswith("amazon:")
        and not any(name in load.tables for name in _NAMED_ELSEWHERE)
        and sum(frame.height for frame in load.tables.values()) <= MOST_ROWS
    )


def extend(
    standing: Dataset, earlier: Earlier, fresh: Sequence[Loaded], *, place: int
) -> Extended | None:
    """Return merged tables with the rows of further files in them; None where all must be merged.

    Parameters
    ----------
    standing : Dataset
        What the earlier files gave, merged.
    earlier : callable
        Gives the earlier files, where their rows are needed again.
    fresh : sequence of Loaded
        Files that `extends` allows, later than the earlier ones.
    place : int
        How many files there are before them.
    """
    notes: list[Problem] = []
    changed: dict[str, pl.DataFrame] = {}
    for table in dict.fromkeys(name for load in fresh for name in load.tables):
        rows = _rows_met(table, earlier, fresh, place, notes)
        if table == "items" and _renames(standing, rows):
            return None
        changed[table] = rows
    dataset = standing.with_tables(
        **{name: replaced(standing, name, rows) for name, rows in changed.items()}
    )
    typed = Dataset({name: plain(rows) for name, rows in changed.items()})
    found = located(dataset.problems_in(typed.tables), changed)
    return Extended(dataset=dataset, changed=changed, problems=found, notes=tuple(notes))


def _rows_met(
    table: str, earlier: Earlier, fresh: Sequence[Loaded], place: int, notes: list[Problem]
) -> pl.DataFrame:
    """Return the rows of a table under the keys that the fresh files bring, joined."""
    about = schema(table)
    key = list(about.key)
    new = [
        marked(load.tables[table], load, number)
        for number, load in enumerate(fresh, start=place)
        if table in load.tables
    ]
    if all(_has_last_word(table, frame) for frame in new):
        return joined(about, new, notes)
    wanted = frozenset({table, *(SNAPSHOTS if table in SNAPSHOTS else ())})
    before = earlier(wanted)
    old = [
        marked(tables[table], load, number)
        for number, (load, tables) in enumerate(
            zip(before, latest_snapshots(before, []), strict=True)
        )
        if table in tables
    ]
    if table not in _WHOLE:
        keys = pl.concat([frame.select(key) for frame in new]).unique()
        old = [frame.join(keys, on=key, how="semi", nulls_equal=True) for frame in old]
    return joined(about, [*old, *new], notes)


def _has_last_word(table: str, rows: pl.DataFrame) -> bool:
    """Whether rows win against whatever stood under their keys before, whole."""
    return (
        table not in COMPLETED
        and table not in SNAPSHOTS
        and "as_of" not in schema(table).names
        and "_changed" not in rows.columns
        and bool((rows["_strength"] == OWN).all())
    )


def _renames(standing: Dataset, items: pl.DataFrame) -> bool:
    """Whether rows of items change what a report's fulfilment labels stand for."""
    if not any(name in standing for name in _NAMED_ELSEWHERE):
        return False
    before = standing["items"].select("item", "fnsku")
    same = items.join(before, on=["item", "fnsku"], how="semi", nulls_equal=True)
    return same.height != items.height


def replaced(standing: Dataset, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return a table of a dataset with rows in the places of their keys, new ones put in order."""
    frame = standing[table]
    key = list(schema(table).key)
    typed = Dataset({table: plain(rows)})[table]
    extra = [name for name in typed.columns if name not in frame.columns]
    if table in _WHOLE or not frame.height:
        return typed
    if typed.height > MOST_ROWS or extra or typed.height * 4 > frame.height:
        kept = frame.join(typed.select(key), on=key, how="anti", nulls_equal=True)
        both = pl.concat([kept, typed], how="diagonal_relaxed")
        names = [n for n in both.columns if n not in extra]
        return both.select(*names, *extra).sort(key, nulls_last=True)
    pieces, last = [], 0
    given = typed.select(key).rows()
    aligned = pl.concat([frame.clear(), typed], how="diagonal_relaxed")
    for number, values in enumerate(given):
        low, high = _place(frame, key, values)
        pieces += [frame.slice(last, low - last), aligned.slice(number, 1)]
        last = high
    pieces.append(frame.slice(last))
    whole = pl.concat([piece for piece in pieces if piece.height])
    return whole.rechunk() if whole[key[0]].n_chunks() > _PIECES else whole


def _place(frame: pl.DataFrame, key: Sequence[str], values: Sequence[Any]) -> tuple[int, int]:
    """Return where rows of a key begin and end in a table sorted by it, empty cells last."""
    low, high = 0, frame.height
    for name, value in zip(key, values, strict=True):
        part = frame[name].slice(low, high - low)
        filled = part.len() - part.null_count()
        if value is None:
            low, high = low + filled, high
            continue
        part = part.head(filled)
        start = int(part.search_sorted(value, side="left"))
        low, high = low + start, low + int(part.search_sorted(value, side="right"))
    return low, high
