"""The chart of accounts and the kinds of places: two closed lists.

Knows which accounts and places there are and how goods that cross the border of
ownership are booked. Decides no amount.
"""

from __future__ import annotations

from typing import Literal, get_args

PlaceKind = Literal[
    "supplier",
    "available",
    "reserved",
    "in_transit",
    "wip",
    "quarantine",
    "delivering",
    "customer",
    "production",
    "scrap",
    "adjust",
    "opening",
]
PLACE_KINDS: frozenset[str] = frozenset(get_args(PlaceKind))

#: Places whose goods are the company's and carry a value.
OWNED: frozenset[str] = frozenset({"available", "reserved", "in_transit", "wip", "quarantine"})

#: Places that can never hold less than nothing. `delivering` is with the carrier, sold.
BOUNDED: frozenset[str] = OWNED | {"delivering"}

AccountSide = Literal["asset", "liability", "equity", "income", "expense"]

#: Every money account: on which side it stands and what it is.
ACCOUNTS: dict[str, tuple[AccountSide, str]] = {
    "cash": ("asset", "Money at the bank."),
    "receivable": ("asset", "Owed by customers of channels without a marketplace."),
    "marketplace": ("asset", "Settled by the marketplace and not paid out yet."),
    "marketplace_accrued": ("asset", "Sales and fees known but not yet in a settlement."),
    "marketplace_reserve": ("asset", "Held back by the marketplace."),
    "prepaid": ("asset", "Deposits paid to suppliers."),
    "inventory": ("asset", "Goods at a place of ours or of a service, at moving average cost."),
    "inventory_in_transit": ("asset", "Goods on their way to a place, at moving average cost."),
    "production": ("asset", "Clears to zero within each command that makes something."),
    "payable": ("liability", "Owed to suppliers, carriers, brokers and workers."),
    "tax": ("liability", "Tax collected and passed on."),
    "opening_equity": ("equity", "Other side of what the books opened with."),
    "revenue": ("income", "Goods sold."),
    "shipping_revenue": ("income", "Shipping and gift wrap paid by customers."),
    "promotions": ("income", "Discounts given; lowers income."),
    "refunds": ("income", "Money given back to customers; lowers income."),
    "reimbursements": (
        "income",
        "Paid by marketplace or carrier for lost and damaged goods.",
    ),
    "liquidation_revenue": ("income", "Returned or aged goods sold off."),
    "other_income": ("income", "Anything else that came in."),
    "cost_of_goods_sold": ("expense", "Moving average cost of goods that went to customers."),
    "marketplace_fees": ("expense", "Fees of the marketplace, by its own type."),
    "storage_fees": ("expense", "Storage charged by the marketplace or a warehouse."),
    "advertising": ("expense", "Advertising."),
    "chargebacks": ("expense", "Taken off by retailers for what broke their routing guide."),
    "carriage": ("expense", "Carriage to customers and other freight that is not in stock."),
    "inspection": ("expense", "Inspection of goods."),
    "labour": ("expense", "Labour that no product took up."),
    "refurbishment": ("expense", "Work on returned goods."),
    "scrap_loss": ("expense", "Cost of goods thrown away."),
    "inventory_adjustment": ("expense", "Cost of goods lost, less goods found."),
    "purchase_returns": ("expense", "Cost of goods sent back to suppliers, less their credit."),
    "inventory_variance": ("expense", "Value left in a place without units, taken out."),
    "rounding": ("expense", "Remainders of a cent between a document and its lines."),
    "other_cost": ("expense", "Anything else that went out."),
}

#: Accounts whose balance by item and location is the value of the goods there.
INVENTORY_ACCOUNTS: frozenset[str] = frozenset({"inventory", "inventory_in_transit"})

#: Account on the other side when owned goods go to, or come from, a place not owned.
CONTRA: dict[str, str] = {
    "supplier": "purchase_returns",
    "customer": "cost_of_goods_sold",
    "delivering": "cost_of_goods_sold",
    "production": "production",
    "scrap": "scrap_loss",
    "adjust": "inventory_adjustment",
    "opening": "opening_equity",
}


def inventory_account(kind: str) -> str:
    """Return the account that values goods at a place of this kind.

    >>> inventory_account("in_transit"), inventory_account("reserved")
    ('inventory_in_transit', 'inventory')
    """
    return "inventory_in_transit" if kind == "in_transit" else "inventory"
