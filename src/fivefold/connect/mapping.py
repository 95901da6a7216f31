"""Columns under other names: which column of which table each is taken for, guessed and kept."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fivefold.connect.text import Sheet, folded
from fivefold.model.schema import TableSchema, schema, table_names

#: Under this name a column is left out.
LEFT_OUT = "_left_out"
#: Likeness of two names from which one is proposed for the other.
LIKE_ENOUGH = 0.72
#: What people call columns, folded; each may stand for several, the first that the table has.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "sku": ("item",),
    "seller_sku": ("item",),
    "msku": ("item",),
    "product": ("item", "product"),
    "article": ("item",),
    "part": ("item", "component"),
    "part_number": ("item",),
    "item_code": ("item",),
    "name": ("title", "name"),
    "description": ("title", "description"),
    "product_name": ("title",),
    "qty": ("quantity", "on_hand", "units"),
    "pieces": ("quantity", "on_hand", "units"),
    "units": ("quantity", "units", "on_hand"),
    "stock": ("on_hand",),
    "in_stock": ("on_hand",),
    "available": ("on_hand",),
    "warehouse": ("location",),
    "site": ("location",),
    "depot": ("location",),
    "place": ("location",),
    "cost": ("unit_cost", "unit_price"),
    "price": ("price", "unit_price"),
    "vendor": ("supplier",),
    "order_id": ("order",),
    "order_no": ("order",),
    "order_number": ("order",),
    "po": ("order",),
    "order_date": ("ordered_at", "ordered_on", "date"),
    "date": ("ordered_at", "date", "as_of"),
    "due": ("expected_on", "due_on"),
    "due_date": ("expected_on", "due_on"),
    "eta": ("expected_on",),
    "moq": ("minimum_quantity", "minimum_order_quantity"),
    "lead_time": ("lead_time_days", "lead_time_days_mean"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """What a file with this header is: a table, and the column each of its columns stands for.

    Parameters
    ----------
    header : tuple of str
        Names as written.
    table : str
    columns : mapping of str to str
        By name as written; an empty name leaves the column out, one that is not named keeps
        its own name.

    Raises
    ------
    ValueError
        If the table or a column is not known, a column is taken twice, or a name is not in
        the header.
    """

    header: tuple[str, ...]
    table: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.table not in table_names(role="input"):
            raise ValueError(f"there is no input table {self.table!r}")
        names = schema(self.table).names
        strange = sorted(set(self.columns) - set(self.header))
        if strange:
            raise ValueError(f"the header has no column {strange[0]!r}")
        wanted = [name for name in self.columns.values() if name]
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise ValueError(f"{self.table} has no column {unknown[0]!r}")
        twice = sorted({name for name in wanted if wanted.count(name) > 1})
        if twice:
            raise ValueError(f"two columns cannot both be {twice[0]!r}")

    @property
    def mark(self) -> str:
        """A word for the header: equal for equal names in whatever order and writing."""
        return header_mark(self.header)

    def renamed(self, sheet: Sheet) -> Sheet:
        """Return a sheet with the names of the table."""
        taken = {name for name in self.columns.values() if name}
        names = []
        for written in sheet.header:
            if written in self.columns:
                names.append(self.columns[written] or LEFT_OUT)
            else:
                # Its own name would be there twice.
                names.append(LEFT_OUT if folded(written) in taken else written)
        return replace(sheet, header=tuple(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a header may mean.

    Attributes
    ----------
    table : str
        Empty where no table fits.
    columns : dict of str to str
        By name as written, the column proposed, empty where none is.
    missing : tuple of str
        Columns the table needs and nothing is proposed for.
    others : tuple of str
        Tables that fit nearly as well.
    """

    table: str
    columns: Mapping[str, str]
    missing: tuple[str, ...]
    others: tuple[str, ...] = ()


def header_mark(header: Sequence[str]) -> str:
    """Return a word for a header: equal for equal names in whatever order and writing.

    >>> header_mark(["SKU", "Qty"]) == header_mark(["qty", "sku"])
    True
    """
    return hashlib.sha256("\n".join(sorted(map(folded, header))).encode()).hexdigest()[:16]


def mapping_for(header: Sequence[str], mappings: Iterable[ColumnMapping]) -> ColumnMapping | None:
    """Return the mapping that was made for this header, with the names as written now."""
    mark = header_mark(header)
    for mapping in mappings:
        if mapping.mark == mark:
            by_name = {folded(name): column for name, column in mapping.columns.items()}
            columns = {name: by_name[folded(name)] for name in header if folded(name) in by_name}
            return ColumnMapping(header=tuple(header), table=mapping.table, columns=columns)
    return None


def suggest(header: Sequence[str], *, table: str | None = None) -> Suggestion:
    """Return which table a header may be, and which column each of its columns may stand for.

    Parameters
    ----------
    header : sequence of str
    table : str, optional
        Propose for this table.

    Examples
    --------
    >>> found = suggest(["Artikel SKU", "Warehouse", "Qty"], table="inventory")
    >>> found.columns["Warehouse"], found.columns["Qty"]
    ('location', 'on_hand')
    """
    names = [table] if table else table_names(role="input")
    scored = sorted(
        ((_score(schema(name), header), name) for name in names),
        key=lambda found: (-found[0], found[1]),
    )
    if not scored or (scored[0][0] <= 0 and table is None):
        return Suggestion(table="", columns=dict.fromkeys(header, ""), missing=())
    best, chosen = scored[0]
    about = schema(chosen)
    columns = _proposed(about, header)
    needed = [column.name for column in about.columns if column.required and not column.default]
    return Suggestion(
        table=chosen,
        columns=columns,
        missing=tuple(name for name in needed if name not in columns.values()),
        others=tuple(name for score, name in scored[1:4] if score > 0.8 * best > 0),
    )


def _score(about: TableSchema, header: Sequence[str]) -> float:
    """Return the share of a header that a table explains, less for what it still lacks."""
    found = {name for name in _proposed(about, header).values() if name}
    needed = {column.name for column in about.columns if column.required and not column.default}
    lacking = len(needed - found) / max(1, len(needed))
    return len(found) / max(1, len(header)) * (1 - lacking)


def _proposed(about: TableSchema, header: Sequence[str]) -> dict[str, str]:
    """Return the column each name may stand for: its own, a synonym, else a like name."""
    found = dict.fromkeys(header, "")
    free = list(about.names)
    for name in header:
        if folded(name) in free:
            found[name] = folded(name)
            free.remove(folded(name))
    for name in header:
        if found[name]:
            continue
        known = SYNONYMS.get(folded(name), ())
        near = difflib.get_close_matches(folded(name), free, n=1, cutoff=LIKE_ENOUGH)
        column = next((each for each in known if each in free), near[0] if near else "")
        if not column:
            # "Artikel SKU" and "SKU (msku)" name their thing in one of their words.
            words = folded(name).split("_")
            column = next(
                (each for word in words for each in SYNONYMS.get(word, ()) if each in free), ""
            )
        if column:
            found[name] = column
            free.remove(column)
    return found
