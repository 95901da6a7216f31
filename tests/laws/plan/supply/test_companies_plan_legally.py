"""Any company plans legally: files made from chance are read, planned, and checked anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fivefold.cycle import planning
from fivefold.cycle.importing import import_files
from fivefold.cycle.workspace import Workspace
from fivefold.twin.companies.seller import write_company

AS_OF = date(2026, 11, 22)
#: Items, days of record and seed: short records, overfull warehouses, suppliers hardly needed.
SWEEP = (
    (100, 500, 1),
    (30, 200, 2),
    (60, 300, 3),
    (150, 365, 4),
    (40, 150, 5),
    (80, 400, 6),
    (50, 500, 8),
    (70, 180, 9),
    (120, 250, 10),
    (30, 365, 11),
    (45, 240, 12),
)


def violations(folder: Path, items: int, days: int, seed: int, **params: float) -> list[str]:
    files = write_company(folder / "files", items=items, days=days, seed=seed)
    with Workspace(folder / "workspace") as workspace:
        named = [(path.name, path.read_bytes()) for path in files]
        import_files(workspace, named, actor="law", as_of=AS_OF)
        dataset = workspace.dataset(as_of=AS_OF)
    made = planning.plan(dataset, planning.PlanParams(**params), as_of=AS_OF)  # type: ignore[arg-type]
    assert made["supply_plan"].height > 0
    assert made["purchase_orders"].height > 0
    found = made["violations"].select("rule", "key", "found", "expected").rows()
    return [" ".join(map(str, row)) for row in found]


def test_a_small_company_plans_legally(tmp_path: Path) -> None:
    assert violations(tmp_path, 30, 130, 7) == []


@pytest.mark.slow
@pytest.mark.parametrize(("items", "days", "seed"), SWEEP)
def test_any_company_plans_legally(tmp_path: Path, items: int, days: int, seed: int) -> None:
    assert violations(tmp_path, items, days, seed) == []


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.3, 1.6, 4.0])
def test_a_company_plans_legally_whatever_its_demand(tmp_path: Path, factor: float) -> None:
    assert violations(tmp_path, 60, 300, 3, demand_factor=factor) == []
