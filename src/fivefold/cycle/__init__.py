"""The order of calls: planning, fulfilment, review. The only writer of the live books."""
