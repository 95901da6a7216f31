"""Two policies on the same luck: the difference is theirs, the live books are never touched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from fivefold.ledger.balances import on_hand
from fivefold.ledger.verify import verify
from fivefold.twin import experiment
from fivefold.twin.draws import Draws, asked_before, draw
from fivefold.twin.experiment import prove
from fivefold.twin.policies import CoverPolicy
from fivefold.twin.replay import Replay, ReplayResult

AS_OF = date(2026, 11, 22)


class Idle:
    """Orders nothing, whatever happens."""

    name = "nothing"

    def wanted(self, week: int, position: Any, rate: Any, customers: Any) -> Any:
        return np.zeros(len(position), dtype=np.int64)

    def ways(self, week: int) -> Any:
        return {}


@pytest.fixture(scope="module")
def opened(company: Any) -> Iterator[Any]:
    from fivefold.cycle.workspace import Workspace

    with Workspace(company.folder) as store:
        yield store


@pytest.fixture(scope="module")
def proof(opened: Any) -> Any:
    plan = opened.latest_plan()
    return prove(plan, opened.dataset(as_of=AS_OF), opened.journal, days=56, replications=4, seed=3)


def world(store: Any, *, days: int, seed: int = 1) -> tuple[Any, ...]:
    """Return stages, streams and the luck of one replication of the small company."""
    plan = store.latest_plan()
    dataset = store.dataset(as_of=AS_OF).with_tables(sales_history=plan["sales_history"])
    stages = experiment.stages_of(plan, dataset)
    model = experiment.demand_model(dataset, as_of=AS_OF, days=days)
    streams, kept = experiment._streams(plan, dataset, stages, model.streams)
    rng = np.random.default_rng(seed)
    lucks = draw(rng, model.draw(rng)[kept], stages, weeks=days // 7 + 1)
    rate = asked_before(plan["sales_history"], stages, as_of=AS_OF)
    return stages, streams, lucks, rate


def test_the_same_seed_gives_the_same_result_and_another_another(opened: Any, proof: Any) -> None:
    plan = opened.latest_plan()
    dataset = opened.dataset(as_of=AS_OF)
    again = prove(plan, dataset, opened.journal, days=56, replications=4, seed=3)
    assert again.by_replication.equals(proof.by_replication)
    assert again.figures == proof.figures
    other = prove(plan, dataset, opened.journal, days=56, replications=4, seed=4)
    assert not other.by_replication.equals(proof.by_replication)


def test_the_live_books_are_never_touched(opened: Any, proof: Any) -> None:
    before = verify(opened.journal)
    prove(
        opened.latest_plan(), opened.dataset(as_of=AS_OF), opened.journal, days=28, replications=2
    )
    after = verify(opened.journal)
    assert after.head == before.head
    assert after.commands == before.commands
    assert after.ok
    assert proof.commands > 0


def test_intervals_are_students_t_on_paired_differences(proof: Any) -> None:
    # Student's t with three degrees of freedom has its 97.5 % point at 3.182446.
    for figure in proof.figures:
        rows = proof.by_replication.filter(pl.col("measure") == figure.measure).sort("replication")
        old = rows.filter(pl.col("policy") == proof.old)["value"].to_list()
        new = rows.filter(pl.col("policy") == proof.new)["value"].to_list()
        assert len(old) == len(new) == 4
        paired = [b - a for a, b in zip(old, new, strict=True)]
        mean = sum(paired) / 4
        sd = math.sqrt(sum((x - mean) ** 2 for x in paired) / 3)
        half = 3.182446 * sd / 2
        assert figure.difference == pytest.approx(mean)
        assert figure.low == pytest.approx(mean - half, rel=1e-5, abs=1e-6)
        assert figure.high == pytest.approx(mean + half, rel=1e-5, abs=1e-6)
        assert figure.old == pytest.approx(sum(old) / 4)


def test_identical_policies_on_common_luck_differ_by_nothing(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(plan: Any, old: Any, stages: Any) -> tuple[Any, Any]:
        return CoverPolicy(stages, name="one"), CoverPolicy(stages, name="other")

    monkeypatch.setattr(experiment, "_policies", twice)
    same = prove(
        opened.latest_plan(), opened.dataset(as_of=AS_OF), opened.journal, days=56, replications=3
    )
    assert {f.difference for f in same.figures} == {0.0}
    assert {f.verdict for f in same.figures} == {"not told from luck"}


def test_who_orders_nothing_does_worse(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def against_nothing(plan: Any, old: Any, stages: Any) -> tuple[Any, Any]:
        return CoverPolicy(stages), Idle()

    monkeypatch.setattr(experiment, "_policies", against_nothing)
    idle = prove(
        opened.latest_plan(), opened.dataset(as_of=AS_OF), opened.journal, days=91, replications=3
    )
    assert idle.figure("fill_rate").verdict == "worse"
    assert idle.figure("units_lost").difference > 0


def test_a_replay_agrees_with_its_books_unit_by_unit(opened: Any) -> None:
    stages, streams, lucks, rate = world(opened, days=70)
    with opened.journal.fork() as fork:
        replay = Replay(fork, stages, streams, CoverPolicy(stages), lucks, AS_OF)
        result = replay.run(rate)
        held = {
            (item, place): units
            for item, place, units in on_hand(fork).select("item", "location", "available").rows()
        }
        for number, stage in enumerate(stages.rows):
            assert held.get((stage.item, stage.location), 0) == replay.on_hand[number]
        assert verify(fork).ok
        assert result.refused == 0
    assert (result.served <= result.wanted).all()
    assert result.served.sum() > 0


def test_a_run_of_which_nothing_comes_out_good_is_a_loss_and_no_crash(opened: Any) -> None:
    from dataclasses import replace

    stages, streams, lucks, rate = world(opened, days=42)
    rows = tuple(
        replace(row, yield_share=0.3) if row.kind == "make" else row for row in stages.rows
    )
    poor = replace(stages, rows=rows)
    unlucky = Draws(
        demand=lucks.demand,
        lead_time=lucks.lead_time,
        existing=lucks.existing,
        yields=np.full_like(lucks.yields, -9.0),
        returns=lucks.returns,
    )
    with opened.journal.fork() as fork:
        Replay(fork, poor, streams, CoverPolicy(poor), unlucky, AS_OF).run(rate)
        assert verify(fork).ok


def test_every_measure_can_be_asked_for_by_name(proof: Any) -> None:
    assert proof.figure("profit").unit == "currency"
    with pytest.raises(KeyError, match="luck"):
        proof.figure("luck")


def test_what_is_missed_counts_in_money_and_only_where_a_sale_would_have_earned(
    opened: Any,
) -> None:
    from dataclasses import replace

    stages, streams, _lucks, _rate = world(opened, days=7)
    assert any(stream.margin > 0 for stream in streams)
    earner = replace(streams[0], margin=9.5)
    loser = replace(streams[0], margin=-2.0)
    result = ReplayResult(
        wanted=np.array([[10, 10], [30, 0]]),
        served=np.array([[10, 4], [0, 0]]),
        contribution=0.0,
        flows={},
        stock_value=np.ones(2),
        ordered_value=0.0,
        refused=0,
        ordered=np.zeros((1, 1)),
        received=(),
        documents=0,
    )
    told = experiment._measured(
        experiment.Played(
            result=result,
            stages=stages,
            streams=(earner, loser),
            capital_per_day=0.0,
            is_new=True,
            luck=np.random.default_rng(1),
        )
    )
    assert told["fill_rate"] == pytest.approx(14 / 50)
    assert told["fill_rate_earning"] == pytest.approx(14 / 20)
    assert told["margin_missed"] == pytest.approx(6 * 9.5)


def test_a_decision_comes_by_the_mode_the_plan_chose_and_the_rest_as_usual(opened: Any) -> None:
    plan = opened.latest_plan()
    dataset = opened.dataset(as_of=AS_OF).with_tables(sales_history=plan["sales_history"])
    options = plan["sourcing_options"]
    decision = (
        plan["supply_plan"]
        .filter(pl.col("kind") == "buy")
        .join(options.filter(pl.col("rank") == 1), on=["item", "destination", "mode"], how="semi")
        .sort("decision")
        .row(0, named=True)
    )
    usual = options.filter(
        (pl.col("item") == decision["item"])
        & (pl.col("destination") == decision["destination"])
        & (pl.col("rank") == 1)
    )
    hasty = usual.with_columns(
        mode=pl.lit("courier"), lead_time_days_mean=pl.lit(2.0), rank=pl.lit(99).cast(pl.Int64)
    ).select(options.columns)
    changed = plan.with_tables(
        sourcing_options=pl.concat([options, hasty.cast(options.schema)]),  # type: ignore[arg-type]
        supply_plan=plan["supply_plan"].with_columns(
            mode=pl.when(pl.col("decision") == decision["decision"])
            .then(pl.lit("courier"))
            .otherwise("mode")
        ),
    )
    stages = experiment.stages_of(changed, dataset)
    assert experiment.stages_of(changed, dataset).rows == stages.rows
    stage = stages.index[decision["item"], decision["destination"]]
    policy = experiment.planned_policy(changed, stages)
    weeks = [week for week, chosen in enumerate(policy.chosen) if stage in chosen]
    first = plan["projected_stock"]["period_start"].min()
    assert weeks == [max(0, (decision["start_on"] - first).days // 7)]
    assert policy.ways(weeks[0])[stage].mode == "courier"
    assert policy.ways(weeks[0])[stage].lead_time_days_mean == 2.0
    assert stages.rows[stage].mode == usual["mode"][0] != "courier"
    assert CoverPolicy(stages).ways(weeks[0]) == {}
