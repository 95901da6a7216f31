from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.web.tower.rooms.data import changed_cell


def test_one_cell_changes_and_every_other_byte_stays() -> None:
    content = b'item,price,title\r\nA,1O,Mug\r\nB,2,"Cup, blue"\r\n'
    found = changed_cell(content, row=2, column="price", value="10")
    assert found == b'item,price,title\r\nA,10,Mug\r\nB,2,"Cup, blue"\r\n'


def test_a_table_with_tabs_keeps_its_tabs() -> None:
    content = b"sku\tqty\nA\tx\n"
    assert changed_cell(content, row=2, column="qty", value="7") == b"sku\tqty\nA\t7\n"


@given(
    st.lists(
        st.lists(st.text('ab ,"é', max_size=5), min_size=3, max_size=3), min_size=1, max_size=5
    ),
    st.text('xyz, "', max_size=6),
)
def test_a_change_is_read_back_as_that_change(rows: list[list[str]], value: str) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["one", "two", "three"], *rows])
    found = changed_cell(out.getvalue().encode(), row=2, column="two", value=value)
    read = list(csv.reader(io.StringIO(found.decode())))
    expected = [row[:] for row in rows]
    expected[0][1] = value
    assert read[1:] == expected


@pytest.mark.parametrize(
    ("row", "column", "value", "told"),
    [
        (9, "price", "1", "no row 9"),
        (1, "price", "1", "no row 1"),
        (2, "cost", "1", "no column 'cost'"),
        (2, "price", "1\n2", "line ends"),
    ],
)
def test_what_cannot_be_changed_is_told(row: int, column: str, value: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        changed_cell(b"item,price\nA,1\n", row=row, column=column, value=value)
