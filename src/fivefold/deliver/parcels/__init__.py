"""Parcels to customers: what goes into each, which service carries it, claims. Pure."""
