"""Whatever stands in a table comes back from every format; whatever bytes come, none escape."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivefold.connect import merge, plain, read_file, recognise, write_csv, write_parquet
from fivefold.connect.amazon.orders import line_numbers
from fivefold.connect.cells import instant_column, number_column
from fivefold.model.schema import schema

# Text as people write it: no control characters, no white space at its ends.
TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffd\ufeff"),
    max_size=30,
).map(str.strip)
FILLED = TEXT.filter(lambda text: text not in ("", "--", "—", "N/A", "n/a"))
NUMBERS = st.none() | st.floats(0, 1e12, allow_nan=False)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "item": FILLED,
            "title": st.none() | FILLED,
            "unit_cost": NUMBERS,
            "case_quantity": st.none() | st.integers(1, 2**53 - 1),
            "hazmat": st.booleans(),
            "launched_on": st.none() | st.dates(date(1900, 1, 1), date(2199, 12, 31)),
            "status": st.sampled_from(["new", "active", "ended"]),
        }
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row["item"],
)
MODERATE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MODERATE
@given(ROWS)
def test_items_come_back_from_csv_and_parquet(rows: list[dict[str, object]]) -> None:
    frame = schema("items").frame(rows)
    for name, content in (("items.csv", write_csv(frame)), ("items.parquet", write_parquet(frame))):
        loaded = read_file(name, content)
        assert loaded.accepted, [str(problem) for problem in loaded.problems]
        assert plain(loaded.tables["items"]).equals(frame)


@MODERATE
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1))
def test_a_number_written_by_python_is_read_as_the_same_number(numbers: list[float]) -> None:
    read, bad = number_column(pl.Series([repr(number) for number in numbers]))
    assert read.to_list() == numbers
    assert not bad.any()


@MODERATE
@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1))
def test_thousands_and_decimal_signs_of_both_worlds_are_read(numbers: list[object]) -> None:
    point = [f"{number:,.2f}" for number in numbers]
    comma = [text.translate(str.maketrans(",.", ".,")) for text in point]
    wanted = [float(str(number)) for number in numbers]
    assert number_column(pl.Series(point))[0].to_list() == wanted
    assert number_column(pl.Series(comma))[0].to_list() == wanted


@MODERATE
@given(st.text(max_size=12))
def test_what_is_read_as_a_number_is_one_to_python_too(text: str) -> None:
    read, bad = number_column(pl.Series([text]))
    if read[0] is None:
        assert bad[0]
        return
    assert math.isfinite(read[0])
    assert text.isascii()
    assert "_" not in text
    plain_text = text if "," not in text else text.replace(".", "").replace(",", ".")
    assert read[0] in (
        float(plain_text),
        float(text.replace(",", "")) if text.count(".") < 2 else None,
    )


@MODERATE
@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)).map(
        lambda at: at.replace(microsecond=0)
    ),
    st.integers(-12 * 4, 14 * 4),
)
def test_an_instant_is_the_same_in_every_layout(at: datetime, quarters: int) -> None:
    from datetime import timedelta, timezone

    zone = timezone(timedelta(minutes=15 * quarters))
    wanted = at.replace(tzinfo=UTC)
    local = wanted.astimezone(zone)
    texts = [
        wanted.isoformat(),
        local.isoformat(),
        local.strftime("%Y-%m-%dT%H:%M:%S%z"),
        at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        at.strftime("%d.%m.%Y %H:%M:%S UTC"),
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ]
    # C's %Y does not fill years below 1000, which do not occur here.
    read, bad = instant_column(pl.Series(texts))
    assert read.to_list() == [wanted] * len(texts)
    assert not bad.any()


ORDER_LINES = st.lists(
    st.tuples(st.sampled_from("123"), st.sampled_from("ABCDE"), st.integers(0, 3)), max_size=15
)


@MODERATE
@given(ORDER_LINES, st.randoms(use_true_random=False))
def test_line_numbers_are_unique_and_do_not_depend_on_the_order_of_rows(
    lines: list[tuple[str, str, int]], chance: object
) -> None:
    def numbered(rows: list[tuple[str, str, int]]) -> list[tuple[object, ...]]:
        frame = pl.DataFrame(
            rows,
            schema={"amazon_order_id": pl.String, "sku": pl.String, "quantity": pl.Int64},
            orient="row",
        ).with_columns(order_item_id=pl.lit(None, dtype=pl.String), item_price=pl.lit(1.0))
        return sorted(
            frame.with_columns(line=line_numbers(frame))
            .select("amazon_order_id", "line", "sku", "quantity")
            .rows()
        )

    shuffled = list(lines)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    first = numbered(lines)
    assert first == numbered(shuffled)
    assert len({row[:2] for row in first}) == len(lines)


@MODERATE
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=6), st.integers(0, 10**6))
def test_merging_parts_in_any_order_gives_the_same_stock(
    rows: list[tuple[int, int]], seed: int
) -> None:
    import random

    loads = [
        read_file(
            f"part{i}.csv",
            b"item,location,lot,condition,on_hand,as_of\n"
            + f"A,WH1,,sellable,{units},2026-01-{i + 1:02}T00:00:00Z\n".encode(),
        )
        for i, (_, units) in enumerate(rows)
    ]
    mixed = list(loads)
    random.Random(seed).shuffle(mixed)
    first, _ = merge(loads)
    second, _ = merge(mixed)
    if rows:
        assert first["inventory"]["on_hand"].to_list() == [rows[-1][1]]
        assert first["inventory"].equals(second["inventory"])


HEADERS = st.sampled_from(
    [
        b"item,unit_cost,hazmat,launched_on\n",
        b"amazon-order-id\tpurchase-date\tsku\tquantity\titem-price\n",
        b"settlement-id\ttotal-amount\tcurrency\tamount\n",
        b"Date\tMSKU\tEvent Type\tQuantity\n",
        b"",
        b"PAR1",
        b"PK\x03\x04",
        b"\xff\xfe",
    ]
)
NOISE = st.binary(max_size=80) | st.text("AB1,;\t\n\r\"'-=.:/ T2026%\x00é１", max_size=80).map(
    lambda text: text.encode()
)


@settings(max_examples=300, deadline=None)
@given(HEADERS, NOISE, st.sampled_from(["items.csv", "x.txt", "GET_LEDGER_DETAIL_VIEW_DATA.txt"]))
def test_no_bytes_make_the_importer_fail(head: bytes, noise: bytes, name: str) -> None:
    recognise(name, head + noise)
    loaded = read_file(name, head + noise)
    assert loaded.accepted or loaded.tables == {}
    assert all(problem.message and problem.file.startswith(name) for problem in loaded.problems)
    merge([loaded, loaded.without_bad_rows()])
