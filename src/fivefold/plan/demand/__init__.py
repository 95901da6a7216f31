"""What customers will want: cleaning, forecasts with quantiles, accuracy."""
