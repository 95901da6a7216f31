"""Fee cards as data: which figure holds for an item on a day, and how sure it is.

Knows the cards that come with the package and how a line of one is read. A figure nobody
could find stays empty; it is never filled with a guess.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import polars as pl

from fivefold.model.schema import TableSchema, polars_type, schema

#: Bands counted in these units hold from their lower end on and end before the upper one.
LEFT_CLOSED = frozenset({"weeks", "days_cover"})
#: Float noise of a unit conversion; a weight this close to the end of a band is at the end.
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a fee card.

    Bands are exclusive below and inclusive above, except weeks and days of cover, which
    are inclusive below. `amount` is None where the figure is not known.
    """

    card: str
    line: int
    fee_type: str
    effective_from: date
    season: str
    product_class: str
    size_tier: str
    basis: str
    from_value: float
    to_value: float
    band_unit: str
    price_from: float
    price_to: float
    weight_from_lb: float
    weight_to_lb: float
    option: str
    region: str
    amount: float | None
    amount_per_step: float
    step: float
    minimum_amount: float | None
    maximum_amount: float | None
    amount_low: float | None
    amount_high: float | None
    grade: str
    source: str
    note: str

    def holds(self, value: float | None) -> bool:
        """Tell whether `value` lies in the band; a line without a band holds for any."""
        if not self.band_unit:
            return True
        if value is None:
            return False
        if self.band_unit in LEFT_CLOSED:
            return self.from_value <= value < self.to_value
        above = value > self.from_value + TOLERANCE or self.from_value == 0.0
        return above and value <= self.to_value + TOLERANCE

    def at(self, value: float | None) -> float | None:
        """Return the amount at `value` of the band, steps added; None where it is not known."""
        if self.amount is None:
            return None
        if not self.amount_per_step or value is None:
            return self.amount
        steps = math.ceil((value - self.from_value) / self.step - TOLERANCE)
        return self.amount + max(steps, 0) * self.amount_per_step


@cache
def fee_cards() -> pl.DataFrame:
    """Return every card that comes with the package, in the shape of the table `fee_cards`.

    Returns
    -------
    polars.DataFrame
        One row a figure: card, dates, season, class, tier, band, amount or range, grade
        (official, secondary, single, assumed, unknown), source and note. An empty amount
        is a figure that is not known.

    Examples
    --------
    >>> cards = fee_cards()
    >>> cards.filter(pl.col("fee_type") == "MCF_FULFILLMENT_FEE")["amount"].to_list()
    [None]
    """
    table = schema("fee_cards")
    rows: list[dict[str, str]] = []
    folder = files("fivefold.deliver") / "cards"
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.name.endswith(".csv"):
            rows.extend(csv.DictReader(entry.read_text(encoding="utf-8").splitlines()))
    return _typed(table, rows).sort("card", "line")


def _typed(table: TableSchema, rows: list[dict[str, str]]) -> pl.DataFrame:
    """Return text rows as the typed table; an empty cell takes the default of its column."""
    text = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String()))
    cells: list[pl.Expr] = []
    for column in table.columns:
        default = pl.lit(column.default_value(), dtype=pl.String())
        cell = pl.when(pl.col(column.name) == "").then(default).otherwise(pl.col(column.name))
        if column.type == "date":
            cell = cell.str.to_date("%Y-%m-%d")
        else:
            cell = cell.cast(polars_type(column.type))
        cells.append(cell.alias(column.name))
    return text.select(cells)


def cards_with(own: pl.DataFrame) -> pl.DataFrame:
    """Return the package's cards with a company's own ones in place of those of the same name."""
    if own.height == 0:
        return fee_cards()
    kept = fee_cards().filter(~pl.col("card").is_in(own["card"].unique().implode()))
    return pl.concat([kept, own.select(kept.columns)]).sort("card", "line")


def fulfilment_season(day: date) -> str:
    """Return the season of fulfilment fees: peak from 15 October to 14 January.

    >>> fulfilment_season(date(2026, 10, 14)), fulfilment_season(date(2027, 1, 14))
    ('off_peak', 'peak')
    """
    month_day = (day.month, day.day)
    return "peak" if month_day >= (10, 15) or month_day <= (1, 14) else "off_peak"


def storage_season(day: date) -> str:
    """Return the season of storage fees.

    >>> storage_season(date(2026, 9, 30)), storage_season(date(2026, 10, 1))
    ('jan_sep', 'oct_dec')
    """
    return "oct_dec" if day.month >= 10 else "jan_sep"


def _other_season(day: date) -> str:
    return "off_peak" if fulfilment_season(day) == "peak" else "peak"


class FeeBook:
    """The figures in force on one day in one marketplace.

    Parameters
    ----------
    cards : polars.DataFrame
        In the shape of the table `fee_cards`.
    day : date
        Day the fee would be charged.
    marketplace : str
    """

    def __init__(self, cards: pl.DataFrame, *, day: date, marketplace: str = "US") -> None:
        self.day = day
        self.marketplace = marketplace
        self._cards = cards
        in_force = cards.filter(
            (pl.col("marketplace") == marketplace)
            & (pl.col("effective_from") <= day)
            & (pl.col("effective_to").is_null() | (pl.col("effective_to") >= day))
            & ~pl.col("season").is_in([_other_season(day)])
        )
        self._figures: dict[tuple[str, str], list[Figure]] = {}
        for figure in _figures(in_force):
            self._figures.setdefault((figure.fee_type, figure.size_tier), []).append(figure)
        self._classes: dict[str, list[str]] = {}

    def on(self, day: date) -> FeeBook:
        """Return the figures in force on another day."""
        return FeeBook(self._cards, day=day, marketplace=self.marketplace)

    def find_all(
        self,
        fee_type: str,
        *,
        size_tier: str = "",
        product_class: str = "",
        value: float | None = None,
        price: float | None = None,
        weight_lb: float | None = None,
        option: str = "",
        region: str = "",
        stored_on: date | None = None,
    ) -> list[Figure]:
        """Return every line that holds, the most special and latest first.

        An empty text on a line holds for any; one that is not empty must be the same.
        Storage is charged by the season of `stored_on`, by default the day of the book.
        """
        seasons = ("all", fulfilment_season(self.day), storage_season(stored_on or self.day))
        candidates = [
            *self._figures.get((fee_type, size_tier), []),
            *(self._figures.get((fee_type, ""), []) if size_tier else []),
        ]
        cents = None if price is None else round(price, 2)
        found = [
            figure
            for figure in candidates
            if figure.season in seasons
            and figure.product_class in ("", product_class)
            and figure.option in ("", option)
            and figure.region in ("", region)
            and (cents is None or figure.price_from <= cents <= figure.price_to)
            and (weight_lb is None or figure.weight_from_lb < weight_lb <= figure.weight_to_lb)
            and figure.holds(value)
        ]
        return sorted(found, key=_special, reverse=True)

    def find(
        self,
        fee_type: str,
        *,
        size_tier: str = "",
        product_class: str = "",
        value: float | None = None,
        price: float | None = None,
        weight_lb: float | None = None,
        option: str = "",
        region: str = "",
        stored_on: date | None = None,
    ) -> Figure | None:
        """Return the line that holds, None where no card says anything.

        Where several do, the one for the item's own class, tier, option and region goes
        before the one for any, and the later card before the earlier.
        """
        found = self.find_all(
            fee_type,
            size_tier=size_tier,
            product_class=product_class,
            value=value,
            price=price,
            weight_lb=weight_lb,
            option=option,
            region=region,
            stored_on=stored_on,
        )
        return found[0] if found else None

    def classes(self, fee_type: str) -> list[str]:
        """Return the product classes a fee tells apart, sorted."""
        if fee_type not in self._classes:
            self._classes[fee_type] = sorted(
                {
                    figure.product_class
                    for (name, _tier), figures in self._figures.items()
                    if name == fee_type
                    for figure in figures
                    if figure.product_class
                }
            )
        return self._classes[fee_type]


def _special(figure: Figure) -> tuple[int, date, bool, int]:
    named = (figure.product_class, figure.size_tier, figure.option, figure.region)
    return (
        sum(text != "" for text in named),
        figure.effective_from,
        figure.amount is not None,
        -figure.line,
    )


def _figures(cards: pl.DataFrame) -> Iterable[Figure]:
    for row in cards.iter_rows(named=True):
        yield Figure(
            card=row["card"],
            line=row["line"],
            fee_type=row["fee_type"],
            effective_from=row["effective_from"],
            season=row["season"],
            product_class=row["product_class"] or "",
            size_tier=row["size_tier"] or "",
            basis=row["basis"],
            from_value=row["from_value"] or 0.0,
            to_value=math.inf if row["to_value"] is None else row["to_value"],
            band_unit=row["band_unit"] or "",
            price_from=row["price_from"] or 0.0,
            price_to=math.inf if row["price_to"] is None else row["price_to"],
            weight_from_lb=row["weight_from_lb"] or 0.0,
            weight_to_lb=math.inf if row["weight_to_lb"] is None else row["weight_to_lb"],
            option=row["option"] or "",
            region=row["region"] or "",
            amount=row["amount"],
            amount_per_step=row["amount_per_step"] or 0.0,
            step=row["step"] or 1.0,
            minimum_amount=row["minimum_amount"],
            maximum_amount=row["maximum_amount"],
            amount_low=row["amount_low"],
            amount_high=row["amount_high"],
            grade=row["grade"],
            source=row["source"],
            note=row["note"] or "",
        )
