"""Which day a command is for: the one given, else the plan date of the data, else today."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from fivefold.cli.app import usage_error

if TYPE_CHECKING:
    from fivefold.cycle.workspace import Workspace


def parsed_day(text: str) -> date:
    """Return a day written as YYYY-MM-DD, or end with a usage error."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise usage_error(f"{text!r} is not a day; write it as YYYY-MM-DD") from None


def day_of(text: str | None) -> date:
    """Return the day given, else today."""
    return parsed_day(text) if text else datetime.now().astimezone().date()


def plan_day(store: Workspace, text: str | None) -> date:
    """Return the day given, else the setting plan_date, else today."""
    if text:
        return parsed_day(text)
    return store.imported().plan_date() or day_of(None)
