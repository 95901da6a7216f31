"""Compiled forecasting methods: one series in, one path of point forecasts out.

Knows nothing of items, dates or tables. Every module here is numba at its top and is
imported by its user at the moment of use. numba keys its cache by the file of the function
called, not by those it calls: after a change here, delete `__pycache__/*.nb?` beside it.
"""
