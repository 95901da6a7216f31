"""The inside of the example seller's own warehouse: racks, people, pick-ups, packages.

All of it is invented, round figures a small seller would write down; nothing is Amazon's.
"""

from __future__ import annotations

from fivefold.twin.companies.network import WAREHOUSE

Row = dict[str, object]

AISLES, BAYS, LEVELS = 10, 12, 3
BAY_M = 2.0
INVENTED = "the owner's own counts, 2026 (invented)"


def building_tables() -> dict[str, list[Row]]:
    """Return the rows of the building's tables by schema name."""
    return {
        "building_layouts": [
            {
                "location": WAREHOUSE,
                "aisles": AISLES,
                "aisle_distance_m": 3.5,
                "aisle_length_m": BAYS * BAY_M,
                "depot_aisle": 1,
                "walk_metres_per_second": 0.9,
                "cart_orders": 8,
                "cart_volume_m3": 0.6,
                "grade": "assumed",
                "source": INVENTED,
            }
        ],
        "slots": _slots(),
        "labour_standards": [
            {
                "location": WAREHOUSE,
                "task": task,
                "per_hour": rate,
                "people_most": most,
                "grade": "assumed",
                "source": INVENTED,
            }
            for task, rate, most in (
                ("receive", 260.0, 2),
                ("stow", 180.0, 3),
                ("pick", 120.0, 4),
                ("pack", 28.0, 2),
                ("load", 150.0, 2),
            )
        ],
        "shift_patterns": [
            {
                "location": WAREHOUSE,
                "pattern": name,
                "tasks": tasks,
                "starts_time": starts,
                "hours": hours,
                "break_after_hours": off,
                "cost_per_hour": cost,
                "people_most": most,
            }
            for name, tasks, starts, hours, off, cost, most in (
                ("EARLY", "pick,pack,load", "08:00", 8, 4, 21.0, 4),
                ("SHORT", "pick,pack,load", "11:00", 4, None, 22.5, 3),
                ("GOODS-IN", "receive,stow,pick", "08:00", 6, 3, 20.5, 4),
            )
        ],
        "departures": [
            {
                "location": WAREHOUSE,
                "departure": name,
                "carrier": carrier,
                "leaves_time": leaves,
                "load_minutes": minutes,
                "parcels_most": most,
            }
            for name, carrier, leaves, minutes, most in (
                ("POST-1230", "USPS", "12:30", 20, 60),
                ("UPS-1630", "UPS", "16:30", 30, None),
            )
        ],
        "packages": _packages(),
    }


def _slots() -> list[Row]:
    rows: list[Row] = []
    for aisle in range(1, AISLES + 1):
        for bay in range(1, BAYS + 1):
            for level in range(1, LEVELS + 1):
                # The floor holds pallets, the shelves above hold cartons.
                volume, most = (1.4, 600.0) if level == 1 else (0.6, 150.0)
                rows.append(
                    {
                        "location": WAREHOUSE,
                        "slot": f"{aisle:02d}-{bay:02d}-{level}",
                        "aisle": aisle,
                        "depth_m": BAY_M * (bay - 0.5),
                        "level": level,
                        "volume_m3": volume,
                        "most_kg": most,
                    }
                )
    return rows


def _packages() -> list[Row]:
    known = (
        ("BAG-S", "bag", 25.0, 18.0, 0.0, 2.0, 0.11),
        ("BAG-L", "bag", 40.0, 30.0, 0.0, 3.0, 0.19),
        ("BOX-S", "box", 22.0, 16.0, 10.0, 8.0, 0.42),
        ("BOX-M", "box", 32.0, 24.0, 16.0, 14.0, 0.68),
        ("BOX-L", "box", 46.0, 36.0, 26.0, 20.0, 1.15),
        ("BOX-XL", "box", 66.0, 50.0, 44.0, 22.0, 2.3),
        ("BOX-LONG", "box", 120.0, 30.0, 25.0, 22.0, 2.9),
    )
    return [
        {
            "location": WAREHOUSE,
            "package": name,
            "kind": kind,
            "length_cm": length,
            "width_cm": width,
            "height_cm": height,
            "most_kg": most,
            "cost": cost,
        }
        for name, kind, length, width, height, most, cost in known
    ]
