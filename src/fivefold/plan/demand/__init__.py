"""What customers will want: cleaning, forecasts with quantiles, accuracy."""

from fivefold.plan.demand.forecast import DemandParams, forecast
from fivefold.plan.demand.history import cancelled_and_returned, daily_demand, in_stock_shares
from fivefold.plan.demand.series import SeriesParams, forecast_series

__all__ = [
    "DemandParams",
    "SeriesParams",
    "cancelled_and_returned",
    "daily_demand",
    "forecast",
    "forecast_series",
    "in_stock_shares",
]
