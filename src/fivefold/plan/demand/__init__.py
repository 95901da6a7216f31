"""What customers will want: cleaning, forecasts with quantiles, accuracy."""

from fivefold.plan.demand.forecast import DemandParams, forecast
from fivefold.plan.demand.history import cancelled_and_returned, daily_demand, in_stock_shares
from fivefold.plan.demand.series import SeriesParams, forecast_series
from fivefold.plan.demand.steps import StepParams, judge_steps

__all__ = [
    "DemandParams",
    "SeriesParams",
    "StepParams",
    "cancelled_and_returned",
    "daily_demand",
    "forecast",
    "forecast_series",
    "in_stock_shares",
    "judge_steps",
]
