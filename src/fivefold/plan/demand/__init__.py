"""What customers will want: cleaning, forecasts with quantiles, accuracy."""

from fivefold.plan.demand.forecast import DemandParams, forecast
from fivefold.plan.demand.history import cancelled_and_returned, daily_demand, in_stock_shares

__all__ = [
    "DemandParams",
    "cancelled_and_returned",
    "daily_demand",
    "forecast",
    "in_stock_shares",
]
