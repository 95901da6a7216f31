"""Parcel labels, four inches by six, as pages to print: what a label carries, drawn as SVG.

A label names no customer by itself: the books keep none. Name and street are given when it is
printed, or written by hand on the lines left for them. It is no postage: the carrier's own
number is shown once it is told, ours until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from markupsafe import Markup

from fivefold.deliver.parcels.services import services_in_use
from fivefold.deliver.size_tiers import pounds
from fivefold.deliver.zones import zip_place
from fivefold.model import Dataset
from fivefold.web.barcodes import bars

#: Hundredths of an inch.
_WIDE, _HIGH = 400, 600
_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What one label says.

    `recipient` and `street` are empty where they are written by hand; `tracking` is empty until
    the carrier gave a number.
    """

    parcel: str
    order: str
    service: str
    carrier: str
    sender: tuple[str, ...]
    city: str
    postal_code: str
    shipped_on: date
    number: int
    count: int
    weight_lb: float | None = None
    zone: int | None = None
    recipient: str = ""
    street: str = ""
    tracking: str = ""
    contents: tuple[str, ...] = ()


def label_svg(label: Label) -> Markup:
    """Return one label as SVG of four by six inches."""
    name = f"Label of parcel {label.parcel}, {label.service} to {label.city} {label.postal_code}"
    parts = [
        *_head(label),
        *_service(label),
        *_recipient(label),
        *_codes(label),
        *_foot(label),
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="4in" height="6in" '
        'viewBox="0 0 {} {}" role="img" aria-label="{}" font-family="{}" fill="#000">'
        '<rect x="0" y="0" width="{}" height="{}" fill="#fff"/>{}'
        '<rect x="1" y="1" width="{}" height="{}" fill="none" stroke="#000" stroke-width="2"/>'
        "</svg>"
    ).format(_WIDE, _HIGH, name, _FONT, _WIDE, _HIGH, Markup("").join(parts), _WIDE - 2, _HIGH - 2)


def _text(
    x: float, y: float, words: object, *, size: float, bold: bool = False, at: str = "start",
    fill: str = "#000",
) -> Markup:  # fmt: skip
    return Markup(
        '<text x="{}" y="{}" font-size="{}" font-weight="{}" text-anchor="{}" fill="{}">{}</text>'
    ).format(x, y, size, 700 if bold else 400, at, fill, words)


def _rule(y: float, *, heavy: float = 2) -> Markup:
    return Markup('<rect x="0" y="{}" width="{}" height="{}"/>').format(y, _WIDE, heavy)


def _fitted(words: str, size: float, room: float) -> float:
    """Return a size at which words are not wider than their room; a letter is 0.6 of its size."""
    return min(size, room / max(1.0, 0.6 * len(words)))


def _head(label: Label) -> list[Markup]:
    """The sender, and the weight and number of the parcel."""
    weight = "– lb" if label.weight_lb is None else f"{label.weight_lb:.1f} lb"
    found = [_text(12, 18, "FROM", size=9, bold=True)]
    for row, line in enumerate(label.sender[:4]):
        found.append(_text(12, 33 + 14 * row, line, size=_fitted(line, 12, 250)))
    found += [
        _text(388, 24, weight, size=17, bold=True, at="end"),
        _text(388, 44, f"{label.number} of {label.count}", size=14, bold=True, at="end"),
        _text(388, 62, f"SHIP {label.shipped_on:%d %b %Y}".upper(), size=10, at="end"),
        _text(388, 76, f"ZONE {label.zone or '–'}", size=10, at="end"),
    ]
    return found


def _service(label: Label) -> list[Markup]:
    """The service, white on black, so that a sorter reads it from afar."""
    named = label.service.upper()
    return [
        Markup('<rect x="0" y="88" width="{}" height="44"/>').format(_WIDE),
        _text(12, 120, named, size=_fitted(named, 28, 250), bold=True, fill="#fff"),
        _text(388, 118, label.carrier, size=_fitted(label.carrier, 13, 130), at="end", fill="#fff"),
    ]


def _recipient(label: Label) -> list[Markup]:
    place = f"{label.city} {label.postal_code}".strip().upper()
    found = [_text(12, 152, "SHIP TO", size=9, bold=True)]
    for y, words in ((176, label.recipient), (200, label.street)):
        if words:
            found.append(_text(40, y, words, size=_fitted(words, 18, 345)))
        else:
            found.append(
                Markup(
                    '<line x1="40" x2="388" y1="{}" y2="{}" stroke="#000" stroke-width="0.75"/>'
                ).format(y + 2, y + 2)
            )
    found.append(_text(40, 232, place or "–", size=_fitted(place, 24, 345), bold=True))
    return found


def _bars(text: str, y: float, height: float, room: float, *, routing: bool) -> Markup:
    dark, modules = bars(text, routing=routing)
    wide = min(1.9, room / modules)
    left = (_WIDE - modules * wide) / 2
    drawn = "".join(
        f"M{left + start * wide:.2f} {y}h{width * wide:.2f}v{height}h{-width * wide:.2f}z"
        for start, width in dark
    )
    return Markup('<path d="{}" shape-rendering="crispEdges"/>').format(drawn)


def _codes(label: Label) -> list[Markup]:
    """The routing code of the ZIP, and the number of the parcel, between heavy rules."""
    found = [_rule(246)]
    digits = label.postal_code.split("-")[0]
    if len(digits) == 5 and digits.isdigit():
        found += [
            _bars(f"420{digits}", 258, 62, 300, routing=True),
            _text(_WIDE / 2, 337, f"(420) {digits}", size=13, bold=True, at="middle"),
        ]
    code = label.tracking or label.parcel
    said = "TRACKING" if label.tracking else "SHIPPER'S PARCEL NUMBER"
    found += [
        _rule(350, heavy=6),
        _text(_WIDE / 2, 374, said, size=11, bold=True, at="middle"),
        _bars(code, 384, 96, 380, routing=False),
        _text(_WIDE / 2, 499, code, size=_fitted(code, 16, 370), bold=True, at="middle"),
        _rule(508, heavy=6),
    ]
    return found


def _foot(label: Label) -> list[Markup]:
    found = [_text(12, 531, f"Order {label.order}", size=11, bold=True)]
    for row, line in enumerate(label.contents[:3]):
        found.append(_text(12, 547 + 13 * row, line, size=_fitted(line, 11, 370)))
    if len(label.contents) > 3:
        found.append(_text(388, 547, f"and {len(label.contents) - 3} more", size=10, at="end"))
    note = "Address label. Postage is bought from the carrier."
    found.append(_text(388, 594, note, size=7.5, at="end"))
    return found


def labels_page(labels: Sequence[Label], *, title: str) -> str:
    """Return labels as one document, a label a page of four by six inches."""
    pages = Markup("").join(
        Markup('<section class="label">{}</section>').format(label_svg(label)) for label in labels
    )
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>{}</title><style>'
            "@page{{size:4in 6in;margin:0}}body{{margin:0;background:#dfe3ea}}"
            "h1{{font:600 14px sans-serif;margin:12px;color:#111827}}"
            ".label{{width:4in;height:6in;margin:12px;background:#fff;break-after:page}}"
            ".label svg{{display:block}}"
            "@media print{{h1{{display:none}}body{{background:#fff}}.label{{margin:0}}}}"
            "</style></head><body><main><h1>{}</h1>{}</main></body></html>"
        ).format(title, title, pages)
    )


def labels_of(
    dataset: Dataset, parcels: pl.DataFrame, *, recipient: str = "", street: str = ""
) -> list[Label]:
    """Return the labels of these parcels.

    Parameters
    ----------
    dataset : Dataset
    parcels : polars.DataFrame
        Rows of the table parcels.
    recipient, street : str
        Written by hand where they are empty.
    """
    places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
    titles = dict(dataset["items"].select("item", pl.coalesce("title", "item")).iter_rows())
    services = services_in_use(dataset["carriage_services"])
    names = dict(services.select("service", pl.coalesce("name", "service")).iter_rows())
    of_order = dict(dataset["parcels"].group_by("order").agg(pl.len()).iter_rows())
    company = dataset.setting("company_name", "") or ""
    found = []
    for row in parcels.iter_rows(named=True):
        place = places[row["location"]]
        town = ", ".join(part for part in (place["city"], place["state"]) if part)
        inside = dataset["parcel_lines"].filter(pl.col("parcel") == row["parcel"])
        counted = inside.group_by("item", maintain_order=True).agg(pl.col("quantity").sum())
        lines = (
            company,
            place["name"] or row["location"],
            place["address"] or "",
            f"{town} {place['postal_code'] or ''}".strip(),
        )
        found.append(
            Label(
                parcel=row["parcel"],
                order=row["order"],
                service=names.get(row["service"], row["service"] or "no service"),
                carrier=row["carrier"] or "",
                sender=tuple(line for line in lines if line),
                city=zip_place(row["ship_postal_code"] or ""),
                postal_code=row["ship_postal_code"] or "",
                shipped_on=row["shipped_on"],
                number=int(row["parcel"].rpartition("-P")[2]),
                count=of_order.get(row["order"], 1),
                weight_lb=None if row["weight_kg"] is None else pounds(row["weight_kg"]),
                zone=row["zone"],
                recipient=recipient,
                street=street,
                tracking=row["tracking"] or "",
                contents=tuple(
                    f"{units} × {item} {titles[item] if titles[item] != item else ''}".strip()
                    for item, units in counted.iter_rows()
                ),
            )
        )
    return found
