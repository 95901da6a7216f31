"""Code 128 barcodes as bars: digits in pairs, other text letter by letter.

References
----------
.. [1] ISO/IEC 15417:2007, Code 128: widths of bars and spaces, code sets B and C, check modulo
   103. A routing code begins with FNC1, as GS1 asks.
"""

from __future__ import annotations

from itertools import accumulate

_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 "
    "122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 "
    "321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 "
    "211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 "
    "213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 "
    "121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 "
    "241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 "
    "412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 "
    "211214 211232 2331112 "
)
#: Widths of bar, space, bar, space, bar, space of each value, and of the stop.
PATTERNS = tuple(_WIDTHS.split())
START_B, START_C, FNC1, STOP = 104, 105, 102, 106
#: Clear modules on each side.
QUIET = 10


def code_128_values(text: str, *, routing: bool = False) -> list[int]:
    """Return the values of a code, start, check and stop among them.

    Parameters
    ----------
    text : str
        Printable ASCII.
    routing : bool
        Begin with FNC1, as a code of GS1 does.

    Raises
    ------
    ValueError
        If a letter cannot be coded.

    Examples
    --------
    The standard's worked check digit:

    >>> code_128_values("Wikipedia")[-2]
    88
    """
    if not text or any(not 32 <= ord(letter) <= 126 for letter in text):
        raise ValueError(f"text must be printable ASCII, found {text!r}")
    pairs = text.isdigit() and len(text) % 2 == 0
    values = [START_C if pairs else START_B]
    if routing:
        values.append(FNC1)
    if pairs:
        values += [int(text[at : at + 2]) for at in range(0, len(text), 2)]
    else:
        values += [ord(letter) - 32 for letter in text]
    check = values[0] + sum(place * value for place, value in enumerate(values[1:], start=1))
    return [*values, check % 103, STOP]


def bars(text: str, *, routing: bool = False) -> tuple[list[tuple[int, int]], int]:
    """Return dark bars as (start, width) in modules, and modules in all with the quiet zones.

    >>> bars("10", routing=True)[0][:3]
    [(10, 2), (13, 1), (16, 3)]
    """
    widths = [
        int(width) for value in code_128_values(text, routing=routing) for width in PATTERNS[value]
    ]
    starts = list(accumulate(widths, initial=QUIET))
    dark = [(starts[at], widths[at]) for at in range(0, len(widths), 2)]
    return dark, starts[-1] + QUIET
