"""The plan as an Excel workbook a planner can trace: live formulas, frozen headers, notes.

Text stays text: a name that begins like a formula is written as a string and never computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset, schema
from fivefold.web import words
from fivefold.web.summaries import streams

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.worksheet import Worksheet

#: Rows a sheet of Excel holds, its header not counted.
_MOST_ROWS = 1_048_575
#: Levels of the forecast written beside its mean.
_LEVELS = (0.1, 0.5, 0.9)
_SHARES = ("cycle_service_level", "fill_rate")


@dataclass(slots=True)
class Book:
    """A workbook being written: formats by name, and what each sheet holds."""

    file: xlsxwriter.Workbook
    formats: dict[str, Any]
    told: list[tuple[str, str, int]] = field(default_factory=list)


def plan_workbook(plan: Plan, dataset: Dataset, *, filters: Sequence[str] = ()) -> bytes:
    """Return the plan as the bytes of plan.xlsx.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
        What the plan was made from; gives names.
    filters : sequence of str
        What the plan was narrowed to before, in words; told in the notes.

    Notes
    -----
    Purchase order lines carry quantity times price as a formula, and the orders their totals by
    SUMIFS over the lines, each with its value, so that the file reads right before it is computed.
    """
    import xlsxwriter

    buffer = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(buffer, options) as file:
        # Equal plans give equal bytes.
        file.set_properties(
            {
                "title": f"Plan {plan.plan}",
                "created": datetime(plan.as_of.year, plan.as_of.month, plan.as_of.day),
            }
        )
        book = Book(file, _formats(file, words.symbol(dataset.setting("currency", "USD") or "USD")))
        notes = file.add_worksheet("Read me")
        _purchases(book, plan, dataset)
        _shipments(book, plan)
        _named(book, "Work orders", plan["work_orders"].sort("start_at", "order"), dataset)
        _named(
            book,
            "Supply plan",
            _reasoned(plan, plan["supply_plan"].sort("start_on", "decision")),
            dataset,
        )
        if plan["make_or_buy"].height:
            _named(book, "Make or buy", plan["make_or_buy"], dataset)
        _named(book, "Changes to orders", plan["supply_changes"], dataset)
        _named(book, "Stock targets", plan["stock_targets"], dataset)
        _named(book, "Channels", _reasoned(plan, plan["channel_choices"]), dataset)
        _fees(book, plan)
        _named(book, "Unmet", plan["unmet_demand"], dataset)
        _named(book, "Limits", plan["limit_prices"], dataset)
        _named(book, "Why", plan["explanations"].sort("subject", "sequence"), dataset)
        _named(book, "Forecast", _forecast(plan, dataset), dataset)
        _notes(book, notes, plan, dataset, filters)
    return buffer.getvalue()


def _formats(file: xlsxwriter.Workbook, sign: str) -> dict[str, Any]:
    money = f'"{sign}"#,##0.00' if sign.strip() else "#,##0.00"
    plain = {"font_name": "Calibri", "valign": "top"}
    return {
        "title": file.add_format({**plain, "bold": True, "font_size": 16}),
        "bold": file.add_format({**plain, "bold": True}),
        "head": file.add_format(
            {
                **plain,
                "bold": True,
                "bg_color": "#101830",
                "font_color": "#FFFFFF",
                "text_wrap": True,
            }
        ),
        "text": file.add_format(plain),
        "wrap": file.add_format({**plain, "text_wrap": True}),
        "integer": file.add_format({**plain, "num_format": "#,##0"}),
        "number": file.add_format({**plain, "num_format": "#,##0.0##"}),
        "money": file.add_format({**plain, "num_format": money}),
        "share": file.add_format({**plain, "num_format": "0.0%"}),
        "date": file.add_format({**plain, "num_format": "yyyy-mm-dd"}),
        "instant": file.add_format({**plain, "num_format": "yyyy-mm-dd hh:mm"}),
        "total": file.add_format({**plain, "num_format": money, "bold": True, "top": 1}),
    }


def _sheet(
    book: Book, name: str, columns: Sequence[tuple[str, str]], rows: int, what: str
) -> Worksheet:
    """Start a sheet: header, frozen first row and column, filter, widths by kind."""
    sheet = book.file.add_worksheet(name)
    for number, (title, kind) in enumerate(columns):
        sheet.write_string(0, number, title, book.formats["head"])
        sheet.set_column(number, number, _width(title, kind), book.formats[_format(kind)])
    sheet.freeze_panes(1, 1)
    if rows:
        sheet.autofilter(0, 0, rows, len(columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    book.told.append((name, what, rows))
    return sheet


def _width(title: str, kind: str) -> float:
    wide = {"wrap": 70, "text": 22, "name": 38, "date": 12, "instant": 17}
    return max(wide.get(kind, 13), min(24, len(title) + 3))


def _format(kind: str) -> str:
    return "text" if kind == "name" else kind


def _put(book: Book, sheet: Worksheet, row: int, column: int, value: object, kind: str) -> None:
    """Write one value by its type; what is absent stays empty."""
    form = book.formats[_format(kind)]
    if value is None or (isinstance(value, float) and value != value):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, book.formats["text"])
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value.replace(tzinfo=None), book.formats["instant"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, book.formats["date"])
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, form)
    else:
        sheet.write_string(row, column, str(value), form)


def _kind(table: str, column: str, frame: pl.DataFrame) -> str:
    """Return how a column is written, from the schema where it knows the column."""
    if column in _SHARES or column.endswith("_share"):
        return "share"
    dtype = frame.schema[column]
    if column in ("text", "because", "note"):
        return "wrap"
    if column == "title" or column.endswith("_name"):
        return "name"
    if dtype == pl.Date:
        return "date"
    if isinstance(dtype, pl.Datetime):
        return "instant"
    if dtype.is_integer():
        return "integer"
    known = {c.name: c.type for c in schema(table).columns} if table else {}
    if known.get(column) == "money" or column in ("revenue", "contribution"):
        return "money"
    return "number" if dtype.is_float() else "text"


#: Which table of the schema a sheet shows, with what it holds.
_SHOWN = {
    "Work orders": ("work_orders", "What to make, where and when; times are UTC."),
    "Supply plan": ("supply_plan", "Every buy, make and move with its first reason."),
    "Make or buy": ("make_or_buy", "What a unit costs each way, and which way the plan takes."),
    "Changes to orders": ("supply_changes", "Changes proposed to orders already placed."),
    "Stock targets": ("stock_targets", "Safety stock, reorder point and level to order up to."),
    "Channels": ("channel_choices", "Contribution a unit in each channel; the best is marked."),
    "Unmet": ("unmet_demand", "Demand not served on time, with the reason."),
    "Limits": ("limit_prices", "Limits by week: amount, used, worth of one unit more."),
    "Why": ("explanations", "Reasons of every decision, in reading order."),
    "Forecast": ("forecast_means", "Mean, deviation and quantiles of weekly demand."),
}


def _named(book: Book, name: str, frame: pl.DataFrame, dataset: Dataset) -> None:
    """Write a table with the titles of its items beside their codes."""
    table, what = _SHOWN[name]
    for key in ("item", "product"):
        if key in frame.columns:
            titles = dataset["items"].select(pl.col("item").alias(key), "title")
            place = frame.columns.index(key) + 1
            frame = frame.join(titles, on=key, how="left", maintain_order="left")
            order = [c for c in frame.columns if c != "title"]
            frame = frame.select(*order[:place], "title", *order[place:])
    columns = [(words.plain_name(c), _kind(table, c, frame)) for c in frame.columns]
    if frame.height > _MOST_ROWS:
        what += f" First {_MOST_ROWS:,} of {frame.height:,} rows."
        frame = frame.head(_MOST_ROWS)
    sheet = _sheet(book, name, columns, frame.height, what)
    for row, values in enumerate(frame.iter_rows(), start=1):
        for column, value in enumerate(values):
            _put(book, sheet, row, column, value, columns[column][1])


def _reasoned(plan: Plan, frame: pl.DataFrame) -> pl.DataFrame:
    """Return decisions with their first reason."""
    first = (
        plan["explanations"]
        .sort("subject", "sequence")
        .group_by("subject", maintain_order=True)
        .first()
        .select(decision="subject", because="text")
    )
    return frame.join(first, on="decision", how="left", maintain_order="left")


def _purchases(book: Book, plan: Plan, dataset: Dataset) -> None:
    """Write orders with totals by SUMIFS over their lines, and the lines with value formulas."""
    orders = plan["purchase_orders"].sort("ordered_on", "order")
    lines = orders.select("order", "ordered_on").join(
        plan["purchase_order_lines"], on="order", how="inner", maintain_order="left"
    )
    lines = lines.sort("ordered_on", "order", "line", maintain_order=True)
    suppliers = dict(dataset["locations"].select("location", "name").iter_rows())
    last = max(2, lines.height + 1)
    columns = [
        ("Order", "text"), ("Supplier", "text"), ("Supplier name", "name"), ("Destination", "text"),
        ("Order on", "date"), ("Expected on", "date"), ("Mode", "text"), ("Currency", "text"),
        ("Lines", "integer"), ("Units", "integer"), ("Goods", "money"), ("Freight", "money"),
        ("Duty", "money"), ("Other", "money"), ("Landed", "money"), ("Status", "text"),
    ]  # fmt: skip
    sheet = _sheet(
        book, "Purchase orders", columns, orders.height,
        "Orders to place. Lines, units and goods are formulas over the sheet of lines; landed adds "
        "freight, duty and the rest.",
    )  # fmt: skip
    by_order = lines.group_by("order").agg(
        lines=pl.len(),
        units=pl.col("quantity").sum(),
        goods=(pl.col("quantity") * pl.col("unit_price")).sum(),
    )
    sums = {row["order"]: row for row in by_order.iter_rows(named=True)}
    form = book.formats
    for at, row in enumerate(orders.iter_rows(named=True), start=1):
        n = at + 1
        own = sums.get(row["order"], {"lines": 0, "units": 0, "goods": 0.0})
        given = (
            row["order"], row["supplier"], suppliers.get(row["supplier"]), row["destination"],
            row["ordered_on"], row["expected_on"], row["mode"], row["currency"],
        )  # fmt: skip
        for column, value in enumerate(given):
            _put(book, sheet, at, column, value, columns[column][1])
        key = f"'Purchase order lines'!$A$2:$A${last},A{n}"
        sheet.write_formula(at, 8, f"=COUNTIF({key})", form["integer"], own["lines"])
        units = f"=SUMIFS('Purchase order lines'!$E$2:$E${last},{key})"
        sheet.write_formula(at, 9, units, form["integer"], own["units"])
        goods = f"=SUMIFS('Purchase order lines'!$G$2:$G${last},{key})"
        sheet.write_formula(at, 10, goods, form["money"], own["goods"])
        rest = [row["freight_value"], row["duty_value"], row["other_value"]]
        for column, value in enumerate(rest, start=11):
            _put(book, sheet, at, column, value, "money")
        landed = own["goods"] + sum(value or 0.0 for value in rest)
        sheet.write_formula(at, 14, f"=SUM(K{n}:N{n})", form["money"], landed)
        _put(book, sheet, at, 15, row["status"], "text")
    if orders.height:
        _totals(book, sheet, orders, sums)
    _lines(book, plan, lines, dataset)


def _totals(
    book: Book, sheet: Worksheet, orders: pl.DataFrame, sums: dict[str, dict[str, Any]]
) -> None:
    """Write the sums of money below the orders, two rows down so that a filter leaves them."""
    at, last = orders.height + 2, orders.height + 1
    sheet.write_string(at, 0, "Total shown", book.formats["bold"])
    goods = sum(row["goods"] for row in sums.values())
    given = {
        "K": goods,
        "L": float(orders["freight_value"].sum()),
        "M": float(orders["duty_value"].sum()),
        "N": float(orders["other_value"].sum()),
    }
    given["O"] = sum(given.values())
    for letter, value in given.items():
        sheet.write_formula(
            f"{letter}{at + 1}",
            f"=SUBTOTAL(109,{letter}2:{letter}{last})",
            book.formats["total"],
            value,
        )


def _lines(book: Book, plan: Plan, lines: pl.DataFrame, dataset: Dataset) -> None:
    columns = [
        ("Order", "text"), ("Line", "integer"), ("Item", "text"), ("Title", "name"),
        ("Quantity", "integer"), ("Unit price", "money"), ("Value", "money"),
        ("Landed unit cost", "money"), ("Decision", "text"), ("Because", "wrap"),
    ]  # fmt: skip
    sheet = _sheet(
        book, "Purchase order lines", columns, lines.height,
        "Lines of the orders; value is quantity times unit price, as a formula.",
    )  # fmt: skip
    titles = dict(dataset["items"].select("item", "title").iter_rows())
    reasoned = _reasoned(plan, lines)
    for at, row in enumerate(reasoned.iter_rows(named=True), start=1):
        given = (
            row["order"],
            row["line"],
            row["item"],
            titles.get(row["item"]),
            row["quantity"],
            row["unit_price"],
        )
        for column, value in enumerate(given):
            _put(book, sheet, at, column, value, columns[column][1])
        value = row["quantity"] * row["unit_price"] if row["unit_price"] is not None else 0.0
        sheet.write_formula(at, 6, f"=E{at + 1}*F{at + 1}", book.formats["money"], value)
        for column, value in enumerate(
            (row["landed_unit_cost"], row["decision"], row["because"]), start=7
        ):
            _put(book, sheet, at, column, value, columns[column][1])


def _shipments(book: Book, plan: Plan) -> None:
    """Write one row a shipment and item, so that it can be packed from the sheet."""
    frame = (
        plan["inbound_cartons"]
        .group_by("shipment", "item")
        .agg(cartons=pl.len(), quantity=pl.col("quantity").sum())
        .join(plan["inbound_shipments"].drop("cartons", "units"), on="shipment", how="left")
        .sort("ship_on", "shipment", "item")
        .select(
            "shipment", "origin", "destination", "ship_on", "expected_on", "mode", "placement",
            "item", "quantity", "cartons", "freight_value", "placement_fee", "status",
        )
    )  # fmt: skip
    columns = [(words.plain_name(c), _kind("inbound_shipments", c, frame)) for c in frame.columns]
    sheet = _sheet(
        book, "Shipments", columns, frame.height,
        "Items of each shipment to fulfilment centres; a mixed carton counts once for each item in "
        "it. Freight and fee are of the whole shipment.",
    )  # fmt: skip
    for at, row in enumerate(frame.iter_rows(), start=1):
        for column, value in enumerate(row):
            _put(book, sheet, at, column, value, columns[column][1])


def _fees(book: Book, plan: Plan) -> None:
    """Write fees with the part an unknown leaves open as a formula."""
    frame = plan["channel_fees"]
    columns = [(words.plain_name(c), _kind("channel_fees", c, frame)) for c in frame.columns]
    columns.append(("Open", "money"))
    sheet = _sheet(
        book, "Fees", columns, frame.height,
        "What each item pays in each channel, line by line, with card and grade. Open is the "
        "width of the range, as a formula; an unknown amount stays empty.",
    )  # fmt: skip
    low, high = frame.columns.index("amount_low"), frame.columns.index("amount_high")
    a, b = chr(65 + low), chr(65 + high)
    for at, row in enumerate(frame.iter_rows(), start=1):
        for column, value in enumerate(row):
            _put(book, sheet, at, column, value, columns[column][1])
        if row[low] is not None and row[high] is not None and row[low] != row[high]:
            sheet.write_formula(
                at,
                len(row),
                f"={b}{at + 1}-{a}{at + 1}",
                book.formats["money"],
                row[high] - row[low],
            )


def _forecast(plan: Plan, dataset: Dataset) -> pl.DataFrame:
    """Return means with quantiles beside them."""
    frame = plan["forecast_means"]
    keys = ["item", "location", "period_start"]
    for level in _LEVELS:
        own = plan["forecasts"].filter((pl.col("quantile") - level).abs() < 1e-9)
        frame = frame.join(
            own.select(*keys, pl.col("units").alias(f"p{level * 100:.0f}")), on=keys, how="left"
        )
    channel = streams(plan, dataset).select("item", "location", "channel")
    quantiles = [f"p{level * 100:.0f}" for level in _LEVELS]
    return (
        frame.join(channel, on=["item", "location"], how="left")
        .sort(keys)
        .select(*keys, "channel", "units_mean", "units_sd", *quantiles, "method")
    )


def _notes(
    book: Book, sheet: Worksheet, plan: Plan, dataset: Dataset, filters: Sequence[str]
) -> None:
    """Write what the plan is, what it was narrowed to, and what each sheet holds."""
    form = book.formats
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 90)
    sheet.set_column(2, 2, 12)
    sheet.hide_gridlines(2)
    sheet.write_string(0, 0, dataset.setting("company_name", "") or "Supply plan", form["title"])
    broken = plan["violations"].height
    facts = [
        ("Plan", plan.plan),
        ("Plan date", words.day(plan.as_of)),
        ("Scenario", plan.scenario),
        ("Status", plan.status),
        (
            "Checker",
            "May be released: no broken rule."
            if not broken
            else f"Must not be released: {words.many(broken, 'broken rule')}.",
        ),
        ("Filters", words.listed(list(filters)) or "None: the whole plan."),
        ("Parameters", words.listed([f"{k} {v}" for k, v in sorted(plan.params.items())])),
        ("Currency", dataset.setting("currency", "USD") or "USD"),
        ("Fingerprint of the data", plan.dataset_fingerprint),
        ("Empty cells", "Not known. Nothing is filled in for what is not known."),
    ]
    for row, (name, value) in enumerate(facts, start=2):
        sheet.write_string(row, 0, name, form["bold"])
        sheet.write_string(row, 1, value, form["wrap"])
    start = len(facts) + 3
    for column, title in enumerate(("Sheet", "What it holds", "Rows")):
        sheet.write_string(start, column, title, form["head"])
    for row, (name, what, count) in enumerate(book.told, start=start + 1):
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        sheet.write_string(row, 1, what, form["wrap"])
        sheet.write_number(row, 2, count, form["integer"])
    sheet.activate()
