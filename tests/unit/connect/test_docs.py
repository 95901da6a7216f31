"""The page about this room names every report that is read."""

from __future__ import annotations

from pathlib import Path

from fivefold.connect.amazon.readers import READERS
from fivefold.connect.amazon.report import report_kinds
from fivefold.model.schema import table_names

PAGE = Path(__file__).parents[3] / "docs" / "rooms" / "connect.md"


def test_every_report_and_the_tables_it_feeds_stand_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in report_kinds().values():
        assert all(f"`{name}`" in text for name in kind.report_types)
        if kind.kind in READERS:
            assert f"| {', '.join(kind.tables)} |" in text
            assert set(kind.tables) <= set(table_names())
        else:
            assert kind.tables == ()
