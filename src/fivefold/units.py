"""Units of measure as exact ratios, and money at its smallest unit.

Knows conversions; rounds only where a function says so.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

INCH_CM = Fraction(254, 100)
POUND_KG = Fraction(45359237, 100_000_000)
OUNCE_KG = POUND_KG / 16
CUBIC_FOOT_M3 = (INCH_CM * 12 / 100) ** 3
MILE_KM = Fraction(1_609_344, 1_000_000)

#: Digits after the decimal point of each currency that has other than two.
MINOR_DIGITS = {
    "BHD": 3,
    "CLP": 0,
    "ISK": 0,
    "JOD": 3,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "VND": 0,
}

_LENGTH_CM = {
    "cm": Fraction(1),
    "centimeters": Fraction(1),
    "centimetres": Fraction(1),
    "mm": Fraction(1, 10),
    "m": Fraction(100),
    "in": INCH_CM,
    "inch": INCH_CM,
    "inches": INCH_CM,
    "ft": INCH_CM * 12,
    "feet": INCH_CM * 12,
}
_WEIGHT_KG = {
    "kg": Fraction(1),
    "kilograms": Fraction(1),
    "g": Fraction(1, 1000),
    "grams": Fraction(1, 1000),
    "lb": POUND_KG,
    "lbs": POUND_KG,
    "pound": POUND_KG,
    "pounds": POUND_KG,
    "oz": OUNCE_KG,
    "ounce": OUNCE_KG,
    "ounces": OUNCE_KG,
}
_VOLUME_M3 = {
    "m3": Fraction(1),
    "cubic meters": Fraction(1),
    "cubic metres": Fraction(1),
    "l": Fraction(1, 1000),
    "litres": Fraction(1, 1000),
    "cubic feet": CUBIC_FOOT_M3,
    "cuft": CUBIC_FOOT_M3,
    "ft3": CUBIC_FOOT_M3,
    "cubic inches": (INCH_CM / 100) ** 3,
    "in3": (INCH_CM / 100) ** 3,
}


def length_factor_cm(unit: str) -> Fraction:
    """Return how many centimetres one `unit` is.

    >>> float(length_factor_cm("inches"))
    2.54
    """
    return _lookup(_LENGTH_CM, unit, "length")


def weight_factor_kg(unit: str) -> Fraction:
    """Return how many kilograms one `unit` is.

    >>> float(weight_factor_kg("pounds"))
    0.45359237
    """
    return _lookup(_WEIGHT_KG, unit, "weight")


def volume_factor_m3(unit: str) -> Fraction:
    """Return how many cubic metres one `unit` is.

    >>> round(float(volume_factor_m3("cubic feet")), 6)
    0.028317
    """
    return _lookup(_VOLUME_M3, unit, "volume")


def _lookup(factors: dict[str, Fraction], unit: str, what: str) -> Fraction:
    try:
        return factors[unit.strip().lower()]
    except KeyError:
        known = ", ".join(sorted(factors))
        raise ValueError(f"unit of {what} {unit!r} is not known; known are {known}") from None


def minor_digits(currency: str) -> int:
    """Return the digits after the decimal point of a currency.

    >>> minor_digits("USD"), minor_digits("JPY")
    (2, 0)
    """
    return MINOR_DIGITS.get(currency.upper(), 2)


def to_minor(amount: Decimal | float | int | str, currency: str = "USD") -> int:
    """Return an amount of money in the currency's smallest unit, rounded half to even.

    A float is read as the shortest decimal that prints it, so 0.29 is 29 cents.

    >>> to_minor(0.29), to_minor("19.995"), to_minor(Decimal("-1.27"))
    (29, 2000, -127)
    """
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    scaled = value.scaleb(minor_digits(currency))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def from_minor(amount: int, currency: str = "USD") -> Decimal:
    """Return an amount in the currency's main unit.

    >>> from_minor(1999)
    Decimal('19.99')
    """
    return Decimal(amount).scaleb(-minor_digits(currency))


def split_minor(amount: int, weights: list[Fraction | int]) -> list[int]:
    """Return `amount` split by `weights` so that the parts add up to it exactly.

    The largest remainders take the last units; ties go to the first.

    >>> split_minor(100, [1, 1, 1])
    [34, 33, 33]
    """
    total = sum(Fraction(weight) for weight in weights)
    if total <= 0:
        raise ValueError(f"weights must sum to more than zero, found {total}")
    exact = [Fraction(amount) * Fraction(weight) / total for weight in weights]
    parts = [share.numerator // share.denominator for share in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: amount - sum(parts)]:
        parts[i] += 1
    return parts
