"""A purchase order on paper: HTML to print, CSV to load, and X12-850-shaped text.

Knows forms. The 850 carries the segments a receiver needs to read an order (BEG, REF, DTM,
N1, PO1, PID, CTT); qualifiers a partner asks for beyond them are agreed partner by partner.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from datetime import date
from html import escape
from typing import Any

#: What separates the elements and ends a segment of the 850; neither may stand in a text.
ELEMENT, SEGMENT = "*", "~"


def written(order: Mapping[str, Any], form: str) -> tuple[str, bytes]:
    """Return file name and content of an order in a form: html, csv or edi.

    Raises
    ------
    ValueError
        If there is no such form.
    """
    if form not in _FORMS:
        raise ValueError(f"form must be one of {', '.join(_FORMS)}, found {form!r}")
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in order["order"])
    ending, write = _FORMS[form]
    return f"{name}.{ending}", write(order).encode("utf-8")


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _csv(order: Mapping[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head = ("order", "supplier", "destination", "ordered_on", "expected_on", "currency")
    line_columns = ("line", "item", "title", "quantity", "unit_price")
    writer.writerow([*head, *line_columns, "amount"])
    for line in order["lines"]:
        amount = f"{line['quantity'] * line['unit_price']:.2f}"
        cells = [*(order[n] for n in head), *(line[n] for n in line_columns), amount]
        writer.writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def _html(order: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{line['line']}</td><td>{escape(line['item'])}</td>"
        f"<td>{escape(line['title'])}</td><td class=n>{line['quantity']:,}</td>"
        f"<td class=n>{line['unit_price']:,.4f}</td>"
        f"<td class=n>{line['quantity'] * line['unit_price']:,.2f}</td></tr>"
        for line in order["lines"]
    )
    total = sum(line["quantity"] * line["unit_price"] for line in order["lines"])
    days = order["payment_days"]
    facts = [
        ("From", order["company"]),
        ("To", f"{order['supplier_name']} ({order['supplier']})"),
        ("Deliver to", f"{order['destination_name']} ({order['destination']})"),
        ("Ordered", _day(order["ordered_on"])),
        ("Wanted by", _day(order["expected_on"])),
        ("By", order["mode"]),
        ("Terms", order["incoterm"]),
        ("Payment", f"{days} days" if days is not None else ""),
    ]
    told = "".join(f"<dt>{k}</dt><dd>{escape(str(v))}</dd>" for k, v in facts if v)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>Purchase order {escape(order['order'])}</title><style>"
        "@page{size:A4;margin:18mm}body{font:11pt/1.4 system-ui,sans-serif;color:#111;"
        "max-width:178mm;margin:auto}h1{font-size:16pt}dl{display:grid;"
        "grid-template-columns:8em 1fr;gap:2px}dt{color:#555}dd{margin:0}table{width:100%;"
        "border-collapse:collapse;margin-top:8mm}th,td{text-align:left;padding:4px 6px;"
        "border-bottom:1px solid #bbb}.n{text-align:right;font-variant-numeric:tabular-nums}"
        "tfoot td{font-weight:600}</style>"
        f"<h1>Purchase order {escape(order['order'])}</h1><dl>{told}</dl>"
        "<table><thead><tr><th>Line<th>Item<th>Title<th class=n>Units<th class=n>Price"
        f"<th class=n>Amount</tr></thead><tbody>{rows}</tbody><tfoot><tr>"
        f"<td colspan=5>Total {escape(order['currency'])}</td><td class=n>{total:,.2f}</td></tr>"
        "</tfoot></table></html>"
    )


def _day(value: date) -> str:
    return f"{value:%Y-%m-%d}"


def _edi(order: Mapping[str, Any]) -> str:
    """Return the order as an X12 850 transaction set between ST and SE."""
    body = [
        ("BEG", "00", "NE", order["order"], "", f"{order['ordered_on']:%Y%m%d}"),
        ("CUR", "BY", order["currency"]),
        ("DTM", "002", f"{order['expected_on']:%Y%m%d}"),
        ("N1", "BY", order["company"] or "BUYER"),
        ("N1", "SE", order["supplier_name"] or order["supplier"], "92", order["supplier"]),
        ("N1", "ST", order["destination_name"] or order["destination"], "92", order["destination"]),
    ]
    for line in order["lines"]:
        price = f"{line['unit_price']:.4f}".rstrip("0").rstrip(".")
        body.append(("PO1", line["line"], line["quantity"], "EA", price, "", "BP", line["item"]))
        body.append(("PID", "F", "", "", "", line["title"]))
    body.append(("CTT", len(order["lines"]), sum(line["quantity"] for line in order["lines"])))
    control = f"{int(hashlib.sha256(order['order'].encode()).hexdigest(), 16) % 10**9:09d}"
    # ST and SE are counted too.
    segments = [("ST", "850", control), *body, ("SE", len(body) + 2, control)]
    return "\n".join(_segment(segment) for segment in segments) + "\n"


def _segment(elements: tuple[object, ...]) -> str:
    texts = ["".join(c for c in str(e) if c not in (ELEMENT, SEGMENT, "\n")) for e in elements]
    while texts and not texts[-1]:
        texts.pop()
    return ELEMENT.join(texts) + SEGMENT


_FORMS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "html": ("html", _html),
    "csv": ("csv", _csv),
    "edi": ("850.txt", _edi),
}
