"""From text to numbers, dates, instants and truth values, strictly and column by column.

A cell that can be read in two ways is refused, with what was probably meant. Knows no files.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable
from typing import Literal

import polars as pl

from fivefold.connect.findings import Findings, shown

DateOrder = Literal["mdy", "dmy"] | None

#: Cells that say there is nothing to say.
EMPTY = ("", "--", "—", "N/A", "n/a")
#: Integers beyond this lose digits when a program reads them as floating point.
LARGEST = 9_007_199_254_740_991

_PLAIN = r"^[+-]?(?:[0-9]{1,30}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_THOUSANDS_POINT = r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+$|^[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}$"
_THOUSANDS_COMMA = (
    r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+$|^[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}$"
    r"|^[+-]?[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})$|^[+-]?(?:0|[0-9]{4,}),[0-9]{3}$"
)
_EITHER = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
_POINT_EVIDENCE = r"^[+-]?[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,})$"

_TRUE = ("true", "yes", "y", "1")
_FALSE = ("false", "no", "n", "0")

#: Hours from UTC of the zone names that marketplace reports write.
_ZONES = {
    "UTC": "+00:00",
    "GMT": "+00:00",
    "Z": "+00:00",
    "BST": "+01:00",
    "CET": "+01:00",
    "CEST": "+02:00",
    "MET": "+01:00",
    "MEST": "+02:00",
    "EST": "-05:00",
    "EDT": "-04:00",
    "CST": "-06:00",
    "CDT": "-05:00",
    "MST": "-07:00",
    "MDT": "-06:00",
    "PST": "-08:00",
    "PDT": "-07:00",
    "JST": "+09:00",
}
_TIME = r"(?:[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?"
_ZONE = r" ?(Z|[A-Z]{3,4}|[+-][0-9]{2}:?[0-9]{2})?$"
_ISO = r"^([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})" + _TIME + _ZONE
_NUMERIC = r"^([0-9]{1,2})([./-])([0-9]{1,2})[./-]([0-9]{4})" + _TIME + _ZONE
_WRITTEN_ZONE = r"([0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?)" + _ZONE
_MONTH = r"^([0-9]{4})-([0-9]{2})$|^([0-9]{2})/([0-9]{4})$"


def number_column(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return cells as numbers, and which cells are none.

    `1,234.56` and `1.234,56` are read, because each can only be one thing. `1,234` alone can
    be two, so it is read only in a column where another cell settles what the comma means.

    >>> number_column(pl.Series(["1,234.56", "7", "1_000", "１２", "inf"]))[0].to_list()
    [1234.56, 7.0, None, None, None]
    """
    plain = values.str.contains(_PLAIN)
    if plain.all():
        numbers = values.cast(pl.Float64)
    else:
        text = _without_thousands(values, plain)
        numbers = text.cast(pl.Float64)
    finite = numbers.is_finite().fill_null(False)
    numbers = _when(finite, numbers)
    return numbers, values.is_not_null() & numbers.is_null()


def _without_thousands(values: pl.Series, plain: pl.Series) -> pl.Series:
    """Return cells rewritten with a decimal point and nothing else; null where not a number."""
    comma = values.str.contains(_THOUSANDS_COMMA)
    point = values.str.contains(_THOUSANDS_POINT)
    either = values.str.contains(_EITHER)
    point_known = point.any() or values.str.contains(_POINT_EVIDENCE).any()
    if comma.any() and point_known:
        # The column speaks of both, so only what can be read one way is read.
        comma_known = point_known = False
        # A single group after one comma, such as 12,99, would be a guess here.
        comma = values.str.contains(r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+$")
    else:
        comma_known = bool(comma.any())
    from_point = values.str.replace_all(",", "", literal=True)
    from_comma = values.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.select(
        pl.when(
            plain
            & ~(pl.lit(comma_known) & values.str.contains(r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"))
        )
        .then(values)
        .when(point | (either & pl.lit(bool(point_known))))
        .then(from_point)
        .when(comma | (either & pl.lit(comma_known)))
        .then(from_comma)
    ).to_series()


def _when(mask: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(values)).to_series()


def integer_column(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return cells as whole numbers, and which cells are none; `3.0` is 3, `3.5` is none."""
    digits = values.str.contains(r"^[+-]?[0-9]{1,15}$")
    if (digits | values.is_null()).all():
        whole = values.str.strip_chars_start("+").cast(pl.Int64)
        return whole, pl.repeat(False, len(values), eager=True)
    numbers, _ = number_column(values)
    good = ((numbers == numbers.round(0)) & (numbers.abs() <= LARGEST)).fill_null(False)
    whole = _when(good, numbers).cast(pl.Int64)
    return whole, values.is_not_null() & whole.is_null()


def boolean_column(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return cells as truth values, and which cells are none."""
    low = values.str.to_lowercase()
    truth = pl.select(
        pl.when(low.is_in(_TRUE)).then(True).when(low.is_in(_FALSE)).then(False)
    ).to_series()
    return truth, values.is_not_null() & truth.is_null()


def instant_column(values: pl.Series, order: DateOrder = None) -> tuple[pl.Series, pl.Series]:
    """Return cells as instants in UTC, and which cells are none.

    A time without a zone is taken as UTC, a day without a time as its first moment.
    """
    fast = values.str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us", strict=False)
    fast = fast.dt.convert_time_zone("UTC") if fast.dtype == pl.Datetime else fast
    rest = values.is_not_null() & fast.is_null()
    if not rest.any():
        return _in_years(values, fast)
    slow = _instants_by_parts(values.filter(rest), order)
    filled = fast.to_frame("v").with_row_index("i")
    at = filled["i"].filter(rest)
    instants = fast.scatter(at, slow)
    return _in_years(values, instants)


def _in_years(values: pl.Series, instants: pl.Series) -> tuple[pl.Series, pl.Series]:
    instants = _when((instants.dt.year().is_between(1900, 2200)).fill_null(False), instants)
    return instants, values.is_not_null() & instants.is_null()


def _instants_by_parts(values: pl.Series, order: DateOrder) -> pl.Series:
    """Return instants from the other layouts; null where a cell has none of them."""
    frame = values.alias("v").to_frame()
    iso = frame.select(pl.col("v").str.extract_groups(_ISO).alias("g")).unnest("g")
    num = frame.select(pl.col("v").str.extract_groups(_NUMERIC).alias("g")).unnest("g")
    first, last = num["1"].cast(pl.Int32), num["3"].cast(pl.Int32)
    order = _settled(num["2"], first, last, order)
    slash_day_first = order == "dmy"
    # Points are written day first everywhere; slashes and hyphens are not.
    day_first = (num["2"] == ".") | slash_day_first
    known = (num["2"] == ".") | (order is not None) | (first == last)
    parts = pl.select(
        year=pl.coalesce(iso["1"], num["4"]).cast(pl.Int32),
        month=pl.coalesce(iso["2"].cast(pl.Int32), pl.when(day_first).then(last).otherwise(first)),
        day=pl.coalesce(iso["3"].cast(pl.Int32), pl.when(day_first).then(first).otherwise(last)),
        hour=pl.coalesce(iso["4"], num["5"]).cast(pl.Int32).fill_null(0),
        minute=pl.coalesce(iso["5"], num["6"]).cast(pl.Int32).fill_null(0),
        second=pl.coalesce(iso["6"], num["7"]).cast(pl.Int32).fill_null(0),
        fraction=pl.coalesce(iso["7"], num["8"]).fill_null("0").str.slice(0, 6),
        zone=pl.coalesce(iso["8"], num["9"]).fill_null("UTC"),
        known=iso["1"].is_not_null() | known.fill_null(False),
    )
    written = pl.concat_str(
        pl.col("year").cast(pl.String).str.zfill(4),
        *(
            pl.col(name).cast(pl.String).str.zfill(2)
            for name in ("month", "day", "hour", "minute", "second")
        ),
        pl.col("zone").replace(_ZONES).str.replace(":", "", literal=True),
    )
    whole = (
        parts.select(pl.when("known").then(written))
        .to_series()
        .str.to_datetime("%Y%m%d%H%M%S%z", time_unit="us", strict=False)
        .dt.convert_time_zone("UTC")
    )
    beyond = parts["fraction"].str.pad_end(6, "0").cast(pl.Int64).cast(pl.Duration("us"))
    return whole + beyond


def _settled(sign: pl.Series, first: pl.Series, last: pl.Series, order: DateOrder) -> DateOrder:
    """Return the order of day and month that the column itself gives away, else `order`."""
    open_sign = sign != "."
    if ((first > 12) & open_sign).any():
        return "dmy"
    if ((last > 12) & open_sign).any():
        return "mdy"
    return order


def date_column(values: pl.Series, order: DateOrder = None) -> tuple[pl.Series, pl.Series]:
    """Return cells as days, and which cells are none; of an instant, its day as written.

    A month such as `2026-09` or `09/2026` is its first day.
    """
    fast = values.str.to_date("%Y-%m-%d", strict=False)
    plain = values.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$").fill_null(False)
    fast = _when(plain, fast)
    rest = values.is_not_null() & fast.is_null()
    if rest.any():
        month = values.str.extract_groups(_MONTH).struct.unnest()
        as_day = pl.select(
            pl.concat_str(
                pl.coalesce(month["1"], month["4"]),
                pl.coalesce(month["2"], month["3"]),
                pl.lit("01"),
                separator="-",
            )
        ).to_series()
        # The zone is cut off: a day is the day where it was written.
        local = values.str.replace(_WRITTEN_ZONE, "$1")
        instants, _ = instant_column(local, order)
        fast = pl.select(
            pl.coalesce(fast, as_day.str.to_date("%Y-%m-%d", strict=False), instants.dt.date())
        ).to_series()
    fast = _when(fast.dt.year().is_between(1900, 2200).fill_null(False), fast)
    return fast, values.is_not_null() & fast.is_null()


def typed_column(
    values: pl.Series,
    kind: str,
    *,
    rows: pl.Series,
    column: str,
    findings: Findings,
    order: DateOrder = None,
    choices: tuple[str, ...] = (),
) -> pl.Series:
    """Return text cells as the type `kind` of the schema, telling each cell that is not one.

    Parameters
    ----------
    values : Series of str
        Stripped, null where empty.
    kind : str
        A type of `fivefold.model.schema.Column`.
    rows : Series of int
        File row of each value.
    column : str
        Name for messages, as the file writes it.
    """
    values = _when(~values.is_in(EMPTY).fill_null(True), values)
    if kind == "text":
        return values
    if kind == "choice":
        typed, bad = _choice_column(values, choices)
    else:
        typed, bad = _READERS[kind](values, order)
    if bad.any():
        findings.say_rows(
            _CODES[kind],
            rows.filter(bad).to_list(),
            values.filter(bad).to_list(),
            lambda value: _why_not(str(value), kind, choices),
            column=column,
        )
    return typed


def _choice_column(values: pl.Series, choices: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    folded = values.str.to_lowercase().str.replace_all(r"[ -]+", "_")
    typed = _when(folded.is_in(list(choices)).fill_null(False), folded)
    return typed, values.is_not_null() & typed.is_null()


_READERS: dict[str, Callable[[pl.Series, DateOrder], tuple[pl.Series, pl.Series]]] = {
    "integer": lambda values, _order: integer_column(values),
    "number": lambda values, _order: number_column(values),
    "share": lambda values, _order: number_column(values),
    "money": lambda values, _order: number_column(values),
    "boolean": lambda values, _order: boolean_column(values),
    "date": date_column,
    "instant": instant_column,
}
_CODES = {
    "integer": "not_a_number",
    "number": "not_a_number",
    "share": "not_a_number",
    "money": "not_a_number",
    "boolean": "not_a_truth_value",
    "date": "not_a_date",
    "instant": "not_an_instant",
    "choice": "not_a_choice",
}


def _why_not(value: str, kind: str, choices: tuple[str, ...]) -> str:
    """Return why a cell is refused and what was probably meant."""
    if kind in ("integer", "number", "share", "money"):
        return _why_not_number(value, kind)
    if kind == "boolean":
        return f"{shown(value)} is neither true nor false; write true or false"
    if kind == "choice":
        near = difflib.get_close_matches(value.lower()[:40], choices, n=1, cutoff=0.6)
        guess = f"Did you mean {near[0]}? " if near else ""
        return f"{shown(value)} is not one of {', '.join(choices)}. {guess}Correct it."
    return _why_not_date(value)


def _why_not_number(value: str, kind: str) -> str:
    if re.match(_EITHER, value):
        whole, decimal = value.replace(",", ""), value.replace(",", ".")
        return f"{shown(value)} can be {whole} or {decimal}; write one of them"
    if kind == "integer" and re.match(_PLAIN, value):
        return f"{shown(value)} is not a whole number up to {LARGEST:,}; correct it"
    guess = _guessed_number(value)
    meant = f" Did you mean {guess}?" if guess else ""
    if kind == "share" and value.endswith("%") and _guessed_number(value[:-1]):
        meant = f" A share stands from 0 to 1: write {float(_guessed_number(value[:-1])) / 100:g}."
    return f"{shown(value)} is not a number.{meant or ' Correct it.'}"


def _guessed_number(value: str) -> str:
    """Return the number that was probably meant, or nothing.

    >>> _guessed_number("1O"), _guessed_number("$ 1_000"), _guessed_number("soon")
    ('10', '1000', '')
    """
    text = unicodedata.normalize("NFKC", value[:40])
    text = re.sub(r"[\s_'’$€£¥]|USD|EUR|GBP|CAD|units?|pcs", "", text)
    text = text.replace("−", "-").replace("–", "-")
    if re.fullmatch(r"\(.+\)", text):
        text = "-" + text[1:-1]
    if any(letter.isdigit() for letter in text):
        text = text.translate(str.maketrans("OoIlSB", "001158"))
    text = re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?:[^0-9]|$))", "", text)
    return text if text.isascii() and re.match(_PLAIN, text) else ""


def _why_not_date(value: str) -> str:
    found = re.match(_NUMERIC, value)
    if found:
        first, _sign, last, year = found.groups()[:4]
        a, b = int(first), int(last)
        if 1 <= a <= 12 and 1 <= b <= 12:
            return (
                f"{shown(value)} can be {year}-{a:02}-{b:02} or {year}-{b:02}-{a:02}; write one "
                "of them"
            )
        return f"there is no day {shown(value)}; write a date as YYYY-MM-DD"
    if re.match(_ISO, value):
        return f"there is no day {shown(value)} in the years 1900 to 2200; correct it"
    if re.fullmatch(r"[0-9]{5}(?:\.[0-9]+)?", value):
        return (
            f"{shown(value)} is a date as a spreadsheet counts days; give the column a date "
            "format, or write YYYY-MM-DD"
        )
    return f"{shown(value)} is not a date; write it as YYYY-MM-DD"
