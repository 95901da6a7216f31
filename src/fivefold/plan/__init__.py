"""Decides how much is wanted, held and supplied, and when."""
