"""The two plants of the example maker: eight machines, shifts, tools, change-overs. All invented.

Hours are chosen so that the machine that paces each plant runs at about three quarters.
"""

from __future__ import annotations

from fivefold.twin.companies.maker_chain import COLOURS, MODULES, finished_goods

PLANT_A, PLANT_B = "PLANT-A", "PLANT-B"
Row = dict[str, object]

_MACHINES = {
    "M1": (PLANT_A, "Press", 38.0),
    "M2": (PLANT_A, "Old press", 30.0),
    "M3": (PLANT_A, "Mill", 55.0),
    "M4": (PLANT_A, "Old mill", 40.0),
    "M5": (PLANT_B, "Paint line", 60.0),
    "M6": (PLANT_B, "Assembly cell 1", 45.0),
    "M7": (PLANT_B, "Assembly cell 2", 45.0),
    "M8": (PLANT_B, "Test oven", 25.0),
}
#: The machine that paces each plant.
_PACING = ("M3", "M6")
_SHIFTS = (("early", "06:00"), ("late", "14:00"))
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
#: Hours to change paint: a light one after a dark one needs a full wash.
_WASH = {
    ("WHITE", "GREY"): 0.5, ("WHITE", "RED"): 0.75, ("GREY", "WHITE"): 1.5,
    ("GREY", "RED"): 0.75, ("RED", "WHITE"): 2.5, ("RED", "GREY"): 1.5,
}  # fmt: skip


def floor_rows() -> dict[str, list[Row]]:
    """Return the tables of the plants' floors by schema name."""
    return {
        "resources": _resources(),
        "resource_shifts": _shifts(),
        "operations": _operations(),
        "operation_alternatives": _alternatives(),
        "operation_needs": _needs(),
        "set_up_times": _set_ups(),
    }


def _resources() -> list[Row]:
    rows: list[Row] = [
        {
            "resource": name,
            "location": plant,
            "name": title,
            "kind": "machine",
            "hours_per_day": 16.0,
            "calendar": "WEEK",
            "cost_per_hour": cost,
            "overtime_hours_per_week": 16.0,
            "overtime_cost_per_hour": cost * 1.5,
            "is_bottleneck": name in _PACING,
        }
        for name, (plant, title, cost) in _MACHINES.items()
    ]
    rows.append(
        {
            "resource": "JIG",
            "location": PLANT_B,
            "name": "Lifting jig",
            "kind": "tool",
            "hours_per_day": 16.0,
            "calendar": "WEEK",
        }
    )
    return rows


def _shifts() -> list[Row]:
    return [
        {"resource": machine, "weekday": day, "starts_time": starts, "hours": 8.0, "name": name}
        for machine in _MACHINES
        for day in _DAYS
        for name, starts in _SHIFTS
    ]


def _operations() -> list[Row]:
    rows: list[Row] = []
    for module in MODULES:
        quick = module.code in ("MOD1", "MOD4", "MOD5")
        rows += [
            _step(module.code, 10, PLANT_A, "M1", 0.5, 0.018, family=f"DIE-{module.code}"),
            _step(
                module.code, 20, PLANT_A, "M3" if quick else "M4", 1.0, 0.026 if quick else 0.04,
                family=f"FIXTURE-{module.code}", share=0.985,
            ),
        ]  # fmt: skip
    for good in finished_goods():
        large = good.product.code in ("P3", "P4")
        rows += [
            _step(good.item, 10, PLANT_B, "M5", 0.5, 0.035, family=good.colour, wait=4.0),
            _step(
                good.item, 20, PLANT_B, "M6" if large else "M7", 0.75, 0.06 if large else 0.09,
                family=good.product.code,
            ),
            _step(good.item, 30, PLANT_B, "M8", 0.25, 0.03, family="OVEN", batch=20, share=0.99),
        ]  # fmt: skip
    return rows


def _step(
    product: str,
    operation: int,
    plant: str,
    machine: str,
    setup: float,
    run: float,
    *,
    family: str,
    share: float = 1.0,
    wait: float = 0.0,
    batch: int | None = None,
) -> Row:
    return {
        "product": product,
        "operation": operation,
        "location": plant,
        "resource": machine,
        "setup_time_hours": setup,
        "run_time_hours_per_unit": run,
        "yield_share": share,
        "setup_family": family,
        "wait_hours": wait,
        "batch_units": batch,
        "name": _MACHINES[machine][1],
    }


def _alternatives() -> list[Row]:
    rows: list[Row] = []
    for module in MODULES:
        quick = module.code in ("MOD1", "MOD4", "MOD5")
        rows.append(_other(module.code, 10, "M2", 0.026))
        rows.append(_other(module.code, 20, "M4" if quick else "M3", 0.036 if quick else 0.03))
    for good in finished_goods():
        large = good.product.code in ("P3", "P4")
        rows.append(_other(good.item, 20, "M7" if large else "M6", 0.075 if large else 0.085))
    return rows


def _other(product: str, operation: int, machine: str, run: float) -> Row:
    return {
        "product": product,
        "operation": operation,
        "resource": machine,
        "run_time_hours_per_unit": run,
    }


def _needs() -> list[Row]:
    return [
        {"product": good.item, "operation": 20, "resource": "JIG"}
        for good in finished_goods()
        if good.product.code in ("P2", "P3")
    ]


def _set_ups() -> list[Row]:
    assert {colour for pair in _WASH for colour in pair} == set(COLOURS)
    return [
        {
            "resource": "M5",
            "from_family": before,
            "to_family": after,
            "setup_time_hours": hours,
        }
        for (before, after), hours in _WASH.items()
    ]
