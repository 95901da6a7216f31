"""Things in a box do not overlap, lie within it, and weigh no more than it carries."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.deliver.warehouse.packing import Box, Thing, choose_boxes

side = st.integers(1, 12).map(float)
things = st.lists(
    st.tuples(st.tuples(side, side, side), st.integers(1, 4), st.booleans(), st.integers(0, 5)),
    min_size=1,
    max_size=5,
)
BOXES = [
    Box(name="S", sides_cm=(10, 10, 5), most_kg=8),
    Box(name="M", sides_cm=(14, 12, 10), most_kg=12),
    Box(name="L", sides_cm=(20, 16, 12), most_kg=20),
]


@settings(max_examples=60, deadline=None)
@given(drawn=things)
def test_a_packing_can_be_built(
    drawn: list[tuple[tuple[float, float, float], int, bool, int]],
) -> None:
    order = [
        Thing(name=str(n), sides_cm=sides, quantity=units, fragile=soft, weight_kg=float(weight))
        for n, (sides, units, soft, weight) in enumerate(drawn)
    ]
    packed, loose = choose_boxes(order, BOXES)
    told = sorted([*loose, *(p.name for box in packed for p in box.placed)])
    assert told == sorted(t.name for t in order for _ in range(t.quantity))
    by_name = {t.name: t for t in order}
    for box in packed:
        assert box.weight_kg <= box.box.most_kg + 1e-9
        assert abs(box.weight_kg - sum(by_name[p.name].weight_kg for p in box.placed)) < 1e-9
        for p in box.placed:
            assert sorted(p.sides_cm) == sorted(by_name[p.name].sides_cm)
            for axis in range(3):
                assert p.corner_cm[axis] >= 0
                assert p.corner_cm[axis] + p.sides_cm[axis] <= box.box.sides_cm[axis] + 1e-9
        for a, b in combinations(box.placed, 2):
            shared = [
                min(a.corner_cm[x] + a.sides_cm[x], b.corner_cm[x] + b.sides_cm[x])
                - max(a.corner_cm[x], b.corner_cm[x])
                for x in range(3)
            ]
            assert min(shared) <= 1e-9
            # Nothing stands on what is fragile.
            for below, above in ((a, b), (b, a)):
                if by_name[below.name].fragile and shared[0] > 1e-9 and shared[1] > 1e-9:
                    assert above.corner_cm[2] <= below.corner_cm[2] + 1e-9
        # Every bottom lies on the floor or wholly on what is below.
        for p in box.placed:
            if p.corner_cm[2] < 1e-9:
                continue
            borne = 0.0
            for q in box.placed:
                if abs(q.corner_cm[2] + q.sides_cm[2] - p.corner_cm[2]) < 1e-9:
                    over = [
                        min(p.corner_cm[x] + p.sides_cm[x], q.corner_cm[x] + q.sides_cm[x])
                        - max(p.corner_cm[x], q.corner_cm[x])
                        for x in range(2)
                    ]
                    borne += max(over[0], 0.0) * max(over[1], 0.0)
            assert abs(borne - p.sides_cm[0] * p.sides_cm[1]) < 1e-6


def test_a_bag_takes_a_flat_thing_and_nothing_fragile() -> None:
    bag = Box(name="BAG", sides_cm=(40.0, 30.0, 0.0), most_kg=2.0, cost=0.1)
    box = Box(name="BOX", sides_cm=(40.0, 30.0, 20.0), most_kg=10.0, cost=1.0)
    flat = Thing(name="BOOK", sides_cm=(24.0, 17.0, 3.0), weight_kg=0.5, quantity=2)
    packed, loose = choose_boxes([flat], [bag, box])
    assert [one.box.name for one in packed] == ["BAG"]
    assert loose == []
    high = max(p.corner_cm[2] + p.sides_cm[2] for p in packed[0].placed)
    wide = max(p.corner_cm[1] + p.sides_cm[1] for p in packed[0].placed)
    assert wide <= 30.0 - high + 1e-9
    glass = Thing(name="GLASS", sides_cm=(24.0, 17.0, 3.0), weight_kg=0.5, fragile=True)
    assert [one.box.name for one in choose_boxes([glass], [bag, box])[0]] == ["BOX"]
