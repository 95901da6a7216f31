"""Compiled part of the choice of means: every card tried on every flow."""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import math

from numba import njit

FAR = 1e18
#: Why a means cannot serve a flow: it can; too far; too near; too heavy; too late.
GOOD, TOO_FAR, TOO_NEAR, TOO_HEAVY, TOO_LATE = 0, 1, 2, 3, 4


@njit(cache=True)
def elapsed(driving, spell, rest):
    """Hours with the breaks and rests of a lone driver, as `driving.elapsed_hours`."""
    if spell <= 0.0:
        return driving
    rests = max(0.0, math.ceil(driving / spell - 1e-9) - 1.0)
    last = driving - rests * spell
    a_spell = 0.5 if spell > 8.0 else 0.0
    return driving + rests * (rest + a_spell) + (0.5 if last > 8.0 else 0.0)


@njit(cache=True)
def try_cards(
    parcels, road_km, air_km, hours_allowed, heaviest_kg, tour_km, tour_hours, is_air, most,
    payload, radius, least, speed, fixed, sd_share, usable, spell, rest, per_km, per_trip,
    per_parcel, co2_km, co2_tonne_km, parcel_kg, on_time_target, cost, mean, sd, on_time, co2,
    verdict,
):  # fmt: skip
    """Fill cost, hours, chance and emission of every flow (rows) by every card (columns).

    `tour_km` and `tour_hours` are what one parcel adds to a tour beyond the way out and back;
    both are 0 between buildings.
    """
    for k in range(len(parcels)):
        for c in range(len(most)):
            km = air_km[k] if is_air[c] else road_km[k]
            full = max(1.0, most[c])
            trips = math.ceil(parcels[k] / full - 1e-9)
            aboard = parcels[k] / max(trips, 1.0)
            last_leg = tour_km[k, c] > 0.0
            # To the door a vehicle comes back; between buildings empty miles are in the rate.
            vehicle_km = (2.0 * km + aboard * tour_km[k, c]) if last_leg else km
            driving = km / speed[c] + 0.5 * aboard * tour_hours[k, c]
            hours = elapsed(driving, spell[c], rest[c]) + fixed[c]
            if last_leg:
                # A shift holds only so many stops: more trips where the tour is longer.
                whole = vehicle_km / speed[c] + aboard * tour_hours[k, c] + fixed[c]
                if whole > 9.0 and aboard > 1.0:
                    fit = max(
                        1.0,
                        (9.0 - fixed[c] - 2.0 * km / speed[c])
                        / (tour_hours[k, c] + tour_km[k, c] / speed[c]),
                    )
                    trips = math.ceil(parcels[k] / min(full, fit) - 1e-9)
                    aboard = parcels[k] / trips
                    vehicle_km = 2.0 * km + aboard * tour_km[k, c]
                # A parcel is on its way for half the tour on average.
                hours = (
                    fixed[c]
                    + km / speed[c]
                    + 0.5 * aboard * (tour_hours[k, c] + tour_km[k, c] / speed[c])
                )
            cost[k, c] = trips * (per_trip[c] + vehicle_km * per_km[c]) + parcels[k] * per_parcel[c]
            co2[k, c] = (
                trips * vehicle_km * co2_km[c]
                + km * co2_tonne_km[c] * parcels[k] * parcel_kg / 1000.0
            )
            mean[k, c] = hours
            sd[k, c] = sd_share[c] * hours
            spread = max(sd[k, c], 1e-9)
            z = (hours_allowed[k] - hours) / spread
            on_time[k, c] = usable[c] * 0.5 * math.erfc(-z / math.sqrt(2.0))
            verdict[k, c] = GOOD
            if radius[c] > 0.0 and km > radius[c]:
                verdict[k, c] = TOO_FAR
            elif km < least[c]:
                verdict[k, c] = TOO_NEAR
            elif payload[c] > 0.0 and heaviest_kg[k] > payload[c]:
                verdict[k, c] = TOO_HEAVY
            elif on_time[k, c] < on_time_target * usable[c]:
                verdict[k, c] = TOO_LATE


@njit(cache=True)
def pick(cost, verdict, best, second, blocked):
    """Write the cheapest good card, the next best, and the cheapest that could not."""
    for k in range(cost.shape[0]):
        first_cost = FAR
        second_cost = FAR
        blocked_cost = FAR
        best[k] = -1
        second[k] = -1
        blocked[k] = -1
        for c in range(cost.shape[1]):
            value = cost[k, c]
            if verdict[k, c] != GOOD:
                if verdict[k, c] != TOO_NEAR and value < blocked_cost:
                    blocked_cost = value
                    blocked[k] = c
                continue
            if value < first_cost:
                second_cost = first_cost
                second[k] = best[k]
                first_cost = value
                best[k] = c
            elif value < second_cost:
                second_cost = value
                second[k] = c
        if blocked[k] >= 0 and best[k] >= 0 and blocked_cost >= first_cost:
            blocked[k] = -1
