"""Greedy choice of places for order lines, compiled. Arrays in, legs out; no names here.

Orders come in the order in which they are served. An order of several lines goes in one
parcel from the cheapest place that has all of it in time, unless its lines are cheaper apart;
else line by line, a line by one place or split, each leg the cheapest a unit. Units are taken
from buckets for good, so none is given twice.
"""

from __future__ import annotations

import numpy as np

from fivefold.deliver.sourcing_costs import (
    Scratch,
    Setting,
    compiled,
    dates,
    inlined,
    release,
)
from fivefold.deliver.sourcing_legs import cheapest_leg, take
from fivefold.deliver.sourcing_parcels import whole_order
from fivefold.deliver.sourcing_tables import Legs, Lines, Places, Stock, Terms, Times

#: Lines whose stock is read before they are served, so that memory is waited for once.
_AHEAD = 48
_LEG = np.dtype(
    [
        ("units", np.int64),
        ("cost", np.float64),
        ("more", np.float64),
        ("line", np.int32),
        ("place", np.int32),
        ("ready", np.int32),
        ("ship", np.int32),
        ("arrive", np.int32),
        ("other", np.int32),
        ("basis", np.int16),
        ("spread", np.int16),
    ]
)


@compiled
def _write(at, line, place, units, ready, ship, arrive, basis, spread, cost, more, other, legs):  # type: ignore[no-untyped-def]
    legs[at].line, legs[at].place, legs[at].units = line, place, units
    legs[at].ready, legs[at].ship, legs[at].arrive = ready, ship, arrive
    legs[at].basis, legs[at].spread = basis, spread
    legs[at].cost, legs[at].more, legs[at].other = cost, more, other


@inlined
def _serve(  # type: ignore[no-untyped-def]
    line, whole, gap, second, at, sent_any, order, lines, stock, sites, setting, scratch, legs
):
    """Serve one line, leg by leg; return the next free row and whether anything was sent."""
    left = lines[line].units
    count = 0
    while left > 0 and count < setting.most_legs:
        holder, taken, bucket, each, cost, next_each, other = cheapest_leg(
            line, left, whole, sent_any, order, lines, stock, sites, setting, scratch
        )
        if holder < 0 or (whole >= 0 and taken < left):
            if whole < 0:
                break
            # Two lines of the order want the same item; look everywhere again.
            whole = -1
            continue
        place = stock.homes[holder]
        zone = setting.zones[lines[line].destination, place]
        ready = max(
            stock.buckets[bucket].day, release(lines[line].ordered_minute, sites[place].cut_off)
        )
        basis, spread = take(holder, bucket, taken, stock)
        ready, ship, day = dates(
            ready,
            taken,
            place,
            spread,
            zone,
            sites,
            setting.room,
            setting.ships,
            setting.promised,
        )
        if sites[place].daily > 0:
            setting.room[place, ship] -= taken
        more = (next_each - each) * taken
        if whole >= 0:
            more, other = gap, second
        if other < 0:
            more = np.nan
        _write(at, line, place, taken, ready, ship, day, basis, spread, cost, more, other, legs)
        at += 1
        count += 1
        left -= taken
        if scratch.sent[place] != order or sites[place].sent_on != ship:
            sites[place].sent_lb = 0.0
            scratch.sent[place], sites[place].sent_on = order, ship
        sites[place].sent_lb += lines[line].weight_lb * taken
        sent_any = True
    if left > 0:
        _write(at, line, -1, left, -1, -1, -1, 3, 0, 0.0, np.nan, -1, legs)
        at += 1
    return at, sent_any


@inlined
def _fetched(begin, end, lines, stock):  # type: ignore[no-untyped-def]
    """Read what lines will need, so that memory is waited for once, not line by line.

    The sum is of no use but that the reads are not left out.
    """
    total = 0.0
    for line in range(begin, end):
        item = lines[line].item
        first, last = stock.holder_first[item], stock.holder_first[item + 1]
        for holder in range(first, last, 8):
            total += stock.homes[holder] + stock.prices[holder] + stock.free[holder]
        for holder in range(first, last, 3):
            total += stock.holders[holder].bucket
        if last > first:
            for bucket in range(stock.holders[first].bucket, stock.holders[last].bucket, 4):
                total += stock.buckets[bucket].day
    return total


@compiled
def _source(order_first, lines, stock, sites, setting, scratch, legs):  # type: ignore[no-untyped-def]
    """Serve all orders; return how many legs were written, and a sum of no use."""
    at, fetched, read = 0, 0, 0.0
    for order in range(order_first.shape[0] - 1):
        begin, end = order_first[order], order_first[order + 1]
        if begin >= fetched and lines.shape[0] > 1:
            fetched = min(begin + _AHEAD, lines.shape[0])
            read += _fetched(begin, fetched, lines, stock)
        whole, second, gap = -1, -1, np.nan
        if end - begin > 1:
            whole, cost, second, other_cost = whole_order(
                begin, end, lines, stock, sites, setting, scratch
            )
            gap = (other_cost - cost) / (end - begin)
        sent_any = False
        for line in range(begin, end):
            at, sent_any = _serve(
                line,
                whole,
                gap,
                second,
                at,
                sent_any,
                order,
                lines,
                stock,
                sites,
                setting,
                scratch,
                legs,
            )
    return at, read


def source(lines: Lines, stock: Stock, places: Places, times: Times, terms: Terms) -> Legs:
    """Return the legs that serve the lines; stock and `places.room` are used up.

    Parameters
    ----------
    lines : Lines
    stock : Stock
    places : Places
    times : Times
    terms : Terms
    """
    count, sites = len(lines.rows), places.sites
    legs = np.empty(
        min(int(lines.rows["units"].sum()) + count, count * (terms.most_legs + 1)), dtype=_LEG
    )
    setting = _setting(lines, places, times, terms)
    zones = len(terms.rates)
    item = lines.rows["item"]
    widest = stock.holder_first[item + 1] - stock.holder_first[item]
    scratch = Scratch(
        carried=np.zeros(zones),
        least=np.zeros(zones),
        dues=np.zeros(zones),
        bounds=np.empty(int(widest.max(initial=0))),
        marks=np.zeros(len(sites), dtype=np.int64),
        sent=np.full(len(sites), -1, dtype=np.int64),
    )
    used, _read = _source(lines.order_first, lines.rows, stock, sites, setting, scratch, legs)
    return Legs(*(legs[name][:used] for name in Legs._fields))


def _setting(lines: Lines, places: Places, times: Times, terms: Terms) -> Setting:
    """Return what does not change, with what bounds are made of."""
    sites = places.sites
    some = len(sites) > 0 and len(lines.rows) > 0
    latest = int(sites["cut_off"].max()) if some else 0
    minute = int(lines.rows["ordered_minute"].max()) if some else 0
    released = 0 if minute < latest else (minute - latest) // 1440 + 1
    used = np.zeros(len(terms.rates), dtype=np.bool_)
    used[places.zone] = True
    return Setting(
        picks=np.ascontiguousarray(sites["pick"]),
        allowed=places.allowed,
        zones=places.zone,
        room=places.room,
        ships=times.ship,
        promised=times.arrive,
        rates=np.ascontiguousarray(terms.rates.T),
        soonest=np.ascontiguousarray(times.arrive[:, :, : released + 1].min(axis=(0, 1))),
        used=used,
        late=float(terms.late),
        wait=float(terms.wait),
        split=float(terms.split),
        most_legs=terms.most_legs,
        least_pick=float(sites["pick"].min()) if some else 0.0,
        latest=latest,
    )
