"""More goods on the first day never serve fewer customers where nobody orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivefold.ledger import events
from fivefold.ledger.events import Line
from fivefold.ledger.journal import Journal
from fivefold.twin.draws import Draws, Stream
from fivefold.twin.replay import Replay
from fivefold.twin.stages import Stage, Stages

AS_OF = date(2026, 11, 22)


class Idle:
    """Orders nothing, whatever happens."""

    name = "nothing"

    def wanted(self, week: int, position: Any, rate: Any, customers: Any) -> Any:
        return np.zeros(len(position), dtype=np.int64)

    def ways(self, week: int) -> Any:
        return {}


def served(stock: int, demand: list[int], template: tuple[Stages, tuple[Stream, ...]]) -> int:
    stages, streams = template
    stages = replace(stages, on_hand=np.array([stock], dtype=np.int64))
    days = len(demand)
    lucks = Draws(
        demand=np.array([demand], dtype=np.int64),
        lead_time=np.full((1, days // 7 + 1), 0.5),
        existing=np.zeros(0),
        yields=np.zeros((1, days // 7 + 1)),
        returns=np.full((1, days), 0.99),
    )
    with Journal.in_memory() as books:
        if stock:
            from fivefold.cycle.bookkeeping import at_noon

            books.submit(
                events.opening_stock(
                    key="open",
                    actor="t",
                    effective_at=at_noon(AS_OF),
                    location="W",
                    lines=[Line(item="A", quantity=stock, value_minor=100 * stock)],
                )
            )
        result = Replay(books, stages, streams, Idle(), lucks, AS_OF).run(np.zeros(1))
        assert result.refused == 0
        return int(result.served.sum())


def test_more_opening_stock_never_lowers_the_fill_rate(company: Any) -> None:
    from fivefold.cycle.workspace import Workspace
    from fivefold.twin import experiment

    with Workspace(company.folder) as store:
        plan = store.latest_plan()
        dataset = store.dataset(as_of=AS_OF).with_tables(sales_history=plan["sales_history"])
        stages = experiment.stages_of(plan, dataset)
    row: Stage = replace(stages.rows[0], item="A", location="W", kind="none", components=())
    one = replace(stages, rows=(row,), index={("A", "W"): 0}, existing=())
    stream = Stream(
        item="A",
        location="W",
        channel="FBM",
        price=10.0,
        fees={},
        carriage=0.0,
        return_share=0.0,
        sellable_share=1.0,
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        stock=st.integers(0, 60),
        more=st.integers(1, 40),
        demand=st.lists(st.integers(0, 9), min_size=7, max_size=28),
    )
    def law(stock: int, more: int, demand: list[int]) -> None:
        before = served(stock, demand, (one, (stream,)))
        after = served(stock + more, demand, (one, (stream,)))
        assert before == min(stock, sum(demand))
        assert after >= before

    law()
