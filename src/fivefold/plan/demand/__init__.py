"""What customers will want: cleaning, forecasts with quantiles, accuracy."""

from fivefold.plan.demand.history import cancelled_and_returned, daily_demand, in_stock_shares

__all__ = ["cancelled_and_returned", "daily_demand", "in_stock_shares"]
