"""An order of several lines in one parcel: which place has all of it, and is that cheapest?"""

from __future__ import annotations

import numpy as np

from fivefold.deliver.sourcing_costs import (
    add_days,
    compiled,
    fill_carriage,
    half_pounds,
    holder_at,
    inlined,
    units_at,
    whole_from,
)


@inlined
def whole_order(begin, end, lines, stock, sites, setting, scratch):  # type: ignore[no-untyped-def]
    """Return the place that has all lines at least cost, its cost, the next one and its cost.

    Place -1 where no place has all, or where the lines cost less from a place each.
    `scratch.marks` tells by place the last line that it holds, so that only places that hold
    all are judged.
    """
    best, best_cost, second, second_cost = -1, np.inf, -1, np.inf
    rare = _mark(begin, end, lines, stock.holder_first, stock.homes, stock.free, scratch.marks)
    first, last = 0, 0
    if rare >= 0:
        first, last = (
            stock.holder_first[lines[rare].item],
            stock.holder_first[lines[rare].item + 1],
        )
        parcel, units = 0.0, 0
        scratch.dues[:] = 0.0
        for line in range(begin, end):
            parcel += lines[line].weight_lb * lines[line].units
            units += lines[line].units
            _add_line_days(line, lines, setting, scratch.dues)
        fill_carriage(setting.rates, parcel, scratch.carried)
    for holder in range(first, last):
        place = stock.homes[holder]
        if scratch.marks[place] != end:
            continue
        zone = setting.zones[lines[begin].destination, place]
        cost = scratch.carried[zone]
        if cost + setting.picks[place] * units + scratch.dues[zone] >= second_cost:
            continue
        for line in range(begin, end):
            there = holder
            if line != rare:
                item = lines[line].item
                there = holder_at(
                    place, stock.holder_first[item], stock.holder_first[item + 1], stock.homes
                )
            cost += whole_from(line, there, lines, stock, sites, setting)
            if cost >= second_cost:
                break
        if cost < best_cost - 1e-9:
            second, second_cost = best, best_cost
            best, best_cost = place, cost
        elif cost < second_cost:
            second, second_cost = place, cost
    if best >= 0:
        least = _least_apart(begin, end, lines, setting.rates, setting.used)
        least += (end - begin - 1) * setting.split + units * setting.least_pick
        if least < best_cost - 1e-9:
            apart = _apart(begin, end, best_cost, lines, stock, sites, setting, scratch)
            if apart < best_cost - 1e-9:
                best, best_cost, second, second_cost = -1, np.inf, -1, np.inf
    return best, best_cost, second, second_cost


@compiled
def _mark(begin, end, lines, holder_first, homes, free, marks):  # type: ignore[no-untyped-def]
    """Mark places that have enough of every line with `end`; return the line fewest hold.

    -1 where some line is had whole by no place that has the others.
    """
    rare, fewest = begin, 1 << 40
    for line in range(begin, end):
        count = holder_first[lines[line].item + 1] - holder_first[lines[line].item]
        if count < fewest:
            rare, fewest = line, count
    mark = begin + 1
    for turn in range(begin - 1, end):
        line = rare if turn < begin else turn
        if turn == rare:
            continue
        item, need = lines[line].item, lines[line].units
        held = 0
        for holder in range(holder_first[item], holder_first[item + 1]):
            place = homes[holder]
            if (turn < begin or marks[place] == mark) and units_at(holder, free) >= need:
                marks[place] = mark if turn < begin else mark + 1
                held += 1
        if held == 0:
            return -1
        if turn >= begin:
            mark += 1
    return rare


@inlined
def _add_line_days(line, lines, setting, into):  # type: ignore[no-untyped-def]
    """Add by zone what days cost a line at least."""
    add_days(
        lines[line].ordered_minute,
        lines[line].deadline,
        lines[line].units,
        setting.soonest,
        setting.latest,
        setting.late,
        setting.wait,
        into,
    )


@inlined
def _apart(begin, end, most, lines, stock, sites, setting, scratch):  # type: ignore[no-untyped-def]
    """Return what the lines cost from a place each; infinite as soon as that is `most`."""
    total = (end - begin - 1) * setting.split
    for line in range(begin, end):
        item, need = lines[line].item, lines[line].units
        fill_carriage(setting.rates, lines[line].weight_lb * need, scratch.carried)
        scratch.dues[:] = 0.0
        _add_line_days(line, lines, setting, scratch.dues)
        alone = most - total
        for holder in range(stock.holder_first[item], stock.holder_first[item + 1]):
            if units_at(holder, stock.free) < need:
                continue
            place = stock.homes[holder]
            zone = setting.zones[lines[line].destination, place]
            carried = scratch.carried[zone]
            least = (setting.picks[place] + stock.prices[holder]) * need + carried
            if least + scratch.dues[zone] < alone:
                alone = min(alone, carried + whole_from(line, holder, lines, stock, sites, setting))
        total += alone
        if total >= most:
            total = np.inf
            break
    return total


@compiled
def _least_apart(begin, end, lines, rates, used):  # type: ignore[no-untyped-def]
    """Return a carriage that the lines from a place each cannot be below."""
    total = 0.0
    for line in range(begin, end):
        steps = min(half_pounds(lines[line].weight_lb * lines[line].units), rates.shape[0] - 1)
        least = np.inf
        for zone in range(rates.shape[1]):
            if used[zone]:
                least = min(least, rates[steps, zone])
        total += least
    return total
