"""What a placement tells: rows by item and centre, the room of centres, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fivefold.deliver.placement_kernel import FAR
from fivefold.model import Reason

if TYPE_CHECKING:
    from fivefold.deliver.placement_prices import NextBest, Placed
    from fivefold.deliver.placement_world import PlacementWorld

#: Items without room told one by one at most.
MOST_TOLD = 20
#: Share of its room a centre must use for the room to have a price: a whole unit may not fit.
BINDING_SHARE = 0.5


def none_placed(network: str, why: str) -> Reason:
    """Return why nothing is placed in a network."""
    return Reason(
        subject=f"placement:{network}",
        reason_code="unknown_figure",
        text=f"Nothing is placed in {network}: {why}.",
    )


def placed_rows(
    world: PlacementWorld, placed: Placed, second: NextBest
) -> Iterator[dict[str, object]]:
    """Yield the rows of the table placement, one an item and centre that holds it."""
    weekly, units, serve = placed.weekly(world), placed.units(world), world.pair_serve()
    demand, arrays = world.demand, world.arrays
    for i, item in enumerate(world.items):
        start, end = arrays.pair_from[i], arrays.pair_from[i + 1]
        region, wanted = arrays.pair_region[start:end], arrays.pair_units[start:end]
        for j in range(int(placed.sizes[i])):
            c = int(placed.sets[i, j])
            served = wanted * placed.share[start:end, j]
            mine = np.flatnonzero(served > 0)
            largest = mine[np.argsort(-served[mine], kind="stable")]
            cost = float((serve[start:end, c] * placed.share[start:end, j]).sum())
            cost += float(arrays.opening[i, c])
            cost += float(arrays.pooled[i]) / float(np.sqrt(placed.sizes[i]))
            days = float((world.days[region, c] * served).sum()) / max(float(served.sum()), 1e-12)
            yield {
                "item": item,
                "location": world.centres[c],
                "network": world.network,
                "demand_share": min(1.0, float(weekly[i, j]) / max(float(demand[i]), 1e-12)),
                "units_per_week": float(weekly[i, j]),
                "units": int(units[i, j]),
                "regions": " ".join(world.regions[region[p]] for p in largest),
                "transit_days": days,
                "cost_per_week": cost,
                "next_best": " ".join(world.centres[k] for k in second.centres(i)),
                "next_best_cost": float(second.more[i]) if second.sizes[i] else 0.0,
            }


def limit_rows(world: PlacementWorld, placed: Placed) -> Iterator[dict[str, object]]:
    """Yield the rows of the table placement_limits: what each centre can, uses, is worth."""
    used_m3, used_units = placed.used(world)
    for kind, room, used, price in (
        ("storage_m3", world.room_m3, used_m3, placed.price_m3),
        ("receipts_units", world.room_units, used_units, placed.price_units),
    ):
        for c, centre in enumerate(world.centres):
            is_limited = room[c] < FAR
            yield {
                "location": centre,
                "kind": kind,
                "network": world.network,
                "amount": float(room[c]) if is_limited else None,
                "used": float(used[c]),
                "price": _told_price(placed, price[c], used[c], room[c]) if is_limited else 0.0,
            }


def _told_price(placed: Placed, price: float, used: float, room: float) -> float:
    """Return a price as it is told: none where room is left, or where no price makes all fit."""
    if placed.unserved.any() or used < BINDING_SHARE * room:
        return 0.0
    return float(price)


def room_reasons(world: PlacementWorld, placed: Placed) -> Iterator[Reason]:
    """Yield what is true of the network: full centres, unknown room, demand without any."""
    subject = f"placement:{world.network}"
    rows = list(limit_rows(world, placed))
    for row in rows:
        amount, price = row["amount"], row["price"]
        if isinstance(amount, float) and isinstance(price, float) and price > 0:
            yield Reason(
                subject=subject,
                reason_code="constraint_price",
                reference=f"{row['kind']} {row['location']}",
                quantity=amount,
                price=price,
                text=_binds(str(row["kind"]), str(row["location"]), amount, price),
            )
    if all(row["amount"] is None for row in rows):
        yield Reason(
            subject=subject,
            reason_code="capacity",
            reference="locations.storage_capacity_m3",
            text=f"No centre of {world.network} has a limit on storage or receipts "
            "(locations.storage_capacity_m3, receipts_capacity_units_per_day are empty), so all "
            "have room for everything.",
        )
    sizeless = int(((world.arrays.m3 <= 0) & (placed.sizes > 0)).sum())
    if sizeless and (world.room_m3 < FAR).any():
        yield Reason(
            subject=subject,
            reason_code="unknown_figure",
            reference="items.length_cm",
            quantity=float(sizeless),
            text=f"{sizeless} items without length, width and height count as taking no room.",
        )
    lost = float(placed.unserved.sum())
    if lost > 0:
        yield Reason(
            subject=subject,
            reason_code="infeasible",
            quantity=lost,
            text=f"The centres of {world.network} have no room for {lost:,.1f} of "
            f"{float(world.demand.sum()):,.1f} units a week; more storage or receipts, fewer days "
            "of stock, or another centre would make room.",
        )
        for i in np.argsort(-placed.unserved, kind="stable")[:MOST_TOLD]:
            if placed.unserved[i] > 0:
                yield Reason(
                    subject=f"placement:{world.items[i]}@{world.network}",
                    reason_code="infeasible",
                    quantity=float(placed.unserved[i]),
                    text=f"{placed.unserved[i]:,.1f} of {world.demand[i]:,.1f} units a week find "
                    "no centre with room.",
                )


def _binds(kind: str, centre: str, amount: float, price: float) -> str:
    if kind == "storage_m3":
        return (
            f"The cube of {centre}, {amount:,.1f} m3, binds at {price:,.2f} per m3: what a further "
            "one would save a week."
        )
    return (
        f"Receipts of {centre}, {amount:,.0f} units a week, bind at {price:,.3f} per unit: what a "
        "further one would save."
    )


def placed_reasons(world: PlacementWorld, placed: Placed, second: NextBest) -> Iterator[Reason]:
    """Yield why an item lies where it does: demand, near centres, prices, the next best set."""
    prices = {
        (row["location"], row["kind"]): row["price"]
        for row in limit_rows(world, placed)
        if isinstance(row["price"], float) and row["price"] > 0
    }
    demand = world.demand
    for i, item in enumerate(world.items):
        if placed.sizes[i] == 0:
            continue
        subject = f"placement:{item}@{world.network}"
        start, end = world.arrays.pair_from[i], world.arrays.pair_from[i + 1]
        top = np.argsort(-world.arrays.pair_units[start:end], kind="stable")[:3]
        centres = [world.centres[c] for c in placed.sets[i, : placed.sizes[i]]]
        near = ", ".join(world.regions[world.arrays.pair_region[start + p]] for p in top)
        yield Reason(
            subject=subject,
            reason_code="demand_served",
            quantity=float(demand[i]),
            text=f"{demand[i]:,.1f} units a week, most from ZIP {near}: held at "
            f"{', '.join(sorted(centres))}.",
        )
        for c in second.crowded_out(i):
            for kind in ("storage_m3", "receipts_units"):
                price = prices.get((world.centres[c], kind))
                if isinstance(price, float):
                    yield _kept_out(subject, kind, world.centres[c], price)
        if second.sizes[i]:
            other = ", ".join(world.centres[c] for c in second.centres(i))
            yield Reason(
                subject=subject,
                reason_code="next_best",
                reference=other,
                price=float(second.more[i]),
                text=f"Next best {other}: {second.more[i]:,.2f} more a week in carriage, inbound "
                f"and stock{', at the prices of room' if prices else ''}.",
            )


def _kept_out(subject: str, kind: str, centre: str, price: float) -> Reason:
    what = (
        f"the cube of {centre} binds at {price:,.2f} per m3"
        if kind == "storage_m3"
        else f"receipts of {centre} bind at {price:,.3f} per unit"
    )
    return Reason(
        subject=subject,
        reason_code="constraint_price",
        reference=f"{kind} {centre}",
        price=price,
        text=f"Alone it would lie at {centre} too; {what}.",
    )
