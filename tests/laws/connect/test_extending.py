"""Files worked in one after the other give what merging all of them at once gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivefold.connect import Loaded, check_tables, merge
from fivefold.connect.extending import extend, extends, replaced
from fivefold.connect.loaded import MET, OWN, STATED
from fivefold.connect.rows import conformed
from fivefold.errors import Problem
from fivefold.model import Dataset
from fivefold.model.schema import schema

CODES = st.sampled_from(["A", "B", "C", "D"])
PLACES = st.sampled_from(["WH1", "FBA-US"])
DAYS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 9)).map(
    lambda at: at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
)


def _rows(**cells: st.SearchStrategy[object]) -> st.SearchStrategy[list[dict[str, object]]]:
    return st.lists(st.fixed_dictionaries(dict(cells)), min_size=1, max_size=4)


ITEMS = _rows(
    item=CODES,
    title=st.none() | st.sampled_from(["Mug", "Cup"]),
    unit_cost=st.none() | st.floats(0, 9),
    fnsku=st.none() | st.sampled_from(["X1", "X2"]),
    status=st.sampled_from(["active", "new"]),
    extra_colour=st.none() | st.just("red"),
)
INVENTORY = _rows(
    item=CODES, location=PLACES, on_hand=st.integers(0, 9), allocated=st.integers(0, 9), as_of=DAYS
)
ORDERS = _rows(
    order=st.sampled_from(["1", "2", "3"]),
    line=st.integers(1, 2),
    item=CODES,
    quantity=st.integers(1, 5),
    ordered_at=DAYS,
)
SUPPLY = _rows(
    order=st.sampled_from(["P1", "P2", "P3"]),
    line=st.integers(1, 2),
    kind=st.sampled_from(["buy", "move"]),
    status=st.sampled_from(["placed", "received"]),
    item=CODES,
    destination=PLACES,
    quantity=st.integers(1, 9),
)
TABLES = {"items": ITEMS, "inventory": INVENTORY, "orders": ORDERS, "supply_orders": SUPPLY}


@st.composite
def files(draw: st.DrawFn, *, number: int) -> Loaded:
    """Draw one file: a person's table, or a report that knows when its rows changed."""
    report = draw(st.booleans()) and number < 3
    names = draw(st.lists(st.sampled_from(sorted(TABLES)), min_size=1, max_size=2, unique=True))
    tables: dict[str, pl.DataFrame] = {}
    for name in names:
        about = schema(name)
        rows = draw(TABLES[name])
        frame = conformed(about, pl.DataFrame(rows, infer_schema_length=None)).unique(
            list(about.key), keep="first", maintain_order=True
        )
        if report and name == "orders":
            frame = frame.with_columns(_changed=pl.lit(draw(DAYS)))
        if report and name == "inventory" and draw(st.booleans()):
            frame = frame.with_columns(_partial=pl.lit(draw(st.booleans())))
        tables[name] = frame.with_columns(
            _row=pl.int_range(2, pl.len() + 2, dtype=pl.Int64), _file=pl.lit(f"f{number}")
        )
    return Loaded(
        name=f"f{number}",
        kind=f"amazon:kind{draw(st.integers(1, 2))}" if report else f"table:{names[0]}",
        tables=tables,
        sha256=f"{number:064d}",
        strength=draw(st.sampled_from([STATED, MET])) if report else OWN,
    )


@st.composite
def many_files(draw: st.DrawFn) -> list[Loaded]:
    """Draw some files in the order of their import."""
    return [draw(files(number=number)) for number in range(draw(st.integers(2, 7)))]


def _whole(loads: Sequence[Loaded]) -> tuple[Dataset, tuple[Problem, ...]]:
    return check_tables(merge(loads)[0])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(many_files(), st.data())
def test_working_files_in_gives_what_merging_all_gives(
    loads: list[Loaded], data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, len(loads) - 1))
    standing, _ = _whole(loads[:first])
    place = first
    while place < len(loads):
        fresh = loads[place : place + data.draw(st.integers(1, 2))]
        if not all(extends(load) for load in fresh):
            standing, _ = _whole(loads[: place + len(fresh)])
            place += len(fresh)
            continue

        def earlier(only: frozenset[str], upto: int = place) -> list[Loaded]:
            return loads[:upto]

        found = extend(standing, earlier, fresh, place=place)
        place += len(fresh)
        whole, problems = _whole(loads[:place])
        if found is None:
            standing = whole
            continue
        assert sorted(found.dataset.tables) == sorted(whole.tables)
        for name, frame in whole.tables.items():
            given_, wanted = found.dataset[name], frame
            assert given_.columns == wanted.columns, name
            assert given_.rows() == wanted.rows(), name
        # What is wrong with the fresh rows is found, and told of the same file and row.
        mine = {load.name for load in fresh}
        assert {p for p in problems if p.file in mine} <= set(found.problems)
        standing = found.dataset


KEYED = st.fixed_dictionaries(
    {
        "item": st.sampled_from(list("ABCDEF")),
        "location": PLACES,
        "lot": st.none() | st.sampled_from(["", "L1", "L2"]),
        "on_hand": st.integers(0, 9),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(KEYED, min_size=8, max_size=40), st.lists(KEYED, min_size=1, max_size=3))
def test_rows_put_in_their_places_stand_where_sorting_puts_them(
    before: list[dict[str, object]], rows: list[dict[str, object]]
) -> None:
    about = schema("inventory")
    key = list(about.key)

    def table(given_rows: list[dict[str, object]]) -> pl.DataFrame:
        frame = pl.DataFrame(given_rows, schema_overrides={"lot": pl.String})
        return conformed(about, frame).unique(key, keep="last").sort(key, nulls_last=True)

    standing = Dataset({"inventory": table(before)})
    fresh = table(rows)
    found = replaced(standing, "inventory", fresh)
    typed = Dataset({"inventory": fresh})["inventory"]
    kept = standing["inventory"].join(typed.select(key), on=key, how="anti", nulls_equal=True)
    wanted = pl.concat([kept, typed]).sort(key, nulls_last=True)
    assert found.rows() == wanted.rows()


def test_a_persons_move_hides_the_units_a_report_shows_under_another_order() -> None:
    about = schema("supply_orders")

    def load(number: int, kind: str, strength: int, **cells: object) -> Loaded:
        row = {"line": 1, "kind": "move", "item": "A", "destination": "FBA-US", "quantity": 5}
        frame = conformed(about, pl.DataFrame([{**row, **cells}])).with_columns(
            _row=pl.lit(2, dtype=pl.Int64), _file=pl.lit(f"f{number}")
        )
        return Loaded(
            name=f"f{number}",
            kind=kind,
            tables={"supply_orders": frame},
            sha256=f"{number:064d}",
            strength=strength,
        )

    report = load(0, "amazon:fba_inventory", STATED, order="INBOUND", status="in_transit")
    own = load(1, "table:supply_orders", OWN, order="P1", status="placed")
    standing, _ = _whole([report])
    found = extend(standing, lambda only: [report], [own], place=1)
    assert found is not None
    assert found.dataset["supply_orders"]["order"].to_list() == ["P1"]
    assert found.dataset["supply_orders"].equals(_whole([report, own])[0]["supply_orders"])
