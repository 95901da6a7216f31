"""Many files become one set of tables: nothing twice, the newest word wins."""

from __future__ import annotations

from datetime import date

import polars as pl

from fivefold.connect import ImportSettings, Loaded, check_tables, merge, read_file

ORDER_HEADER = (
    "amazon-order-id\tpurchase-date\tlast-updated-date\torder-status\tsku\tquantity\titem-price\n"
)
STOCK_HEADER = "sku\tafn-fulfillable-quantity\tafn-inbound-shipped-quantity\n"


def orders(name: str, *rows: tuple[str, str, str, str, int]) -> Loaded:
    body = ORDER_HEADER + "".join(
        f"{order}\t2026-09-01T00:00:00Z\t{changed}T00:00:00Z\t{status}\t{sku}\t{quantity}\t10\n"
        for order, changed, status, sku, quantity in rows
    )
    return read_file(name, body.encode())


def stock(name: str, *rows: tuple[str, int, int]) -> Loaded:
    body = STOCK_HEADER + "".join(f"{sku}\t{units}\t{coming}\n" for sku, units, coming in rows)
    return read_file(name, body.encode(), settings=ImportSettings(as_of=date(2026, 11, 22)))


def test_an_overlapping_report_adds_nothing_twice() -> None:
    first = orders(
        "a.txt", ("1", "2026-09-02", "Shipped", "A", 1), ("2", "2026-09-02", "Shipped", "A", 1)
    )
    second = orders(
        "b.txt", ("2", "2026-09-02", "Shipped", "A", 1), ("3", "2026-09-03", "Shipped", "A", 1)
    )
    tables, problems = merge([first, second])
    assert tables["orders"]["order"].to_list() == ["1", "2", "3"]
    assert problems == ()


def test_the_later_update_wins_in_whatever_order_the_files_come() -> None:
    old = orders("old.txt", ("1", "2026-09-01", "Pending", "A", 1))
    new = orders("new.txt", ("1", "2026-09-05", "Shipped", "A", 1))
    for loads in ([old, new], [new, old]):
        tables, problems = merge(loads)
        assert tables["orders"]["status"].to_list() == ["shipped"]
        assert [(p.code, p.file, p.severity) for p in problems] == [
            ("superseded", "old.txt", "note")
        ]


def test_the_same_file_twice_counts_once() -> None:
    one = orders("a.txt", ("1", "2026-09-01", "Shipped", "A", 1))
    again = orders("copy of a.txt", ("1", "2026-09-01", "Shipped", "A", 1))
    tables, problems = merge([one, again])
    assert tables["orders"].height == 1
    assert [problem.code for problem in problems] == ["same_file"]


def test_a_person_s_table_wins_and_its_empty_cells_are_filled() -> None:
    report = orders("a.txt", ("1", "2026-09-01", "Shipped", "A", 1))
    own = read_file("items.csv", b"item,title,item_kind,unit_cost\nA,My desk,kit,\n")
    for loads in ([report, own], [own, report]):
        tables, _ = merge(loads)
        item = tables["items"].row(0, named=True)
        assert (item["title"], item["item_kind"], item["price"]) == ("My desk", "kit", 10)


def test_an_older_snapshot_is_replaced_and_not_added() -> None:
    old = stock("inventory_2026-10-01.txt", ("A", 5, 7), ("GONE", 3, 0))
    new = stock("inventory_2026-11-20.txt", ("A", 2, 0))
    tables, problems = merge([new, old])
    assert tables["inventory"].select("item", "on_hand").rows() == [("A", 2)]
    assert "supply_orders" not in tables
    assert {"day_from_name", "superseded"} <= {problem.code for problem in problems}


def test_inbound_units_that_a_person_s_orders_name_are_not_counted_twice() -> None:
    report = stock("inventory.txt", ("A", 5, 7), ("B", 1, 4))
    own = read_file(
        "supply_orders.csv",
        b"order,line,kind,item,source,destination,quantity,expected_on,status\n"
        b"T1,1,move,A,WH1,FBA-US,7,2026-12-01,in_transit\n",
    )
    tables, problems = merge([report, own])
    rows = tables["supply_orders"].select("item", "quantity").sort("item").rows()
    assert rows == [("A", 7), ("B", 4)]
    assert "stands_twice" in {problem.code for problem in problems}


def test_a_person_s_count_without_a_date_is_their_last_word() -> None:
    report = read_file(
        "i.txt",
        b"sku\tafn-fulfillable-quantity\tmfn-listing-exists\tmfn-fulfillable-quantity\n"
        b"A\t1\tYes\t9\n",
        settings=ImportSettings(as_of=date(2026, 11, 22)),
    )
    own = read_file("inventory.csv", b"item,location,lot,condition,on_hand\nA,WH1,,sellable,40\n")
    tables, _ = merge([own, report])
    at_home = tables["inventory"].filter(pl.col("location") == "WH1")
    assert at_home["on_hand"].to_list() == [40]


def test_files_with_errors_add_only_their_problems() -> None:
    good = read_file("items.csv", b"item\nA\n")
    bad = read_file("items.csv", b"item,unit_cost\nB,x\n")
    tables, problems = merge([good, bad])
    assert tables["items"]["item"].to_list() == ["A"]
    assert [problem.code for problem in problems] == ["not_a_number"]


def test_the_order_of_files_changes_nothing_but_ties() -> None:
    loads = [
        orders("a.txt", ("1", "2026-09-01", "Pending", "A", 1)),
        orders(
            "b.txt", ("1", "2026-09-03", "Shipped", "A", 1), ("2", "2026-09-03", "Shipped", "B", 2)
        ),
        read_file("items.csv", b"item,title\nA,Desk\n"),
    ]
    first, _ = merge(loads)
    second, _ = merge(loads[::-1])
    assert first.keys() == second.keys()
    for table, frame in first.items():
        columns = [name for name in frame.columns if not name.startswith("_")]
        assert frame.select(columns).equals(second[table].select(columns)), table


def test_a_dangling_reference_names_the_file_and_row_it_came_from() -> None:
    lanes = read_file(
        "lanes.csv",
        b"origin,destination,mode,transit_time_days_mean,calendar\n"
        b"WH1,FBA-US,ltl,5,WEEK\nWH1,MOON,ltl,5,WEEK\n",
    )
    places = read_file(
        "locations.csv",
        b"location,kind,calendar\nWH1,warehouse,WEEK\nFBA-US,fulfilment_network,WEEK\n",
    )
    week = read_file("calendars.csv", b"calendar\nWEEK\n")
    tables, problems = merge([lanes, places, week])
    assert problems == ()
    _, found = check_tables(tables)
    assert [(p.file, p.row, p.column, p.code) for p in found] == [
        ("lanes.csv", 3, "destination", "unknown_reference")
    ]
    assert "'MOON'" in found[0].message


def test_a_file_kept_before_the_schema_grew_is_merged_with_the_default() -> None:
    load = read_file("items.csv", b"item,unit_cost\nA,2\n")
    older = {"items": load.tables["items"].drop("status", "hazmat")}
    kept = Loaded(name="items.csv", kind=load.kind, tables=older, sha256="0", strength=3)
    dataset, problems = check_tables(merge([kept])[0])
    assert dataset["items"].select("status", "hazmat").rows() == [("active", False)]
    assert problems == ()
