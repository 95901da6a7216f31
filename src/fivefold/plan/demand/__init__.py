"""What customers will want: cleaning, forecasts with quantiles, accuracy."""

from fivefold.plan.demand.forecast import ForecastParams, forecast
from fivefold.plan.demand.history import cancelled_and_returned, daily_demand, in_stock_shares

__all__ = [
    "ForecastParams",
    "cancelled_and_returned",
    "daily_demand",
    "forecast",
    "in_stock_shares",
]
