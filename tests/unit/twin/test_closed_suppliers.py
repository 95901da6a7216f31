from __future__ import annotations

from typing import Any

from fivefold.cycle.changes import applied, parsed
from fivefold.twin.experiment import Played, prove


def _bought(played: Played) -> dict[str, float]:
    rows = played.stages.rows
    buys = [stage for stage, row in enumerate(rows) if row.kind == "buy"]
    return {"bought": float(played.result.ordered[buys].sum())}


def test_a_lost_supplier_takes_no_order_while_he_is_lost(company: Any) -> None:
    with company.make(company.folder) as store:
        plan = store.latest_plan()
        dataset = store.dataset(as_of=plan.as_of)
        told = {"days": 70, "replications": 2, "measures": (("bought", "units", "higher"),)}
        as_is = prove(plan, dataset, store.journal, measured=_bought, **told)
        texts = [f"supplier:{name}=lost 20w" for name in dataset["suppliers"]["supplier"]]
        lost = applied(dataset, parsed(texts), as_of=plan.as_of)
        none = prove(plan, lost, store.journal, measured=_bought, **told)
    assert as_is.figure("bought").old > 0
    assert none.figure("bought").old == 0
    assert none.figure("bought").new == 0
