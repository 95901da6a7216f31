from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fivefold.deliver.cartons import Carton
from fivefold.deliver.pallets import PalletLimits, stack

LIMITS = PalletLimits()
cartons = st.lists(
    st.builds(
        lambda sides, kg: Carton(
            contents=(("d", "A", 1),),
            weight_kg=kg,
            length_cm=sides[0],
            width_cm=sides[1],
            height_cm=sides[2],
            is_case=True,
        ),
        st.tuples(*[st.floats(5, 63.5)] * 3),
        st.floats(0.5, 22.68),
    ),
    max_size=80,
)


@given(cartons)
def test_every_carton_stands_once_on_a_pallet_that_a_dock_takes(boxes: list[Carton]) -> None:
    pallets = stack(boxes)
    placed = sorted(carton for pallet in pallets for carton, _layer in pallet.cartons)
    assert placed == list(range(1, len(boxes) + 1))
    for pallet in pallets:
        assert pallet.height_cm <= LIMITS.height_cm + 1e-6
        assert pallet.weight_kg <= LIMITS.weight_kg + 1e-6
        layers: dict[int, list[Carton]] = {}
        for carton, layer in pallet.cartons:
            layers.setdefault(layer, []).append(boxes[carton - 1])
        for on_it in layers.values():
            area = sum(box.length_cm * box.width_cm for box in on_it)
            assert area <= LIMITS.length_cm * LIMITS.width_cm + 1e-6


@given(cartons)
def test_no_fewer_pallets_than_weight_and_volume_ask(boxes: list[Carton]) -> None:
    room = LIMITS.length_cm * LIMITS.width_cm * (LIMITS.height_cm - LIMITS.base_height_cm)
    volume = sum(box.length_cm * box.width_cm * box.height_cm for box in boxes)
    weight = sum(box.weight_kg for box in boxes)
    most = LIMITS.weight_kg - LIMITS.base_weight_kg
    assert len(stack(boxes)) >= max(volume / room, weight / most) - 1e-9


def test_identical_cases_fill_the_deck() -> None:
    """24 x 20 x 16 in cases stand four to a layer of 48 x 40 in, four layers high."""
    box = Carton(
        contents=(("d", "A", 1),),
        weight_kg=10,
        length_cm=60.96,
        width_cm=50.8,
        height_cm=40.64,
        is_case=True,
    )
    assert [len(pallet.cartons) for pallet in stack([box] * 32)] == [16, 16]
