"""The bound and the plan of the middle mile against the integer program, solved by HiGHS."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from fivefold.deliver.network.commodities import Commodities, hour_offsets, make_commodities
from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import origin_destination, sites
from fivefold.deliver.network.linehaul_bound import Links, link_flows, price_links, shared_prices
from fivefold.deliver.network.middle_mile import MiddleMileParams, plan_middle_mile
from fivefold.deliver.network.paths import Lanes, make_network, make_paths
from fivefold.model import Dataset
from fivefold.twin.companies.operator import AS_OF, make_tables


def links_of(dataset: Dataset) -> tuple[Links, Lanes, Commodities]:
    known, params = figures(dataset), MiddleMileParams()
    centres, stations = sites(dataset, "fulfilment"), sites(dataset, "delivery_station")
    places = pl.concat([centres, stations, sites(dataset, "sort_centre", "airport")])
    network = make_network(
        places,
        cards(dataset),
        hub=params.hub,
        gateways=params.gateways,
        sort_cost=known["sort_cost_per_parcel"],
        parcel_kg=known["parcel_kg"],
    )
    parcels = origin_destination(dataset, centres, stations)
    o, d = np.nonzero(parcels)
    paths, lanes = make_paths(network, o.astype(np.int64), (d + centres.height).astype(np.int64))
    offsets = hour_offsets(places, clock=params.clock, day=AS_OF)
    flows = make_commodities(paths, lanes, parcels[o, d], offsets, known, slot_hours=2)
    return link_flows(paths, lanes, flows, known, slot_hours=2), lanes, flows


def least_cost(links: Links, lanes: Lanes, flows: Commodities) -> tuple[float, float]:
    """Return bound and cost: whole vehicles by lane and day, flows split over their ways."""
    ways, used = len(links.way_path), np.unique(links.lane)
    lane_of = np.searchsorted(used, links.lane)
    flow_of_way = np.repeat(np.arange(len(flows.parcels)), np.diff(links.way_start))
    way, stop = np.nonzero(links.way_links >= 0)
    link = links.way_links[way, stop]
    handled = np.zeros(ways)
    np.add.at(handled, way, lanes.handling[links.lane[link]])
    cost = np.concatenate([handled * flows.parcels[flow_of_way], lanes.cost[used]])
    columns = ways + len(used)
    served = coo_array(
        (np.ones(ways), (flow_of_way, np.arange(ways))), (len(flows.parcels), columns)
    )
    aboard = coo_array(
        (
            np.concatenate([flows.parcels[flow_of_way[way]], -lanes.vehicle_parcels[used]]),
            (
                np.concatenate([lane_of[link], np.arange(len(used))]),
                np.concatenate([way, ways + np.arange(len(used))]),
            ),
        ),
        (len(used), columns),
    )
    found = milp(
        cost,
        constraints=[
            LinearConstraint(served.tocsr(), 1.0, 1.0),
            LinearConstraint(aboard.tocsr(), -np.inf, 0.0),
        ],
        integrality=np.concatenate([np.zeros(ways), np.ones(len(used))]),
        bounds=Bounds(0.0, np.concatenate([np.ones(ways), np.full(len(used), np.inf)])),
        options={"time_limit": 30.0, "mip_rel_gap": 1e-3},
    )
    assert found.x is not None
    return float(found.mip_dual_bound), float(found.fun)


@pytest.mark.parametrize("scale", [0.02, 0.04])
def test_the_bound_lies_below_and_the_plan_above_the_integer_program(scale: float) -> None:
    dataset = Dataset(make_tables(scale=scale))
    proven, reached = least_cost(*links_of(dataset))
    outcome = plan_middle_mile(dataset, as_of=AS_OF)
    assert outcome.bound <= reached * (1 + 1e-6)
    assert outcome.objective >= proven * (1 - 1e-6)
    assert outcome.bound >= 0.96 * proven
    assert outcome.objective <= 1.05 * reached


def test_prices_moved_bound_more_than_vehicles_shared_evenly() -> None:
    links, lanes, flows = links_of(Dataset(make_tables(scale=0.05)))
    even = price_links(links, lanes, flows, known_cost=0.0, steps=0)
    moved = price_links(links, lanes, flows, known_cost=1.2 * even.bound, steps=200)
    assert moved.bound > even.bound
    assert (moved.price >= 0).all()
    assert np.isfinite(shared_prices(links, lanes, flows)).all()
