"""Labels: bars another reader can read, and all that a label carries."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from fivefold.web.barcodes import PATTERNS, QUIET, bars, code_128_values
from fivefold.web.labels import Label, label_svg, labels_page


def read(text: str, *, routing: bool = False) -> tuple[str, bool]:
    """Read bars back as a scanner does: widths to values, check digit, then letters."""
    dark, modules = bars(text, routing=routing)
    line = [False] * modules
    for start, width in dark:
        line[start : start + width] = [True] * width
    assert not any(line[:QUIET])
    assert not any(line[-QUIET:])
    widths, run = [], 1
    inner = line[QUIET:-QUIET]
    for before, after in pairwise(inner):
        if before == after:
            run += 1
        else:
            widths.append(run)
            run = 1
    widths.append(run)
    assert "".join(map(str, widths[-7:])) == "2331112", "ends with the stop"
    body = widths[:-7]
    values = [PATTERNS.index("".join(map(str, body[at : at + 6]))) for at in range(0, len(body), 6)]
    start, *inside, check = values
    assert check == (start + sum(n * v for n, v in enumerate(inside, start=1))) % 103
    marked = inside[:1] == [102]
    inside = inside[marked:]
    if start == 105:
        return "".join(f"{value:02d}" for value in inside), marked
    assert start == 104
    return "".join(chr(value + 32) for value in inside), marked


@pytest.mark.parametrize("text", ["SO-20261122-AB12CD-P1", "9400111899223197428490", "a", "123"])
def test_another_reader_reads_what_was_written(text: str) -> None:
    assert read(text) == (text, False)


def test_a_routing_code_begins_with_the_mark_of_gs1() -> None:
    assert read("42060601", routing=True) == ("42060601", True)


def test_the_table_of_patterns_is_the_standard_s() -> None:
    """Each has eleven modules, dark ones even in number, all differ; the stop has thirteen."""
    assert len(PATTERNS) == len(set(PATTERNS)) == 107
    for pattern in PATTERNS[:106]:
        assert sum(map(int, pattern)) == 11
        assert sum(map(int, pattern[::2])) % 2 == 0
    assert sum(map(int, PATTERNS[106])) == 13


@pytest.mark.parametrize("text", ["", "naïve", "tab\t"])
def test_what_cannot_be_coded_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        code_128_values(text)


def label(**more: Any) -> Label:
    return Label(
        **{
            "parcel": "O1-P1",
            "order": "O1",
            "service": "Second day",
            "carrier": "Plains Parcel",
            "sender": ("Example Goods", "Reno, NV 89506"),
            "city": "Chicago, IL",
            "postal_code": "60601",
            "shipped_on": date(2026, 11, 24),
            "number": 1,
            "count": 2,
            "weight_lb": 6.8,
            "zone": 7,
            "contents": ("3 × MUG",),
            **more,
        }
    )


def words(svg: str) -> list[str]:
    return re.findall(r">([^<>]+)</text>", svg)


def test_a_label_carries_what_a_label_carries() -> None:
    found = words(label_svg(label(recipient="Ada Example", street="1 Invented Street")))
    for said in (
        "Example Goods", "Reno, NV 89506", "6.8 lb", "1 of 2", "SHIP 24 NOV 2026", "ZONE 7",
        "SECOND DAY", "Plains Parcel", "Ada Example", "1 Invented Street", "CHICAGO, IL 60601",
        "(420) 60601", "O1-P1", "SHIPPER&#39;S PARCEL NUMBER", "Order O1", "3 × MUG",
    ):  # fmt: skip
        assert said in found


def test_without_a_name_there_are_lines_to_write_on_and_the_carrier_s_number_goes_first() -> None:
    svg = label_svg(label(tracking="1Z999AA10123456784"))
    assert svg.count("<line ") == 2
    assert "1Z999AA10123456784" in words(svg)
    assert "TRACKING" in words(svg)


def test_nothing_written_on_a_label_becomes_mark_up() -> None:
    page = labels_page([label(recipient="<script>x</script>")], title="<b>")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "size:4in 6in" in page
