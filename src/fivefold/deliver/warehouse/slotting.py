"""Which slot each item is picked from: what is wanted most, near the pack stations.

Knows slots, what they hold, how often people go to an item and which items they fetch in one
walk. Moves nothing itself.

References
----------
.. [1] Heskett (1963), "Cube-per-order index: a key to warehouse stock location",
   Transportation and Distribution Management 3(4); that it is optimal where every pick is a
   trip of its own: Francis, McGinnis, White (1992), *Facility Layout and Location*, 2nd ed.,
   sec. 5.3. The same problem is solved exactly here, as an assignment, slots being unequal.
.. [2] Frazelle, Sharp (1989), "Correlated assignment strategy can improve any order-picking
   operation", Industrial Engineering 21(4): items picked together lie together; here by swaps
   of slots while the shortest walks of past orders get shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.deliver.warehouse.building import SLOT_FILL_SHARE, Building, read_building
from fivefold.deliver.warehouse.picker_routes import by_aisle, shortest
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

Policy = Literal["affinity", "velocity", "random"]
FloatArray = npt.NDArray[np.float64]
#: Times the dearest way: what a slot costs that does not take the item.
_NEVER = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotParams:
    """How items are slotted.

    Parameters
    ----------
    location : str
        The building.
    policy : {'affinity', 'velocity', 'random'}
        By velocity and what is picked together where that shortens walks it was not learnt
        from, by velocity alone, or stowed at random.
    history_days, held_back_days : int
        Past orders that teach what is picked together, and the last of them that do not: on
        those the walk is measured.
    cover_days : int
        Days of demand a slot should take where one is large enough.
    steps : int
        Swaps of slots tried for affinity.
    """

    location: str
    policy: Policy = "affinity"
    history_days: int = 182
    held_back_days: int = 42
    cover_days: int = 7
    steps: int = 3000

    def __post_init__(self) -> None:
        if min(self.history_days, self.cover_days) < 1 or self.steps < 0:
            raise ValueError("history_days and cover_days must be at least 1, steps not negative")
        if not 0 <= self.held_back_days < self.history_days:
            raise ValueError("held_back_days must be from 0 to below history_days")


def slot_items(
    dataset: Dataset, params: SlotParams, *, as_of: date, rng: np.random.Generator
) -> Outcome:
    """Return a slot for each item of a building, and how far people walk with it.

    Parameters
    ----------
    dataset : Dataset
        building_layouts, slots, items, inventory, orders (past), forecast_means.
    params : SlotParams
    as_of : date
    rng : numpy.random.Generator
        Draws random stow and the swaps that are tried.

    Returns
    -------
    Outcome
        `slotting`. Notes: metres a past order of the days held back would have taken with this
        slotting, by velocity alone, and stowed at random. Infeasible where slots are fewer
        than items; those picked least are then without one.
    """
    building = read_building(dataset, params.location)
    items = _items(dataset, params, as_of)
    walks = _walks(dataset, params, building, items, as_of=as_of)
    ways = np.array([slot.walk_m for slot in building.slots])
    units = _units_that_fit(items, building)
    enough = np.maximum(np.ceil(items["per_week"].to_numpy() * params.cover_days / 7), 1)
    enough = np.minimum(enough, items["on_hand"].to_numpy().clip(1))
    takes = units >= 1
    roomy = units >= np.minimum(enough[:, None], units.max(axis=1, keepdims=True, initial=1))
    picks = items["picks"].to_numpy()
    chosen = {"random": _at_random(takes, rng), "velocity": _by_velocity(picks, ways, takes, roomy)}
    chosen["affinity"] = chosen["velocity"]
    if params.policy == "affinity":
        # What is learnt from the older walks must hold on the younger ones, else it is chance.
        cut = 2 * len(walks[0]) // 3
        learnt = _by_affinity(
            chosen["velocity"], building, walks[0][:cut], roomy & takes, params.steps, rng
        )
        proof = walks[0][cut:]
        if _surely_shorter(building, proof, learnt, chosen["velocity"]):
            chosen["affinity"] = learnt
    walked = {name: _length(building, walks[1], slots) for name, slots in chosen.items()}
    final = chosen[params.policy]
    table, reasons = _told(items, building, final, units)
    orders = sum(len(walk) for walk in walks[1])
    return Outcome(
        tables={"slotting": table},
        status="infeasible" if (final < 0).any() else "feasible",
        objective=float(picks[final >= 0] @ ways[final[final >= 0]]),
        explanations=explanations_frame([*reasons, *_without(items, final, params)]),
        notes={
            "items": items.height,
            "without_slot": int((final < 0).sum()),
            "walks_measured": len(walks[1]),
            "lines_measured": orders,
            "affinity_holds": bool((chosen["affinity"] != chosen["velocity"]).any()),
            **{f"walk_m_{name}": metres for name, metres in walked.items()},
        },
    )


def _items(dataset: Dataset, params: SlotParams, as_of: date) -> pl.DataFrame:
    """Return the items of the building: on_hand, per_week, picks, sides; most picked first."""
    here = pl.col("location") == params.location
    held = dataset["inventory"].filter(here).group_by("item").agg(pl.col("on_hand").sum())
    soon = dataset["forecast_means"].filter(
        here
        & (pl.col("period_start") > as_of - timedelta(days=7))
        & (pl.col("period_start") <= as_of + timedelta(days=28))
    )
    expected = soon.group_by("item").agg(per_week=pl.col("units_mean").mean())
    past = _past(dataset, params, as_of).group_by("item").agg(
        lines=pl.len(), units=pl.col("quantity").sum()
    )  # fmt: skip
    weeks = params.history_days / 7.0
    known = ["item", "length_cm", "width_cm", "height_cm", "weight_kg"]
    return (
        dataset["items"]
        .select(known)
        .join(held.join(expected, on="item", how="full", coalesce=True), on="item")
        .join(past, on="item", how="left")
        .with_columns(
            pl.col("on_hand").fill_null(0),
            per_week=pl.coalesce("per_week", pl.col("units") / weeks, 0.0),
            # Units a line as in the past; one where none was sold.
            each=(pl.col("units") / pl.col("lines")).fill_null(1.0),
            volume_m3=pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm") / 1e6,
        )
        .filter((pl.col("on_hand") > 0) | (pl.col("per_week") > 0))
        .with_columns(picks=pl.col("per_week") / pl.col("each"))
        .sort("picks", "item", descending=[True, False])
    )


def _past(dataset: Dataset, params: SlotParams, as_of: date) -> pl.DataFrame:
    return dataset["orders"].filter(
        (pl.col("location") == params.location)
        & (pl.col("status") != "cancelled")
        & (pl.col("ordered_at").dt.date() < as_of)
        & (pl.col("ordered_at").dt.date() >= as_of - timedelta(days=params.history_days))
    )


def _walks(
    dataset: Dataset,
    params: SlotParams,
    building: Building,
    items: pl.DataFrame,
    *,
    as_of: date,
) -> tuple[list[list[int]], list[list[int]]]:
    """Return walks of past orders as rows of `items`: those to learn from, those held back.

    Orders of a day are put on carts in the order in which they came.
    """
    row = {item: n for n, item in enumerate(items["item"])}
    past = _past(dataset, params, as_of).sort("ordered_at", "order", "line")
    held = as_of - timedelta(days=params.held_back_days)
    most = building.cart_orders or 12
    learnt: list[list[int]] = []
    kept: list[list[int]] = []
    for (day,), rows in past.group_by(
        pl.col("ordered_at").dt.date().alias("_day"), maintain_order=True
    ):
        orders = rows.group_by("order", maintain_order=True).agg(pl.col("item"))["item"].to_list()
        for first in range(0, len(orders), most):
            walk = {row[item] for order in orders[first : first + most] for item in order
                    if item in row}  # fmt: skip
            if walk:
                assert isinstance(day, date)
                (kept if day >= held else learnt).append(sorted(walk))
    return learnt, kept


def _units_that_fit(items: pl.DataFrame, building: Building) -> npt.NDArray[np.int64]:
    """Return how many units of each item each slot takes; one of an item without sides."""
    volume = items["volume_m3"].fill_null(0.0).to_numpy()[:, None]
    weight = items["weight_kg"].fill_null(0.0).to_numpy()[:, None]
    room = np.array([slot.volume_m3 * SLOT_FILL_SHARE for slot in building.slots])[None, :]
    most = np.array([slot.most_kg or np.inf for slot in building.slots])[None, :]
    with np.errstate(divide="ignore"):
        by_volume = np.where(volume > 0, room / volume, 1.0)
        by_weight = np.where(weight > 0, most / weight, np.inf)
    return np.floor(np.minimum(by_volume, by_weight) + 1e-9).astype(np.int64)


def _at_random(takes: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return a random slot that takes it for each item, what fits in fewest first."""
    chosen = np.full(len(takes), -1)
    free = np.ones(takes.shape[1], dtype=bool)
    for item in np.argsort(takes.sum(axis=1), kind="stable"):
        open_slots = np.flatnonzero(takes[item] & free)
        if len(open_slots):
            chosen[item] = rng.choice(open_slots)
            free[chosen[item]] = False
    return chosen


def _by_velocity(
    picks: FloatArray,
    ways: FloatArray,
    takes: npt.NDArray[np.bool_],
    roomy: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Return the slots with least way for all picks, each a trip of its own: an assignment.

    A slot that does not take the days of cover is chosen where no other is left; an item is
    without one, those picked least first, where no slot is left that takes a unit.
    """
    from scipy.optimize import linear_sum_assignment

    cost = (picks + 1e-6)[:, None] * ways[None, :]
    far = float(cost.max(initial=0.0)) + 1.0
    cost = np.where(takes, cost + np.where(roomy, 0.0, far), _NEVER * far)
    without = np.broadcast_to((4.0 * far + far * picks)[:, None], (len(picks), len(picks)))
    rows, slots = linear_sum_assignment(np.hstack([cost, without]))
    chosen = np.full(len(picks), -1)
    chosen[rows] = np.where(slots < len(ways), slots, -1)
    return chosen


def _by_affinity(
    start: npt.NDArray[np.int64],
    building: Building,
    walks: Sequence[Sequence[int]],
    takes: npt.NDArray[np.bool_],
    steps: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Return slots after swaps that shorten the walks of past orders."""
    slots = start.copy()
    of_item: dict[int, list[int]] = {}
    for number, walk in enumerate(walks):
        for item in walk:
            of_item.setdefault(item, []).append(number)
    moving = np.array(sorted(item for item in of_item if slots[item] >= 0))
    if len(moving) == 0:
        return slots
    length = [_walk(building, walk, slots) for walk in walks]
    holder = {int(slot): item for item, slot in enumerate(slots) if slot >= 0}
    for _ in range(steps):
        one, slot = int(rng.choice(moving)), int(rng.integers(len(building.slots)))
        here, other = int(slots[one]), holder.get(slot)
        if slot == here or not takes[one, slot] or (other is not None and not takes[other, here]):
            continue
        touched = {*of_item[one], *(of_item.get(other, []) if other is not None else [])}
        slots[one] = slot
        if other is not None:
            slots[other] = here
        fresh = {number: _walk(building, walks[number], slots) for number in touched}
        if sum(fresh.values()) < sum(length[number] for number in touched) - 1e-9:
            for number, metres in fresh.items():
                length[number] = metres
            holder[slot] = one
            holder.pop(here, None)
            if other is not None:
                holder[here] = other
            continue
        slots[one] = here
        if other is not None:
            slots[other] = slot
    return slots


def _walk(building: Building, walk: Sequence[int], slots: npt.NDArray[np.int64]) -> float:
    stops = [building.slots[slots[item]] for item in walk if slots[item] >= 0]
    return shortest(building.block, by_aisle([(slot.aisle, slot.depth_m) for slot in stops]))


def _length(
    building: Building, walks: Sequence[Sequence[int]], slots: npt.NDArray[np.int64]
) -> float:
    return sum(_walk(building, walk, slots) for walk in walks)


def _surely_shorter(
    building: Building,
    walks: Sequence[Sequence[int]],
    learnt: npt.NDArray[np.int64],
    known: npt.NDArray[np.int64],
) -> bool:
    """Tell whether walks are shorter by two standard errors of their paired differences."""
    if len(walks) < 2:
        return False
    saved = np.array([_walk(building, w, known) - _walk(building, w, learnt) for w in walks])
    return bool(saved.mean() > 2.0 * saved.std(ddof=1) / np.sqrt(len(walks)))


def _told(
    items: pl.DataFrame,
    building: Building,
    chosen: npt.NDArray[np.int64],
    units: npt.NDArray[np.int64],
) -> tuple[pl.DataFrame, list[Reason]]:
    picks = items["picks"].to_numpy()
    before = np.cumsum(picks) - picks
    total = max(float(picks.sum()), 1e-9)
    used = {int(slot) for slot in chosen}
    free = sorted(
        (slot.walk_m, number) for number, slot in enumerate(building.slots) if number not in used
    )
    rows: list[dict[str, Any]] = []
    reasons = []
    for number, item in enumerate(items["item"]):
        at = int(chosen[number])
        if at < 0:
            continue
        slot = building.slots[at]
        kind = "A" if before[number] < 0.5 * total else "B" if before[number] < 0.8 * total else "C"
        because = (
            f"{picks[number]:.1f} picks a week, class {kind}: {slot.walk_m:.0f} m there and back, "
            f"room for {units[number, at]} units."
        )
        rows.append(
            {
                "location": building.location,
                "item": item,
                "slot": slot.name,
                "units_most": int(units[number, at]),
                "picks_per_week": float(picks[number]),
                "walk_m": slot.walk_m,
                "class": kind,
                "because": because,
            }
        )
        subject = f"slot:{building.location}:{item}"
        reasons.append(
            Reason(
                subject=subject,
                reason_code="rule",
                text=because,
                reference=slot.name,
                quantity=float(picks[number]),
                price=slot.walk_m,
            )
        )
        other = next((n for _way, n in free if units[number, n] >= 1), None)
        if other is not None:
            more = (building.slots[other].walk_m - slot.walk_m) * picks[number]
            reasons.append(
                Reason(
                    subject=subject,
                    reason_code="next_best",
                    text=f"Free slot {building.slots[other].name} would mean {more:+.0f} m a week.",
                    reference=building.slots[other].name,
                    quantity=more,
                )
            )
    return schema("slotting").frame(rows), reasons


def _without(
    items: pl.DataFrame, chosen: npt.NDArray[np.int64], params: SlotParams
) -> list[Reason]:
    return [
        Reason(
            subject=f"slot:{params.location}:{items['item'][int(number)]}",
            reason_code="infeasible",
            text="No slot is left that takes a unit of it; add slots or clear items out.",
        )
        for number in np.flatnonzero(chosen < 0)
    ]
