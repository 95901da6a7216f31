"""Cartons hold every unit once and keep the limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.deliver.cartons import CartonLimits, pack

SIDES = ("length_cm", "width_cm", "height_cm")


def item(name: str, side: float, kg: float, case: int | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SIDES, side)
    row |= {"item": name, "weight_kg": kg, "case_quantity": case, "case_weight_kg": None}
    row |= {f"case_{name}": None if case is None else 50.0 for name in SIDES}
    return row


shapes = st.tuples(
    st.floats(1.0, 70.0), st.floats(0.01, 30.0), st.one_of(st.none(), st.integers(1, 60))
)


@settings(max_examples=150, deadline=None)
@given(st.lists(shapes, min_size=1, max_size=4), st.lists(st.integers(1, 400), min_size=4))
def test_every_unit_is_packed_once_within_the_limits(
    sizes: list[tuple[float, float, int | None]], units: list[int]
) -> None:
    items = {f"I{n}": item(f"I{n}", *size) for n, size in enumerate(sizes)}
    lines = [(f"d{n}", code, units[n]) for n, code in enumerate(items)]
    limits = CartonLimits()
    cartons = pack(lines, items, limits)
    packed: Counter[tuple[str, str]] = Counter()
    for carton in cartons:
        for decision, code, count in carton.contents:
            assert count > 0
            packed[decision, code] += count
        several = sum(count for _d, _c, count in carton.contents) > 1
        if several:
            assert carton.weight_kg <= limits.weight_kg + 1e-6
            assert max(carton.length_cm, carton.width_cm, carton.height_cm) <= limits.side_cm + 1e-6
        elif carton.weight_kg > limits.weight_kg + 1e-6:
            assert carton.broken_rule
        assert sum(count for _d, _c, count in carton.contents) <= limits.units
        if not carton.is_case:
            volume = sum(
                count * items[code]["length_cm"] ** 3 for _d, code, count in carton.contents
            )
            assert volume <= limits.volume_cm3 + 1e-3
    assert packed == {(decision, code): count for decision, code, count in lines}


def test_full_cases_go_first_and_the_rest_is_mixed() -> None:
    items = {"A": item("A", 10.0, 0.5, 12), "B": item("B", 5.0, 0.2, None)}
    cartons = pack([("x", "A", 30), ("y", "B", 7)], items, CartonLimits())
    cases = [carton for carton in cartons if carton.is_case]
    assert [carton.contents for carton in cases] == [(("x", "A", 12),)] * 2
    mixed = [carton for carton in cartons if not carton.is_case]
    assert len(mixed) == 1
    assert set(mixed[0].contents) == {("x", "A", 6), ("y", "B", 7)}
    # 6 x 0.5 + 7 x 0.2 and half a kilogram of carton.
    assert abs(mixed[0].weight_kg - 4.9) < 1e-9
