"""A small network's day, its sorting and its people, as the commands see them."""

import pytest

from fivefold.cycle.network import plan_network, sort_record
from fivefold.cycle.plans import Plan
from fivefold.cycle.workforce import staff_network, why_people, workforce_record
from fivefold.errors import NotFoundError
from fivefold.model import Dataset
from fivefold.plan.workforce.staffing import WorkforceParams
from fivefold.twin.companies.operator import AS_OF, make_tables


@pytest.fixture(scope="module")
def small() -> Dataset:
    return Dataset(make_tables(scale=0.05))


@pytest.fixture(scope="module")
def day(small: Dataset) -> Plan:
    return plan_network(small, as_of=AS_OF)


def test_a_day_with_its_sorting_breaks_no_rule(day: Plan) -> None:
    assert day.is_legal
    record = sort_record(day)
    assert record["parcels"] == pytest.approx(float(day["sort_plan"]["parcels"].sum()))
    place = record["crews"][0]["location"]
    one = sort_record(day, place)
    assert one["departures"]
    assert one["because"]
    with pytest.raises(NotFoundError, match="nothing is sorted at 'NOWHERE'"):
        sort_record(day, "NOWHERE")


def test_people_are_planned_from_the_day_and_every_hire_has_a_reason(
    small: Dataset, day: Plan
) -> None:
    params = WorkforceParams(weeks=20, surge_share=0.6, surge_weeks=20, delays=(2, 6))
    people = staff_network(small, day, params, as_of=AS_OF)
    assert people.is_legal
    record = workforce_record(people)
    assert record["hires"] == sum(row["hires"] for row in record["skills"])
    assert record["gap"] < 0.05
    region = people["workforce_plan"]["region"][0]
    assert all(row["because"] for row in why_people(people, region, None) if row["hires"])
    with pytest.raises(NotFoundError, match="there is no region 'Atlantis'"):
        why_people(people, "Atlantis", None)
