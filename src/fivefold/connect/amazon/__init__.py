"""Seller Central's reports."""
