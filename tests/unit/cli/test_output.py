"""Tables that a person can read in 80 columns: names whole, numbers whole, sentences broken."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from fivefold.cli.output import table

ORDER = {
    "order": "PO-SUP-CN-PLANT1-20261124-air",
    "supplier": "SUP-CN",
    "ordered_on": "2026-11-24",
    "expected_on": "2026-12-31",
    "landed_value": 4173.5,
    "currency": "USD",
    "status": "proposed",
    "text": "It waits for a lane that takes thirty days, which is as quick as any there is.",
}


def printed(records: list[dict[str, object]], *, width: int) -> list[str]:
    out = StringIO()
    table(Console(file=out, width=width, highlight=False), "Orders", records)
    return out.getvalue().splitlines()


def test_nothing_is_cut_and_what_has_no_room_is_named() -> None:
    lines = printed([ORDER, {**ORDER, "order": "PO-2"}], width=80)
    assert all(len(line) <= 80 for line in lines)
    words = " ".join(lines).split()
    assert "PO-SUP-CN-PLANT1-20261124-air" in words
    assert "…" not in "".join(lines)
    assert lines[-1].startswith("Not shown for want of width:")
    left_out = lines[-1].removeprefix("Not shown for want of width: ").rstrip(".").split(", ")
    shown = [name for name in ORDER if name.replace("_", " ") not in left_out]
    assert "text" in shown
    assert "order" in shown
    for name in set(shown) - {"text", "landed_value"}:
        assert str(ORDER[name]) in words, name


def test_what_explains_a_row_is_broken_between_words_and_whole() -> None:
    lines = printed([ORDER], width=80)
    said = " ".join(" ".join(lines).split())
    for word in str(ORDER["text"]).split():
        assert word in said


def test_a_wide_terminal_shows_every_column_on_one_line() -> None:
    lines = printed([ORDER], width=220)
    assert len(lines) == 3
    assert "Not shown" not in lines[-1]
    assert str(ORDER["text"]) in lines[-1]


def test_a_narrow_terminal_still_shows_what_names_the_row() -> None:
    lines = printed([ORDER], width=32)
    assert any("PO-SUP-CN-PLANT1-20261124-air" in line for line in lines)
