"""The accepted plan as a reference: what it decided, what it was told, and what is told now.

Compares facts and puts decisions back into a model; chooses nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset
from fivefold.model.schema import schema
from fivefold.plan.supply.changes import with_changes_made
from fivefold.plan.supply.commit import EPS, starting_room
from fivefold.plan.supply.network import (
    NEVER,
    Committed,
    Floats,
    Ints,
    Pieces,
    Receipts,
    SupplyNetwork,
)
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.reading import COMMITMENT, SupplyModel, read_lines, read_supply
from fivefold.plan.supply.ways import Way

#: What the facts of the calendar and of the parameters are filed under.
CALENDAR = "calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Decisions carried over, shape (decisions,); firm ones stay whatever else changes."""

    way: Ints
    due: Ints
    quantity: Floats
    firm: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.way)

    def only(self, chosen: NDArray[np.bool_]) -> Kept:
        """Return some of the decisions."""
        return Kept(
            way=self.way[chosen],
            due=self.due[chosen],
            quantity=self.quantity[chosen],
            firm=self.firm[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The accepted plan as the model of today sees it.

    Attributes
    ----------
    kept : Kept
        Decisions that can still be carried out as they were decided.
    touched : bool array, shape (nodes,)
        Whether a fact about the item at its place is another than the plan was told.
    price : float array, shape (slots,)
        Prices of limits in the accepted plan.
    eased : bool array, shape (slots,)
        Limits with a larger amount than the plan was told.
    """

    kept: Kept
    touched: NDArray[np.bool_]
    price: Floats
    eased: NDArray[np.bool_]


def planning_facts(
    dataset: Dataset, params: SupplyParams | None = None, *, as_of: date
) -> pl.DataFrame:
    """Return the accepted_facts table: what a plan made of this dataset is told.

    Kept when a plan is accepted, with the orders it placed already in the dataset, so that the
    next plan can tell which items and limits new facts touch.
    """
    chosen = params or SupplyParams()
    model = read_supply(dataset, chosen, as_of)
    priced = {
        (row["limit"], row["kind"], row["subject"], row["period_start"]): row["price"]
        for row in dataset["limit_prices"].iter_rows(named=True)
    }
    rows: list[tuple[str, str, float | None]] = [(CALENDAR, _calendar(model, chosen), None)]
    names = [f"{item}@{place}" for item, place in model.nodes]
    rows += [(name, digest, None) for name, digest in zip(names, _digests(model), strict=True)]
    starts = model.periods.starts()
    for number, slot in enumerate(model.limits.slots):
        price = priced.get((slot.limit, slot.kind, slot.subject, starts[slot.period]), 0.0)
        rows.append((_limit_name(model, number), f"{slot.amount:.9g}", price))
    return pl.DataFrame(rows, schema=schema("accepted_facts").polars_schema(), orient="row")


def read_reference(dataset: Dataset, model: SupplyModel, params: SupplyParams) -> Reference | None:
    """Return the accepted plan as today's model sees it; None where none was accepted."""
    told = {row[0]: (row[1], row[2]) for row in dataset["accepted_facts"].iter_rows()}
    if not told:
        return None
    network = model.network
    kept, astray = _kept(dataset["accepted_plan"], model)
    if told.get(CALENDAR, ("",))[0] == _calendar(model, params):
        names = (f"{item}@{place}" for item, place in model.nodes)
        touched = np.array(
            [
                told.get(name, ("",))[0] != digest
                for name, digest in zip(names, _digests(model), strict=True)
            ],
            bool,
        )
    else:
        touched = np.ones(network.nodes, bool)
    touched[astray] = True
    price = np.zeros(len(network.capacity))
    eased = np.zeros(len(price), bool)
    for number, slot in enumerate(model.limits.slots):
        amount, worth = told.get(_limit_name(model, number), ("", None))
        price[number] = worth or 0.0
        before = float(amount) if amount else np.inf
        eased[number] = slot.amount > before * (1 + 1e-8)
    return Reference(kept=kept, touched=touched, price=price, eased=eased)


def _calendar(model: SupplyModel, params: SupplyParams) -> str:
    plain = replace(params, reasons=True, reserved=(), ordered_days=0, left_out=(), quick=False)
    return f"{model.periods.start.isoformat()} {plain!r}"


def _limit_name(model: SupplyModel, number: int) -> str:
    slot = model.limits.slots[number]
    start = model.periods.starts()[slot.period]
    return f"{slot.limit}|{slot.kind}|{slot.subject}|{start.isoformat()}"


def _digests(model: SupplyModel) -> list[str]:
    """Return a digest of all that is known of each node."""
    network, pieces, receipts = model.network, model.pieces, model.receipts
    wanted = np.column_stack(
        [pieces.node, pieces.period, pieces.until, pieces.kind, pieces.late_periods]
        + [np.round(column, 6) for column in (pieces.quantity, pieces.worth, pieces.late_cost)]
    )
    comes = np.column_stack(
        [receipts.node, receipts.due, receipts.ship, receipts.expire, np.round(receipts.quantity)]
    )
    told: list[list[object]] = [[] for _ in range(network.nodes)]
    for table, names in ((wanted, model.piece_reference), (comes, model.receipt_reference)):
        for row, name in zip(table.tolist(), names, strict=True):
            told[int(row[0])].append((row[1:], name))
    figures = np.column_stack([network.hold, network.node_cube, network.node_shelf])
    figures = np.round(np.column_stack([figures, model.worth, model.unit_cost]), 6)
    ways = [
        repr(
            replace(
                way,
                unit_cost=round(way.unit_cost, 6),
                cash_unit=round(way.cash_unit, 6),
                risk_cost=round(way.risk_cost, 6),
                fixed_cost=round(way.fixed_cost, 6),
            )
        )
        for way in model.ways
    ]
    found = []
    for n in range(network.nodes):
        own = ways[network.way_from[n] : network.way_from[n + 1]]
        text = repr((sorted(map(repr, told[n])), figures[n].tolist(), own))
        found.append(hashlib.blake2b(text.encode(), digest_size=8).hexdigest())
    return found


def _kept(accepted: pl.DataFrame, model: SupplyModel) -> tuple[Kept, list[int]]:
    """Return decisions that can still be carried out, and nodes whose decisions no longer can."""
    from fivefold.plan.supply.telling import way_names

    way_of = {name: w for w, name in enumerate(way_names(model))}
    number = {start: s for s, start in enumerate(model.periods.starts())}
    code = {node: n for n, node in enumerate(model.nodes)}
    rows: list[tuple[int, int, float, bool]] = []
    astray: list[int] = []
    for row in accepted.iter_rows(named=True):
        way = way_of.get(row["decision"].rpartition(":")[0])
        due = number.get(row["due_on"])
        if way is not None and due is not None:
            start = int(model.network.start_of[model.network.way_class[way], due])
            if start != NEVER:
                rows.append((way, due, float(row["quantity"]), bool(row["firm"])))
                continue
        node = (row["item"], row["destination"])
        if node in code:
            astray.append(code[node])
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    kept = Kept(
        way=np.array(columns[0], np.int64),
        due=np.array(columns[1], np.int64),
        quantity=np.array(columns[2], np.float64),
        firm=np.array(columns[3], bool),
    )
    return kept, astray


def with_reserved(model: SupplyModel, reserved: tuple[tuple[str, float], ...]) -> SupplyModel:
    """Return the model with some amounts of limits kept free of new decisions."""
    if not reserved:
        return model
    amounts = dict(reserved)
    names = (_limit_name(model, number) for number in range(len(model.limits.slots)))
    less = np.array([amounts.get(name, 0.0) for name in names])
    own = model.network.with_changes(capacity=model.network.capacity - less)
    return replace(model, network=own, room=model.room - less)


def reserve_for_orders(
    dataset: Dataset, orders: pl.DataFrame, params: SupplyParams | None = None, *, as_of: date
) -> tuple[tuple[str, float], ...]:
    """Return what to keep free of limits so that a plan still holds once its orders are placed.

    Orders join buys of several days, so they are paid and arrive on other days than the
    decisions they carry out.

    Parameters
    ----------
    dataset : Dataset
        Its accepted_plan has all decisions, those the orders carry out firm; supply_changes
        count as made.
    orders : polars.DataFrame
        The orders about to be placed, in the shape of supply_orders.

    Returns
    -------
    tuple of (str, float)
        For `SupplyParams.reserved`; empty where the plan holds either way.
    """
    model = read_supply(dataset, params or SupplyParams(), as_of)
    agreed = dataset["supply_changes"]
    if agreed.height:
        # Orders of before are paid on the day they are moved to.
        model = with_changes_made(model, agreed)
    network = model.network
    kept = _kept(dataset["accepted_plan"], model)[0]
    left = with_kept(model, kept).room
    more = np.zeros(len(left))
    lines = read_lines(orders, model.limits.finder.place)
    ways: dict[tuple[str, str], list[Way]] = defaultdict(list)
    for way in model.ways:
        ways[way.node].append(way)
    for line in lines:
        own = ways[line.item, line.destination]
        for slot, amount in model.limits.uses_of_order(line, own, model.periods, as_of):
            more[slot] += amount
    for w, s, units in zip(
        kept.way[kept.firm].tolist(),
        kept.due[kept.firm].tolist(),
        kept.quantity[kept.firm].tolist(),
        strict=True,
    ):
        if model.ways[w].kind == "buy":
            for slot, amount in slots_of(
                network, w, s, int(network.start_of[network.way_class[w], s])
            ):
                more[slot] -= amount * units
    over = (more > 1e-6) & (left - more < -1e-6)
    return tuple(
        (_limit_name(model, number), float(more[number]))
        for number in np.flatnonzero(over).tolist()
    )


def with_kept(model: SupplyModel, kept: Kept) -> SupplyModel:
    """Return the model in which decisions carried over stand like orders.

    They bring their units, ask for their inputs and take their share of every limit.
    """
    network = model.network
    node, start = (
        network.way_node[kept.way],
        network.start_of[network.way_class[kept.way], kept.due],
    )
    receipts = model.receipts
    more = Receipts(
        node=np.concatenate([receipts.node, node]),
        due=np.concatenate([receipts.due, kept.due]),
        ship=np.concatenate([receipts.ship, kept.due]),
        expire=np.concatenate([receipts.expire, kept.due + network.node_shelf[node]]),
        quantity=np.concatenate([receipts.quantity, kept.quantity]),
    )
    owner, inputs = _inputs(network, kept)
    booked = model.booked.copy()
    for w, s, k, units in zip(
        kept.way.tolist(), kept.due.tolist(), start.tolist(), kept.quantity.tolist(), strict=True
    ):
        for slot, amount in slots_of(network, w, s, k):
            booked[slot] += amount * units
    supply = network.supply.copy()
    np.add.at(supply, (node, kept.due), kept.quantity)
    pieces = model.pieces
    asked = kept.quantity[owner] * network.in_quantity[inputs]
    when = start[owner]
    zeros = np.zeros(len(owner))
    extended = Pieces(
        node=np.concatenate([pieces.node, network.in_node[inputs]]),
        period=np.concatenate([pieces.period, when]),
        until=np.concatenate([pieces.until, when]),
        quantity=np.concatenate([pieces.quantity, asked]),
        worth=np.concatenate([pieces.worth, zeros + 1e9]),
        late_periods=np.concatenate([pieces.late_periods, zeros.astype(np.int64)]),
        late_cost=np.concatenate([pieces.late_cost, zeros]),
        whole=np.concatenate([pieces.whole, zeros.astype(bool)]),
        kind=np.concatenate([pieces.kind, np.full(len(owner), COMMITMENT, np.int64)]),
    )
    return replace(
        model,
        receipts=more,
        receipt_reference=model.receipt_reference + [""] * len(kept),
        pieces=extended,
        piece_reference=model.piece_reference + [""] * len(owner),
        network=network.with_changes(supply=supply),
        booked=booked,
        room=starting_room(network, more) - booked,
    )


def slots_of(network: SupplyNetwork, w: int, s: int, k: int) -> list[tuple[int, float]]:
    """Return what a unit of way w, due at s and started at k, takes of each slot."""
    found = []
    for u in range(int(network.use_from[w]), int(network.use_from[w + 1])):
        at = (s if network.use_at_due[u] else max(k, 0)) + int(network.use_lag[u])
        if at < network.periods:
            slot = int(network.slot_of[network.use_group[u], at])
            if slot >= 0:
                found.append((slot, float(network.use_amount[u])))
    return found


def broken(model: SupplyModel, kept: Kept, committed: Committed) -> NDArray[np.bool_]:
    """Tell which decisions carried over did not get all of their inputs; `committed` is of them."""
    owner, inputs = _inputs(model.network, kept)
    first = len(model.pieces)
    wanted = kept.quantity[owner] * model.network.in_quantity[inputs]
    short = wanted - committed.served[first:] > 1e-4
    found: NDArray[np.bool_] = np.bincount(owner[short], minlength=len(kept)) > 0
    return found


def _inputs(network: SupplyNetwork, kept: Kept) -> tuple[Ints, Ints]:
    """Return the decision that asks for each input, and the input's entry in the network."""
    rows = [np.arange(network.in_from[w], network.in_from[w + 1]) for w in kept.way.tolist()]
    entries = np.concatenate([*rows, np.zeros(0, np.int64)]).astype(np.int64)
    return np.repeat(np.arange(len(kept)), [len(row) for row in rows]).astype(np.int64), entries


def folded(model: SupplyModel, kept: Kept, committed: Committed) -> Committed:
    """Return a plan made around decisions carried over as if it had taken them itself.

    Parameters
    ----------
    model : SupplyModel
        Without the decisions.
    committed : Committed
        Of the model with them.
    """
    if not len(kept):
        return committed
    number: dict[tuple[int, int], int] = {}
    ways: list[int] = []
    dues: list[int] = []
    units: dict[int, float] = defaultdict(float)

    def order(way: int, due: int, quantity: float) -> int:
        found = number.setdefault((way, due), len(number))
        if found == len(ways):
            ways.append(way)
            dues.append(due)
        units[found] += quantity
        return found

    of_kept = [
        order(*row)
        for row in zip(kept.way.tolist(), kept.due.tolist(), kept.quantity.tolist(), strict=True)
    ]
    of_new = [
        order(*row)
        for row in zip(
            committed.order_way.tolist(),
            committed.order_due.tolist(),
            committed.order_quantity.tolist(),
            strict=True,
        )
    ]
    receipts, pieces = len(model.receipts), len(model.pieces)
    owner = _inputs(model.network, kept)[0].tolist()
    origin, consumer = committed.peg_origin.copy(), committed.peg_consumer.copy()
    for p, (taker, giver) in enumerate(zip(consumer.tolist(), origin.tolist(), strict=True)):
        if giver >= 0:
            origin[p] = of_new[giver]
        elif -1 - giver >= receipts:
            origin[p] = of_kept[-1 - giver - receipts]
        if taker < 0:
            consumer[p] = -1 - of_new[-1 - taker]
        elif taker >= pieces:
            consumer[p] = -1 - of_kept[owner[taker - pieces]]
    real = committed.peg_quantity > EPS
    return Committed(
        served=committed.served[:pieces],
        order_way=np.array(ways, np.int64),
        order_due=np.array(dues, np.int64),
        order_quantity=np.array([units[o] for o in range(len(ways))], np.float64),
        peg_consumer=consumer[real],
        peg_origin=origin[real],
        peg_node=committed.peg_node[real],
        peg_period=committed.peg_period[real],
        peg_quantity=committed.peg_quantity[real],
        remaining=committed.remaining,
    )
