"""The rooms and the lists of the tower: which address shows what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fivefold.web.tower.grids import Grid
from fivefold.web.tower.rooms import (
    books,
    building,
    care,
    data,
    demand,
    fleet,
    home,
    inventory,
    network,
    orders,
    others,
    portfolio,
    prices,
    purchase,
    sop,
    suppliers,
    supply,
    work,
)
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


ROOMS: tuple[Room, ...] = (
    Room(path="/", title="Home", template="home.html", view=home.view),
    Room(path="/demand", title="Demand", template="demand.html", view=demand.view),
    Room(path="/supply", title="Supply", template="supply.html", view=supply.view),
    Room(path="/order", title="Order", template="purchase.html", view=purchase.view),
    Room(path="/make", title="Make", template="make.html", view=work.view),
    Room(path="/inventory", title="Inventory", template="inventory.html", view=inventory.view),
    Room(path="/orders", title="Orders", template="orders.html", view=orders.view),
    Room(
        path="/network",
        title="Network",
        template="network.html",
        view=network.view,
        needs="nothing",
    ),
    Room(
        path="/building",
        title="Building",
        template="building.html",
        view=building.view,
        needs="data",
    ),
    Room(path="/routes", title="Routes", template="fleet.html", view=fleet.view, needs="nothing"),
    Room(path="/returns", title="Returns", template="returns.html", view=others.returns_view),
    Room(path="/sop", title="S&OP", template="sop.html", view=sop.view),
    Room(path="/portfolio", title="Portfolio", template="portfolio.html", view=portfolio.view),
    Room(path="/books", title="Books", template="books.html", view=books.view, needs="data"),
    Room(path="/data", title="Data", template="data.html", view=data.view, needs="nothing"),
)

GRIDS: dict[str, Callable[[State, Query], Grid]] = {
    "supply": supply.proposals,
    "make_or_buy": supply.ways,
    "purchase_orders": supply.orders,
    "inbound_shipments": supply.shipments,
    "supply_changes": supply.changes,
    "supply_orders": supply.placed,
    "purchase_order_states": suppliers.order_states,
    "supplier_scores": suppliers.supplier_scores,
    "order_lines": purchase.lines,
    "demand": demand.streams,
    "weeks": demand.week_grid,
    "stock": inventory.stock,
    "ages": inventory.ages,
    "advice": inventory.advice,
    "channels": inventory.channels,
    "work_orders": work.work_orders,
    "orders": orders.lines_grid,
    "open_orders": orders.open_grid,
    "locations": network.locations,
    "lanes": network.lanes,
    "network_flows": network.flows,
    "linehaul_trips": network.departures,
    "mode_choices": network.means,
    "sort_crews": network.crews,
    "sort_plan": network.sort_waves,
    "workforce_plan": network.people,
    "workforce_heads": network.heads,
    "returns": others.returns,
    "cases": care.cases,
    "care_figures": care.satisfaction_rows,
    "return_rates": others.return_rates,
    "return_places": lambda state, query: care.rates_by_place(state),
    "portfolio": portfolio.items,
    "price_proposals": prices.proposals,
    "range": prices.choices,
    "violations": sop.violations,
    "plan_changes": sop.changes,
    "moves": books.moves,
    "legs": books.legs,
    "table": data.table,
}

#: Lists whose cells may be changed.
EDITABLE = frozenset({"supply", "weeks", "order_lines"})
