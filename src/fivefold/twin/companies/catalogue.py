"""What the example seller sells, and what its plant makes it from.

Finished goods are variants of the products in `products.csv`; about a third of them are put
together at the plant from components and a carton. Everything here is invented.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BRANDS = {
    "Kitchen": "Casa Lumo",
    "Home & Garden": "Fernhaven",
    "Pet Supplies": "Pawmarket",
    "Sports & Outdoors": "Trailmont",
    "Toys & Games": "Petit Renard",
    "Office Products": "Deskline",
    "Beauty": "Belle Été",
    "Furniture & Decor": "Norrhem",
}
VARIANTS = (
    "charcoal",
    "sand",
    "forest green",
    "navy",
    "white",
    "terracotta",
    "sky blue",
    "blush",
    "olive",
    "graphite",
)
#: Share of finished items by the way they sell: most lines one by one, rarely, or in bulk.
SELLING = {"smooth": 0.62, "slow": 0.26, "lumpy": 0.12}
UNITS_OF_CASE = (1, 2, 4, 6, 8, 12, 16, 20, 24, 30, 36, 40, 48, 60)
LARGEST_CASE_M3 = 0.075
LARGEST_CASE_KG = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The items as arrays of equal length, finished goods first.

    Strings are lists, figures are arrays of shape (n_items,). `made` marks what the plant
    makes; `selling` is one of `SELLING` for finished goods. The bill of material is three
    arrays: row of the product, row of the component, units per product.
    """

    item: list[str]
    title: list[str]
    brand: list[str]
    category: list[str]
    family: list[str]
    kind: list[str]
    hs_code: list[str]
    season: list[str]
    supplier: list[str]
    selling: list[str]
    sides_cm: Floats
    weight_kg: Floats
    price: Floats
    unit_cost: Floats
    return_share: Floats
    case_quantity: Ints
    made: NDArray[np.bool_]
    finished: int
    bom_product: Ints
    bom_component: Ints
    bom_quantity: Ints

    def __len__(self) -> int:
        return len(self.item)

    @property
    def volume_m3(self) -> Floats:
        """Volume of one packed unit, shape (n_items,)."""
        volume: Floats = self.sides_cm.prod(axis=1) / 1e6
        return volume

    def asin(self, row: int) -> str:
        """Return the invented catalogue number of a finished item."""
        return f"B0SYN{row:05d}"

    def fnsku(self, row: int) -> str:
        """Return the invented fulfilment label of a finished item."""
        return f"X00SYN{row:04d}"


@dataclass(slots=True)
class _Rows:
    """Items while they are being listed."""

    text: dict[str, list[str]]
    figures: dict[str, list[float]]

    def add(self, text: dict[str, str], figures: dict[str, float]) -> None:
        for name, value in text.items():
            self.text.setdefault(name, []).append(value)
        for name, number in figures.items():
            self.figures.setdefault(name, []).append(number)


def products() -> list[dict[str, str]]:
    """Return the invented products of which items are variants."""
    text = (files("fivefold.twin.companies") / "products.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def make_catalogue(rng: np.random.Generator, *, items: int) -> Catalogue:
    """Return a catalogue with `items` finished goods and what the plant needs for them.

    Raises
    ------
    ValueError
        If `items` is below 1.
    """
    if items < 1:
        raise ValueError(f"items must be at least 1, found {items}")
    known = products()
    rows = _Rows({}, {})
    # Products come in a stride so that a small company still has every category.
    stride = [(i * 13) % len(known) for i in range(len(known))]
    for i in range(items):
        _finished(rows, known[stride[i % len(known)]], i, i // len(known), rng)
    bom = _bill_of_material(rows, items, rng)
    figures = {name: np.array(values) for name, values in rows.figures.items()}
    sides = np.column_stack([figures[f"side_{k}"] for k in range(3)]).round(1)
    return Catalogue(
        **{name: rows.text[name] for name in rows.text},
        sides_cm=-np.sort(-sides, axis=1),
        weight_kg=figures["weight_kg"].round(3),
        price=figures["price"].round(2),
        unit_cost=figures["unit_cost"].round(2),
        return_share=figures["return_share"],
        case_quantity=_case_quantity(sides.prod(axis=1) / 1e6, figures["weight_kg"]),
        made=figures["made"] > 0,
        finished=items,
        bom_product=np.array([line[0] for line in bom], dtype=np.int64),
        bom_component=np.array([line[1] for line in bom], dtype=np.int64),
        bom_quantity=np.array([line[2] for line in bom], dtype=np.int64),
    )


def _finished(
    rows: _Rows, product: dict[str, str], i: int, variant: int, rng: np.random.Generator
) -> None:
    """Add one finished item: a colour of a product, its size and price a little its own."""
    stretch = rng.uniform(0.92, 1.08, size=4)
    spread = rng.random()
    low, high = float(product["price_low"]), float(product["price_high"])
    price = np.floor(low + spread * (high - low)) + 0.99
    # One item in eight was calculated too tightly and loses money once fees are paid.
    cost_share = float(product["cost_share"]) * (1.9 if rng.random() < 0.12 else 1.0)
    colour = VARIANTS[(variant + i) % len(VARIANTS)]
    rows.add(
        {
            "item": f"{product['prefix']}-{1000 + i}",
            "title": f"{BRANDS[product['category']]} {product['title']}, {colour}",
            "brand": BRANDS[product["category"]],
            "category": product["category"],
            "family": product["title"],
            "kind": "kit" if product["made"] == "1" else "finished",
            "hs_code": product["hs_code"],
            "season": product["season"],
            "supplier": "" if product["made"] == "1" else f"SUP-{product['supplier']}",
            "selling": str(rng.choice(list(SELLING), p=list(SELLING.values()))),
        },
        {
            "side_0": float(product["length_cm"]) * stretch[0],
            "side_1": float(product["width_cm"]) * stretch[1],
            "side_2": float(product["height_cm"]) * stretch[2],
            "weight_kg": float(product["weight_kg"]) * stretch[3],
            "price": min(price, 179.99),
            "unit_cost": price * cost_share * rng.uniform(0.9, 1.1),
            "return_share": float(product["return_share"]) * rng.uniform(0.7, 1.4),
            "made": float(product["made"]),
        },
    )


def _bill_of_material(
    rows: _Rows, items: int, rng: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Add the components of made items and the cartons; return (product, component, units)."""
    lines: list[tuple[int, int, int]] = []
    shared: dict[tuple[str, int], int] = {}
    cartons: dict[int, int] = {}
    for product in range(items):
        if not rows.figures["made"][product]:
            continue
        category, variant = rows.text["category"][product], product // 64
        parts = int(rng.integers(2, 5))
        # Kits of one category draw on the same eight parts, so kits compete for them.
        slots = np.sort(rng.choice(8, size=parts, replace=False))
        cost = rows.figures["unit_cost"][product] * 0.72 / parts
        for slot in slots:
            key = (category, int(slot) + 8 * (variant % 2))
            if key not in shared:
                shared[key] = _component(rows, category, len(shared), cost, rng)
            lines.append((product, shared[key], 2 if slot % 4 == 0 else 1))
        size = int(np.digitize(rows.figures["side_0"][product], (24, 32, 40, 60)))
        if size not in cartons:
            cartons[size] = _carton(rows, size)
        lines.append((product, cartons[size], 1))
        # A kit costs what its parts cost, and the hands that put it together.
        content = sum(q * rows.figures["unit_cost"][c] for p, c, q in lines if p == product)
        rows.figures["unit_cost"][product] = content + 0.9
    return lines


def _component(
    rows: _Rows, category: str, number: int, cost: float, rng: np.random.Generator
) -> int:
    code = rows.text["item"][rows.text["category"].index(category)][:2]
    supplier = ("SUP-CN", "SUP-VN", "SUP-US")[int(rng.choice(3, p=[0.55, 0.25, 0.20]))]
    side = rng.uniform(6, 16)
    rows.add(
        {
            **dict.fromkeys(rows.text, ""),
            "item": f"CMP-{code}-{100 + number}",
            "title": f"{category} kit part {100 + number}",
            "category": category,
            "family": "Components",
            "kind": "component",
            "hs_code": "3926.90",
            "supplier": supplier,
        },
        {
            "side_0": side,
            "side_1": side * 0.7,
            "side_2": side * 0.35,
            "weight_kg": rng.uniform(0.05, 0.45),
            "price": 0.0,
            "unit_cost": max(0.2, cost * rng.uniform(0.8, 1.2)),
            "return_share": 0.0,
            "made": 0.0,
        },
    )
    return len(rows.text["item"]) - 1


def _carton(rows: _Rows, size: int) -> int:
    rows.add(
        {
            **dict.fromkeys(rows.text, ""),
            "item": f"PKG-{size + 1}",
            "title": f"Printed carton size {size + 1}",
            "category": "Packaging",
            "family": "Packaging",
            "kind": "packaging",
            "hs_code": "4819.10",
            "supplier": "SUP-US",
        },
        {
            "side_0": 24.0 + 10 * size,
            "side_1": 18.0 + 8 * size,
            "side_2": 0.6,
            "weight_kg": 0.08 + 0.06 * size,
            "price": 0.0,
            "unit_cost": 0.22 + 0.14 * size,
            "return_share": 0.0,
            "made": 0.0,
        },
    )
    return len(rows.text["item"]) - 1


def _case_quantity(volume_m3: Floats, weight_kg: Floats) -> Ints:
    """Return the largest usual case that a person can lift and a shelf can hold."""
    fits = np.minimum(LARGEST_CASE_M3 / volume_m3, LARGEST_CASE_KG / weight_kg)
    steps = np.array(UNITS_OF_CASE)
    chosen: Ints = steps[np.clip(np.searchsorted(steps, fits, side="right") - 1, 0, None)]
    return chosen
