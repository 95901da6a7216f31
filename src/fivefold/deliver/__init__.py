"""Channels and their fees, shipments to fulfilment centres, promises, order sourcing."""
