"""Queues of a building against closed forms, a published example and a simulation."""

from __future__ import annotations

import heapq
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from fivefold.cli.app import app
from fivefold.deliver.warehouse.throughput import Station, throughput, wait_chance


def test_the_emergency_room_of_hillier_and_lieberman() -> None:
    # Sec. 17.6: two patients an hour, three an hour by each doctor. One doctor: Lq 4/3, Wq 2/3;
    # two: Lq 1/12, Wq 1/24.
    one = throughput([Station(name="doctor", people=1, per_hour=3.0)], per_hour=2.0).loads[0]
    assert one.waiting_orders == pytest.approx(4 / 3)
    assert one.wait_hours == pytest.approx(2 / 3)
    two = throughput([Station(name="doctor", people=2, per_hour=3.0)], per_hour=2.0).loads[0]
    assert two.waiting_orders == pytest.approx(1 / 12)
    assert two.wait_hours == pytest.approx(1 / 24)


def test_one_person_is_the_single_server_queue() -> None:
    for load in (0.1, 0.5, 0.95):
        assert wait_chance(load, 1) == pytest.approx(load)


def test_the_building_saturates_where_its_tightest_station_does() -> None:
    stations = [
        Station(name="pick", people=10, per_hour=12.0),
        Station(name="pack", people=4, per_hour=25.0, visits=1.1),
        Station(name="load", people=2, per_hour=60.0),
    ]
    found = throughput(stations, per_hour=80.0)
    assert (found.bottleneck, found.saturates_at_per_hour) == ("pack", pytest.approx(100 / 1.1))
    assert found.hours_in_building is not None
    beyond = throughput(stations, per_hour=95.0)
    assert beyond.hours_in_building is None
    assert [load.wait_hours is None for load in beyond.loads] == [False, True, False]


def test_hours_in_the_building_agree_with_a_simulation_of_two_stations() -> None:
    stations = [
        Station(name="pick", people=3, per_hour=10.0),
        Station(name="pack", people=2, per_hour=16.0),
    ]
    rng = np.random.default_rng(11)
    orders = 200_000
    arrive = np.cumsum(rng.exponential(1 / 22.0, orders))
    ready = arrive
    for station in stations:
        free = [0.0] * station.people
        work = rng.exponential(1 / station.per_hour, orders)
        leaves = np.empty(orders)
        for order in np.argsort(ready, kind="stable"):
            start = max(ready[order], heapq.heappop(free))
            leaves[order] = start + work[order]
            heapq.heappush(free, leaves[order])
        ready = leaves
    expected = throughput(stations, per_hour=22.0).hours_in_building
    assert float((ready - arrive)[2000:].mean()) == pytest.approx(expected, rel=0.03)


def test_impossible_stations_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a person"):
        Station(name="x", people=0, per_hour=1.0)
    with pytest.raises(ValueError, match="at least one station"):
        throughput([], per_hour=1.0)
    with pytest.raises(ValueError, match="below 1"):
        wait_chance(1.0, 1)


def test_the_command_says_what_gives_way_first() -> None:
    runner = CliRunner()
    asked = ["warehouse", "saturation", "pick=10x12", "pack=4x25x1.1", "--orders"]
    fine = runner.invoke(app, [*asked, "80", "--json"])
    assert fine.exit_code == 0, fine.output
    assert json.loads(fine.output)["bottleneck"] == "pack"
    assert runner.invoke(app, [*asked, "95"]).exit_code == 1
    wrong = runner.invoke(app, ["warehouse", "saturation", "pick=10", "--orders", "1"])
    assert wrong.exit_code == 2
