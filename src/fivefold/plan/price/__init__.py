"""Prices: how demand answers them, which one to ask, how to mark down, how to read a test.

Reads the record of sales, the forecast, the stock and what a unit leaves at each price
(`price_points`, or the lines of `channel_fees`); proposes prices and changes no offer.
"""

from fivefold.plan.price.elasticity import ElasticityParams, estimate_elasticities
from fivefold.plan.price.proposals import PriceParams, propose_prices
from fivefold.plan.price.reading import Reading, read_difference

__all__ = [
    "ElasticityParams",
    "PriceParams",
    "Reading",
    "estimate_elasticities",
    "propose_prices",
    "read_difference",
]
