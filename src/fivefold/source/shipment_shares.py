"""What a unit pays of the fixed cost of the shipment that it travels in.

Knows how much travels together from a supplier to a place, and how a load's cost is shared.
Never looks a lane up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fivefold.source.options import Option

#: Times that modes are chosen and what travels by each is counted anew.
ROUNDS = 4

#: Carriage of a unit of an item from one place on to another, as far as it is known.
Onward = Callable[[Option, str], float]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What an item adds to the shipments of a usual cycle; `volume_m3` None is unknown."""

    volume_m3: float | None
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipments:
    """Flows by item of each (supplier, destination), and of each mode that was chosen."""

    whole: Mapping[Pair, Mapping[str, Flow]] = field(default_factory=dict)
    by_mode: Mapping[tuple[str, str, str], Mapping[str, Flow]] = field(default_factory=dict)

    def along(self, option: Option) -> Mapping[str, Flow]:
        """Return what travels by an option's way: all of the pair where nothing is known to."""
        pair = (option.supplier, option.destination)
        own = self.by_mode.get((*pair, option.route.mode))
        return own if own else self.whole.get(pair, {})


def with_shipment_shares(
    options: Sequence[Option],
    *,
    fed: Mapping[str, Iterable[str]],
    onward: Onward,
    review_days: int,
    ranked: Callable[[list[Option]], list[Option]],
) -> list[Option]:
    """Return options with their share of the fixed cost of a shipment.

    What travels together in a usual cycle is what the places use of the items that this
    supplier would win, each item counted at the place where it lands cheapest. All modes
    of a supplier and place are first compared on the same goods; then modes are chosen and
    the goods of each counted anew, until nobody changes [1]_. A unit pays for its cube (else
    its value) of the loads that its own usual order and the others' flow start.

    Parameters
    ----------
    options : sequence of Option
        Without shares.
    fed : mapping of str to iterable of str
        Places that goods can go on to from a place, itself among them.
    onward : callable
        Carriage a unit of an option's item to another place.
    review_days : int
        Days of use that a usual order covers.
    ranked : callable
        Returns the best option of each (item, destination) group of options, risk included.

    References
    ----------
    .. [1] Kim, Pardalos (1999), "A solution approach to the fixed charge network flow problem
       using a dynamic slope scaling procedure", Operations Research Letters 24(4): a fixed
       charge is spread over the flow found last.
    """
    if not any(option.route.cost_per_shipment > 0 for option in options):
        return list(options)
    units = _units_by_place(options, fed=fed, onward=onward, review_days=review_days)
    found = Shipments(whole=_whole(_cheapest(options), units))
    shared = [_shared(option, found) for option in options]
    before: set[tuple[str, str, str, str]] = set()
    for _ in range(ROUNDS):
        best = ranked(shared)
        chosen = {(o.item, o.destination, o.supplier, o.route.mode) for o in best}
        if chosen == before:
            break
        before = chosen
        found = Shipments(whole=found.whole, by_mode=_by_mode(best, units))
        shared = [_shared(option, found) for option in options]
    return shared


def _cheapest(options: Iterable[Option]) -> dict[tuple[str, str], Option]:
    """Return the option of each (item, destination) that is cheapest before fixed costs."""
    best: dict[tuple[str, str], Option] = {}
    for option in options:
        key = (option.item, option.destination)
        if key not in best or option.order_key < best[key].order_key:
            best[key] = option
    return best


def _units_by_place(
    options: Iterable[Option],
    *,
    fed: Mapping[str, Iterable[str]],
    onward: Onward,
    review_days: int,
) -> dict[tuple[str, str], float]:
    """Return units of a cycle by (item, destination), each use counted at one place.

    A place feels the use of all it feeds; what lands cheaper further down, carriage on
    included, is bought there.
    """
    by_item: dict[str, dict[str, Option]] = {}
    for (item, destination), option in _cheapest(options).items():
        if option.rate is not None:
            by_item.setdefault(item, {})[destination] = option
    units: dict[tuple[str, str], float] = {}
    for item, places in by_item.items():
        rates = {place: best.rate.units_per_day for place, best in places.items() if best.rate}
        left = dict(rates)
        for place, best in places.items():
            for other in fed.get(place, ()):
                if other == place or other not in places:
                    continue
                if best.landed + onward(best, other) >= places[other].landed:
                    left[place] -= rates[other]
                else:
                    left[other] = 0.0
        units.update({(item, p): max(0.0, rate) * review_days for p, rate in left.items()})
    return units


def _flow(option: Option, units: Mapping[tuple[str, str], float]) -> Flow:
    own = units.get((option.item, option.destination), 0.0)
    cube = None if not option.volume_m3 else option.volume_m3 * own
    return Flow(volume_m3=cube, value=option.unit_price * own)


def _whole(
    best: Mapping[tuple[str, str], Option], units: Mapping[tuple[str, str], float]
) -> dict[Pair, dict[str, Flow]]:
    """Return what each supplier would carry to each place, by whatever mode."""
    found: dict[Pair, dict[str, Flow]] = {}
    for option in best.values():
        if option.rate is not None:
            pair = (option.supplier, option.destination)
            found.setdefault(pair, {})[option.item] = _flow(option, units)
    return found


def _by_mode(
    best: Iterable[Option], units: Mapping[tuple[str, str], float]
) -> dict[tuple[str, str, str], dict[str, Flow]]:
    """Return what travels by each way that somebody chose."""
    found: dict[tuple[str, str, str], dict[str, Flow]] = {}
    for option in best:
        if units.get((option.item, option.destination), 0.0) > 0:
            key = (option.supplier, option.destination, option.route.mode)
            found.setdefault(key, {})[option.item] = _flow(option, units)
    return found


def _shared(option: Option, shipments: Shipments) -> Option:
    if option.route.cost_per_shipment <= 0:
        return option
    fellows = [flow for item, flow in shipments.along(option).items() if item != option.item]
    return replace(option, shipment=_share(option, fellows))


def _share(option: Option, fellows: list[Flow]) -> float:
    """Return the fixed cost of carriage of one unit of a usual order among others' flow."""
    volumes = [flow.volume_m3 for flow in fellows if flow.volume_m3 is not None]
    if option.volume_m3 and len(volumes) == len(fellows):
        own = option.volume_m3 * option.quantity
        cube = own + math.fsum(volumes)
        return option.route.shipment_cost(cube) * own / cube / option.quantity
    own = option.unit_price * option.quantity
    total = own + math.fsum(flow.value for flow in fellows)
    share = own / total if total > 0 else 1 / (1 + len(fellows))
    return option.route.shipment_cost(None) * share / option.quantity
