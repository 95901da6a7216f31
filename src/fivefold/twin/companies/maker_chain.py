"""The chain of the example maker: stages, times, value added and demand of the literature.

Figures are those of chain 6 in Willems (2008), "Data Set - Real-World Multiechelon Supply Chains
Used for Inventory Optimization", M&SOM 10(1), 19-23. A stage's time is split where one stage
stands for buying and making; the sum is the published one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

DOLLARS_PER_COST = 40.0
UNITS_PER_DEMAND = 0.02
COLOURS = {"WHITE": 0.5, "GREY": 0.3, "RED": 0.2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A stage of the second plant upstream: value added, days to buy its parts and to make it."""

    code: str
    title: str
    cost: float
    stage_days: int
    make_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A finishing stage: value added, days, modules it takes."""

    code: str
    title: str
    cost: float
    days: int
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A distribution stage: value added and days, the same for every product."""

    code: str
    title: str
    city: str
    country: str
    zone: str
    mode: str
    cost: float
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a supplier sells for a module; its price is a share of the module's value."""

    code: str
    title: str
    supplier: str
    module: str
    share: float
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedGood:
    """A product in a colour."""

    item: str
    product: Product
    colour: str


MODULES = (
    Module(code="MOD1", title="Frame", cost=0.25, stage_days=53),
    Module(code="MOD2", title="Drive", cost=0.85, stage_days=60),
    Module(code="MOD3", title="Foot", cost=0.15, stage_days=53),
    Module(code="MOD4", title="Lift", cost=0.83, stage_days=53),
    Module(code="MOD5", title="Control", cost=0.91, stage_days=60),
    Module(code="MOD6", title="Arm", cost=0.86, stage_days=53),
)
PRODUCTS = (
    Product(code="P1", title="Bench", cost=1.21, days=20, modules=("MOD1", "MOD2")),
    Product(code="P2", title="Stand", cost=1.43, days=20, modules=("MOD2", "MOD3")),
    Product(code="P3", title="Desk", cost=1.11, days=18, modules=("MOD1", "MOD4", "MOD5")),
    Product(code="P4", title="Mount", cost=1.16, days=18, modules=("MOD1", "MOD5", "MOD6")),
)
CENTRES = (
    Centre(
        code="DC-WEST", title="Centre West", city="Reno", country="US",
        zone="America/Los_Angeles", mode="rail", cost=0.25, days=9,
    ),
    Centre(
        code="DC-HOME", title="Centre Home", city="Columbus", country="US",
        zone="America/New_York", mode="ltl", cost=0.05, days=2,
    ),
    Centre(
        code="DC-EU", title="Centre Europe", city="Rotterdam", country="NL",
        zone="Europe/Amsterdam", mode="fcl", cost=0.35, days=14,
    ),
)  # fmt: skip
DAILY_DEMAND = {
    ("P1", "DC-WEST"): 760.23, ("P1", "DC-HOME"): 291.05, ("P1", "DC-EU"): 196.78,
    ("P2", "DC-WEST"): 126.53, ("P2", "DC-HOME"): 40.12, ("P2", "DC-EU"): 191.48,
    ("P3", "DC-WEST"): 1708.98, ("P3", "DC-HOME"): 857.28, ("P3", "DC-EU"): 156.35,
    ("P4", "DC-WEST"): 1600.58, ("P4", "DC-HOME"): 1001.53, ("P4", "DC-EU"): 881.83,
}  # fmt: skip
#: Carriage of a module between the plants takes two days in the literature too.
CARRIAGE_DAYS = 2
#: Days on the lane from a supplier.
SUPPLY_DAYS = 3


def _parts() -> tuple[Part, ...]:
    suppliers = ("S-STEEL", "S-CAST", "S-ELECTRIC", "S-PLASTIC")
    found = []
    for number, module in enumerate(MODULES):
        days = module.stage_days - module.make_days - SUPPLY_DAYS
        for place, (title, share) in enumerate((("body", 0.4), ("set of fittings", 0.25))):
            found.append(
                Part(
                    code=f"{module.code}-{'AB'[place]}",
                    title=f"{module.title} {title}",
                    supplier=suppliers[(number + 2 * place) % 4],
                    module=module.code,
                    share=share,
                    days=days,
                )
            )
    return tuple(found)


PARTS = _parts()


def part_of(module: Module) -> list[Part]:
    """Return the parts of a module."""
    return [part for part in PARTS if part.module == module.code]


@cache
def finished_goods() -> tuple[FinishedGood, ...]:
    """Return every product in every colour."""
    return tuple(
        FinishedGood(item=f"{product.code}-{colour}", product=product, colour=colour)
        for product in PRODUCTS
        for colour in COLOURS
    )


@cache
def unit_costs() -> dict[str, float]:
    """Return the cost of one unit of everything, value added up the chain.

    >>> round(unit_costs()["P2-RED"], 2)
    103.6
    """
    costs = {module.code: module.cost * DOLLARS_PER_COST for module in MODULES}
    costs |= {part.code: costs[part.module] * part.share for part in PARTS}
    for good in finished_goods():
        own = good.product.cost * DOLLARS_PER_COST
        # The carriage between the plants adds value as well, .08 at the mean.
        carried = sum(costs[module] + 0.08 * DOLLARS_PER_COST for module in good.product.modules)
        costs[good.item] = own + carried
    return costs
