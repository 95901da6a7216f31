"""Each report becomes the tables it feeds, figure by figure."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from fivefold.connect import ImportSettings, Loaded, check_tables, merge, read_file

SETTINGS = ImportSettings(as_of=date(2026, 11, 20))


def report(*rows: dict[str, object], name: str = "report.txt") -> Loaded:
    header = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["\t".join(header)]
    lines += ["\t".join(str(row.get(key, "")) for key in header) for row in rows]
    return read_file(name, "\r\n".join(lines).encode(), settings=SETTINGS)


def order_row(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "amazon-order-id": "111-1",
        "purchase-date": "2026-09-19T18:25:00+00:00",
        "last-updated-date": "2026-09-20T18:25:00+00:00",
        "order-status": "Shipped",
        "fulfillment-channel": "Amazon",
        "sales-channel": "Amazon.com",
        "product-name": 'Desk 27" oak',
        "sku": "DESK",
        "asin": "B01",
        "item-status": "Shipped",
        "quantity": 2,
        "currency": "USD",
        "item-price": "39.98",
        "item-promotion-discount": "-2.00",
        "ship-postal-code": "07501",
        "is-business-order": "true",
    }
    return row | {key.replace("_", "-"): value for key, value in changes.items()}


def only(loaded: Loaded, table: str) -> dict[str, object]:
    assert loaded.accepted, [str(problem) for problem in loaded.problems]
    frame = loaded.tables[table]
    assert frame.height == 1, frame
    return frame.row(0, named=True)


def test_an_order_line_has_its_unit_price_channel_and_place() -> None:
    line = only(report(order_row()), "orders")
    assert line["order"] == "111-1"
    assert line["item"] == "DESK"
    assert (line["quantity"], line["unit_price"]) == (2, 19.99)
    assert (line["channel"], line["location"]) == ("FBA", "FBA-US")
    assert line["ordered_at"] == datetime(2026, 9, 19, 18, 25, tzinfo=UTC)
    assert (line["status"], line["is_business"]) == ("shipped", True)
    assert line["promotion_discount"] == 2
    assert line["ship_postal_code"] == "07501"
    assert (line["_file"], line["_row"]) == ("report.txt", 2)


def test_orders_name_items_offers_channels_and_places() -> None:
    loaded = report(order_row(), order_row(**{"fulfillment-channel": "Merchant", "sku": "MUG"}))
    assert only_column(loaded, "items", "item") == ["DESK", "MUG"]
    assert loaded.tables["items"]["title"].to_list() == ['Desk 27" oak'] * 2
    assert loaded.tables["offers"].select("item", "channel", "price").rows() == [
        ("DESK", "FBA", 19.99),
        ("MUG", "FBM", 19.99),
    ]
    assert only_column(loaded, "channels", "channel") == ["FBA", "FBM"]
    assert only_column(loaded, "locations", "location") == ["FBA-US", "WH1"]


def only_column(loaded: Loaded, table: str, column: str) -> list[object]:
    return loaded.tables[table][column].to_list()


@pytest.mark.parametrize(
    ("status", "item_status", "meaning"),
    [
        ("Pending", "Unshipped", "pending"),
        ("Unshipped", "Unshipped", "open"),
        ("PartiallyShipped", "Shipped", "open"),
        ("Shipped", "Shipped", "shipped"),
        ("Shipped - Delivered to Buyer", "Shipped", "delivered"),
        ("Shipped - Returned to Seller", "Shipped", "returned"),
        ("Canceled", "Cancelled", "cancelled"),
        ("Shipped", "Cancelled", "cancelled"),
    ],
)
def test_the_words_for_a_state_are_folded(status: str, item_status: str, meaning: str) -> None:
    loaded = report(order_row(**{"order-status": status, "item-status": item_status}))
    assert only(loaded, "orders")["status"] == meaning


def test_an_unknown_state_is_told_and_read_as_open() -> None:
    loaded = report(order_row(**{"order-status": "Teleported"}))
    assert only(loaded, "orders")["status"] == "open"
    assert [p.code for p in loaded.problems] == ["unknown_status"]
    assert loaded.problems[0].row == 2


def test_a_cancelled_line_without_quantity_is_kept_with_none() -> None:
    loaded = report(
        order_row(**{"order-status": "Cancelled", "item-status": "Cancelled", "quantity": ""})
        | {"item-price": ""}
    )
    line = only(loaded, "orders")
    assert (line["quantity"], line["unit_price"], line["status"]) == (0, None, "cancelled")


def test_an_order_of_another_shop_shipped_by_amazon_is_multi_channel() -> None:
    loaded = report(order_row(**{"sales-channel": "Non-Amazon US"}))
    assert only(loaded, "orders")["channel"] == "MCF"
    assert only_column(loaded, "channels", "kind") == ["mcf"]


def test_line_numbers_do_not_depend_on_rows_around_or_on_the_later_column() -> None:
    rows = [order_row(sku=sku) for sku in ("C", "A", "B")]
    alone = report(rows[1])
    whole = report(*rows)
    later = report(*({**row, "order-item-id": f"9{i}"} for i, row in enumerate(rows[::-1])))

    def lines(loaded: Loaded) -> dict[object, object]:
        return dict(loaded.tables["orders"].select("item", "line").iter_rows())

    assert lines(whole) == lines(later)
    assert lines(alone)["A"] == lines(whole)["A"]
    assert len(set(lines(whole).values())) == 3


def test_an_item_twice_in_an_order_is_two_lines_in_the_order_of_their_contents() -> None:
    one = order_row(**{"quantity": 1, "item-price": 5})
    two = order_row(**{"quantity": 3, "item-price": 15})
    first = report(one, two).tables["orders"].select("line", "quantity").sort("line")
    second = report(two, one).tables["orders"].select("line", "quantity").sort("line")
    assert first.equals(second)
    assert first["line"].n_unique() == 2


def test_unknown_columns_are_kept_and_private_ones_are_not() -> None:
    loaded = report(order_row() | {"promise-note": "x", "buyer-email": "a@b.c", "cpf": "1"})
    line = only(loaded, "orders")
    assert line["extra_promise_note"] == "x"
    assert not any("buyer" in name or "cpf" in name for name in line)
    assert loaded.columns_kept == ("promise-note",)
    told = [problem for problem in loaded.problems if problem.code == "private_data"]
    assert len(told) == 1
    assert "buyer-email, cpf" in told[0].message


def inventory_row(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "sku": "DESK",
        "fnsku": "X1",
        "asin": "B01",
        "product-name": "Desk",
        "your-price": "19.99",
        "mfn-listing-exists": "No",
        "mfn-fulfillable-quantity": "",
        "afn-listing-exists": "Yes",
        "afn-warehouse-quantity": 20,
        "afn-fulfillable-quantity": 12,
        "afn-unsellable-quantity": 3,
        "afn-reserved-quantity": 5,
        "afn-inbound-working-quantity": 7,
        "afn-inbound-shipped-quantity": 8,
        "afn-inbound-receiving-quantity": 0,
        "afn-future-supply-buyable": "--",
    }
    return row | {key.replace("_", "-"): value for key, value in changes.items()}


def test_stock_is_split_into_sellable_and_unsellable() -> None:
    loaded = report(inventory_row())
    stock = loaded.tables["inventory"].select("condition", "on_hand", "allocated", "location")
    assert stock.rows() == [("sellable", 17, 5, "FBA-US"), ("unsellable", 3, 0, "FBA-US")]
    assert loaded.tables["inventory"]["as_of"][0] == datetime(2026, 11, 20, tzinfo=UTC)


def test_inbound_quantities_become_moves_with_an_assumed_day() -> None:
    loaded = report(inventory_row())
    moves = loaded.tables["supply_orders"].select("kind", "quantity", "status", "expected_on")
    assert moves.rows() == [
        ("move", 7, "approved", date(2026, 12, 18)),
        ("move", 8, "in_transit", date(2026, 12, 4)),
    ]
    assert any(problem.code == "assumed_day" for problem in loaded.problems)


def test_inbound_quantities_without_a_day_are_not_guessed() -> None:
    row = inventory_row()
    body = "\t".join(row) + "\n" + "\t".join(str(value) for value in row.values())
    loaded = read_file("inventory.txt", body.encode())
    assert [problem.code for problem in loaded.problems] == ["day_unknown"]
    assert not loaded.accepted


def test_the_seller_s_own_stock_of_a_listing_stands_at_the_own_place() -> None:
    loaded = report(inventory_row(**{"mfn-listing-exists": "Yes", "mfn-fulfillable-quantity": 9}))
    own = loaded.tables["inventory"].filter(pl.col("location") == "WH1")
    assert own["on_hand"].to_list() == [9]


def test_available_units_are_added_up_by_condition() -> None:
    def row(code: str, quantity: int) -> dict[str, object]:
        return {
            "seller-sku": "DESK",
            "fulfillment-channel-sku": "X1",
            "asin": "B01",
            "condition-type": "NewItem",
            "Warehouse-Condition-code": code,
            "Quantity Available": quantity,
        }

    loaded = report(row("SELLABLE", 4), row("UNSELLABLE", 1), row("UNSELLABLE", 2))
    stock = loaded.tables["inventory"].select("condition", "on_hand").sort("condition")
    assert stock.rows() == [("sellable", 4), ("unsellable", 3)]


def reserved_row() -> dict[str, object]:
    return {
        "sku": "DESK",
        "fnsku": "X1",
        "asin": "B01",
        "product-name": "Desk",
        "reserved_qty": 5,
        "reserved_customerorders": 2,
        "reserved_fc-transfers": 3,
        "reserved_fc-processing": 0,
    }


def test_reserved_units_say_how_many_wait_for_customers() -> None:
    tables, _ = merge([report(inventory_row()), report(reserved_row(), name="reserved.txt")])
    row = tables["inventory"].filter(pl.col("condition") == "sellable").row(0, named=True)
    assert (row["on_hand"], row["allocated"]) == (17, 2)


def test_reserved_units_alone_are_the_stock_that_is_known() -> None:
    tables, _ = merge([report(reserved_row())])
    assert tables["inventory"].select("on_hand", "allocated").rows() == [(5, 2)]


def test_ages_take_the_finest_bands_so_that_no_unit_counts_twice() -> None:
    loaded = report(
        {
            "snapshot-date": "2026-11-19",
            "sku": "DESK",
            "available": 100,
            "inv-age-0-to-90-days": 60,
            "inv-age-91-to-180-days": 30,
            "inv-age-181-to-270-days": 0,  # The other layout says 1 and 5 for the same days.
            "inv-age-271-to-365-days": 6,
            "inv-age-365-plus-days": 4,
            "inv-age-0-to-30-days": 10,
            "inv-age-31-to-60-days": 20,
            "inv-age-61-to-90-days": 30,
            "inv-age-181-to-330-days": 1,
            "inv-age-331-to-365-days": 5,
            "units-shipped-t30": 33,
            "days-of-supply": "91.5",
            "alert": "Low traffic",
            "DEPRECATED healthy-inventory-level": 7,
        }
    )
    ages = loaded.tables["inventory_ages"].select("age_from_days", "age_to_days", "quantity")
    assert ages.sort("age_from_days").rows() == [
        (0, 30, 10),
        (31, 60, 20),
        (61, 90, 30),
        (91, 180, 30),
        (271, 365, 6),
        (366, None, 4),
    ]
    assert ages["quantity"].sum() == 100
    advice = only(loaded, "marketplace_advice")
    assert (advice["days_of_supply"], advice["units_sold_30_days"]) == (91.5, 33)
    assert advice["as_of"] == date(2026, 11, 19)


def test_restock_advice_takes_its_day_from_the_settings() -> None:
    loaded = report(
        {
            "Country": "US",
            "Product Name": "Desk",
            "FNSKU": "X1",
            "Merchant SKU": "DESK",
            "ASIN": "B01",
            "Price": "19.99",
            "Units Sold Last 30 Days": 30,
            "Total Days of Supply (including units from open shipments)": 41,
            "Alert": "low_stock",
            "Recommended replenishment qty": 120,
            "Recommended ship date": "11/25/2026",
            "Recommended action": "Create shipping plan",
            "Fulfilled by": "Amazon",
        }
    )
    advice = only(loaded, "marketplace_advice")
    assert (advice["recommended_quantity"], advice["days_of_supply"]) == (120, 41)
    assert advice["recommended_ship_on"] == date(2026, 11, 25)
    assert advice["as_of"] == date(2026, 11, 20)


def movement(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "Date": "09/05/2026",
        "FNSKU": "X1",
        "ASIN": "B01",
        "MSKU": "DESK",
        "Title": "Desk",
        "Event Type": "Shipments",
        "Reference ID": "",
        "Quantity": -2,
        "Fulfillment Center": "LAS1",
        "Disposition": "SELLABLE",
        "Reason": "",
        "Country": "US",
    }
    return row | {key.replace("_", " "): value for key, value in changes.items()}


def test_equal_movements_of_a_day_are_told_apart_and_counted_once_over_two_reports() -> None:
    day = [movement(), movement(), movement(Quantity=-1)]
    first = report(*day, name="september.txt")
    again = report(*day, movement(Date="09/06/2026"), name="both.txt")
    assert first.tables["stock_events"]["event"].n_unique() == 3
    tables, problems = merge([first, again])
    assert tables["stock_events"]["quantity"].sum() == -7
    assert tables["stock_events"].height == 4
    assert not [p for p in problems if p.severity == "error"]


def test_a_movement_of_an_unknown_kind_is_kept_and_told() -> None:
    loaded = report(movement(**{"Event Type": "Teleports"}))
    assert only(loaded, "stock_events")["event_type"] == "Teleports"
    assert loaded.problems[0].code == "unknown_event"


def balance(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "Date": "09/05/2026",
        "FNSKU": "X1",
        "MSKU": "DESK",
        "Disposition": "SELLABLE",
        "Starting Warehouse Balance": 10,
        "In Transit Between Warehouses": 0,
        "Receipts": 5,
        "Customer Shipments": -4,
        "Customer Returns": 1,
        "Vendor Returns": -1,
        "Warehouse Transfer In/Out": 2,
        "Found": 1,
        "Lost": -3,
        "Damaged": 0,
        "Disposed": 0,
        "Other Events": 0,
        "Ending Warehouse Balance": 11,
        "Unknown Events": 0,
        "Location": "LAS1",
    }
    return row | changes


def test_a_day_s_balance_adds_all_other_movements_up() -> None:
    loaded = report(balance())
    row = only(loaded, "stock_daily")
    assert (row["opening"], row["receipts"], row["closing"]) == (10, 5, 11)
    assert (row["customer_shipments"], row["customer_returns"], row["other"]) == (-4, 1, -1)
    assert loaded.problems == ()


def test_a_balance_that_does_not_follow_is_told() -> None:
    loaded = report(balance(**{"Ending Warehouse Balance": 99}))
    assert [(p.code, p.row, p.severity) for p in loaded.problems] == [
        ("balance_differs", 2, "warning")
    ]


def returned(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "return-date": "2026-09-07T10:00:00+00:00",
        "order-id": "111-1",
        "sku": "DESK",
        "asin": "B01",
        "fnsku": "X1",
        "product-name": "Desk",
        "quantity": 1,
        "fulfillment-center-id": "LAS1",
        "detailed-disposition": "DEFECTIVE",
        "reason": "DEFECTIVE",
        "status": "Unit returned to inventory",
        "license-plate-number": "LPN1",
        "customer-comments": "wobbles",
    }
    return row | {key.replace("_", "-"): value for key, value in changes.items()}


def test_a_return_is_named_by_its_licence_plate() -> None:
    row = only(report(returned()), "returns")
    assert row["return_id"] == "LPN1"
    assert (row["channel"], row["location"], row["comment"]) == ("FBA", "LAS1", "wobbles")


def test_a_plate_that_came_back_twice_is_two_returns() -> None:
    loaded = report(returned(), returned(**{"return-date": "2026-10-07T10:00:00+00:00"}))
    assert loaded.accepted
    assert loaded.tables["returns"]["return_id"].n_unique() == 2


def test_returns_without_a_plate_are_named_by_what_they_are() -> None:
    rows = [returned(**{"license-plate-number": ""})] * 2
    first, second = report(*rows), report(*rows)
    assert first.tables["returns"]["return_id"].n_unique() == 2
    assert first.tables["returns"].equals(second.tables["returns"])


def test_returns_to_the_seller_stand_at_the_own_place() -> None:
    loaded = report(
        {
            "Order ID": "111-1",
            "Order date": "01-Sep-2026",
            "Return request date": "2026-09-10",
            "Return request status": "Approved",
            "Amazon RMA ID": "RMA1",
            "Merchant SKU": "DESK",
            "Item Name": "Desk",
            "Return quantity": 1,
            "Return Reason": "CR-DEFECTIVE",
            "Return delivery date": "2026-09-15",
        }
    )
    row = only(loaded, "returns")
    assert (row["channel"], row["location"]) == ("FBM", "WH1")
    assert row["returned_at"] == datetime(2026, 9, 15, tzinfo=UTC)


def test_the_fee_preview_gives_fees_and_sizes_in_metric_units() -> None:
    loaded = report(
        {
            "sku": "DESK",
            "fnsku": "X1",
            "asin": "B01",
            "product-name": "Desk",
            "product-group": "Furniture",
            "brand": "Oak",
            "fulfilled-by": "Amazon",
            "your-price": "19.99",
            "longest-side": "10",
            "median-side": "5",
            "shortest-side": "2",
            "unit-of-dimension": "inches",
            "item-package-weight": "2",
            "unit-of-weight": "pounds",
            "product-size-tier": "Large Standard-Size",
            "currency": "USD",
            "estimated-referral-fee-per-unit": "3.00",
            "estimated-variable-closing-fee": "--",
            "expected-fulfillment-fee-per-unit": "4.75",
        }
    )
    fees = dict(loaded.tables["listed_fees"].select("fee_type", "amount").iter_rows())
    assert fees == {"REFERRAL_FEES": 3.0, "FBA_FULFILLMENT_FEES": 4.75}
    item = only(loaded, "items")
    assert (item["length_cm"], item["width_cm"], item["height_cm"]) == pytest.approx(
        (25.4, 12.7, 5.08)
    )
    assert item["weight_kg"] == pytest.approx(0.90718474)
    assert item["brand"] == "Oak"


def storage_row(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "asin": "B01",
        "fnsku": "X1",
        "product_name": "Desk",
        "fulfillment_center": "LAS1",
        "country_code": "US",
        "average_quantity_on_hand": "10.5",
        "estimated_total_item_volume": "2.1",
        "volume_units": "cubic feet",
        "month_of_charge": "2026-09",
        "storage_rate": "0.78",
        "estimated_monthly_storage_fee": "1.638",
        "currency": "USD",
    }
    return row | changes


def test_storage_fees_take_the_seller_s_code_from_another_file() -> None:
    loaded = report(storage_row())
    row = only(loaded, "storage_charges")
    assert (row["item"], row["month"]) == ("X1", date(2026, 9, 1))
    assert (row["volume_cuft"], row["rate"], row["fee"]) == pytest.approx((2.1, 0.78, 1.638))
    tables, _ = merge([loaded, report(inventory_row())])
    assert tables["storage_charges"]["item"].to_list() == ["DESK"]


def test_storage_volumes_in_metric_units_are_converted() -> None:
    row = only(
        report(storage_row(volume_units="cubic meters", estimated_total_item_volume="1")),
        "storage_charges",
    )
    assert row["volume_cuft"] == pytest.approx(35.3146667)


def test_aged_inventory_surcharges_are_added_up_over_age_tiers() -> None:
    base = {
        "snapshot-date": "2026-09-15T00:00:00+00:00",
        "sku": "DESK",
        "currency": "USD",
        "qty-charged": 1,
    }
    loaded = report(
        {**base, "amount-charged": "1.50", "surcharge-age-tier": "181-210 days"},
        {**base, "amount-charged": "2.25", "surcharge-age-tier": "211-240 days"},
    )
    row = only(loaded, "storage_charges")
    assert (row["aged_surcharge"], row["fee"]) == (3.75, None)
    assert row["month"] == date(2026, 9, 1)


def settlement(total: str = "5.17", *amounts: str) -> Loaded:
    base = {"settlement-id": "900", "total-amount": "", "currency": ""}
    lines = [
        {
            **base,
            "transaction-type": "Order",
            "order-id": "111-1",
            "amount-type": "ItemPrice",
            "amount-description": "Principal",
            "amount": amount,
            "fulfillment-id": "AFN",
            "posted-date": "2026-09-10",
            "posted-date-time": "2026-09-10 12:00:00 UTC",
            "sku": "DESK",
            "quantity-purchased": 1,
        }
        for amount in amounts or ("8.49", "-3.32")
    ]
    return report({**base, "total-amount": total, "currency": "USD"}, *lines)


def test_a_settlement_whose_lines_add_up_is_accepted() -> None:
    loaded = settlement()
    assert loaded.accepted, loaded.problems
    rows = loaded.tables["settlements"]
    assert rows["amount"].to_list() == [8.49, -3.32]
    assert rows["line"].to_list() == [3, 4]
    assert rows["currency"].to_list() == ["USD", "USD"]
    assert rows["posted_at"][0] == datetime(2026, 9, 10, 12, tzinfo=UTC)


def test_a_settlement_whose_lines_do_not_add_up_is_refused() -> None:
    loaded = settlement("5.18")
    assert not loaded.accepted
    problem = loaded.problems[0]
    assert (problem.code, problem.row, problem.key) == ("total_differs", 2, "900")
    assert "5.18" in problem.message
    assert "5.17" in problem.message
    assert "-0.01" in problem.message


def test_many_settlement_lines_are_added_up_without_a_rounding_alarm() -> None:
    assert settlement("1000.00", *["0.10"] * 10_000).accepted


def test_the_first_layout_of_settlements_gives_a_line_for_every_amount() -> None:
    loaded = report(
        {"settlement-id": "900", "total-amount": "5.17", "currency": "USD"},
        {
            "settlement-id": "900",
            "transaction-type": "Order",
            "order-id": "111-1",
            "sku": "DESK",
            "posted-date": "2026-09-10",
            "price-type": "Principal",
            "price-amount": "8.49",
            "item-related-fee-type": "Commission",
            "item-related-fee-amount": "-3.32",
        },
    )
    rows = loaded.tables["settlements"].select("amount_type", "amount_description", "amount")
    assert rows.rows() == [("ItemPrice", "Principal", 8.49), ("ItemFees", "Commission", -3.32)]


def test_reimbursements_count_the_rows_of_one_number() -> None:
    def row(sku: str) -> dict[str, object]:
        return {
            "approval-date": "2026-09-10T01:00:00+00:00",
            "reimbursement-id": "77",
            "reason": "Lost_Warehouse",
            "sku": sku,
            "currency-unit": "USD",
            "amount-total": "12.00",
            "quantity-reimbursed-cash": 1,
            "quantity-reimbursed-inventory": 0,
        }

    rows = report(row("B"), row("A")).tables["reimbursements"].select("item", "line").sort("line")
    assert rows.rows() == [("A", 1), ("B", 2)]


def test_listings_give_offers_by_channel() -> None:
    loaded = report(
        {
            "item-name": "Desk",
            "seller-sku": "DESK",
            "price": "19.99",
            "open-date": "2021-05-14 07:34:59 PDT",
            "asin1": "B01",
            "fulfillment-channel": "AMAZON_NA",
            "status": "Active",
        },
        {
            "item-name": "Mug",
            "seller-sku": "MUG",
            "price": "9.99",
            "open-date": "2022-01-02 00:00:00 PST",
            "asin1": "B02",
            "fulfillment-channel": "DEFAULT",
            "status": "Inactive",
        },
    )
    offers = loaded.tables["offers"].select("item", "channel", "active", "listed_on")
    assert offers.rows() == [
        ("DESK", "FBA", True, date(2021, 5, 14)),
        ("MUG", "FBM", False, date(2022, 1, 2)),
    ]


def test_a_known_report_that_is_not_used_is_named_and_changes_nothing() -> None:
    loaded = report({"primary-action": "List", "date-stranded": "1/2/2026",
                     "date-to-take-auto-removal": "", "sku": "DESK"},
                    name="GET_STRANDED_INVENTORY_UI_DATA.txt")  # fmt: skip
    assert loaded.kind == "amazon:stranded_inventory_ui"
    assert loaded.tables == {}
    assert [problem.code for problem in loaded.problems] == ["not_used"]


def test_tables_of_several_reports_hold_together() -> None:
    loads = [
        report(order_row(), order_row(**{"fulfillment-channel": "Merchant"}), name="orders.txt"),
        report(inventory_row(), name="inventory.txt"),
        report(movement(), name="ledger.txt"),
        report(returned(), name="returns.txt"),
        settlement(),
    ]
    tables, problems = merge(loads)
    assert not [p for p in problems if p.severity == "error"]
    dataset, found = check_tables(tables)
    assert found == ()
    assert dataset["items"]["item"].to_list() == ["DESK"]
    assert "_row" not in dataset["items"].columns


def test_seller_feedback_becomes_reviews_without_the_rater() -> None:
    row = {"Date": "11/28/2025", "Rating": 2, "Comments": "Late", "Response": "", "Order ID": "1-1",
           "Rater Email": "x@example.org"}  # fmt: skip
    loaded = report(row, {**row, "Rating": 5}, name="GET_SELLER_FEEDBACK_DATA.txt")
    assert loaded.accepted, [str(problem) for problem in loaded.problems]
    rows = loaded.tables["reviews"].to_dicts()
    assert [r["review"] for r in rows] == ["FEEDBACK|1-1|20251128", "FEEDBACK|1-1|20251128|2"]
    assert (rows[0]["stars"], rows[0]["comment"], rows[0]["order"]) == (2, "Late", "1-1")
    assert "x@example.org" not in str(rows)
    wrong = report({**row, "Rating": 7}, name="GET_SELLER_FEEDBACK_DATA.txt")
    assert not wrong.accepted
    assert "expected a whole number from 1 to 5" in "; ".join(map(str, wrong.problems))
