"""Delivery partners: what the programme costs and returns, territories, routes, scorecards."""
