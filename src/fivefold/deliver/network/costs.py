"""What a day of the network costs and emits, leg by leg."""

from __future__ import annotations

from datetime import date

import polars as pl

from fivefold.deliver.network.figures import figures
from fivefold.model import Dataset, Outcome, schema


def day_costs(dataset: Dataset, *, as_of: date) -> Outcome:
    """Return network_costs: fulfilment, linehaul by road and air, sorting, station, last mile.

    Parameters
    ----------
    dataset : Dataset
        network_flows, linehaul_trips, mode_choices, buildings.
    as_of : date
        Day of the plan.
    """
    known = figures(dataset)
    flows, trips = dataset["network_flows"], dataset["linehaul_trips"]
    delivered = float(flows["parcels"].sum())
    buildings = dataset["buildings"].filter(pl.col("state_of_use") == "open")
    standing = dict(
        buildings.group_by(
            pl.when(pl.col("building_type").str.starts_with("fulfilment"))
            .then(pl.lit("fulfilment"))
            .otherwise(pl.col("building_type"))
        )
        .agg(pl.col("fixed_cost_per_day").sum())
        .iter_rows()
    )
    rows: list[dict[str, object]] = []

    def leg(
        name: str, parcels: float, cost: float, co2e: float = 0.0, vehicles: float | None = None
    ) -> None:
        rows.append(
            {
                "leg": name,
                "parcels": parcels,
                "cost": cost,
                "cost_per_parcel": cost / parcels if parcels > 0 else None,
                "cost_per_delivered_parcel": cost / delivered if delivered > 0 else None,
                "co2e_kg": co2e,
                "vehicles": vehicles,
            }
        )

    leg(
        "1 fulfilment",
        delivered,
        standing.get("fulfilment", 0.0) + delivered * known["pick_pack_cost_per_parcel"],
    )
    for name, modes in (
        ("2 linehaul by road and rail", ["truck", "team_truck", "rail"]),
        ("3 air", ["air"]),
        ("4 air, carrier", ["air_carrier"]),
    ):
        part = trips.filter(pl.col("mode").is_in(modes))
        leg(
            name,
            float(part["parcels"].sum()),
            float(part["cost"].sum()),
            float(part["co2e_kg"].sum()),
            float(part["vehicles"].sum()),
        )
    stations = set(
        buildings.filter(pl.col("building_type") == "delivery_station")["location"].to_list()
    )
    handled = float(trips.filter(~pl.col("destination").is_in(list(stations)))["parcels"].sum())
    leg(
        "5 sorting",
        handled,
        standing.get("sort_centre", 0.0) + handled * known["sort_cost_per_parcel"],
    )
    leg(
        "6 delivery station",
        delivered,
        standing.get("delivery_station", 0.0) + delivered * known["station_cost_per_parcel"],
    )
    last = dataset["mode_choices"].filter((pl.col("leg") == "last") & pl.col("mode").is_not_null())
    leg(
        "7 last mile",
        float(last["parcels"].sum()),
        float(last["cost"].sum()),
        float(last["co2e_kg"].sum()),
    )
    table = schema("network_costs").frame(rows)
    return Outcome(tables={"network_costs": table}, objective=float(table["cost"].sum()))
