"""The rooms and the lists of the tower: which address shows what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fivefold.web.tower.grids import Grid
from fivefold.web.tower.rooms import home
from fivefold.web.tower.state import State

Query = Mapping[str, str]
View = Callable[[State, Query], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A page: its address, its template, what it shows, and what it cannot do without.

    `needs` is plan, data or nothing.
    """

    path: str
    title: str
    template: str
    view: View
    needs: str = "plan"

    def values(self, state: State, query: Query) -> dict[str, Any]:
        """Return what the page shows; what is missing where it has nothing to show."""
        if self.needs != "nothing" and state.dataset["items"].height == 0:
            return {"title": self.title, "template": "missing.html", "lacks": "data"}
        if self.needs == "plan" and state.plan is None:
            return {"title": self.title, "template": "missing.html", "lacks": "plan"}
        return {"title": self.title, **self.view(state, query)}


ROOMS: tuple[Room, ...] = (Room(path="/", title="Home", template="home.html", view=home.view),)

GRIDS: dict[str, Callable[[State, Query], Grid]] = {}

#: Lists whose cells may be changed.
EDITABLE = frozenset({"supply"})
