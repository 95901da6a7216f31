"""Compiled forecasting methods: one series in, one path of point forecasts out.

Knows nothing of items, dates or tables. Every module here is numba at its top and is
imported by its user at the moment of use.
"""
