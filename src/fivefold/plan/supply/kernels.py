"""Compiled kernels of the supply plan: what a unit is worth where and when, and who gets it.

Two roads run over the same arrays. `value_units` and `respond` treat every item alone
against prices of what items share. `serve` commits demand, one piece after the other, to
stock, orders and new lots under the hard limits, and pegs every unit as it goes.

Numba only; imported where it is used.
"""

from __future__ import annotations

from collections import namedtuple

# mypy: disable-error-code="no-untyped-def"
import numba
import numpy as np

EPS = 1e-7
#: A due period that cannot be reached.
NEVER = -2

#: The network as arrays; see `fivefold.plan.supply.network.SupplyNetwork`.
Net = namedtuple(
    "Net",
    "way_from way_class start_of first_due minimum multiple economic in_from in_node in_quantity "
    "use_from use_group use_amount use_at_due use_lag slot_of node_store node_cube node_shelf "
    "way_cost hold_cum",
)
#: What is left and what was decided so far. `count` holds buckets, orders, pegs, journal, overflow.
State = namedtuple(
    "State",
    "remaining b_head b_next b_due b_ship b_expire b_quantity b_origin "
    "o_head o_next o_way o_due o_quantity p_consumer p_origin p_node p_period p_quantity "
    "j_kind j_index j_value count",
)

_BUCKET, _ORDER, _LEFT, _BHEAD, _BNEXT, _OHEAD, _ONEXT, _NB, _NO, _NP = range(10)


@numba.njit(cache=True)
def value_units(
    topology, way_from, way_class, start_of, base_cost, in_from, in_node, in_quantity,
    use_from, use_group, use_amount, use_at_due, use_lag, slot_of, price, hold, node_store,
    node_cube, has_stock, node_at, way_at, way_cost, hold_cum, value, source_due, source_way,
):  # fmt: skip
    """Fill the cheapest priced cost of a unit at each node and period, sources first.

    value[a, t + 1] is what a unit taken at t costs to replace; value[a, 0] is for the days
    before the first period. The recurrence is that of uncapacitated lot sizing without
    set-ups, value[t] = min(value[t-1] + holding, cheapest way due at t). Node n and way w write
    to rows node_at[n] and way_at[w].
    """
    periods = start_of.shape[1]
    for position in range(topology.shape[0]):
        n = topology[position]
        store = node_store[n]
        a = node_at[n]
        hold_cum[a, 0] = 0.0
        for t in range(periods):
            rate = hold[n]
            if store >= 0 and slot_of[store, t] >= 0:
                rate += node_cube[n] * price[slot_of[store, t]]
            hold_cum[a, t + 1] = hold_cum[a, t] + rate
        best = np.inf
        from_due = -1
        from_way = -1
        first = -1
        for t in range(periods):
            if t > 0:
                best += hold_cum[a, t] - hold_cum[a, t - 1]
            for w in range(way_from[n], way_from[n + 1]):
                k = start_of[way_class[w], t]
                if k == NEVER:
                    way_cost[way_at[w], t] = np.inf
                    continue
                cost = base_cost[w]
                for u in range(use_from[w], use_from[w + 1]):
                    at = (t if use_at_due[u] else max(k, 0)) + use_lag[u]
                    if at < periods and slot_of[use_group[u], at] >= 0:
                        cost += use_amount[u] * price[slot_of[use_group[u], at]]
                for i in range(in_from[w], in_from[w + 1]):
                    cost += in_quantity[i] * value[node_at[in_node[i]], k + 1]
                way_cost[way_at[w], t] = cost
                if cost <= best:
                    best = cost
                    from_due = t
                    from_way = w
            value[a, t + 1] = best
            source_due[a, t] = from_due
            source_way[a, t] = from_way
            if first < 0 and best < np.inf:
                first = t
        value[a, 0] = np.inf
        if has_stock[n]:
            # Stock used before anything new can arrive is replaced at the first chance.
            early = value[a, first + 1] if first >= 0 else 0.0
            for t in range(-1, periods):
                if value[a, t + 1] == np.inf:
                    value[a, t + 1] = early


@numba.njit(cache=True)
def _cheapest_later(n, way_from, way_at, way_cost, most, rate, later_cost, later_due, later_way):
    """Fill the cheapest way to serve each period late, and when it comes."""
    periods = later_cost.shape[0]
    later_cost[periods - 1] = np.inf
    for t in range(periods - 2, -1, -1):
        best = later_cost[t + 1] + rate
        later_due[t] = later_due[t + 1]
        later_way[t] = later_way[t + 1]
        if best < np.inf and later_due[t] - t > most:
            # The best is out of reach now; look again among those within.
            best = np.inf
            for s in range(t + 2, min(periods, t + most + 1)):
                for w in range(way_from[n], way_from[n + 1]):
                    if way_cost[way_at[w], s] + rate * (s - t) < best:
                        best = way_cost[way_at[w], s] + rate * (s - t)
                        later_due[t] = s
                        later_way[t] = w
        for w in range(way_from[n], way_from[n + 1]):
            if way_cost[way_at[w], t + 1] + rate < best:
                best = way_cost[way_at[w], t + 1] + rate
                later_due[t] = t + 1
                later_way[t] = w
        later_cost[t] = best


@numba.njit(cache=True)
def respond(
    topology, way_from, way_class, start_of, in_from, in_node, in_quantity,
    use_from, use_group, use_amount, use_at_due, use_lag, slot_of, node_store, node_cube,
    base_cost, hold, supply, demand, worth, late_periods, late_cost, node_at, way_at, way_cost,
    hold_cum, value, source_due, source_way, group_of, need, used, cost_of, flow,
):  # fmt: skip
    """Fill what each group of items costs, prices apart, what it uses, and its flow.

    `used` and `cost_of` are by group; they and `flow`, the units of ways, are added to. Rows are
    as in `value_units`.

    Every unit of demand takes its cheapest priced source, or is lost where that costs more
    than it is worth; stock and orders on the way are taken in order of time. Nothing here
    sees a limit but by its price.
    """
    periods = demand.shape[1]
    later_cost = np.empty(periods)
    later_due = np.empty(periods, np.int64)
    later_way = np.empty(periods, np.int64)
    for position in range(topology.shape[0]):
        need[node_at[topology[position]], :] = 0.0
    for position in range(topology.shape[0] - 1, -1, -1):
        n = topology[position]
        a = node_at[n]
        g = group_of[n]
        total = 0.0
        at_hand = 0.0
        store = node_store[n]
        if late_periods[n] > 0:
            _cheapest_later(
                n, way_from, way_at, way_cost, late_periods[n], late_cost[n], later_cost, later_due,
                later_way,
            )  # fmt: skip
        for t in range(periods):
            at_hand += supply[n, t]
            inner = need[a, t]
            take = min(at_hand, inner)
            at_hand -= take
            inner -= take
            outer = demand[n, t]
            take = min(at_hand, outer)
            at_hand -= take
            outer -= take
            total += at_hand * hold[n]
            if store >= 0 and at_hand > 0.0 and slot_of[store, t] >= 0:
                used[g, slot_of[store, t]] += at_hand * node_cube[n]
            if inner <= 0.0 and outer <= 0.0:
                continue
            s = source_due[a, t]
            w = source_way[a, t]
            cost = np.inf
            if w >= 0:
                cost = way_cost[way_at[w], s] + hold_cum[a, t] - hold_cum[a, s]
            quantity = inner
            if w < 0:
                # Nothing can come by then: what draws on it is lost further down.
                total += worth[n] * inner
                quantity = 0.0
            if outer > 0.0:
                if late_periods[n] > 0 and inner <= 0.0 and later_cost[t] < cost:
                    cost = later_cost[t]
                    s = later_due[t]
                    w = later_way[t]
                if cost < worth[n]:
                    quantity += outer
                    if s > t:
                        total += late_cost[n] * (s - t) * outer
                else:
                    total += worth[n] * outer
            if quantity <= 0.0:
                continue
            total += (base_cost[w] + hold[n] * max(0, t - s)) * quantity
            flow[w, s] += quantity
            k = start_of[way_class[w], s]
            for u in range(use_from[w], use_from[w + 1]):
                at = (s if use_at_due[u] else max(k, 0)) + use_lag[u]
                if at < periods and slot_of[use_group[u], at] >= 0:
                    used[g, slot_of[use_group[u], at]] += use_amount[u] * quantity
            for i in range(in_from[w], in_from[w + 1]):
                need[node_at[in_node[i]], max(k, 0)] += in_quantity[i] * quantity
            if store >= 0:
                for p in range(s, t):
                    if slot_of[store, p] >= 0:
                        used[g, slot_of[store, p]] += node_cube[n] * quantity
        cost_of[g] += total


@numba.njit(cache=True)
def respond_in_blocks(
    block_from, topology, way_from, way_class, start_of, in_from, in_node, in_quantity,
    use_from, use_group, use_amount, use_at_due, use_lag, slot_of, node_store, node_cube,
    base_cost, hold, supply, has_stock, demand, worth, late_periods, late_cost, price, group_of,
    node_at, way_at, way_cost, hold_cum, value, source_due, source_way, need, used, cost_of, flow,
):  # fmt: skip
    """Value and answer block after block, so that what is passed between the two stays near.

    A block holds whole components; block b is topology[block_from[b]:block_from[b + 1]], and the
    rows of working arrays are counted within it.
    """
    for b in range(block_from.shape[0] - 1):
        inner = topology[block_from[b] : block_from[b + 1]]
        value_units(
            inner, way_from, way_class, start_of, base_cost, in_from, in_node, in_quantity,
            use_from, use_group, use_amount, use_at_due, use_lag, slot_of, price, hold,
            node_store, node_cube, has_stock, node_at, way_at, way_cost, hold_cum, value,
            source_due, source_way,
        )  # fmt: skip
        respond(
            inner, way_from, way_class, start_of, in_from, in_node, in_quantity, use_from,
            use_group, use_amount, use_at_due, use_lag, slot_of, node_store, node_cube, base_cost,
            hold, supply, demand, worth, late_periods, late_cost, node_at, way_at, way_cost,
            hold_cum, value, source_due, source_way, group_of, need, used, cost_of, flow,
        )  # fmt: skip


@numba.njit(cache=True)
def _note(st, kind, index, value):
    j = st.count[3]
    if j >= st.j_kind.shape[0]:
        st.count[4] = 1
        return
    st.j_kind[j] = kind
    st.j_index[j] = index
    st.j_value[j] = value
    st.count[3] = j + 1


@numba.njit(cache=True)
def _undo(st, mark):
    for j in range(st.count[3] - 1, mark - 1, -1):
        kind = st.j_kind[j]
        index = st.j_index[j]
        value = st.j_value[j]
        if kind == _BUCKET:
            st.b_quantity[index] = value
        elif kind == _ORDER:
            st.o_quantity[index] = value
        elif kind == _LEFT:
            st.remaining[index] = value
        elif kind == _BHEAD:
            st.b_head[index] = int(value)
        elif kind == _BNEXT:
            st.b_next[index] = int(value)
        elif kind == _OHEAD:
            st.o_head[index] = int(value)
        elif kind == _ONEXT:
            st.o_next[index] = int(value)
        elif kind == _NB:
            st.count[0] = int(value)
        elif kind == _NO:
            st.count[1] = int(value)
        else:
            st.count[2] = int(value)
    st.count[3] = mark


@numba.njit(cache=True)
def _change_left(st, slot, delta):
    _note(st, _LEFT, slot, st.remaining[slot])
    st.remaining[slot] += delta


@numba.njit(cache=True)
def _change_store(net, st, n, first, units):
    """Add `units` to what node n stores from the end of period `first` on."""
    store = net.node_store[n]
    if store < 0:
        return
    for p in range(max(first, 0), net.slot_of.shape[1]):
        slot = net.slot_of[store, p]
        if slot >= 0:
            _change_left(st, slot, -units * net.node_cube[n])


@numba.njit(cache=True)
def _bucket_rank(rising, due, expire, periods):
    """Return when free units are taken: dated ones by their date, others the last due first.

    Units of an item that spoils, of which no date is known, are taken to be as old as they came.
    """
    if rising:
        return due if expire == periods + 1 else expire
    return expire if expire <= periods else 2 * periods - due


@numba.njit(cache=True)
def add_bucket(net, st, n, due, ship, expire, quantity, origin):
    """Put free units on the list of a node: what expires first, then what is last due."""
    b = st.count[0]
    if b >= st.b_next.shape[0]:
        st.count[4] = 1
        return
    _note(st, _NB, 0, b)
    st.count[0] = b + 1
    st.b_due[b] = due
    st.b_ship[b] = ship
    st.b_expire[b] = expire
    st.b_quantity[b] = quantity
    st.b_origin[b] = origin
    rising = net.node_shelf[n] < net.slot_of.shape[1]
    rank = _bucket_rank(rising, due, expire, net.slot_of.shape[1])
    before = -1
    here = st.b_head[n]
    while here >= 0:
        other = _bucket_rank(rising, st.b_due[here], st.b_expire[here], net.slot_of.shape[1])
        if other > rank or (other == rank and not rising):
            break
        before = here
        here = st.b_next[here]
    st.b_next[b] = here
    if before < 0:
        _note(st, _BHEAD, n, st.b_head[n])
        st.b_head[n] = b
    else:
        _note(st, _BNEXT, before, st.b_next[before])
        st.b_next[before] = b


@numba.njit(cache=True)
def _peg(st, consumer, origin, n, period, quantity):
    p = st.count[2]
    if p >= st.p_consumer.shape[0]:
        st.count[4] = 1
        return
    _note(st, _NP, 0, p)
    st.count[2] = p + 1
    st.p_consumer[p] = consumer
    st.p_origin[p] = origin
    st.p_node[p] = n
    st.p_period[p] = period
    st.p_quantity[p] = quantity


@numba.njit(cache=True)
def _take(net, st, n, b, until, quantity, consumer):
    """Take up to `quantity` from a bucket; it leaves the place in period `until`."""
    part = min(quantity, st.b_quantity[b])
    _note(st, _BUCKET, b, st.b_quantity[b])
    st.b_quantity[b] -= part
    leaves = max(until, st.b_due[b])
    _change_store(net, st, n, leaves, -part)
    _peg(st, consumer, st.b_origin[b], n, leaves, part)
    return part


@numba.njit(cache=True)
def _order_of(st, w, s):
    """Return the order of way w due at s, made empty where there is none yet."""
    o = st.o_head[w]
    while o >= 0:
        if st.o_due[o] == s:
            return o
        o = st.o_next[o]
    o = st.count[1]
    if o >= st.o_way.shape[0]:
        st.count[4] = 1
        return -1
    _note(st, _NO, 0, o)
    st.count[1] = o + 1
    st.o_way[o] = w
    st.o_due[o] = s
    st.o_quantity[o] = 0.0
    st.o_next[o] = st.o_head[w]
    _note(st, _OHEAD, w, st.o_head[w])
    st.o_head[w] = o
    return o


@numba.njit(cache=True)
def _slot_used(net, u, s, k, periods):
    """Return the slot a use draws on for an order due at s and started at k; −1 for none."""
    at = (s if net.use_at_due[u] else max(k, 0)) + net.use_lag[u]
    return net.slot_of[net.use_group[u], at] if at < periods else -1


@numba.njit(cache=True)
def _most(net, st, n, w, s, t, k, wanted):
    """Return the most units of way w due at s that the shared limits leave room for."""
    most = np.inf
    periods = net.slot_of.shape[1]
    for u in range(net.use_from[w], net.use_from[w + 1]):
        slot = _slot_used(net, u, s, k, periods)
        if slot < 0 or net.use_amount[u] <= 0.0:
            continue
        # A deposit and a balance may fall into one slot; together they must fit.
        amount = 0.0
        for v in range(net.use_from[w], net.use_from[w + 1]):
            if _slot_used(net, v, s, k, periods) == slot:
                amount += net.use_amount[v]
        most = min(most, max(0.0, st.remaining[slot]) / amount)
    store = net.node_store[n]
    if store >= 0 and net.node_cube[n] > 0.0:
        for p in range(s, min(t + 1, periods)):
            slot = net.slot_of[store, p]
            if slot >= 0:
                room = max(0.0, st.remaining[slot]) / net.node_cube[n]
                # What is wanted leaves in period t; only the rest of a lot stays on.
                most = min(most, room + (wanted if p >= t else 0.0))
    return most


@numba.njit(cache=True)
def _lot(net, w, running, wanted, most):
    """Return the lot that covers `wanted` under minimum, multiple and room; 0 where none fits."""
    multiple = net.multiple[w]
    if multiple <= 0.0:
        return min(wanted, most)
    least = 0.0
    lot = np.ceil(wanted / multiple - 1e-6) * multiple
    if running <= EPS:
        least = np.ceil(net.minimum[w] / multiple - 1e-6) * multiple
        lot = max(lot, least, np.ceil(net.economic[w] / multiple - 1e-6) * multiple)
    if lot > most:
        lot = np.floor(most / multiple + 1e-6) * multiple
    if lot < least or lot <= 0.0:
        return 0.0
    return lot


@numba.njit(cache=True)
def _spend(net, st, n, w, s, k, lot):
    periods = net.slot_of.shape[1]
    for u in range(net.use_from[w], net.use_from[w + 1]):
        at = (s if net.use_at_due[u] else max(k, 0)) + net.use_lag[u]
        if at < periods:
            slot = net.slot_of[net.use_group[u], at]
            if slot >= 0:
                _change_left(st, slot, -net.use_amount[u] * lot)
    _change_store(net, st, n, s, lot)


@numba.njit(cache=True)
def _next_option(net, n, t, late_periods, late_cost, after_cost, after_rank):
    """Return the cheapest way and due period beyond the one tried last, and its cost and rank."""
    best = np.inf
    best_rank = 0
    best_way = -1
    best_due = -1
    first_way = net.way_from[n]
    ways = net.way_from[n + 1] - first_way
    width = net.way_cost.shape[1]
    last = min(net.slot_of.shape[1] - 1, t + late_periods)
    shelf = net.node_shelf[n]
    for w in range(first_way, first_way + ways):
        lead = net.way_class[w]
        lowest = max(net.first_due[lead], t - shelf)
        for s in range(last, lowest - 1, -1):
            if net.start_of[lead, s] == NEVER:
                continue
            if s > t:
                cost = late_cost * (s - t)
            elif width > 1:
                cost = net.hold_cum[n, t] - net.hold_cum[n, s]
            else:
                cost = net.hold_cum[n, 0] * (t - s)
            cost += net.way_cost[w, s if width > 1 else 0]
            rank = (last - s) * ways + (w - first_way)
            if cost < after_cost or (cost == after_cost and rank <= after_rank):
                continue
            if cost < best or (cost == best and rank < best_rank):
                best = cost
                best_rank = rank
                best_way = w
                best_due = s
    return best, best_rank, best_way, best_due


# Fields of a frame of the explicit stack; numba cannot cache a function that calls itself.
(
    _NODE, _TIME, _UNTIL, _CONSUMER, _LATE, _PHASE, _WAY, _DUE, _START, _ORD, _MARK, _INNER,
    _TRY, _INPUT, _RANK, _USE_AT,
) = range(16)  # fmt: skip
_ASKED, _GOT, _CEILING, _LATE_COST, _TRIED, _RUNNING, _LOT, _WANTED, _MOST, _REACH = range(10)
_FREE_UNITS, _CHOOSE, _DRAW, _DRAWN, _SETTLE = range(5)
#: Deepest chain of ways; what lies deeper is taken as not to be had.
DEEPEST = 128


@numba.njit(cache=True)
def _take_free(net, st, n, t, until, quantity, consumer, top):
    """Take free units that are there by period t; return how many."""
    got = 0.0
    b = st.b_head[n]
    while b >= 0 and got < quantity - EPS:
        ready = st.b_due[b] if top else st.b_ship[b]
        if ready <= t and st.b_quantity[b] > EPS and st.b_expire[b] > t:
            got += _take(net, st, n, b, until, quantity - got, consumer)
        b = st.b_next[b]
    return got


@numba.njit(cache=True)
def _soonest_late(st, n, t, late_periods):
    """Return the bucket that comes first after period t, −1 where none does in time."""
    soonest = -1
    b = st.b_head[n]
    while b >= 0:
        if (
            t < st.b_due[b] <= t + late_periods
            and st.b_quantity[b] > EPS
            and (soonest < 0 or st.b_due[b] < st.b_due[soonest])
        ):
            soonest = b
        b = st.b_next[b]
    return soonest


@numba.njit(cache=True)
def _choose(net, st, whole, part):
    """Choose the next option of a frame and its first lot; tell whether there is one."""
    while part[_GOT] < part[_ASKED] - EPS:
        n, t = whole[_NODE], whole[_TIME]
        cost, rank, w, s = _next_option(
            net, n, t, whole[_LATE], part[_LATE_COST], part[_TRIED], whole[_RANK]
        )
        if whole[_LATE] > 0:
            # Units that come later without being ordered may be cheaper than any order.
            b = _soonest_late(st, n, t, whole[_LATE])
            if b >= 0 and part[_LATE_COST] * (st.b_due[b] - t) <= min(cost, part[_CEILING]):
                left = part[_ASKED] - part[_GOT]
                part[_GOT] += _take(net, st, n, b, whole[_UNTIL], left, whole[_CONSUMER])
                continue
        if w < 0 or cost >= part[_CEILING] or st.count[4] == 1:
            return False
        part[_TRIED] = cost
        whole[_RANK] = rank
        whole[_WAY] = w
        whole[_DUE] = s
        whole[_START] = net.start_of[net.way_class[w], s]
        whole[_USE_AT] = max(s, whole[_UNTIL])
        part[_WANTED] = part[_ASKED] - part[_GOT]
        part[_MOST] = _most(net, st, n, w, s, whole[_USE_AT], whole[_START], part[_WANTED])
        if part[_MOST] <= EPS:
            continue
        whole[_MARK] = st.count[3]
        o = _order_of(st, w, s)
        if o < 0:
            return False
        whole[_ORD] = o
        part[_RUNNING] = st.o_quantity[o]
        whole[_INNER] = st.count[3]
        part[_LOT] = _lot(net, w, part[_RUNNING], part[_WANTED], part[_MOST])
        if part[_LOT] <= EPS:
            _undo(st, whole[_MARK])
            continue
        part[_REACH] = part[_LOT]
        whole[_INPUT] = net.in_from[w]
        whole[_TRY] = 0
        return True
    return False


@numba.njit(cache=True)
def _settle(net, st, whole, part):
    """Book the lot of a frame's option once all its inputs are there."""
    n, w, s, o = whole[_NODE], whole[_WAY], whole[_DUE], whole[_ORD]
    lot = part[_LOT]
    _spend(net, st, n, w, s, whole[_START], lot)
    _note(st, _ORDER, o, part[_RUNNING])
    st.o_quantity[o] = part[_RUNNING] + lot
    used = min(lot, part[_WANTED])
    _change_store(net, st, n, whole[_USE_AT], -used)
    _peg(st, whole[_CONSUMER], o, n, whole[_USE_AT], used)
    part[_GOT] += used
    if lot > used + EPS:
        add_bucket(net, st, n, s, s, s + net.node_shelf[n], lot - used, o)


@numba.njit(cache=True)
def provide(
    net, st, frames, parts, n, t, until, quantity, consumer, ceiling, late_periods, late_cost, spent
):  # fmt: skip
    """Commit up to `quantity` units at node n for period t; return how many.

    They leave the place in period `until`, its end of time where they are to stay. Free
    units first, then the cheapest way and due period at the prices, its own needs provided
    the same way, one frame down. What cannot be completed is taken back.

    `spent`, by node, is the last period for which an input could not be had at all; nothing is
    looked for there again. Empty where things may come to be had that were not before.
    """
    d = 0
    _open_frame(frames[0], parts[0], n, t, until, quantity, consumer)
    frames[0, _LATE] = late_periods
    parts[0, _LATE_COST] = late_cost
    parts[0, _CEILING] = ceiling
    result = 0.0
    while d >= 0:
        whole = frames[d]
        part = parts[d]
        phase = whole[_PHASE]
        if phase == _FREE_UNITS:
            part[_GOT] = _take_free(
                net, st, whole[_NODE], whole[_TIME], whole[_UNTIL], part[_ASKED],
                whole[_CONSUMER], d == 0,
            )  # fmt: skip
            whole[_PHASE] = _CHOOSE
        elif phase == _CHOOSE:
            n = whole[_NODE]
            known = d > 0 and spent.shape[0] > 0
            if not (known and whole[_TIME] <= spent[n]) and _choose(net, st, whole, part):
                whole[_PHASE] = _DRAW
            else:
                result = part[_GOT]
                if known and result <= EPS:
                    spent[n] = max(spent[n], whole[_TIME])
                d -= 1
        elif phase == _DRAW:
            w = whole[_WAY]
            i = whole[_INPUT]
            if i < net.in_from[w + 1]:
                if d + 1 >= DEEPEST:
                    result = 0.0
                    whole[_PHASE] = _DRAWN
                    continue
                k = whole[_START]
                _open_frame(
                    frames[d + 1], parts[d + 1], net.in_node[i], k, k,
                    part[_LOT] * net.in_quantity[i], -1 - whole[_ORD],
                )  # fmt: skip
                whole[_PHASE] = _DRAWN
                d += 1
            else:
                whole[_PHASE] = _SETTLE
        elif phase == _DRAWN:
            i = whole[_INPUT]
            asked = part[_LOT] * net.in_quantity[i]
            whole[_INPUT] = i + 1
            whole[_PHASE] = _DRAW
            if result < asked - EPS:
                part[_REACH] = min(part[_REACH], result / net.in_quantity[i])
        else:
            whole[_PHASE] = _CHOOSE
            if st.count[4] == 1:
                continue
            # What the inputs took of a limit is no longer there for this lot.
            room = _most(
                net, st, whole[_NODE], whole[_WAY], whole[_DUE], whole[_USE_AT], whole[_START],
                part[_WANTED],
            )  # fmt: skip
            part[_REACH] = min(part[_REACH], room)
            if part[_REACH] >= part[_LOT] - EPS:
                _settle(net, st, whole, part)
                continue
            # Some input falls short: take all back and try what the scarcest one allows.
            _undo(st, whole[_INNER])
            whole[_TRY] += 1
            part[_LOT] = _lot(
                net, whole[_WAY], part[_RUNNING], min(part[_WANTED], part[_REACH]),
                min(part[_MOST], part[_REACH]),
            )  # fmt: skip
            if part[_LOT] <= EPS or whole[_TRY] == 3:
                _undo(st, whole[_MARK])
                continue
            part[_REACH] = part[_LOT]
            whole[_INPUT] = net.in_from[whole[_WAY]]
            whole[_PHASE] = _DRAW
    return result


@numba.njit(cache=True)
def _open_frame(whole, part, n, t, until, quantity, consumer):
    whole[_NODE] = n
    whole[_TIME] = t
    whole[_UNTIL] = until
    whole[_CONSUMER] = consumer
    whole[_LATE] = 0
    whole[_PHASE] = _FREE_UNITS
    whole[_RANK] = -1
    part[_ASKED] = quantity
    part[_GOT] = 0.0
    part[_CEILING] = np.inf
    part[_LATE_COST] = 0.0
    part[_TRIED] = -np.inf


@numba.njit(cache=True)
def serve(
    net, st, sequence, piece_node, piece_period, piece_until, piece_quantity, ceiling, late_periods,
    late_cost, whole, served, spent,
):  # fmt: skip
    """Serve pieces of demand in the order given; add what each got to `served`.

    A piece that is `whole` counts only when all of it is there on time; else nothing on
    time is touched for it and it is served late, as soon as can be.
    """
    frames = np.zeros((DEEPEST, 16), np.int64)
    parts = np.zeros((DEEPEST, 10))
    for position in range(sequence.shape[0]):
        c = sequence[position]
        asked = piece_quantity[c] - served[c]
        if asked <= EPS:
            continue
        st.count[3] = 0
        n = piece_node[c]
        t = piece_period[c]
        until = piece_until[c]
        late = late_periods[c]
        got = provide(
            net, st, frames, parts, n, t, until, asked, c, ceiling[c],
            0 if whole[c] else late, late_cost[c], spent,
        )  # fmt: skip
        if whole[c] and got < asked - EPS:
            _undo(st, 0)
            got = 0.0
            if late > 0:
                got = provide(
                    net, st, frames, parts, n, t, until, asked, c, ceiling[c], late, late_cost[c],
                    spent,
                )  # fmt: skip
        if st.count[4] == 1:
            return
        served[c] += got


@numba.njit(cache=True)
def add_orders(net, st, way_node, way, due, quantity, left):
    """Put the orders of a finished plan where more can be added to them, with what they leave."""
    for o in range(way.shape[0]):
        st.count[3] = 0
        w = way[o]
        at = _order_of(st, w, due[o])
        st.o_quantity[at] = quantity[o]
        if left[o] > EPS:
            n = way_node[w]
            add_bucket(net, st, n, due[o], due[o], due[o] + net.node_shelf[n], left[o], at)


@numba.njit(cache=True)
def add_receipts(net, st, node, due, ship, expire, quantity):
    """Put what a plan starts from on the lists of free units; receipt r is origin −1 − r."""
    for r in range(node.shape[0]):
        st.count[3] = 0
        add_bucket(net, st, node[r], due[r], ship[r], expire[r], quantity[r], -1 - r)
