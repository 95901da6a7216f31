"""Drawings of the S&OP room: months of demand and supply, the three flows on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fivefold.web import words
from fivefold.web.drawing import Canvas, Figure, colour, nothing, shortened, text_width
from fivefold.web.scales import Scale, round_ticks, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Units of a month where goods are sold."""

    name: str
    demand: float
    served: float
    comes_in: float
    closing: float


def month_balance(
    *, title: str, months: Sequence[Month], width: int = 1200, height: int = 280
) -> Figure:
    """Return demand, what of it is served, what comes in, and stock left, by month.

    Demand is a wide pale column, the part served a solid one within it; what comes in is a mark
    and stock at the end of the month a line.
    """
    if not months:
        return nothing(title, "Nothing to draw.", width=width)
    top_value = max(
        max(month.demand, month.served, month.comes_in, month.closing) for month in months
    )
    ticks = round_ticks(0.0, max(1.0, top_value), count=4)
    said = "; ".join(
        f"{m.name}: {m.demand:,.0f} wanted, {m.served:,.0f} served, {m.comes_in:,.0f} come in"
        for m in months
    )
    canvas = Canvas(width, height, title, said + ".")
    left = 10 + max(text_width(short(tick), 12) for tick in ticks)
    narrow = width < 500
    top, bottom = (46.0 if narrow else 30.0), height - 26.0
    up = Scale(ticks[0], ticks[-1], bottom, top)
    for tick in ticks:
        canvas.line(left, up(tick), width - 4, up(tick), token="line")
        canvas.text(left - 5, up(tick) + 4, short(tick), anchor="end")
    room = (width - 8 - left) / len(months)
    wide = min(72.0, room * 0.66)
    stock: list[tuple[float, float]] = []
    for number, month in enumerate(months):
        middle = left + room * (number + 0.5)
        told = (
            f"{month.name}: {month.demand:,.0f} wanted, {month.served:,.0f} served, "
            f"{month.comes_in:,.0f} come in, {month.closing:,.0f} left"
        )
        canvas.bar(
            middle - wide / 2, up(month.demand), wide, bottom - up(month.demand),
            token="band-wide", tip=told, radius=3,
        )  # fmt: skip
        canvas.bar(
            middle - wide * 0.32, up(month.served), wide * 0.64, bottom - up(month.served),
            token="accent", tip=told,
        )  # fmt: skip
        y = up(month.comes_in)
        canvas.line(middle - wide / 2 - 3, y, middle + wide / 2 + 3, y, token="good", width=3)
        stock.append((middle, up(month.closing)))
        if month.demand > 0 and not narrow:
            share = words.share(month.served / month.demand, 0)
            canvas.text(
                middle, up(month.demand) - 5, share, anchor="middle", token="ink", size=12,
                weight=600, halo=True,
            )  # fmt: skip
        name = month.name.split()[0] if narrow else month.name
        canvas.text(middle, height - 8, shortened(name, room - 2), anchor="middle", token="ink")
    canvas.path(stock, token="violet", width=1.8, dash="5 3")
    for x, y in stock:
        canvas.dot(x, y, token="violet", radius=3.5)
    _legend(canvas, left, narrow=narrow)
    return canvas.figure()


def _legend(canvas: Canvas, left: float, *, narrow: bool) -> None:
    x, y = left, 12.0
    for name, token in (
        ("wanted", "band-wide"),
        ("served", "accent"),
        ("comes in", "good"),
        ("left at the end", "violet"),
    ):
        canvas.bar(x, y - 8, 12, 10, token=token)
        canvas.text(x + 17, y + 1, name)
        x += 33 + text_width(name, 12)
        if narrow and name == "served":
            x, y = left, 30.0


#: Where goods stand on their way, from whom they are bought to whom they are sold.
STAGES = ("Suppliers", "Plants", "Own stock", "Marketplaces", "Customers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Three flows over the weeks of a plan.

    Parameters
    ----------
    goods : mapping of (stage, stage) to (units, value at cost)
        Stages are positions in `STAGES`; work within a plant goes from it to itself.
    money : mapping
        revenue, fees, not_yet_paid, carriage_and_work, purchases_paid, cash_flow.
    facts : sequence of (stage, words, count)
        What is known at each stage, against the way of the goods.
    """

    goods: Mapping[tuple[int, int], tuple[float, float]]
    money: Mapping[str, float]
    facts: Sequence[tuple[int, str, int]]


def three_flows(flows: Flows, *, sign: str = "$", width: int = 1200) -> Figure:
    """Return goods, money and information of a plan as three bands over the same stages."""
    goods = "; ".join(
        f"{units:,.0f} units from {STAGES[a].lower()} to {STAGES[b].lower()}"
        for (a, b), (units, _) in sorted(flows.goods.items())
        if a != b
    )
    told = "; ".join(f"{words.plain_name(k).lower()} {v:,.0f}" for k, v in flows.money.items())
    facts = "; ".join(f"{count:,} {what}" for _, what, count in flows.facts)
    canvas = Canvas(
        width, 520, "Three flows of the plan", f"Goods: {goods}. Money: {told}. Facts: {facts}."
    )
    margin = 96.0
    step = (width - 2 * margin) / (len(STAGES) - 1)
    at = [margin + step * number for number in range(len(STAGES))]
    for number, stage in enumerate(STAGES):
        canvas.line(at[number], 34, at[number], 512, token="line")
        canvas.text(
            at[number], 20, stage, anchor="middle", token="ink", size=13.5, weight=650, halo=True
        )
    _goods(canvas, flows, at)
    _money(canvas, flows.money, at, sign)
    _facts(canvas, flows.facts, at)
    for name, y in (("GOODS", 52), ("MONEY", 252), ("INFORMATION", 436)):
        canvas.text(6, y, name, size=11, weight=700)
    return canvas.figure()


def _ribbon(
    canvas: Canvas, x1: float, y1: float, x2: float, y2: float, thick: float, token: str, tip: str
) -> None:
    """Draw a band that bends from one place to another, as thick at both ends."""
    half = thick / 2
    bend = (x2 - x1) * 0.5
    top = f"M{x1:.1f} {y1 - half:.1f}C{x1 + bend:.1f} {y1 - half:.1f} {x2 - bend:.1f} {y2 - half:.1f} {x2:.1f} {y2 - half:.1f}"  # noqa: E501
    low = f"L{x2:.1f} {y2 + half:.1f}C{x2 - bend:.1f} {y2 + half:.1f} {x1 + bend:.1f} {y1 + half:.1f} {x1:.1f} {y1 + half:.1f}Z"  # noqa: E501
    canvas.parts.append(
        f'<path d="{top}{low}" fill="{colour(token)}" fill-opacity="0.5">'
        f"<title>{tip}</title></path>"
    )


#: How far each stage stands below the middle, so that ways which skip one pass it by.
_DOWN = (0.0, 36.0, 0.0, -12.0, 0.0)


def _goods(canvas: Canvas, flows: Flows, at: Sequence[float]) -> None:
    """Draw ribbons as thick as the goods are worth, nodes as high as what passes them."""
    ways = {way: told for way, told in flows.goods.items() if way[0] != way[1]}
    passed = [
        max(
            sum(value for (a, _), (_, value) in ways.items() if a == stage),
            sum(value for (_, b), (_, value) in ways.items() if b == stage),
        )
        for stage in range(len(STAGES))
    ]
    high = 112.0 / max([*passed, 1.0])
    middle = [134.0 + down for down in _DOWN]
    out = [y - high * value / 2 for y, value in zip(middle, passed, strict=True)]
    into = list(out)
    labels: list[tuple[float, float, str]] = []
    # Past the plants the long way is above, past the marketplaces below; at both ends.
    ends: dict[tuple[int, int], float] = {}
    for (a, b), (_, value) in sorted(
        ways.items(), key=lambda way: way[0][0] if way[0][1] <= 2 else -way[0][0]
    ):
        thick = max(1.5, high * value)
        ends[a, b] = into[b] + thick / 2
        into[b] += thick
    for (a, b), (units, value) in sorted(
        ways.items(), key=lambda way: -way[0][1] if way[0][0] < 2 else way[0][1]
    ):
        thick = max(1.5, high * value)
        y1, y2 = out[a] + thick / 2, ends[a, b]
        out[a] += thick
        tip = f"{units:,.0f} units, {value:,.0f} at cost, {STAGES[a]} to {STAGES[b]}"
        _ribbon(canvas, at[a] + 7, y1, at[b] - 7, y2, thick, "band", tip)
        share = 0.5 if b == a + 1 else 0.5 / (b - a) if a >= 2 else 1.0 - 0.5 / (b - a)
        x = at[a] + (at[b] - at[a]) * share
        y = y1 + (y2 - y1) * (3 * share**2 - 2 * share**3)
        labels.append((x, y + 4, f"{short(units)} units"))
    for x, y, told in labels:
        canvas.text(x, y, told, anchor="middle", token="ink", size=12, halo=True)
    for stage, value in enumerate(passed):
        tall = max(6.0, high * value)
        canvas.bar(
            at[stage] - 7, middle[stage] - tall / 2, 14, tall, token="accent",
            tip=f"{STAGES[stage]}: {value:,.0f} at cost", radius=4,
        )  # fmt: skip
    made = flows.goods.get((1, 1))
    if made and passed[1]:
        canvas.text(
            at[1], middle[1] + high * passed[1] / 2 + 18, f"{short(made[0])} units made",
            anchor="middle", size=12, halo=True,
        )  # fmt: skip


def _money(canvas: Canvas, money: Mapping[str, float], at: Sequence[float], sign: str) -> None:
    """Draw sales as a band that runs against the goods and loses what is paid on the way."""
    revenue = money["revenue"]
    if revenue <= 0:
        canvas.text(at[2], 330, "No price is known, so no money is told.", anchor="middle")
        return
    high = 92.0 / revenue
    top = 282.0
    steps = (
        ("fees", "fees", 3, "warn"),
        ("not_yet_paid", "not paid out yet", 3, "violet"),
        ("carriage_and_work", "carriage and work", 2, "warn"),
        ("purchases_paid", "goods paid", 0, "bad"),
    )
    left, x = revenue, at[4]
    canvas.bar(at[4] - 7, top, 14, high * revenue, token="good", radius=4, tip="Sales")
    canvas.text(
        at[4], top - 9, f"{short(revenue, unit=sign)} sales", anchor="middle", token="ink",
        size=12.5, weight=650, halo=True,
    )  # fmt: skip
    offset = 0.0
    for name, label, stage, token in steps:
        amount = money[name]
        if stage == 3 and offset == 0.0:
            _band(canvas, at[3] - 7, x - 7, top, high * left, "good")
            x = at[3]
        if stage != 3 and x > at[stage]:
            _band(
                canvas,
                at[stage] + (7 if stage == 0 else -7),
                x - 7,
                top,
                high * max(0.0, left),
                "good",
            )
            x = at[stage]
            offset = 0.0
        thick = max(1.5, high * max(0.0, amount))
        base = top + high * left
        tip = f"{label}: {amount:,.0f}"
        canvas.bar(x - 7, base - thick, 14, thick, token=token, tip=tip, radius=2)
        canvas.text(
            x, top + high * revenue + 16 + 15 * offset, f"{short(amount, unit=sign)} {label}",
            anchor="middle", token="ink", size=12, halo=True,
        )  # fmt: skip
        left -= amount
        offset += 1.0
    flow = money["cash_flow"]
    token = "good" if flow >= 0 else "bad"
    canvas.bar(
        at[0] - 7, top, 14, max(2.0, high * abs(flow)), token=token, radius=4,
        tip=f"Left over: {flow:,.0f}",
    )  # fmt: skip
    canvas.text(
        at[0], top - 9, f"{short(flow, unit=sign)} {'left over' if flow >= 0 else 'from cash'}",
        anchor="middle", token="ink", size=12.5, weight=650, halo=True,
    )  # fmt: skip


def _band(canvas: Canvas, x1: float, x2: float, top: float, tall: float, token: str) -> None:
    canvas.bar(x1, top, x2 - x1, max(1.5, tall), token=token, opacity=0.22, radius=0)


def _facts(canvas: Canvas, facts: Sequence[tuple[int, str, int]], at: Sequence[float]) -> None:
    """Draw what is known at each stage as chips, from customers back to suppliers."""
    y = 462.0
    for _, x in enumerate(at[:-1]):
        canvas.line(x + 84, y, x + (at[1] - at[0]) - 84, y, token="rule", dash="4 4")
    for a, b in pairwise(at):
        tip = a + 84
        if b - a > 176:
            canvas.path([(tip + 6, y - 4), (tip, y), (tip + 6, y + 4)], token="rule", width=1.4)
    for stage, what, count in facts:
        canvas.bar(at[stage] - 80, y - 22, 160, 44, token="shade", radius=9)
        canvas.text(
            at[stage], y - 3, short(float(count)), anchor="middle", token="ink", size=14, weight=650
        )
        canvas.text(at[stage], y + 14, what, anchor="middle", size=12)
