"""The inventory ledger: every movement of stock, and the balance of every day."""

from __future__ import annotations

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report

#: The marketplace's words for a movement, folded, and as they are written since.
EVENT_TYPES = {
    "receipts": "Receipts",
    "shipments": "Shipments",
    "customershipments": "Shipments",
    "customerreturns": "CustomerReturns",
    "adjustments": "Adjustments",
    "whsetransfers": "WhseTransfers",
    "warehousetransfers": "WhseTransfers",
    "vendorreturns": "VendorReturns",
}
_OTHER = (
    "vendor_returns",
    "warehouse_transfer_in_out",
    "found",
    "lost",
    "damaged",
    "disposed",
    "other_events",
    "unknown_events",
)


def read_detail(report: Report) -> dict[str, pl.DataFrame]:
    """Return movements of stock.

    The report has no number of its own for a movement. Its key is made of its columns and of
    how many equal rows stand before it, so that two reports that overlap by whole days name a
    movement alike.
    """
    word = pl.col("event_type").str.replace_all(r"[\s_-]", "").str.to_lowercase()
    named = word.replace_strict(EVENT_TYPES, default=None)
    frame = report.frame.with_columns(_named=named)
    report.findings.say_frame(
        "unknown_event",
        frame.filter(pl.col("_named").is_null()),
        "event_type",
        lambda value: f"event type {value!r} is not known and was kept as written",
        column="Event Type",
        severity="warning",
    )
    frame = frame.with_columns(event_type=pl.coalesce("_named", "event_type"))
    contents = (
        "date",
        "event_type",
        "msku",
        "fnsku",
        "fulfillment_center",
        "disposition",
        "reason",
        "reference_id",
        "quantity",
    )
    body = pl.concat_str(
        (pl.col(name).cast(pl.String).fill_null("") for name in contents), separator="|"
    )
    frame = frame.with_columns(_body=body).with_columns(
        _nth=pl.int_range(1, pl.len() + 1).over("_body")
    )
    events = frame.select(
        event=pl.format("{}|{}", "_body", "_nth"),
        item="msku",
        location="fulfillment_center",
        date="date",
        event_type="event_type",
        quantity="quantity",
        disposition="disposition",
        reason="reason",
        reference="reference_id",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    return {
        "stock_events": events,
        "items": _items(frame),
        "locations": _places(report, "fulfillment_center"),
    }


def read_summary(report: Report) -> dict[str, pl.DataFrame]:
    """Return balances a day, item, place and disposition.

    What moved is added up in four columns: received, shipped, returned, and all the rest.
    """
    flows = ("receipts", "customer_shipments", "customer_returns", *_OTHER)
    frame = report.frame.with_columns(pl.col(name).fill_null(0) for name in flows)
    _check_balance(report, frame, flows)
    daily = frame.select(
        item="msku",
        location=pl.coalesce("location", pl.lit(report.settings.country)),
        date="date",
        disposition=pl.coalesce("disposition", pl.lit("SELLABLE")),
        opening="starting_warehouse_balance",
        receipts="receipts",
        customer_shipments="customer_shipments",
        customer_returns="customer_returns",
        other=pl.sum_horizontal(_OTHER),
        closing="ending_warehouse_balance",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    return {
        "stock_daily": daily,
        "items": _items(frame),
        "locations": _places(report, "location"),
    }


def _check_balance(report: Report, frame: pl.DataFrame, flows: tuple[str, ...]) -> None:
    """Tell rows whose closing balance does not follow from opening and movements."""
    after = pl.col("starting_warehouse_balance") + pl.sum_horizontal(flows)
    transit = pl.col("in_transit_between_warehouses").fill_null(0)
    closing = pl.col("ending_warehouse_balance")
    # Layouts differ in whether units between warehouses are part of the balance.
    apart = frame.filter(
        (after != closing) & (after + transit != closing) & (after - transit != closing)
    )
    apart = apart.with_columns(_after=after)
    report.findings.say_frame(
        "balance_differs",
        apart,
        "_after",
        lambda value: (
            f"opening and movements give {value}, which is not the ending balance; the "
            "row was kept as reported"
        ),
        column="Ending Warehouse Balance",
        severity="warning",
    )


def _items(frame: pl.DataFrame) -> pl.DataFrame:
    return discovered.items(
        frame.sort("date", maintain_order=True),
        item=pl.col("msku"),
        title=pl.col("title"),
        asin=pl.col("asin"),
        fnsku=pl.col("fnsku"),
    )


def _places(report: Report, column: str) -> pl.DataFrame:
    """Return the fulfilment centres named; a country is no centre."""
    codes = report.frame[column].unique().to_list()
    centres = [code for code in codes if code and len(code) > 2]
    network = [report.settings.network_location]
    return discovered.locations(report.settings, network + centres)
