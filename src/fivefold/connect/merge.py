"""Many files into one set of tables: nothing twice, and the newest word wins.

Deterministic: the order in which files are given matters only where they are equally new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from fivefold.connect.findings import shown
from fivefold.connect.loaded import OWN, Loaded
from fivefold.connect.rows import conformed
from fivefold.connect.tables import plain
from fivefold.errors import Problem
from fivefold.model.dataset import Dataset
from fivefold.model.schema import TableSchema, schema, table_names

#: Tables whose rows are completed from several files, cell by cell; elsewhere a row is one fact.
COMPLETED = (
    "items",
    "offers",
    "channels",
    "locations",
    "calendars",
    "marketplace_advice",
    "storage_charges",
)
#: Columns that say how new a row is, the first one present counts.
_NEWNESS = ("_changed", "as_of")
#: A row that a person wrote without a date is taken as their last word.
_LAST_WORD = datetime(2200, 1, 1)
#: Tables that a report shows in full at one moment, so that a later one replaces it.
SNAPSHOTS = ("inventory", "supply_orders", "inventory_ages")
_BESIDE = ("_file", "_row", "_changed", "_partial", "_strength", "_load", "_kind", "_new", "as_of")


def merge(
    loads: Sequence[Loaded],
) -> tuple[dict[str, pl.DataFrame], tuple[Problem, ...]]:
    """Return one set of tables from many files, and what was found while joining them.

    Rows with one key are one row. What a person wrote into Fivefold's own tables wins over
    reports in items, offers, channels and locations, where empty cells are filled from the
    reports; elsewhere the row with the latest last-updated or as-of wins, a person's where
    that is equal, and the later file after that. A row that says something else than the
    winner is told as a note. Files with errors have no tables and add only their problems.

    Parameters
    ----------
    loads : sequence of Loaded

    Returns
    -------
    tables : dict of str to polars.DataFrame
        With `_file` and `_row`; `check_tables` makes a dataset of them.
    problems : tuple of Problem
        Those of every file, then the notes of joining.
    """
    problems = [problem for load in loads for problem in load.problems]
    seen: dict[str, str] = {}
    parts: dict[str, list[pl.DataFrame]] = {}
    current = latest_snapshots(loads, problems)
    for place, load in enumerate(loads):
        if load.sha256 and load.sha256 in seen and load.tables:
            problems.append(
                Problem(
                    table=load.kind,
                    file=load.name,
                    code="same_file",
                    message=f"has the same content as {seen[load.sha256]}; it counts once",
                    severity="note",
                )
            )
            continue
        seen.setdefault(load.sha256, load.name)
        for table, frame in current[place].items():
            parts.setdefault(table, []).append(marked(frame, load, place))
    merged = {
        name: joined(schema(name), parts[name], problems) for name in table_names() if name in parts
    }
    _name_items(merged)
    return merged, tuple(problems)


def marked(frame: pl.DataFrame, load: Loaded, place: int) -> pl.DataFrame:
    """Return the rows of a file with what decides between them and the rows of other files."""
    return frame.with_columns(
        _strength=pl.lit(load.strength, dtype=pl.Int64),
        _load=pl.lit(place, dtype=pl.Int64),
        _kind=pl.lit(load.kind),
    )


def joined(table: TableSchema, frames: list[pl.DataFrame], problems: list[Problem]) -> pl.DataFrame:
    """Return one row a key from the `marked` rows of several files; notes go to `problems`.

    What becomes of a key depends on the rows of that key alone, except in supply orders.
    """
    # Files kept by an earlier version lack columns that the schema has since.
    frame = conformed(table, pl.concat(frames, how="diagonal_relaxed"))
    newness = [pl.col(name).cast(pl.Datetime("us")) for name in _NEWNESS if name in frame.columns]
    own = pl.when(pl.col("_strength") == OWN).then(pl.lit(_LAST_WORD, dtype=pl.Datetime("us")))
    new = pl.coalesce(*newness, own)
    if table.name == "supply_orders":
        frame = _without_inbound_twice(frame, problems)
    rank = ["_strength", "_new"] if table.name in COMPLETED else ["_new", "_strength"]
    frame = frame.with_columns(_new=new).sort(
        *rank, "_load", "_row", descending=True, nulls_last=True, maintain_order=True
    )
    if not table.key:
        return _tidy(table, frame)
    key = list(table.key)
    if "_partial" in frame.columns:
        frame = _with_partial(frame, key)
    if not frame.select(pl.struct(key).is_duplicated().any()).item():
        return _tidy(table, frame)
    if table.name in COMPLETED:
        frame = _completed(table, frame, key)
    else:
        _tell_conflicts(table, frame, key, problems)
        frame = frame.unique(subset=key, keep="first", maintain_order=True)
    return _tidy(table, frame)


def latest_snapshots(
    loads: Sequence[Loaded], problems: list[Problem]
) -> list[dict[str, pl.DataFrame]]:
    """Return the tables of each file without what a later report of the same kind replaces."""
    moments = [_moment(load) for load in loads]
    latest: dict[tuple[str, str], date] = {}
    for moment in moments:
        if moment is not None:
            kind, place, day = moment
            latest[kind, place] = max(day, latest.get((kind, place), day))
    kept = []
    for load, moment in zip(loads, moments, strict=True):
        tables = dict(load.tables)
        if moment is not None and moment[2] < latest[moment[:2]]:
            gone = [name for name in SNAPSHOTS if name in tables]
            counts = ", ".join(f"{tables.pop(name).height:,} {name}" for name in gone)
            problems.append(
                Problem(
                    table=gone[0],
                    file=load.name,
                    code="superseded",
                    severity="note",
                    message=f"shows {moment[2]}; a report of the same kind shows "
                    f"{latest[moment[:2]]} and replaces its {counts}",
                )
            )
        kept.append(tables)
    return kept


def _moment(load: Loaded) -> tuple[str, str, date] | None:
    """Return kind, place and day of a report that shows all stock at one moment."""
    if not load.kind.startswith("amazon:"):
        return None
    for table in SNAPSHOTS:
        frame = load.tables.get(table)
        if frame is not None and "as_of" in frame.columns:
            day = frame["as_of"].cast(pl.Date).max()
            if isinstance(day, date):
                return load.kind, str(frame["location"][0]), day
    return None


def _without_inbound_twice(frame: pl.DataFrame, problems: list[Problem]) -> pl.DataFrame:
    """Return supply orders without a report's inbound units that a person's orders name too."""
    open_states = ["received", "closed", "cancelled", "planned"]
    own = frame.filter(
        (pl.col("_strength") == OWN)
        & (pl.col("kind") == "move")
        & ~pl.col("status").is_in(open_states)
    ).select("item", "destination")
    met = pl.col("_kind").str.starts_with("amazon:")
    twice = frame.filter(met).join(own.unique(), on=["item", "destination"], how="semi")
    if not twice.height:
        return frame
    problems.append(
        Problem(
            table="supply_orders",
            file=twice["_file"][0],
            row=twice["_row"][0],
            code="stands_twice",
            severity="note",
            message=f"{twice['quantity'].sum():,} inbound units of {twice['item'].n_unique()} "
            "items stand in your own supply orders too; your orders were used",
        )
    )
    named = ["order", "line", "_kind"]
    return frame.join(twice.select(named), on=named, how="anti", maintain_order="left")


def _tidy(table: TableSchema, frame: pl.DataFrame) -> pl.DataFrame:
    hidden = [
        n
        for n in ("_strength", "_load", "_kind", "_new", "_changed", "_partial")
        if n in frame.columns
    ]
    others = [n for n in frame.columns if n not in table.names and not n.startswith("_")]
    ordered = frame.drop(hidden).select(*table.names, *others, "_file", "_row")
    return ordered.sort(list(table.key) or ["_file", "_row"], nulls_last=True)


def _completed(table: TableSchema, frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return one row a key, each cell the first that is filled, the strongest rows first.

    A default that the schema filled in does not hide what another file states.
    """
    cells = []
    for name in frame.columns:
        if name in key:
            continue
        value = pl.col(name)
        default = table.column(name).default_value() if name in table.names else None
        if name in ("_file", "_row") or default is None:
            first = value.drop_nulls().first()
        else:
            stated = value.filter(value.is_not_null() & (value != default)).first()
            # A person's own default may be meant, so it stands against weaker files.
            own = value.filter(pl.col("_strength") == OWN).first()
            first = pl.coalesce(own, stated, value.drop_nulls().first())
        cells.append(first.alias(name))
    return frame.group_by(key, maintain_order=True).agg(cells)


def _with_partial(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return the frame with reserved units from rows that know nothing else."""
    partial = pl.col("_partial").fill_null(False)
    known = frame.filter(partial).unique(subset=key, keep="first", maintain_order=True)
    full = frame.filter(~partial)
    joined = full.join(
        known.select(*key, _reserved="allocated"), on=key, how="left", maintain_order="left"
    ).with_columns(
        allocated=pl.min_horizontal(pl.coalesce("_reserved", "allocated"), pl.col("on_hand"))
    )
    alone = known.join(full, on=key, how="anti", maintain_order="left")
    return pl.concat([joined.drop("_reserved"), alone], how="diagonal_relaxed")


def _tell_conflicts(
    table: TableSchema, frame: pl.DataFrame, key: list[str], problems: list[Problem]
) -> None:
    """Add a note for each key about which files say different things."""
    values = [n for n in table.names if n not in key and n not in _BESIDE]
    if not values:
        return
    groups = frame.filter(pl.struct(key).is_duplicated()).group_by(key, maintain_order=True)
    # Equal rows from files that overlap are no conflict.
    counted = groups.agg(
        *(pl.col(name).n_unique().alias(f"_n_{name}") for name in values),
        *(pl.col(name).first().alias(f"_a_{name}") for name in values),
        *(pl.col(name).last().alias(f"_b_{name}") for name in values),
        pl.col("_file").first().alias("_winner"),
        pl.col("_file").last().alias("_loser"),
        pl.col("_row").last().alias("_at"),
    )
    apart = counted.filter(pl.any_horizontal(pl.col(f"_n_{name}") > 1 for name in values))
    for _, rows in apart.group_by("_winner", "_loser", maintain_order=True):
        row = rows.sort("_at").row(0, named=True)
        name = next(name for name in values if row[f"_n_{name}"] > 1)
        more = f" (and so for {rows.height - 1:,} more rows)" if rows.height > 1 else ""
        problems.append(
            Problem(
                table=table.name,
                key="→".join(str(row[part]) for part in key),
                column=name,
                file=row["_loser"],
                row=row["_at"],
                code="superseded",
                severity="note",
                message=f"says {shown(row[f'_b_{name}'])}, {row['_winner']} says "
                f"{shown(row[f'_a_{name}'])} and is newer or nearer; it was used{more}",
            )
        )


def _name_items(tables: dict[str, pl.DataFrame]) -> None:
    """Put the seller's code where a report names an item only by its fulfilment label."""
    items = tables.get("items")
    if items is None:
        return
    labels = items.drop_nulls("fnsku").unique("fnsku", keep="none").select("fnsku", "item")
    named = dict(labels.filter(~pl.col("fnsku").is_in(items["item"].implode())).iter_rows())
    for name in ("storage_charges", "reimbursements"):
        if named and name in tables:
            tables[name] = tables[name].with_columns(pl.col("item").replace(named))


def check_tables(
    tables: Mapping[str, pl.DataFrame],
) -> tuple[Dataset, tuple[Problem, ...]]:
    """Return the tables as a dataset, and what is wrong between them, file and row named.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        As `merge` returns them.

    Raises
    ------
    DataError
        If a table is not of the schema.
    """
    dataset = Dataset({name: plain(frame) for name, frame in tables.items()})
    return dataset, located(dataset.problems(), tables)


def located(problems: Sequence[Problem], tables: Mapping[str, pl.DataFrame]) -> tuple[Problem, ...]:
    """Return problems found in tables with the file and row each one came from."""
    places: dict[str, dict[str, tuple[str, int]]] = {}
    found: list[Problem] = []
    for problem in problems:
        frame = tables.get(problem.table)
        if frame is None or not problem.key or "_file" not in frame.columns:
            found.append(problem)
            continue
        if problem.table not in places:
            wanted = {p.key for p in problems if p.table == problem.table}
            places[problem.table] = _places(schema(problem.table), frame, wanted)
        file, row = places[problem.table].get(problem.key, ("", None))
        found.append(
            Problem(
                table=problem.table,
                message=problem.message,
                code=problem.code,
                key=problem.key,
                column=problem.column,
                file=file,
                row=row,
                severity=problem.severity,
            )
        )
    return tuple(found)


def _places(table: TableSchema, frame: pl.DataFrame, keys: set[str]) -> dict[str, tuple[str, int]]:
    written = frame.select(
        pl.concat_str(
            (pl.col(name).cast(pl.String).fill_null("") for name in table.key), separator="→"
        ).alias("key"),
        "_file",
        "_row",
    ).filter(pl.col("key").is_in(sorted(keys)))
    return {key: (file, row) for key, file, row in reversed(written.rows())}
